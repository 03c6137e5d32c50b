"""What the views know of one point before it is known where it lies."""

import math
from typing import NamedTuple

import numpy as np

from calibration.compiling import bare_inlined
from calibration.solver.lens_kernels import SKEW, undistort

__all__ = ["Seen", "Sight", "gather", "make_sight", "terms", "to_camera"]


class Seen(NamedTuple):
    """What was seen of n points: `pixels` (view, n, 2), NaN = missing.

    `covariance` (view, n, 2, 2) px^2 and `confidence` (view, n); of either, the axes have the
    length 0 where there is none.
    """

    pixels: np.ndarray
    covariance: np.ndarray
    confidence: np.ndarray


class Sight(NamedTuple):
    """What the views that see one point know of it.

    `camera` (k,); `pixels` (k, 2); `whitening` (k, 3) of an upper triangular matrix, which turns a
    difference in px into standard deviations; `ideal` (k, 2) normalized coordinates without the
    lens; `slopes` (k, 4) of the lens there; `rays` (k, 4) into the world, not of unit length, and
    the inverse of their squared length; and the views `used`. `normal` (6,) is
    J'WJ at the point.
    """

    camera: np.ndarray
    pixels: np.ndarray
    whitening: np.ndarray
    ideal: np.ndarray
    slopes: np.ndarray
    rays: np.ndarray
    used: np.ndarray
    normal: np.ndarray


def make_sight(views: int) -> Sight:
    """Return room for what up to so many views know of a point."""
    return Sight(
        camera=np.empty(views, dtype=np.int64),
        pixels=np.empty((views, 2)),
        whitening=np.empty((views, 3)),
        ideal=np.empty((views, 2)),
        slopes=np.empty((views, 4)),
        rays=np.empty((views, 4)),
        used=np.zeros(views, dtype=bool),
        normal=np.empty(6),
    )


@bare_inlined
def gather(cameras, seen, i, sight):
    """Fill `sight` with what is known of point i, and return by how many views."""
    count = 0
    for v in range(len(cameras.fisheye)):
        px, py = seen.pixels[v, i, 0], seen.pixels[v, i, 1]
        if not (math.isfinite(px) and math.isfinite(py)):
            continue
        root, shear, rest = _whitening(seen, v, i)
        if not root > 0:
            continue
        k = terms(cameras.intrinsics, v)
        yd = (py - k[3]) / k[1]
        xd = (px - k[2] - k[SKEW] * yd) / k[0]
        x, y, a, b, c, d, there = undistort(k, cameras.fisheye[v], xd, yd)
        if not there:
            continue
        sight.camera[count] = v
        sight.pixels[count, 0], sight.pixels[count, 1] = px, py
        sight.whitening[count, 0] = root
        sight.whitening[count, 1] = shear
        sight.whitening[count, 2] = rest
        sight.ideal[count, 0], sight.ideal[count, 1] = x, y
        sight.slopes[count, 0], sight.slopes[count, 1] = a, b
        sight.slopes[count, 2], sight.slopes[count, 3] = c, d
        for j in range(3):
            sight.rays[count, j] = (
                cameras.rotations[v, 0, j] * x
                + cameras.rotations[v, 1, j] * y
                + cameras.rotations[v, 2, j]
            )
        sight.rays[count, 3] = 1 / (1 + x * x + y * y)
        sight.used[count] = True
        count += 1
    return count


@bare_inlined
def _whitening(seen, v, i):
    """Return the three entries of the root of the information of a pixel; 0 where it has none."""
    root, shear, rest = 1.0, 0.0, 1.0
    if len(seen.covariance):
        a, b, c = (
            seen.covariance[v, i, 0, 0],
            seen.covariance[v, i, 0, 1],
            seen.covariance[v, i, 1, 1],
        )
        determinant = a * c - b * b
        if not (determinant > 0 and a > 0 and math.isfinite(determinant)):
            return 0.0, 0.0, 0.0
        root = math.sqrt(c / determinant)
        shear = -b / (determinant * root)
        rest = 1 / math.sqrt(c)
    if len(seen.confidence):
        confidence = seen.confidence[v, i]
        if not confidence > 0:
            return 0.0, 0.0, 0.0
        weight = math.sqrt(confidence)
        return root * weight, shear * weight, rest * weight
    return root, shear, rest


@bare_inlined
def terms(k, v):
    """Return the intrinsics of a camera as numbers; a row of an array would have to be counted."""
    return (
        *(k[v, 0], k[v, 1], k[v, 2], k[v, 3], k[v, 4], k[v, 5], k[v, 6], k[v, 7], k[v, 8]),
        *(k[v, 9], k[v, 10], k[v, 11], k[v, 12], k[v, 13], k[v, 14], k[v, 15], k[v, 16]),
    )


@bare_inlined
def to_camera(cameras, v, point):
    """Return a point of the world in a camera's frame."""
    r, t = cameras.rotations, cameras.translations
    px, py, pz = point
    return (
        r[v, 0, 0] * px + r[v, 0, 1] * py + r[v, 0, 2] * pz + t[v, 0],
        r[v, 1, 0] * px + r[v, 1, 1] * py + r[v, 1, 2] * pz + t[v, 1],
        r[v, 2, 0] * px + r[v, 2, 1] * py + r[v, 2, 2] * pz + t[v, 2],
    )
