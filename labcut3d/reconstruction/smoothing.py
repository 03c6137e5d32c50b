"""The smoother: many tracks at once, each a chain of points tied by their accelerations.

A track minimises the sum of its measurements' squared errors, given as information (3, 3) and
information vector (3,) at every moment, and of its squared second differences times a precision.
The normal equations have six bands, so a solve is linear in the number of moments, and the
posterior covariances follow exactly from the Cholesky factor (Takahashi et al., 1973).
"""

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded

from calibration.geometry import Array

__all__ = ["accelerations", "log_evidence", "posterior_covariances", "smooth"]

BANDS = 6  # a second difference ties moments that are two apart: 2 x 3 coordinates
COEFFICIENTS = np.array([1.0, -2.0, 1.0])


def accelerations(points: Array) -> Array:
    """Return the second differences (..., time - 2, 3) of tracks (..., time, 3), unit/frame^2."""
    return points[..., 2:, :] - 2 * points[..., 1:-1, :] + points[..., :-2, :]


def smooth(information: Array, vectors: Array, precision: Array) -> Array:
    """Return the most probable tracks (track, time, 3).

    `information` (track, time, 3, 3) and `vectors` (track, time, 3) are the measurements',
    `precision` (track, time - 2) that of the second differences. Vectors (track, time, 3, n) are
    solved for side by side.
    """
    factors = _factorize(information, precision)
    solved = [
        cho_solve_banded(
            (factor, True), vector.reshape(-1, *vector.shape[2:]), check_finite=False
        ).reshape(vector.shape)
        for factor, vector in zip(factors, vectors, strict=True)
    ]
    return np.stack(solved) if solved else np.zeros_like(vectors)


def log_evidence(information: Array, vectors: Array, precision: Array) -> Array:
    """Return the log marginal likelihood (track,) of the measurements, up to a constant.

    The constant is the same for all `precision` that differ by a factor: it serves to find that
    factor by maximum likelihood.
    """
    result = []
    for factor, vector, p in zip(
        _factorize(information, precision), vectors, precision, strict=True
    ):
        half = cho_solve_banded((factor, True), vector.ravel(), check_finite=False)
        fit = 0.5 * float(vector.ravel() @ half) - float(np.log(factor[0]).sum())
        result.append(fit + 1.5 * float(np.log(p).sum()))
    return np.array(result)


def posterior_covariances(information: Array, precision: Array) -> Array:
    """Return the covariances (track, time, 3, 3) of the tracks that `smooth` returns.

    From the last coordinate backwards: the inverse within the bands needs only itself.
    """
    factors = np.stack(_factorize(information, precision))
    tracks, _, size = factors.shape
    result = np.empty((tracks, size // 3, 3, 3))
    window = np.zeros((tracks, BANDS, BANDS))
    for row in range(size - 1, -1, -1):
        pivot, below = factors[:, 0, row], factors[:, 1:, row]
        column = -(window @ below[..., None])[..., 0] / pivot[:, None]
        corner = (1 / pivot - (below * column).sum(axis=-1)) / pivot
        moved = np.empty_like(window)
        moved[:, 1:, 1:] = window[:, :-1, :-1]
        moved[:, 0, 0] = corner
        moved[:, 0, 1:] = moved[:, 1:, 0] = column[:, :-1]
        window = moved
        if row % 3 == 0:
            result[:, row // 3] = window[:, :3, :3]
    return result


def _factorize(information: Array, precision: Array) -> list[Array]:
    """Return the banded Cholesky factor (7, 3 time) of the normal equations of every track."""
    tracks, moments = information.shape[:2]
    bands = np.zeros((tracks, BANDS + 1, moments, 3))
    for offset in range(3):
        for axis in range(3 - offset):
            bands[:, offset, :, axis] = information[..., axis, axis + offset]
    for first in range(3):
        for second in range(first, 3):
            weight = COEFFICIENTS[first] * COEFFICIENTS[second] * precision[..., None]
            stop = moments - 2 + first
            bands[:, 3 * (second - first), first:stop] += weight
    return [
        cholesky_banded(band, lower=True, check_finite=False)
        for band in bands.reshape(tracks, BANDS + 1, 3 * moments)
    ]
