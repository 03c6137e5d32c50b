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

# Of the points before, at and after a moment: what they make of its velocity and acceleration.
VELOCITY = np.array([-0.5, 0.0, 0.5])
ACCELERATION = np.array([1.0, -2.0, 1.0])


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


def log_evidence(information: Array, vectors: Array, precision: Array) -> Array:
    """Return the log marginal likelihood (track,) of the measurements, up to a constant.

    The constant is the same for all `precision` that differ by a factor: it serves to find that
    factor by maximum likelihood.
    """
    result = 1.5 * np.log(precision).sum(axis=1)
    for track, factor in _factors(information, precision):
        result[track] += 0.5 * (vectors[track] * _solve(factor, vectors[track])).sum()
        result[track] -= np.log(factor[0, : -banded.BANDS, 0]).sum()
    return result


def posterior_covariances(information: Array, precision: Array) -> tuple[Array, Array]:
    """Return the covariances (track, time, 3, 3) of the tracks that `smooth` returns.

    And the variances (track, time - 2) of their accelerations, all three directions together.
    """
    blocks, lagged = np.empty(information.shape), np.zeros((*information.shape[:2], 2))
    window, column = np.empty((6, 6)), np.empty(6)
    for k, factor in _factors(information, precision):
        banded.inverse_blocks(factor, window, column, blocks[k : k + 1], lagged[k : k + 1])
    own = blocks[..., 0, 0] + blocks[..., 1, 1] + blocks[..., 2, 2]
    one, two = lagged[..., 0], lagged[..., 1]
    spread = own[:, 2:] + 4 * own[:, 1:-1] + own[:, :-2]
    spread += 2 * two[:, :-2] - 4 * (one[:, 1:-1] + one[:, :-2])
    return blocks, spread


def posterior_motion(information: Array, precision: Array) -> tuple[Array, Array]:
    """Return the covariances (track, time - 2, 3, 3) of `velocities` and of `accelerations`.

    Of the tracks that `smooth` returns, exactly: from the covariance of three neighbours together.
    One track at a time, to spare memory.
    """
    tracks, moments = information.shape[:2]
    found = np.empty((2, tracks, max(moments - 2, 0), 3, 3))
    window, column, lagged = np.empty((9, 9)), np.empty(9), np.empty((1, moments, 2))
    joint = np.empty((1, moments, 9, 9))
    for track, factor in _factors(information, precision):
        banded.inverse_blocks(factor, window, column, joint, lagged)
        three = joint[0, : found.shape[2]].reshape(-1, 3, 3, 3, 3)
        for weights, covariance in zip((VELOCITY, ACCELERATION), found[:, track], strict=True):
            covariance[:] = np.einsum("a,taibj,b->tij", weights, three, weights, optimize=True)
    return found[0], found[1]


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
        factor[:] = 0.0
        banded.fill(information[k : k + 1], precision[k : k + 1], factor)
        banded.factorize(factor)
        if not np.isfinite(factor[..., 0]).all():
            raise np.linalg.LinAlgError("a track's normal equations are not positive definite")
        yield k, factor
