"""Derivatives by a polynomial fitted to the neighbourhood of every moment, compiled.

Savitzky & Golay (1964) for times that need not be even and points that may be missing: the weights
are found anew wherever the pattern of neighbours changes.
"""

import math

import numpy as np

from calibration.compiling import compiled, inlined

__all__ = ["fit_derivatives"]

TERMS = 4  # of the polynomial: a cubic
EVEN = 1e-6  # of a frame; times closer to even than this count as even
SINGULAR = 1e-12


@inlined
def _solve(matrix, row):
    """Turn row (TERMS,) into the solution of a symmetric matrix, which is destroyed.

    Returns whether there is one.
    """
    for i in range(TERMS):
        if not matrix[i, i] > SINGULAR * matrix[0, 0]:
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
    return True


@inlined
def _find_weights(time, present, at, span, order, weights):
    """Fill weights of the neighbours for the derivative at a moment.

    `span` is (first, end, half width in s). Returns whether enough neighbours are there.
    """
    first, end, half = span
    matrix = np.zeros((TERMS, TERMS))
    row = np.zeros(TERMS)
    row[order] = math.gamma(order + 1.0) / half**order
    count = 0
    for k in range(first, end):
        if present[k]:
            count += 1
            s = (time[k] - time[at]) / half
            for i in range(TERMS):
                for j in range(TERMS):
                    matrix[i, j] += s ** (i + j)
    if count < TERMS or not _solve(matrix, row):
        return False
    for k in range(first, end):
        weight, s = 0.0, (time[k] - time[at]) / half
        for i in range(TERMS):
            weight += row[i] * s**i
        weights[k - first] = weight if present[k] else 0.0
    return True


@compiled
def fit_derivatives(time, present, values, kind, result):
    """Fill `result` with derivatives of values (series, time, element).

    `present` (series, time) tells which values count. `kind` is half the window's width in
    seconds, the order of the derivative, and whether weights are squared: then values are variances
    of independent errors, and so are the results. Missing moments have no derivative, nor those
    with fewer neighbours than the polynomial has terms: NaN.
    """
    half, order, squared = kind
    count, moments, elements = values.shape
    weights = np.empty(moments)
    total = np.empty(elements)
    step = (time[-1] - time[0]) / max(moments - 1, 1)
    even = True
    for t in range(moments):
        even = even and abs(time[t] - time[0] - t * step) <= EVEN * step
    for n in range(count):
        first = end = lacking = 0
        before, after, known = 0, 0, False  # of the weights that are at hand
        for t in range(moments):
            while time[t] - time[first] > half:
                lacking -= not present[n, first]
                first += 1
            while end < moments and time[end] - time[t] <= half:
                lacking += not present[n, end]
                end += 1
            if not present[n, t]:
                result[n, t] = math.nan
                continue
            same = even and known and lacking == 0 and t - first == before and end - t == after
            if not same:
                span = (first, end, half)
                known = _find_weights(time, present[n], t, span, order, weights)
                if not known:
                    result[n, t] = math.nan
                    continue
                if squared:
                    weights[: end - first] **= 2
                before, after, known = t - first, end - t, lacking == 0
            total[:] = 0.0
            for k in range(first, end):
                if present[n, k]:
                    for e in range(elements):
                        total[e] += weights[k - first] * values[n, k, e]
            result[n, t] = total
