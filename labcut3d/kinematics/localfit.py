"""Derivatives by a polynomial fitted to the neighbourhood of every moment, compiled.

Savitzky & Golay (1964) for times that need not be even and points that may be missing: the weights
are found anew for each moment from the neighbours that are there.
"""

import math

import numpy as np

from calibration.compiling import compiled, inlined

__all__ = ["derivatives", "variances"]

DEGREE = 3
TERMS = DEGREE + 1


@inlined
def _weights(time, present, at, window, order, weights):
    """Fill weights (window size) of the neighbours for a derivative at a moment.

    `window` is (first, end, half width in s). Returns whether enough neighbours are there.
    """
    first, end, half = window
    sums = np.zeros(2 * TERMS - 1)
    count = 0
    for k in range(first, end):
        if present[k]:
            count += 1
            power, s = 1.0, (time[k] - time[at]) / half
            for m in range(2 * TERMS - 1):
                sums[m] += power
                power *= s
    if count < TERMS:
        return False
    # Solve the normal equations for one row of their inverse, by elimination.
    matrix = np.empty((TERMS, TERMS))
    row = np.zeros(TERMS)
    row[order] = 1.0
    for i in range(TERMS):
        for j in range(TERMS):
            matrix[i, j] = sums[i + j]
    for i in range(TERMS):
        if not matrix[i, i] > 1e-12 * sums[0]:
            return False
        for j in range(i + 1, TERMS):
            factor = matrix[j, i] / matrix[i, i]
            for m in range(i, TERMS):
                matrix[j, m] -= factor * matrix[i, m]
            row[j] -= factor * row[i]
    for i in range(TERMS - 1, -1, -1):
        for j in range(i + 1, TERMS):
            row[i] -= matrix[i, j] * row[j]
        row[i] /= matrix[i, i]
    scale = math.gamma(order + 1.0) / half**order
    for k in range(first, end):
        s = (time[k] - time[at]) / half
        weight = row[TERMS - 1]
        for m in range(TERMS - 2, -1, -1):
            weight = weight * s + row[m]
        weights[k - first] = scale * weight if present[k] else 0.0
    return True


@compiled
def derivatives(time, values, half, order, result):
    """Fill `result` with derivatives of `order` of values (series, time, space), NaN = missing.

    `half` is half the window's width in seconds. Missing moments have no derivative, nor those
    with fewer neighbours than the polynomial has terms.
    """
    count, moments, dims = values.shape
    weights = np.empty(moments)
    present = np.empty(moments, dtype=np.bool_)
    for n in range(count):
        for t in range(moments):
            present[t] = True
            for d in range(dims):
                present[t] = present[t] and math.isfinite(values[n, t, d])
        first = end = 0
        for t in range(moments):
            while time[t] - time[first] > half:
                first += 1
            while end < moments and time[end] - time[t] <= half:
                end += 1
            found = present[t] and _weights(time, present, t, (first, end, half), order, weights)
            for d in range(dims):
                total = 0.0 if found else math.nan
                if found:
                    for k in range(first, end):
                        if present[k]:
                            total += weights[k - first] * values[n, k, d]
                result[n, t, d] = total


@compiled
def variances(time, present, covariance, half, order, result):
    """Fill `result` with the covariances of derivatives of points with independent errors.

    `covariance` (series, time, element) may be of any elements; `present` (series, time).
    """
    count, moments, elements = covariance.shape
    weights = np.empty(moments)
    for n in range(count):
        first = end = 0
        for t in range(moments):
            while time[t] - time[first] > half:
                first += 1
            while end < moments and time[end] - time[t] <= half:
                end += 1
            found = present[n, t] and _weights(
                time, present[n], t, (first, end, half), order, weights
            )
            for e in range(elements):
                result[n, t, e] = 0.0 if found else math.nan
            if found:
                for k in range(first, end):
                    if present[n, k]:
                        squared = weights[k - first] ** 2
                        for e in range(elements):
                            result[n, t, e] += squared * covariance[n, k, e]
