"""Lens models compiled for the solver: where they image a ray, and every derivative of that.

The same models as `calibration.lens`, one ray at a time. A camera's intrinsics are a row of
fx, fy, cx, cy, twelve coefficients (a fisheye's four in the first of them), and the skew.
"""

import math
from typing import NamedTuple

import numpy as np

from calibration.compiling import compiled, inlined
from calibration.lens import NEWTON_STEPS, STEEPEST

__all__ = [
    "LENS_TERMS",
    "SKEW",
    "Prior",
    "distort",
    "distort_fisheye",
    "fisheye_ray_slopes",
    "fisheye_slopes",
    "lens_slopes",
    "prior_cost",
    "prior_terms",
    "ray_slopes",
    "undistort",
]

LENS_TERMS = 12  # the most distortion coefficients a lens has
SKEW = 4 + LENS_TERMS  # the column of the skew, after fx, fy, cx, cy and the lens
NEAR = 1e-6  # normalized coordinates, from which one more step of Newton's is exact


class Prior(NamedTuple):
    """What is known of the intrinsics before any corner is seen.

    A Gaussian of `mean` and `information` (inverse variance), each (view, 17); and rays (view, m,
    2), ideal normalized coordinates, that the lens images near `targets` (view, m, 2), with
    `weights` (view, m), the inverse variance of their coordinates.
    """

    mean: np.ndarray
    information: np.ndarray
    rays: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


@inlined
def distort(k, x, y):
    """Return the distorted place of (x, y) and the factors that its derivatives need.

    These are the squared radius, the radial factor, and the inverse of its denominator.
    """
    r2 = x * x + y * y
    radial, up = 1 + r2 * (k[4] + r2 * (k[5] + r2 * k[8])), 1.0
    xd, yd = 2 * k[6] * x * y + k[7] * (r2 + 2 * x * x), k[6] * (r2 + 2 * y * y) + 2 * k[7] * x * y
    if not _is_polynomial(k):
        up = 1 / (1 + r2 * (k[9] + r2 * (k[10] + r2 * k[11])))
        radial *= up
        xd += r2 * (k[12] + k[13] * r2)
        yd += r2 * (k[14] + k[15] * r2)
    return xd + x * radial, yd + y * radial, r2, radial, up


@inlined
def _is_polynomial(k):
    """Tell whether a lens has neither a denominator nor thin prisms, as most; half the work."""
    rational = k[9] != 0 or k[10] != 0 or k[11] != 0
    return not (rational or k[12] != 0 or k[13] != 0 or k[14] != 0 or k[15] != 0)


@compiled
def distort_fisheye(k, x, y):
    """Return the place of (x, y) under the equidistant model, the radius, angle and its image."""
    r = math.sqrt(x * x + y * y)
    if r < 1e-9:
        return x, y, r, r, r
    angle = math.atan(r)
    a2 = angle * angle
    image = angle * (1 + a2 * (k[4] + a2 * (k[5] + a2 * (k[6] + a2 * k[7]))))
    return x * image / r, y * image / r, r, angle, image


@inlined
def ray_slopes(k, x, y):
    """Return the distorted place of (x, y) and its 2 x 2 slopes, row by row."""
    xd, yd, r2, radial, up = distort(k, x, y)
    slope = 2 * (k[4] + r2 * (2 * k[5] + r2 * 3 * k[8]))
    b = c = 2 * (k[6] * x + k[7] * y)
    a, d = 2 * k[6] * y + 6 * k[7] * x, 6 * k[6] * y + 2 * k[7] * x
    if not _is_polynomial(k):
        slope = (slope - 2 * radial * (k[9] + r2 * (2 * k[10] + r2 * 3 * k[11]))) * up
        prism_x, prism_y = 2 * (k[12] + 2 * k[13] * r2), 2 * (k[14] + 2 * k[15] * r2)
        a, b, c, d = a + prism_x * x, b + prism_x * y, c + prism_y * x, d + prism_y * y
    mixed = x * y * slope
    return xd, yd, a + radial + x * x * slope, b + mixed, c + mixed, d + radial + y * y * slope


@inlined
def lens_slopes(k, x, y, by_lens):
    """Return the distorted place and its 2 x 2 slopes; fill `by_lens` (2, 12)."""
    _, _, r2, radial, up = distort(k, x, y)
    down = -radial * up
    for row in range(2):
        z = x if row == 0 else y
        rise, fall = z * r2 * up, z * r2 * down
        by_lens[row, 0] = rise
        by_lens[row, 1] = rise * r2
        by_lens[row, 4] = rise * r2 * r2
        by_lens[row, 5] = fall
        by_lens[row, 6] = fall * r2
        by_lens[row, 7] = fall * r2 * r2
        by_lens[row, 8 + 2 * row] = r2
        by_lens[row, 9 + 2 * row] = r2 * r2
        by_lens[row, 10 - 2 * row] = 0.0
        by_lens[row, 11 - 2 * row] = 0.0
    by_lens[0, 2] = by_lens[1, 3] = 2 * x * y
    by_lens[0, 3] = r2 + 2 * x * x
    by_lens[1, 2] = r2 + 2 * y * y
    return ray_slopes(k, x, y)


