"""The most probable points: all views are tried, and where they disagree, searched."""

import math
from typing import NamedTuple

import numpy as np

from calibration.compiling import bare, bare_inlined
from calibration.points.search import OUTLIER, SMALLEST_PARALLAX, nearest, search, solve
from calibration.points.sight import aim, aim_with_slopes, gather, terms
from calibration.solver.lens_kernels import (
    SKEW,
    distort,
    distort_fisheye,
    fisheye_ray_slopes,
    ray_slopes,
)

__all__ = ["Found", "find_points"]

CHOOSING = 3  # the first steps, at which views may still join and leave
NEWTON_STEPS = 50
CONVERGED = 1e-6  # how far the maximum may still be, in standard deviations of the point


class Found(NamedTuple):
    """What is found: `points` (n, 3), `covariance` (n, 3, 3), `error` (n,) px, the mean distance.

    `sine` (n,) of the angle between the rays that cross most squarely; `inliers` (view, n).
    """

    points: np.ndarray
    covariance: np.ndarray
    error: np.ndarray
    sine: np.ndarray
    inliers: np.ndarray


@bare
def find_points(cameras, centers, seen, sight, found):
    """Fill `found`, which is NaN, from `cameras`, their `centers` and what was `seen`.

    `sight` is room to work in.
    """
    for i in range(len(found.points)):
        count = gather(cameras, centers, seen, i, sight)
        if count < 2:
            continue
        known, x, y, z = nearest(sight, count)
        if known:  # two views alone cannot outvote one another: they agree by decree
            known, x, y, z = _climb(cameras, sight, count, (x, y, z), -1 if count > 2 else 0)
        if not known and count > 2:
            known, x, y, z = search(cameras, sight, count)
            if known:
                known, x, y, z = _climb(cameras, sight, count, (x, y, z), CHOOSING)
        if known:
            _tell(cameras, sight, count, i, (x, y, z), found)


@bare_inlined
def _climb(cameras, sight, count, point, choosing):
    """Return whether the views used have a most probable point, and the point.

    Gauss-Newton through the exact lens. In the first `choosing` steps all views that agree are
    used; where it is -1, all must, and it ends when one does not.
    """
    x, y, z = point
    last = 0.0
    for step in range(NEWTON_STEPS):
        a = b = c = d = e = f = p = q = r = 0.0
        changed = False
        for k in range(count):
            (du, dw), (u0, u1, u2), (w0, w1, w2) = _pull(cameras, sight, k, (x, y, z))
            agrees = du * du + dw * dw < OUTLIER
            if choosing == -1 and not agrees:
                return False, x, y, z
            if step < choosing:
                changed |= sight.used[k] != agrees
                sight.used[k] = agrees
            if sight.used[k]:
                a += u0 * u0 + w0 * w0
                b += u0 * u1 + w0 * w1
                c += u0 * u2 + w0 * w2
                d += u1 * u1 + w1 * w1
                e += u1 * u2 + w1 * w2
                f += u2 * u2 + w2 * w2
                p += u0 * du + w0 * dw
                q += u1 * du + w1 * dw
                r += u2 * du + w2 * dw
        known, sx, sy, sz = solve((a, b, c, d, e, f, p, q, r))
        if not known:  # NaN too, where the point lies behind a camera
            return False, x, y, z
        x, y, z = x + sx, y + sy, z + sz
        size = math.sqrt(max(sx * p + sy * q + sz * r, 0.0))
        # Each step is a nearly constant share of the one before.
        if not changed and (size <= CONVERGED or size * size <= CONVERGED * (last - size)):
            n = sight.normal
            n[0], n[1], n[2], n[3], n[4], n[5] = a, b, c, d, e, f
            return True, x, y, z
        last = 0.0 if changed else size
    return False, x, y, z


@bare_inlined
def _pull(cameras, sight, k, point):
    """Return the residual of a view at a point, and the two rows of its slopes, all whitened.

    NaN where the point does not lie in front of the camera.
    """
    v = sight.camera[k]
    lens = terms(cameras.intrinsics, v)
    x, y, (p0, p1, p2), (q0, q1, q2) = aim_with_slopes(cameras, v, point)
    if cameras.fisheye[v]:
        xd, yd, la, lb, lc, ld = fisheye_ray_slopes(lens, x, y)
    else:
        xd, yd, la, lb, lc, ld = ray_slopes(lens, x, y)
    fx, fy, skew = lens[0], lens[1], lens[SKEW]
    root, shear, rest = sight.whitening[k, 0], sight.whitening[k, 1], sight.whitening[k, 2]
    du = sight.pixels[k, 0] - (fx * xd + skew * yd + lens[2])
    dw = sight.pixels[k, 1] - (fy * yd + lens[3])
    a = root * (fx * la + skew * lc) + shear * fy * lc
    b = root * (fx * lb + skew * ld) + shear * fy * ld
    c, d = rest * fy * lc, rest * fy * ld
    return (
        (root * du + shear * dw, rest * dw),
        (a * p0 + b * q0, a * p1 + b * q1, a * p2 + b * q2),
        (c * p0 + d * q0, c * p1 + d * q1, c * p2 + d * q2),
    )


@bare_inlined
def _tell(cameras, sight, count, i, point, found):
    """Write down point i, unless its rays are parallel or it lies behind a camera that saw it."""
    distance, used, closest = 0.0, 0, 1.0
    for k in range(count):
        if not sight.used[k]:
            continue
        v = sight.camera[k]
        lens = terms(cameras.intrinsics, v)
        x, y, z = aim(cameras, v, point)
        if not z > 0:
            return
        if cameras.fisheye[v]:
            xd, yd, _, _, _ = distort_fisheye(lens, x / z, y / z)
        else:
            xd, yd, _, _, _ = distort(lens, x / z, y / z)
        du = sight.pixels[k, 0] - (lens[0] * xd + lens[SKEW] * yd + lens[2])
        dw = sight.pixels[k, 1] - (lens[1] * yd + lens[3])
        distance += math.sqrt(du * du + dw * dw)
        used += 1
        for j in range(k):
            if sight.used[j]:
                both = (
                    sight.rays[k, 0] * sight.rays[j, 0]
                    + sight.rays[k, 1] * sight.rays[j, 1]
                    + sight.rays[k, 2] * sight.rays[j, 2]
                )
                closest = min(closest, both * both * sight.rays[k, 3] * sight.rays[j, 3])
    sine = math.sqrt(max(1 - closest, 0.0))
    if not sine > SMALLEST_PARALLAX:
        return
    n = sight.normal
    a, b, c, d, e, f = n[0], n[1], n[2], n[3], n[4], n[5]
    u, v, w = d * f - e * e, c * e - b * f, b * e - c * d
    up = 1 / (a * u + b * v + c * w)
    matrix = found.covariance
    matrix[i, 0, 0], matrix[i, 1, 1] = u * up, (a * f - c * c) * up
    matrix[i, 2, 2] = (a * d - b * b) * up
    matrix[i, 0, 1] = matrix[i, 1, 0] = v * up
    matrix[i, 0, 2] = matrix[i, 2, 0] = w * up
    matrix[i, 1, 2] = matrix[i, 2, 1] = (b * c - a * e) * up
    found.points[i, 0], found.points[i, 1], found.points[i, 2] = point
    found.error[i], found.sine[i] = distance / used, sine
    for k in range(count):
        found.inliers[sight.camera[k], i] = sight.used[k]
