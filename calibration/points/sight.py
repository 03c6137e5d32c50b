"""What the views know of one point before it is known where it lies."""

import math
from typing import NamedTuple

import numpy as np

from calibration.bending import bend, bend_back, pull_back, wall_in_camera
from calibration.compiling import bare, bare_inlined
from calibration.solver.lens_kernels import SKEW, undistort

__all__ = ["Seen", "Sight", "aim", "aim_with_slopes", "gather", "look_back", "make_sight", "terms"]


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
    the inverse of their squared length; `origins` (k, 3) of these, the cameras' centers or, behind
    walls, where they leave them; and the views `used`. `normal` (6,) is J'WJ at the point.
    """

    camera: np.ndarray
    pixels: np.ndarray
    whitening: np.ndarray
    ideal: np.ndarray
    slopes: np.ndarray
    rays: np.ndarray
    origins: np.ndarray
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
        origins=np.empty((views, 3)),
        used=np.zeros(views, dtype=bool),
        normal=np.empty(6),
    )


@bare_inlined
def gather(cameras, centers, seen, i, sight):
    """Fill `sight` with what is known of point i, and return by how many views.

    `centers` (view, 3) are where the cameras stand.
    """
    count = 0
    for v in range(len(cameras.fisheye)):
        px, py = seen.pixels[v, i, 0], seen.pixels[v, i, 1]
        if not (math.isfinite(px) and math.isfinite(py)):
            continue
        root, shear, rest = _whitening(seen, v, i)
        if not root > 0:
            continue
        x, y, a, b, c, d, there = look_back(cameras, v, px, py)
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
            sight.origins[count, j] = centers[v, j]
        sight.rays[count, 3] = 1 / (1 + x * x + y * y)
        if cameras.walled[v] and not _leave_wall(cameras, sight, v, count):
            continue
        sight.used[count] = True
        count += 1
    return count


@bare_inlined
def look_back(cameras, v, px, py):
    """Return the normalized coordinates of a pixel, the lens's slopes there, and if there are any.

    See `lens_kernels.undistort`.
    """
    k = terms(cameras.intrinsics, v)
    yd = (py - k[3]) / k[1]
    return undistort(k, cameras.fisheye[v], (px - k[2] - k[SKEW] * yd) / k[0], yd)


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
def _to_camera(cameras, v, point):
    """Return a point of the world in a camera's frame."""
    r, t = cameras.rotations, cameras.translations
    px, py, pz = point
    return (
        r[v, 0, 0] * px + r[v, 0, 1] * py + r[v, 0, 2] * pz + t[v, 0],
        r[v, 1, 0] * px + r[v, 1, 1] * py + r[v, 1, 2] * pz + t[v, 1],
        r[v, 2, 0] * px + r[v, 2, 1] * py + r[v, 2, 2] * pz + t[v, 2],
    )


@bare_inlined
def aim(cameras, v, point):
    """Return the direction, in its own frame, in which a camera sees a point of the world.

    That to the point itself, unless it lies behind the camera's wall.
    """
    x, y, z = _to_camera(cameras, v, point)
    if cameras.walled[v]:
        bent = bend(wall_in_camera(cameras, v), x, y, z)
        return bent.x, bent.y, bent.z
    return x, y, z


@bare_inlined
def aim_with_slopes(cameras, v, point):
    """Return the normalized coordinates at which a camera sees a point, and their slopes.

    x, y and their derivatives (3,) by the point; NaN where it does not lie before the camera.
    """
    r = cameras.rotations
    x, y, z = _to_camera(cameras, v, point)
    if cameras.walled[v]:
        return _aim_through_wall(cameras, v, x, y, z)
    up = 1 / z if z > 0 else np.nan
    x, y = x * up, y * up
    return (
        x,
        y,
        (
            (r[v, 0, 0] - x * r[v, 2, 0]) * up,
            (r[v, 0, 1] - x * r[v, 2, 1]) * up,
            (r[v, 0, 2] - x * r[v, 2, 2]) * up,
        ),
        (
            (r[v, 1, 0] - y * r[v, 2, 0]) * up,
            (r[v, 1, 1] - y * r[v, 2, 1]) * up,
            (r[v, 1, 2] - y * r[v, 2, 2]) * up,
        ),
    )


@bare
def _aim_through_wall(cameras, v, x, y, z):
    """Return what `aim_with_slopes` does, of a point in the frame of a camera with a wall."""
    wall = wall_in_camera(cameras, v)
    bent = bend(wall, x, y, z)
    up = 1 / bent.z if bent.z > 0 else np.nan
    x, y = bent.x * up, bent.y * up
    along_x = pull_back(wall, bent, (up, 0.0, -x * up))
    along_y = pull_back(wall, bent, (0.0, up, -y * up))
    return x, y, _to_world(cameras, v, along_x), _to_world(cameras, v, along_y)


@bare
def _leave_wall(cameras, sight, v, k):
    """Make the ray of a view the one behind its wall; tell whether there is one."""
    wall = wall_in_camera(cameras, v)
    origin, ray = bend_back(wall, sight.ideal[k, 0], sight.ideal[k, 1], 1.0)
    x, y, z = _to_world(cameras, v, ray)
    sight.rays[k, 0], sight.rays[k, 1], sight.rays[k, 2] = x, y, z
    sight.rays[k, 3] = 1 / (x * x + y * y + z * z)
    x, y, z = _to_world(cameras, v, origin)
    sight.origins[k, 0] += x
    sight.origins[k, 1] += y
    sight.origins[k, 2] += z
    return math.isfinite(sight.rays[k, 3])


@bare_inlined
def _to_world(cameras, v, d):
    """Return a direction (3,) in a camera's frame as one in the world."""
    r = cameras.rotations
    return (
        r[v, 0, 0] * d[0] + r[v, 1, 0] * d[1] + r[v, 2, 0] * d[2],
        r[v, 0, 1] * d[0] + r[v, 1, 1] * d[1] + r[v, 2, 1] * d[2],
        r[v, 0, 2] * d[0] + r[v, 1, 2] * d[1] + r[v, 2, 2] * d[2],
    )
