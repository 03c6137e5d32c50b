"""Symmetric matrices of seven bands, compiled: factors, solutions, and the inverse in the bands.

A matrix of n rows is held in (n + 6, 7): row j holds its elements (j, j), (j + 1, j), ...
(j + 6, j), and so does its lower Cholesky factor. The last six rows are zero, so that loops need
not look where the matrix ends.
"""

import math

from calibration.compiling import bare

__all__ = [
    "BANDS",
    "covariances",
    "covariances_of_differences",
    "factorize",
    "fill",
    "invert",
    "log_pivots",
    "solve",
]

BANDS = 6  # below the diagonal


@bare
def fill(information, precision, matrices):
    """Fill matrices (m, 3 t + 6, 7) with the normal equations of tracks.

    `information` (m, t, 3, 3) of the points and `precision` (m, t - 2) of their second differences.
    """
    for m in range(len(information)):
        a = matrices[m]
        a[:] = 0.0
        for t in range(information.shape[1]):
            for i in range(3):
                for j in range(i, 3):
                    a[3 * t + i, j - i] = information[m, t, i, j]
        for t in range(precision.shape[1]):
            p = precision[m, t]  # times the products of 1, -2 and 1
            for j in range(3 * t, 3 * t + 3):
                a[j, 0] += p
                a[j, 3] -= 2 * p
                a[j, 6] += p
                a[j + 3, 0] += 4 * p
                a[j + 3, 3] -= 2 * p
                a[j + 6, 0] += p


@bare
def factorize(matrices):
    """Turn matrices (m, n + 6, 7) into their Cholesky factors; NaN where one is not positive."""
    for m in range(len(matrices)):
        a = matrices[m]
        for j in range(len(a) - BANDS):
            pivot = math.sqrt(a[j, 0]) if a[j, 0] > 0 else math.nan
            up = 1 / pivot
            a[j, 0] = pivot
            for p in range(1, BANDS + 1):
                a[j, p] *= up
            for p in range(1, BANDS + 1):
                for q in range(p, BANDS + 1):
                    a[j + p, q - p] -= a[j, p] * a[j, q]


@bare
def log_pivots(factor):
    """Return the sum of the logarithms of the diagonal of a factor (n + 6, 7)."""
    total, product = 0.0, 1.0
    for j in range(len(factor) - BANDS):
        product *= factor[j, 0]
        if j % 4 == 3:  # a logarithm takes as long as twenty products
            total += math.log(product)
            product = 1.0
    return total + math.log(product)


@bare
def solve(factors, values):
    """Turn values (m, c, n + 6), the last six zero, into the solutions with factors."""
    for m in range(len(factors)):
        a = factors[m]
        for c in range(values.shape[1]):
            x = values[m, c]
            # What is carried from row to row, so that it need not pass through memory.
            q = r = s = t = u = v = 0.0
            for j in range(len(a) - BANDS):
                up = 1 / a[j, 0]
                found = (x[j] - q) * up
                x[j] = found
                q = r + a[j, 1] * found
                r = s + a[j, 2] * found
                s = t + a[j, 3] * found
                t = u + a[j, 4] * found
                u = v + a[j, 5] * found
                v = a[j, 6] * found
            q = r = s = t = u = v = 0.0
            for j in range(len(a) - BANDS - 1, -1, -1):
                up = 1 / a[j, 0]
                later = a[j, 2] * r + a[j, 3] * s + a[j, 4] * t + a[j, 5] * u + a[j, 6] * v
                found = (x[j] - later - a[j, 1] * q) * up
                x[j] = found
                q, r, s, t, u, v = found, q, r, s, t, u


@bare
def invert(factors, inverse):
    """Fill inverse (m, n + 6, r), which is zero, with elements (j, j) ... (j, j + r - 1) of it.

    From the last row backwards: what lies within a band of r elements, which is as wide as the
    factors' or wider, needs only itself (Takahashi et al., 1973).
    """
    width = inverse.shape[2]
    for m in range(len(factors)):
        a, z = factors[m], inverse[m]
        for j in range(len(a) - BANDS - 1, -1, -1):
            up = 1 / a[j, 0]
            corner = up
            for p in range(1, width):
                total = 0.0
                for q in range(1, min(p, BANDS) + 1):
                    total += a[j, q] * z[j + q, p - q]
                for q in range(p + 1, BANDS + 1):
                    total += a[j, q] * z[j + p, q - p]
                z[j, p] = -total * up
            for p in range(1, BANDS + 1):
                corner -= a[j, p] * z[j, p]
            z[j, 0] = corner * up


@bare
def covariances(inverse, points, unsteady):
    """Fill points (m, t, 3, 3), and unsteady (m, t - 2) with the variances of second differences.

    From the inverse as `invert` leaves it.
    """
    for m in range(len(points)):
        z = inverse[m]
        for t in range(points.shape[1]):
            for i in range(3):
                for j in range(i, 3):
                    points[m, t, i, j] = points[m, t, j, i] = z[3 * t + i, j - i]
        for t in range(unsteady.shape[1]):
            total = 0.0
            for j in range(3 * t, 3 * t + 3):
                total += z[j, 0] + 4 * z[j + 3, 0] + z[j + 6, 0]
                total += 2 * z[j, 6] - 4 * (z[j, 3] + z[j + 3, 3])
            unsteady[m, t] = total


@bare
def covariances_of_differences(inverse, velocity, acceleration):
    """Fill (m, t, 3, 3) with those of central and second differences, but for the ends.

    From the inverse as `invert` leaves it, nine elements wide.
    """
    for m in range(len(velocity)):
        z = inverse[m]
        for t in range(1, velocity.shape[1] - 1):
            for i in range(3):
                for j in range(i, 3):
                    a, b, d = 3 * t - 3, 3 * t, j - i
                    outer = z[a + i, d] + z[b + 3 + i, d]
                    across = z[a + i, 6 + d] + z[a + j, 6 - d]
                    near = z[a + i, 3 + d] + z[a + j, 3 - d] + z[b + i, 3 + d] + z[b + j, 3 - d]
                    v, w = (outer - across) / 4, outer + across + 4 * z[b + i, d] - 2 * near
                    velocity[m, t, i, j] = velocity[m, t, j, i] = v
                    acceleration[m, t, i, j] = acceleration[m, t, j, i] = w
