"""The smoother on smooth motion: 2000 frames x 12 keypoints x 4 views, with covariance.

    python docs/benchmarks/smoothing.py

Four cameras of 1400 px focal length on a ring of 0.3 m; each keypoint moves within some 20 mm along
sums of sines of 0.2 to 1 Hz, filmed at 30 frames a second; 1 px of noise, which the detector knows.
Given are the whole way from one dataset to the other, one core, and the share of points inside the
ellipsoids. Others, where they are installed, take minutes, so they are run once. aniposelib: its
optim_points with its default strengths, from its own triangulation. EKS: its smoother of several
calibrated cameras, which finds its strengths itself, of one detector; it states the variance of
each axis.
"""

from collections.abc import Callable
from time import perf_counter, process_time

import numpy as np
from common import installed, show, time_in_turn
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
        covariance = timing.result["covariance"].values[:, :, 0]
        stated = shares(found - points, covariance)
        rows.append((name, timing.wall, timing.spread, timing.cpu, *sizes(found, points), *stated))
    theirs = {"aniposelib optim_points": aniposelib_points, "EKS": eks_points}
    for name, smooth in installed(theirs).items():
        rows += once(name, smooth, rig, pixels, points)
    columns = ("", "s", "least to most", "CPU s", "median mm", "95 %", "68 % hold", "95 % hold")
    show(f"{MOMENTS} frames x {KEYPOINTS} keypoints x {VIEWS} views", columns, rows)


def once(
    name: str,
    smooth: Callable[[Rig, Array], tuple[Array, Array]],
    rig: Rig,
    pixels: Array,
    truth: Array,
) -> list[tuple[object, ...]]:
    """Return the row of another program, run once."""
    wall, cpu = perf_counter(), process_time()
    found, covariance = smooth(rig, pixels)
    times = perf_counter() - wall, "one run", process_time() - cpu
    stated = shares(found - truth, covariance) if np.isfinite(covariance).all() else ("", "")
    return [(name, *times, *sizes(found, truth), *stated)]


def aniposelib_points(rig: Rig, pixels: Array) -> tuple[Array, Array]:
    """Return aniposelib's points (time, keypoint, 3) mm, and that it states no covariance."""
    group = aniposelib_group(rig)
    start = group.triangulate(pixels.reshape(VIEWS, -1, 2)).reshape(MOMENTS, KEYPOINTS, 3)
    return group.optim_points(pixels, start), np.full((3, 3), np.nan)


def eks_points(rig: Rig, pixels: Array) -> tuple[Array, Array]:
    """Return EKS's points (time, keypoint, 3) mm and their covariance (time, keypoint, 3, 3)."""
    from eks.marker_array import MarkerArray
    from eks.multicam_smoother import ensemble_kalman_smoother_multicam

    sure = np.ones((*pixels.shape[:-1], 1))
    markers = np.concatenate([pixels, sure], axis=-1)[None]
    _, _, found = ensemble_kalman_smoother_multicam(
        MarkerArray(markers, data_fields=["x", "y", "likelihood"]),
        [f"keypoint{index}" for index in range(KEYPOINTS)],
        list(rig.names),
        camgroup=aniposelib_group(rig),
    )
    table = found.to_numpy().reshape(MOMENTS, KEYPOINTS, 6)
    return table[..., :3], table[..., 3:, None] * np.eye(3)


def shares(error: Array, covariance: Array) -> list[str]:
    """Return how many of the ellipsoids of 68 and 95 % hold the truth."""
    solved = np.linalg.solve(covariance, error[..., None])[..., 0]
    squared = (solved * error).sum(axis=-1)
    return [f"{100 * (squared < level).mean():.1f} %" for level in (3.506, 7.815)]


def sizes(found: Array, points: Array) -> tuple[float, float]:
    """Return median and 95th percentile of the errors."""
    error = np.linalg.norm(found - points, axis=-1)
    return float(np.nanmedian(error)), float(np.nanquantile(error, 0.95))


if __name__ == "__main__":
    main()
