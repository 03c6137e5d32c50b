"""The smoother: many tracks at once, each a chain of points tied by their accelerations.

A track minimises the sum of its measurements' squared errors, given as information (3, 3) and
information vector (3,) at every moment, and of its squared second differences times a precision.
The normal equations have six bands, so a solve is linear in the number of moments, and the
posterior covariances follow exactly from the Cholesky factor (Takahashi et al., 1973).
"""

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
    return _solve(_factorize(information, precision), vectors)


def log_evidence(information: Array, vectors: Array, precision: Array) -> Array:
    """Return the log marginal likelihood (track,) of the measurements, up to a constant.

    The constant is the same for all `precision` that differ by a factor: it serves to find that
    factor by maximum likelihood.
    """
    factors = _factorize(information, precision)
    fit = 0.5 * (vectors * _solve(factors, vectors)).sum(axis=(1, 2))
    diagonal = factors[:, : -banded.BANDS, 0]
    return fit - np.log(diagonal).sum(axis=1) + 1.5 * np.log(precision).sum(axis=1)


def posterior_covariances(information: Array, precision: Array) -> Array:
    """Return the covariances (track, time, 3, 3) of the tracks that `smooth` returns."""
    factors = _factorize(information, precision)
    blocks = np.empty(information.shape)
    banded.inverse_blocks(factors, np.empty((6, 6)), np.empty(6), blocks)
    return blocks


def posterior_motion(information: Array, precision: Array) -> tuple[Array, Array]:
    """Return the covariances (track, time - 2, 3, 3) of `velocities` and of `accelerations`.

    Of the tracks that `smooth` returns, exactly: from the covariance of three neighbours together.
    One track at a time, to spare memory.
    """
    tracks, moments = information.shape[:2]
    found = np.empty((2, tracks, max(moments - 2, 0), 3, 3))
    for track in range(tracks):
        factors = _factorize(information[track : track + 1], precision[track : track + 1])
        joint = np.empty((1, moments, 9, 9))
        banded.inverse_blocks(factors, np.empty((9, 9)), np.empty(9), joint)
        three = joint[0, : found.shape[2]].reshape(-1, 3, 3, 3, 3)
        for weights, covariance in zip((VELOCITY, ACCELERATION), found[:, track], strict=True):
            covariance[:] = np.einsum("a,taibj,b->tij", weights, three, weights, optimize=True)
    return found[0], found[1]


def _solve(factors: Array, vectors: Array) -> Array:
    """Return the solutions, of the shape of `vectors` (track, time, 3[, n])."""
    tracks, rows = factors.shape[:2]
    columns = vectors.reshape(tracks, rows - banded.BANDS, -1).swapaxes(1, 2)
    values = np.zeros((tracks, columns.shape[1], rows))
    values[..., : -banded.BANDS] = columns
    banded.solve(factors, values)
    return values[..., : -banded.BANDS].swapaxes(1, 2).reshape(vectors.shape)


def _factorize(information: Array, precision: Array) -> Array:
    """Return the Cholesky factors (track, 3 time + 6, 7) of the normal equations of all tracks."""
    tracks, moments = information.shape[:2]
    factors = np.zeros((tracks, 3 * moments + banded.BANDS, banded.BANDS + 1))
    banded.fill(information, precision, factors)
    banded.factorize(factors)
    if not np.isfinite(factors[..., 0]).all():
        raise np.linalg.LinAlgError("the normal equations of a track are not positive definite")
    return factors
