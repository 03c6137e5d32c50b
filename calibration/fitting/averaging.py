"""Rotations and centres of cameras from the relative poses of pairs, all pairs together.

Differences along the edges of a graph are fitted by least squares in which an edge that disagrees
with the others loses its say: iteratively reweighted, from a loss that is nearly quadratic to one
that is linear beyond a small residual (Huber), so that no wrong start survives. Sources: Hartley,
Trumpf, Dai & Li, "Rotation averaging", 2013; Chatterjee & Govindu, "Efficient and robust
large-scale rotation averaging", 2013.
"""

import numpy as np

from calibration.geometry import Array, rotation_from_vector, vector_from_rotation

__all__ = ["average_offsets", "average_rotations"]

WIDEST, NARROWEST = 1.0, 0.02  # rad, or parts of the scale: where the loss turns linear
SHRINK = 0.6  # of that width from round to round
MOST_ROUNDS = 60
STILL = 1e-10  # rad, or parts of the scale; a step that no longer matters


def average_rotations(pairs: np.ndarray, relative: Array, precision: Array, start: Array) -> Array:
    """Return camera_from_world rotations (camera, 3, 3) that agree best with all pairs.

    `pairs` (pair, 2) are cameras a and b, `relative` (pair, 3, 3) is b_from_a, and `precision`
    (pair,) how far each is to be trusted; `start` (camera, 3, 3), of which the first stays.
    """
    rotations, (a, b), width = start.copy(), pairs.T, WIDEST
    for _ in range(MOST_ROUNDS):
        predicted = np.swapaxes(rotations[b], -1, -2) @ relative @ rotations[a]
        missing = vector_from_rotation(predicted)
        weights = precision / np.maximum(np.linalg.norm(missing, axis=-1), width)
        step = _fit_differences(pairs, missing, weights, len(rotations))
        rotations = rotations @ rotation_from_vector(step)
        if width == NARROWEST and np.abs(step).max() < STILL:
            break
        width = max(width * SHRINK, NARROWEST)
    return rotations


def average_offsets(
    pairs: np.ndarray, offsets: Array, precision: Array, *, n_cameras: int, scale: float
) -> Array:
    """Return a value (camera, n) of each camera, zero for the first, that agree best.

    `offsets` (pair, n) lead from the value of camera a to that of b, such as from centre to centre
    in the world's axes; an offset off by more than a small part of `scale` pulls no harder.
    """
    values, (a, b), width = np.zeros((n_cameras, offsets.shape[1])), pairs.T, WIDEST
    for _ in range(MOST_ROUNDS):
        missing = offsets - (values[b] - values[a])
        weights = precision / np.maximum(np.linalg.norm(missing, axis=-1), width * scale)
        step = _fit_differences(pairs, missing, weights, n_cameras)
        values = values + step
        if width == NARROWEST and np.abs(step).max() < STILL * scale:
            break
        width = max(width * SHRINK, NARROWEST)
    return values


def _fit_differences(
    pairs: np.ndarray, differences: Array, weights: Array, n_cameras: int
) -> Array:
    """Return values (camera, n), the first zero, with weighted least `x_b - x_a - difference`.

    The pairs must link all cameras.
    """
    incidence = np.zeros((len(pairs), n_cameras))
    rows = np.arange(len(pairs))
    incidence[rows, pairs[:, 0]], incidence[rows, pairs[:, 1]] = -1.0, 1.0
    incidence = incidence[:, 1:]
    weighted = incidence.T * (weights / weights.max())
    result = np.zeros((n_cameras, differences.shape[1]))
    result[1:] = np.linalg.solve(weighted @ incidence, weighted @ differences)
    return result
