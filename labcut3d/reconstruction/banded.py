"""Symmetric matrices of seven bands, compiled: factors, solutions, and the inverse in the bands.

A matrix of n rows is held in (n + 6, 7): row j holds its elements (j, j), (j + 1, j), ...
(j + 6, j), and so does its lower Cholesky factor. The last six rows are zero, so that loops need
not look where the matrix ends.
"""

import math

from calibration.compiling import bare

__all__ = ["BANDS", "factorize", "fill", "inverse_blocks", "solve"]

BANDS = 6  # below the diagonal


@bare
def fill(information, precision, matrices):
    """Fill matrices (m, 3 t + 6, 7), which are zero, with the normal equations of tracks.

    `information` (m, t, 3, 3) of the points and `precision` (m, t - 2) of their second differences.
    """
    for m in range(len(information)):
        a = matrices[m]
        for t in range(information.shape[1]):
            for i in range(3):
                for j in range(i, 3):
                    a[3 * t + i, j - i] += information[m, t, i, j]
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
def inverse_blocks(factors, window, column, blocks, lagged):
    """Fill blocks (m, n / 3, b, b) of the inverse that begin on the diagonal, zero past its end.

    And add to lagged (m, n / 3, 2) the traces of the (3, 3) blocks one and two beside the diagonal.
    From the last row backwards: the inverse within a band of r rows, which is as wide as the
    factors' or wider, needs only itself (Takahashi et al., 1973). `window` (r, r), r >= b, and
    `column` (r,) are room to work in.
    """
    reach, size = len(column), blocks.shape[2]
    for m in range(len(factors)):
        a = factors[m]
        window[:] = 0.0
        for j in range(len(a) - BANDS - 1, -1, -1):
            up = 1 / a[j, 0]
            corner = up
            for p in range(reach):
                total = 0.0
                for q in range(BANDS):
                    total += window[p, q] * a[j, q + 1]
                column[p] = -total * up
            for p in range(BANDS):
                corner -= a[j, p + 1] * column[p]
            lagged[m, j // 3, 0] += column[2]
            lagged[m, j // 3, 1] += column[5]
            for p in range(reach - 1, 0, -1):
                for q in range(reach - 1, 0, -1):
                    window[p, q] = window[p - 1, q - 1]
            for p in range(1, reach):
                window[p, 0] = window[0, p] = column[p - 1]
            window[0, 0] = corner * up
            if j % 3 == 0:
                for p in range(size):
                    for q in range(size):
                        blocks[m, j // 3, p, q] = window[p, q]
