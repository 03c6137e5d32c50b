"""Triangulation of many points seen by six cameras, some views missing and some wrong.

The scene: cameras of 1000 px focal length, 1280x1024 px, mild barrel distortion, on a ring of 1 m
radius, 0.3 m above and below its plane in turn, looking at its middle; points anywhere within
+-0.3 m. Every pixel has 0.5 px of noise, 20 % are missing, and 5 % lie anywhere in the image. Then
the same with such a focal length that the best possible median is 0.395 mm. The best possible are
errors drawn from the Cramer-Rao bound, told which pixels are wrong.

    python docs/benchmarks/triangulation.py [points]
"""

import sys
from time import perf_counter

import numpy as np
from common import installed, show, time_in_turn

from calibration import Camera, Lens, Rig, triangulate_points
from calibration.geometry import Array

VIEWS, NOISE, MISSING, WRONG = 6, 0.5, 0.2, 0.05
REACHING = 1170.0  # px, the focal length with which the best possible median is 0.395 mm
SIZE, FOCAL, LENS = (1280, 1024), 1000.0, (-0.1, 0.02, 1e-4, -1e-4, 0.0)
RADIUS, LIFT, REACH = 1000.0, 300.0, 300.0  # mm


def ring(focal: float = FOCAL) -> Rig:
    """Return the cameras of the scene, with a focal length in px."""
    cameras = []
    for view, angle in enumerate(2 * np.pi * np.arange(VIEWS) / VIEWS):
        center = np.array(
            [RADIUS * np.cos(angle), RADIUS * np.sin(angle), LIFT * (-1) ** view], dtype=float
        )
        forward = -center / np.linalg.norm(center)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        middle = [(side - 1) / 2 for side in SIZE]
        cameras.append(
            Camera(
                name=f"cam{view}",
                size=SIZE,
                matrix=np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]]),
                lens=Lens(distortions=np.array(LENS)),
                rotation=rotation,
                translation=-rotation @ center,
            )
        )
    return Rig(cameras=tuple(cameras), unit="mm")


def scene(rig: Rig, count: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return true points (n, 3), what is seen of them (view, n, 2), and what is right of that."""
    points = rng.uniform(-REACH, REACH, (count, 3))
    pixels = rig.project(points) + rng.normal(0, NOISE, (VIEWS, count, 2))
    wrong = rng.random((VIEWS, count)) < WRONG
    pixels[wrong] = rng.uniform(0, SIZE, (VIEWS, count, 2))[wrong]
    pixels[rng.random((VIEWS, count)) < MISSING] = np.nan
    return points, pixels, np.where(wrong[..., None], np.nan, pixels)


def bound(rig: Rig, points: Array, right: Array, rng: np.random.Generator) -> Array:
    """Return lengths (n,) of errors as small as `right` (view, n, 2), what is not wrong, allows."""
    slopes = np.stack([camera.project_jacobian(points) for camera in rig])
    slopes = np.where(np.isfinite(right).all(axis=-1)[..., None, None], slopes, 0.0)
    information = np.einsum("vnij,vnik->njk", slopes, slopes) / NOISE**2
    known = np.isfinite(right).all(axis=-1).sum(axis=0) > 1
    root = np.linalg.cholesky(np.linalg.inv(information[known]))
    return np.linalg.norm((root @ rng.normal(size=(len(root), 3, 1)))[..., 0], axis=-1)


def compare(rig: Rig, count: int) -> None:
    """Print errors beside the best possible ones."""
    points, pixels, right = scene(rig, count, np.random.default_rng(0))
    best = bound(rig, points, right, np.random.default_rng(1))
    rows, told = [], []
    for name, seen in (("labcut3d", pixels), ("labcut3d, told what is wrong", right)):
        told.append((name, np.linalg.norm(triangulate_points(rig, seen).points - points, axis=1)))
    for name, error in (*told, ("Cramer-Rao bound", best)):
        values = [np.nanquantile(error, q) for q in (0.5, 0.95, 0.99)]
        ratios = [v / np.quantile(best, q) for v, q in zip(values, (0.5, 0.95, 0.99), strict=True)]
        rows.append((name, *map(float, values), *(f"{ratio:.3f}" for ratio in ratios)))
    columns = ("", "median mm", "95 %", "99 %", "of the best", "95 %", "99 %")
    show(f"Focal length {rig.cameras[0].matrix[0, 0]:.0f} px", columns, rows)


def aniposelib_group(rig: Rig) -> object:
    """Return the rig as aniposelib knows it."""
    from aniposelib.cameras import Camera as AniposeCamera
    from aniposelib.cameras import CameraGroup

    from calibration.geometry import vector_from_rotation

    return CameraGroup(
        [
            AniposeCamera(
                matrix=camera.matrix,
                dist=camera.distortions,
                size=camera.size,
                rvec=vector_from_rotation(camera.rotation),
                tvec=camera.translation,
                name=camera.name,
            )
            for camera in rig
        ]
    )


def main() -> None:
    """Print points/s and errors of all sides, and the time of a single frame."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rig = ring()
    points, pixels, right = scene(rig, count, np.random.default_rng(0))
    noise = np.broadcast_to(NOISE**2 * np.eye(2), (*pixels.shape, 2)).copy()
    sides = {
        "labcut3d": lambda: triangulate_points(rig, pixels).points,
        "labcut3d, covariances given": lambda: (
            triangulate_points(rig, pixels, covariance=noise).points
        ),
        "labcut3d, told what is wrong": lambda: triangulate_points(rig, right).points,
    }
    theirs = {
        "aniposelib": lambda: group.triangulate(pixels),
        "aniposelib, fast=True": lambda: group.triangulate(pixels, fast=True),
    }
    if theirs := installed(theirs):
        group = aniposelib_group(rig)
    sides |= theirs
    rows = []
    for name, timing in time_in_turn(sides).items():
        error = np.linalg.norm(timing.result - points, axis=1)
        known = np.isfinite(error)
        rows.append(
            (
                name,
                f"{count / timing.wall:,.0f}",
                f"{count / timing.most:,.0f} to {count / timing.least:,.0f}",
                f"{count / timing.cpu:,.0f}",
                *(float(np.quantile(error[known], q)) for q in (0.5, 0.95, 0.99)),
                f"{100 * known.mean():.2f} %",
            )
        )
    columns = ("", "points/s", "least to most", "of CPU time", "median mm", "95 %", "99 %", "found")
    show(f"{VIEWS} views x {count:,} points", columns, rows)
    for focal in (FOCAL, REACHING):
        compare(ring(focal), count)
    show("A single frame of 12 points", ("", "ms"), [("labcut3d", single_frame_ms(rig))])


def single_frame_ms(rig: Rig) -> float:
    """Return the median time of one call for 12 points, in milliseconds."""
    _, frame, _ = scene(rig, 12, np.random.default_rng(1))
    times = []
    for _ in range(500):
        start = perf_counter()
        triangulate_points(rig, frame)
        times.append(perf_counter() - start)
    return float(1000 * np.median(times))


if __name__ == "__main__":
    main()
