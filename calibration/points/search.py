"""Which views agree on a point: hypotheses of two views and of all, and their cost."""

import numpy as np

from calibration.compiling import bare_inlined
from calibration.points.sight import aim, terms
from calibration.solver.lens_kernels import SKEW

__all__ = ["OUTLIER", "SMALLEST_PARALLAX", "nearest", "search", "solve"]

OUTLIER = 13.8  # squared Mahalanobis distance: 99.9 % of a chi-square with two degrees of freedom
SMALLEST_PARALLAX = 1e-3  # rad; rays closer to parallel fix no depth


@bare_inlined
def search(cameras, sight, count):
    """Return whether any two views agree, and the point on which they agree best.

    The hypotheses are the points nearest to all rays and nearest to each two of them, the cost of
    each is the sum of the truncated squared distances of all views. To rank them, the lens is
    taken to be straight around each pixel. The views that agree are those `used`.
    """
    for k in range(count):  # from differences of ideal coordinates to standard deviations
        intrinsics = terms(cameras.intrinsics, sight.camera[k])
        w = sight.whitening[k, 0], sight.whitening[k, 1], sight.whitening[k, 2]
        a, b, c, d = sight.slopes[k, 0], sight.slopes[k, 1], sight.slopes[k, 2], sight.slopes[k, 3]
        fx, fy, skew = intrinsics[0], intrinsics[1], intrinsics[SKEW]
        sight.slopes[k, 0] = w[0] * (fx * a + skew * c) + w[1] * fy * c
        sight.slopes[k, 1] = w[0] * (fx * b + skew * d) + w[1] * fy * d
        sight.slopes[k, 2] = w[2] * fy * c
        sight.slopes[k, 3] = w[2] * fy * d
    best, x, y, z = np.inf, np.nan, np.nan, np.nan
    for one in range(count):
        for other in range(one, count):
            if one == other == 0:
                known, px, py, pz = nearest(sight, count)
            elif one == other:
                continue
            else:
                known, px, py, pz = _between(sight, one, other)
            if known:
                cost = _cost(cameras, sight, count, (px, py, pz), best)
                if cost < best:
                    best, x, y, z = cost, px, py, pz
    for k in range(count):
        sight.used[k] = _distance(cameras, sight, k, (x, y, z)) < OUTLIER
    return best < np.inf, x, y, z


@bare_inlined
def nearest(sight, count):
    """Return whether there is a point nearest to all rays, and the point."""
    # The sum over rays of (I - dd') X = (I - dd') origin, d of unit length.
    a = b = c = d = e = f = p = q = r = 0.0
    for k in range(count):
        x, y, z, up = sight.rays[k, 0], sight.rays[k, 1], sight.rays[k, 2], sight.rays[k, 3]
        cx, cy, cz = sight.origins[k, 0], sight.origins[k, 1], sight.origins[k, 2]
        along = (x * cx + y * cy + z * cz) * up
        a += 1 - x * x * up
        b -= x * y * up
        c -= x * z * up
        d += 1 - y * y * up
        e -= y * z * up
        f += 1 - z * z * up
        p += cx - along * x
        q += cy - along * y
        r += cz - along * z
    return solve((a, b, c, d, e, f, p, q, r))


@bare_inlined
def _between(sight, one, other):
    """Return whether two rays are not parallel, and the point midway between them."""
    ax, ay, az = sight.rays[one, 0], sight.rays[one, 1], sight.rays[one, 2]
    bx, by, bz = sight.rays[other, 0], sight.rays[other, 1], sight.rays[other, 2]
    px, py, pz = sight.origins[one, 0], sight.origins[one, 1], sight.origins[one, 2]
    qx, qy, qz = sight.origins[other, 0], sight.origins[other, 1], sight.origins[other, 2]
    cx, cy, cz = qx - px, qy - py, qz - pz
    both = ax * bx + ay * by + az * bz
    square_sine = 1 - both * both * sight.rays[one, 3] * sight.rays[other, 3]
    up = 1 / square_sine
    from_a = (ax * cx + ay * cy + az * cz) * sight.rays[one, 3]
    from_b = (bx * cx + by * cy + bz * cz) * sight.rays[other, 3]
    s = (from_a - both * from_b * sight.rays[one, 3]) * up
    t = (both * from_a * sight.rays[other, 3] - from_b) * up
    return (
        square_sine > SMALLEST_PARALLAX**2,
        0.5 * (px + s * ax + qx + t * bx),
        0.5 * (py + s * ay + qy + t * by),
        0.5 * (pz + s * az + qz + t * bz),
    )


@bare_inlined
def _cost(cameras, sight, count, point, limit):
    """Return the cost of a point; infinite where it reaches `limit`, or no two views agree."""
    cost, agreeing = 0.0, 0
    for k in range(count):
        squared = _distance(cameras, sight, k, point)
        agreeing += squared < OUTLIER
        cost += min(squared, OUTLIER)
        if cost >= limit:
            return np.inf
    return cost if agreeing >= 2 else np.inf


@bare_inlined
def _distance(cameras, sight, k, point):
    """Return the squared Mahalanobis distance of a view from a point; infinite behind it."""
    x, y, z = aim(cameras, sight.camera[k], point)
    up = 1 / z
    dx, dy = x * up - sight.ideal[k, 0], y * up - sight.ideal[k, 1]
    u = sight.slopes[k, 0] * dx + sight.slopes[k, 1] * dy
    w = sight.slopes[k, 2] * dx + sight.slopes[k, 3] * dy
    return u * u + w * w if z > 0 else np.inf


@bare_inlined
def solve(sums):
    """Return whether [[a, b, c], [b, d, e], [c, e, f]] X = (p, q, r) has a solution, and X.

    `sums` are a to f and p, q, r.
    """
    a, b, c, d, e, f, p, q, r = sums
    u, v, w = d * f - e * e, c * e - b * f, b * e - c * d
    s, t, o = a * f - c * c, b * c - a * e, a * d - b * b
    determinant = a * u + b * v + c * w
    up = 1 / determinant
    return (
        determinant > 0,
        (u * p + v * q + w * r) * up,
        (v * p + s * q + t * r) * up,
        (w * p + t * q + o * r) * up,
    )
