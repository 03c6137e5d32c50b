"""The smoother: many tracks at once, each a chain of points tied by their accelerations.

A track minimises the sum of its measurements' squared errors, given as information (3, 3) and
information vector (3,) at every moment, and of its squared second differences times a precision.
The normal equations have six bands, so a solve is linear in the number of moments, and the
posterior covariances follow exactly from the Cholesky factor (Takahashi et al., 1973).
"""

from collections.abc import Iterator

import numpy as np

from calibration.geometry import Array
from labcut3d.reconstruction import banded

__all__ = [
    "accelerations",
    "log_evidence",
    "posterior_covariances",
    "posterior_motion",
    "smooth",
    "velocities",
]

LAGS = 9  # elements of a row of the inverse that tell a moment, the next and the one after


def velocities(points: Array) -> Array:
    """Return the central differences (..., time - 2, 3) of tracks (..., time, 3), unit/frame."""
    return (points[..., 2:, :] - points[..., :-2, :]) / 2


def accelerations(points: Array) -> Array:
    """Return the second differences (..., time - 2, 3) of tracks (..., time, 3), unit/frame^2."""
    return points[..., 2:, :] - 2 * points[..., 1:-1, :] + points[..., :-2, :]


def smooth(information: Array, vectors: Array, precision: Array) -> Array:
    """Return the most probable tracks (track, time, 3).

    `information` (track, time, 3, 3) and `vectors` (track, time, 3) are the measurements',
    `precision` (track, time - 2) that of the second differences. Vectors (track, time, 3, n) are
    solved for side by side. Raises `numpy.linalg.LinAlgError` where they leave a track free.
    """
    solutions = np.empty(vectors.shape)
    for track, factor in _factors(information, precision):
        solutions[track] = _solve(factor, vectors[track])
    return solutions


def log_evidence(information: Array, vectors: Array, precision: Array) -> tuple[Array, Array]:
    """Return the log marginal likelihood (track,) of the measurements, and what `smooth` returns.

    Up to a constant, the same for all `precision` that differ by a factor: it serves to find that
    factor by maximum likelihood.
    """
    result = 1.5 * np.log(precision).sum(axis=1)
    solutions = np.empty(vectors.shape)
    for track, factor in _factors(information, precision):
        solutions[track] = _solve(factor, vectors[track])
        result[track] += 0.5 * (vectors[track] * solutions[track]).sum()
        result[track] -= banded.log_pivots(factor[0])
    return result, solutions


def posterior_covariances(information: Array, precision: Array) -> tuple[Array, Array]:
    """Return the covariances (track, time, 3, 3) of the tracks that `smooth` returns.

    And the variances (track, time - 2) of their accelerations, all three directions together.
    """
    blocks, unsteady = np.empty(information.shape), np.empty(precision.shape)
    for track, inverse in _inverses(information, precision, banded.BANDS + 1):
        own = slice(track, track + 1)
        banded.covariances(inverse, blocks[own], unsteady[own])
    return blocks, unsteady


def posterior_motion(information: Array, precision: Array) -> tuple[Array, Array, Array]:
    """Return covariances (track, time, 3, 3) of tracks, of `velocities` and of `accelerations`.

    Of the tracks that `smooth` returns, exactly: differences from the covariance of three
    neighbours together, NaN at the first and the last moment.
    """
    blocks, unsteady = np.empty(information.shape), np.empty(precision.shape)
    velocity, acceleration = np.full((2, *information.shape), np.nan)
    for track, inverse in _inverses(information, precision, LAGS):
        own = slice(track, track + 1)
        banded.covariances(inverse, blocks[own], unsteady[own])
        banded.covariances_of_differences(inverse, velocity[own], acceleration[own])
    return blocks, velocity, acceleration


def _solve(factor: Array, vectors: Array) -> Array:
    """Return the solutions of one track, of the shape of `vectors` (time, 3[, n])."""
    rows = factor.shape[1]
    columns = vectors.reshape(rows - banded.BANDS, -1).T
    values = np.zeros((1, len(columns), rows))
    values[0, :, : -banded.BANDS] = columns
    banded.solve(factor, values)
    return np.asarray(values[0, :, : -banded.BANDS].T.reshape(vectors.shape))


def _factors(information: Array, precision: Array) -> Iterator[tuple[int, Array]]:
    """Yield each track's number and the Cholesky factor (1, 3 time + 6, 7) of its equations.

    One after the other, in the same place: a factor is as large as all that is known of a track.
    """
    tracks, moments = information.shape[:2]
    factor = np.empty((1, 3 * moments + banded.BANDS, banded.BANDS + 1))
    for k in range(tracks):
        banded.fill(information[k : k + 1], precision[k : k + 1], factor)
        banded.factorize(factor)
        if not np.isfinite(factor[..., 0]).all():
            raise np.linalg.LinAlgError("a track's normal equations are not positive definite")
        yield k, factor


def _inverses(information: Array, precision: Array, width: int) -> Iterator[tuple[int, Array]]:
    """Yield each track's number and its equations' inverse (1, 3 time + 6, width), in one place."""
    inverse = np.empty((1, 3 * information.shape[1] + banded.BANDS, width))
    for track, factor in _factors(information, precision):
        inverse[:] = 0.0
        banded.invert(factor, inverse)
        yield track, inverse