@compiled
def fisheye_ray_slopes(k, x, y):
    """Return the distorted place of (x, y) and its 2 x 2 slopes, row by row."""
    xd, yd, r, angle, image = distort_fisheye(k, x, y)
    if r < 1e-9:
        return xd, yd, 1.0, 0.0, 0.0, 1.0
    a2 = angle * angle
    growth = 1 + a2 * (3 * k[4] + a2 * (5 * k[5] + a2 * (7 * k[6] + a2 * 9 * k[7])))
    growth /= 1 + r * r  # d image / d radius
    scale = image / r
    bend = (growth - scale) / (r * r)
    mixed = x * y * bend
    return xd, yd, scale + x * x * bend, mixed, mixed, scale + y * y * bend


@compiled
def fisheye_slopes(k, x, y, by_lens):
    """Return the distorted place and its 2 x 2 slopes; fill `by_lens` (2, 12)."""
    _, _, r, angle, _ = distort_fisheye(k, x, y)
    by_lens[:] = 0.0
    if r >= 1e-9:
        a2 = angle * angle
        power = angle / r
        for term in range(4):
            power *= a2
            by_lens[0, term] = x * power
            by_lens[1, term] = y * power
    return fisheye_ray_slopes(k, x, y)


@inlined
def undistort(k, fisheye, xd, yd):
    """Return the ray (x, y) imaged at (xd, yd), the slopes there, and whether there is one.

    Newton's method, as in `calibration.lens.Lens.undistort`.
    """
    x, y = xd, yd
    if fisheye:
        radius = math.sqrt(xd * xd + yd * yd)
        if radius > 1e-9:
            scale = math.tan(min(radius, STEEPEST)) / radius
            x, y = xd * scale, yd * scale
    near = False
    a, b, c, d = 1.0, 0.0, 0.0, 1.0
    for _ in range(NEWTON_STEPS):
        if fisheye:
            u, w, a, b, c, d = fisheye_ray_slopes(k, x, y)
        else:
            u, w, a, b, c, d = ray_slopes(k, x, y)
        dx, dy = u - xd, w - yd
        away = max(abs(dx), abs(dy))
        up = 1 / (a * d - b * c)
        x -= (d * dx - b * dy) * up
        y -= (a * dy - c * dx) * up
        if not away > NEAR:  # the step just made squares it; NaN ends too
            near = away <= NEAR
            break
    return x, y, a, b, c, d, near and a * d - b * c > 0 and a + d > 0


@compiled
def prior_cost(cameras, prior):
    """Return half the squared Mahalanobis distance of the intrinsics from what was known."""
    cost = 0.0
    for v in range(len(cameras.intrinsics)):
        k = cameras.intrinsics[v]
        for term in range(len(k)):
            cost += 0.5 * prior.information[v, term] * (k[term] - prior.mean[v, term]) ** 2
        for ray in range(prior.rays.shape[1]):
            x, y = prior.rays[v, ray]
            if cameras.fisheye[v]:
                xd, yd, _, _, _ = distort_fisheye(k, x, y)
            else:
                xd, yd, _, _, _ = distort(k, x, y)
            away = (xd - prior.targets[v, ray, 0]) ** 2 + (yd - prior.targets[v, ray, 1]) ** 2
            cost += 0.5 * prior.weights[v, ray] * away
    return cost


@compiled
def prior_terms(cameras, prior):
    """Return the prior's pull (view, 17) on the intrinsics and its information (view, 17, 17)."""
    n_views, n_terms = cameras.intrinsics.shape
    pull, information = np.zeros((n_views, n_terms)), np.zeros((n_views, n_terms, n_terms))
    by_lens = np.zeros((2, LENS_TERMS))
    for v in range(n_views):
        k = cameras.intrinsics[v]
        for term in range(n_terms):
            pull[v, term] = prior.information[v, term] * (prior.mean[v, term] - k[term])
            information[v, term, term] = prior.information[v, term]
        for ray in range(prior.rays.shape[1]):
            x, y = prior.rays[v, ray]
            if cameras.fisheye[v]:
                xd, yd, _, _, _, _ = fisheye_slopes(k, x, y, by_lens)
            else:
                xd, yd, _, _, _, _ = lens_slopes(k, x, y, by_lens)
            weight = prior.weights[v, ray]
            dx, dy = prior.targets[v, ray, 0] - xd, prior.targets[v, ray, 1] - yd
            for i in range(LENS_TERMS):
                left, right = weight * by_lens[0, i], weight * by_lens[1, i]
                pull[v, 4 + i] += left * dx + right * dy
                for j in range(LENS_TERMS):
                    information[v, 4 + i, 4 + j] += left * by_lens[0, j] + right * by_lens[1, j]
    return pull, information
