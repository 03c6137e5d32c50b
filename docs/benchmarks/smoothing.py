"""The smoother on smooth motion: 2000 frames x 12 keypoints x 4 views, with covariance.

    python docs/benchmarks/smoothing.py

Four cameras of 1400 px focal length on a ring of 0.3 m; each keypoint moves within some 20 mm along
sums of sines of 0.2 to 1 Hz, filmed at 30 frames a second; 1 px of noise, which the detector knows.
Given are the whole way from one dataset to the other, one core, and the share of points inside the
ellipsoids. aniposelib, where it is installed, takes minutes, so it is run once: its
optim_points with its default strengths, from its own triangulation.
"""

from importlib.util import find_spec
from time import perf_counter, process_time

import numpy as np
from common import show, time_in_turn
from triangulation import aniposelib_group

from calibration import Rig
from calibration.geometry import Array
from labcut3d.reconstruction import ReconstructionSettings, reconstruct
from labcut3d.schema import make_detections
from labcut3d.synthetic_rig import make_rig

MOMENTS, KEYPOINTS, VIEWS, NOISE, FPS = 2000, 12, 4, 1.0, 30.0


def scene(rng: np.random.Generator) -> tuple[Rig, Array, Array]:
    """Return a rig, true points (time, keypoint, 3) mm and what is seen of them in px."""
    rig = make_rig(VIEWS, rng)
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    seconds = np.arange(MOMENTS)[:, None, None] / FPS
    waves = [
        np.sin(2 * np.pi * rng.uniform(0.2, 1.0, (KEYPOINTS, 3)) * seconds + phase)
        for phase in rng.uniform(0, 2 * np.pi, (3, KEYPOINTS, 3))
    ]
    points = middle + rng.uniform(-10, 10, (KEYPOINTS, 3)) + 5 / 3 * np.sum(waves, axis=0)
    return rig, points, rig.project(points) + rng.normal(0, NOISE, (VIEWS, MOMENTS, KEYPOINTS, 2))


def main() -> None:
    """Print seconds, errors and coverage of all sides."""
    rig, points, pixels = scene(np.random.default_rng(0))
    shape = (MOMENTS, VIEWS, KEYPOINTS, 1)
    detections = make_detections(
        position=np.moveaxis(pixels, (0, 3), (1, 2))[..., None],
        confidence=np.full(shape, 0.95),
        covariance=np.broadcast_to(NOISE**2 * np.eye(2), (*shape, 2, 2)),
        views=rig.names,
        keypoints=[f"keypoint{index}" for index in range(KEYPOINTS)],
        individuals=["animal"],
        fps=FPS,
    )
    sides = {
        name: lambda smooth=smooth: reconstruct(
            detections, rig, ReconstructionSettings(smooth=smooth)
        )
        for name, smooth in (("labcut3d, every frame alone", False), ("labcut3d", True))
    }
    rows = []
    for name, timing in time_in_turn(sides).items():
        found = timing.result["position"].values[..., 0].swapaxes(1, 2)
        error = found - points
        covariance = timing.result["covariance"].values[:, :, 0]
        solved = np.linalg.solve(covariance, error[..., None])[..., 0]
        held = [f"{100 * ((solved * error).sum(-1) < x).mean():.1f} %" for x in (3.506, 7.815)]
        rows.append((name, timing.wall, timing.cpu, *sizes(found, points), *held))
    if find_spec("aniposelib") is not None:
        group = aniposelib_group(rig)
        wall, cpu = perf_counter(), process_time()
        start = group.triangulate(pixels.reshape(VIEWS, -1, 2)).reshape(points.shape)
        found = group.optim_points(pixels, start)
        times = perf_counter() - wall, process_time() - cpu
        rows.append(("aniposelib triangulate", "", "", *sizes(start, points), "", ""))
        rows.append(("aniposelib optim_points", *times, *sizes(found, points), "", ""))
    columns = ("", "s", "CPU s", "median mm", "95 %", "68 % hold", "95 % hold")
    show(f"{MOMENTS} frames x {KEYPOINTS} keypoints x {VIEWS} views", columns, rows)


def sizes(found: Array, points: Array) -> tuple[float, float]:
    """Return median and 95th percentile of the errors."""
    error = np.linalg.norm(found - points, axis=-1)
    return float(np.nanmedian(error)), float(np.nanquantile(error, 0.95))


if __name__ == "__main__":
    main()
