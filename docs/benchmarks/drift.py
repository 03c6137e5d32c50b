"""Does `labcut3d drift` name the camera that was moved, and by how much?

    python docs/benchmarks/drift.py

fly_chamber's recording1: its true, visible pixels with 1 px of noise, and labcut3d's own rig of its
board videos, in which one camera is put wrong by a known turn about itself and shift.
"""

from dataclasses import replace
from time import perf_counter

import numpy as np
from common import data_dir, show
from datasets import DATASETS

from calibration import Rig, calibrate, observe
from calibration.drift import find_drift
from calibration.geometry import rotation_from_vector

CASES = (("", 0.0, 0.0), ("cam2", 1.0, 0.1), ("cam0", 0.3, 0.0), ("cam3", 0.1, 0.0))  # degrees, mm


def main() -> None:
    """Measure and print."""
    recording = DATASETS["fly_chamber"]()
    calibration = calibrate(*observe(recording.board, recording.images))
    with np.load(data_dir("fly_chamber") / "truth" / "recording1.npz") as truth:
        pixels = np.where(truth["visible"][..., None], truth["pixels"], np.nan)
    pixels = np.swapaxes(pixels, 1, 2)
    pixels = pixels + np.random.default_rng(0).normal(size=pixels.shape)
    rows = []
    for name, degrees, shift in CASES:
        rig = misplaced(calibration.rig, name, degrees, shift)
        start = perf_counter()
        drift = find_drift(rig, calibration.covariance, pixels, fps=30.0)
        seconds, best = perf_counter() - start, drift.likeliest
        rows.append(
            (
                f"{name or 'none'}, {degrees:g} degrees, {shift:g} mm",
                " or ".join(drift.moved) or "none",
                f"{np.degrees(best.turn):.2f} +- {np.degrees(best.turn_sigma):.2f}",
                f"{best.shift:.3f} +- {best.shift_sigma:.3f}",
                best.effect,
                best.evidence,
                max(s.evidence for s in drift.suspects if s is not best),
                seconds,
            )
        )
    columns = ("moved", "named", "degrees", "mm", "effect px", "evidence", "next best", "s")
    show("drift on fly_chamber, recording1", columns, rows)


def misplaced(rig: Rig, name: str, degrees: float, shift: float) -> Rig:
    """Return a rig with a camera turned about itself by an angle, and shifted."""
    cameras = []
    for camera in rig:
        if camera.name == name:
            turn = rotation_from_vector(-np.radians(degrees) * np.array([0.6, 0.8, 0.0]))
            rotation = turn @ camera.rotation
            center = camera.center - shift * np.array([0.0, 0.6, 0.8])
            camera = replace(camera, rotation=rotation, translation=-rotation @ center)
        cameras.append(camera)
    return replace(rig, cameras=tuple(cameras))


if __name__ == "__main__":
    main()
