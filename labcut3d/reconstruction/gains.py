"""How much more probable two things are as one animal than as any two, in nats: *gains*.

The logarithm of a mixture: with heavy-tailed (Student) noise the same, or else anywhere within
`room`, given in units of the noise. Gains of keypoints add up; one keypoint that is wrong, such as
another animal's leg, costs little. What was not seen says nothing: 0. What runs over the
detections is compiled.
"""

import math

import numpy as np
from scipy.optimize import linear_sum_assignment

from calibration.compiling import compiled, inlined
from calibration.geometry import Array

__all__ = ["WRONG", "assign", "body_gains", "exchange_margins", "pair_gains", "prediction_gains"]

WRONG = 0.1  # part of the detections that lie anywhere
FREEDOM = 4.0  # degrees of freedom of the Student noise
PEAK_1D = 0.375  # its densities at the middle, in one, two and three dimensions
PEAK_2D = 1 / (2 * math.pi)
PEAK_3D = 0.0844
PARALLEL = 1e-12  # squared sine below which rays have no crossing


@inlined
def _gain(squared, peak, room, dimensions):
    """Return the gain of a squared distance in units of the noise."""
    density = peak * (1 + squared / FREEDOM) ** (-(FREEDOM + dimensions) / 2)
    return math.log((1 - WRONG) * density * room**dimensions + WRONG)


@compiled
def pair_gains(one, other, gains):
    """Fill `gains` (time, slot, slot) with what the rays of two views say about each other.

    A side is origins and directions (time, slot, keypoint, 3), the angle that the noise makes
    (time, slot, keypoint) rad, the weight (time, slot, keypoint), and its `room`. Rays of one
    point pass each other closer than the noise; they may leave walls that bent them.
    """
    origins, ways, noise, weight, room = one
    starts, roads, blur, trust, _ = other
    times, slots, keypoints = noise.shape
    for t in range(times):
        for i in range(slots):
            for j in range(slots):
                total = 0.0
                for k in range(keypoints):
                    if weight[t, i, k] > 0 and trust[t, j, k] > 0:
                        a, b = ways[t, i, k], roads[t, j, k]
                        x = a[1] * b[2] - a[2] * b[1]
                        y = a[2] * b[0] - a[0] * b[2]
                        z = a[0] * b[1] - a[1] * b[0]
                        sine = x * x + y * y + z * z
                        if sine < PARALLEL:
                            continue
                        p = starts[t, j, k, 0] - origins[t, i, k, 0]
                        q = starts[t, j, k, 1] - origins[t, i, k, 1]
                        r = starts[t, j, k, 2] - origins[t, i, k, 2]
                        gap = p * x + q * y + r * z
                        u, v, w = q * z - r * y, r * x - p * z, p * y - q * x
                        far = -(u * b[0] + v * b[1] + w * b[2]) / sine * noise[t, i, k]
                        away = -(u * a[0] + v * a[1] + w * a[2]) / sine * blur[t, j, k]
                        here = math.log(WRONG)  # they cross behind a camera
                        if far > 0 and away > 0:
                            squared = gap * gap / (sine * (far * far + away * away))
                            here = _gain(squared, PEAK_1D, room, 1)
                        total += weight[t, i, k] * trust[t, j, k] * here
                gains[t, i, j] = total


@compiled
def prediction_gains(pixels, weight, predicted, noise, room, gains):
    """Fill `gains` (time, slot, animal) with how well detections fit where animals should be.

    `pixels` (time, slot, keypoint, 2) and their `weight` (time, slot, keypoint); `predicted`
    (time, animal, keypoint, 2), NaN = not known, with its `noise` (time, animal, keypoint) px.
    `room` is in px.
    """
    times, slots, keypoints = weight.shape
    for t in range(times):
        for i in range(slots):
            for j in range(slots):
                total = 0.0
                for k in range(keypoints):
                    x = pixels[t, i, k, 0] - predicted[t, j, k, 0]
                    y = pixels[t, i, k, 1] - predicted[t, j, k, 1]
                    squared = (x * x + y * y) / noise[t, j, k] ** 2
                    if weight[t, i, k] > 0 and math.isfinite(squared):
                        here = _gain(squared, PEAK_2D, room / noise[t, j, k], 2)
                        total += weight[t, i, k] * here
                gains[t, i, j] = total


def body_gains(apart: Array, usual: Array | float, room: float) -> Array:
    """Return the gains (...) of bodies whose keypoints are `apart` (..., keypoint).

    The mean of the keypoints' gains, since a body moves as a whole: heads that meet do not make one
    animal of two. `usual` (...) is how far keypoints usually are apart, `room` the extent of the
    arena, in the same unit. Keypoints that are not known (NaN) count nothing.
    """
    usual = np.asarray(usual)[..., None]
    squared = (apart / usual) ** 2
    density = PEAK_3D * (1 + squared / FREEDOM) ** (-(FREEDOM + 3) / 2)
    gains = np.log((1 - WRONG) * density * np.maximum(room / usual, 1.0) ** 3 + WRONG)
    known = np.isfinite(apart)
    return np.where(known, gains, 0.0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)


def assign(gains: Array) -> np.ndarray:
    """Return which row (n, column) each column takes, so that the gains (n, row, column) are most.

    The Hungarian method, where it is not enough that each column takes the best row for itself.
    """
    rows = gains.argmax(axis=1)
    contested = (np.diff(np.sort(rows, axis=1), axis=1) == 0).any(axis=1)
    for index in np.flatnonzero(contested):
        rows[index] = linear_sum_assignment(gains[index].T, maximize=True)[1]
    return rows


def exchange_margins(gains: Array, rows: np.ndarray) -> Array:
    """Return by how much (n, column) less would be gained were two columns' rows exchanged.

    The least over all other columns; `rows` is what `assign` returned.
    """
    ordered = np.take_along_axis(gains, rows[:, :, None], axis=1)
    own = np.diagonal(ordered, axis1=1, axis2=2)
    loss = own[:, :, None] + own[:, None] - ordered - np.swapaxes(ordered, 1, 2)
    return np.where(np.eye(loss.shape[1], dtype=bool), np.inf, loss).min(axis=-1)
