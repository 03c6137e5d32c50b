"""Moments whose views agree with each other and contradict the track: the track gives in.

Views agree on a wrong place only by mistaking it all alike, such as one leg for another. Then
either that moment is mistaken or its neighbours are, which time does not tell: what the moment says
is kept, and how far the track was from it is a doubt that belongs to its covariance.
"""

import numpy as np

from calibration.geometry import Array
from labcut3d.reconstruction.evidence import Evidence, Noise, judge

__all__ = ["give_in", "variance_of_doubt"]

AGREEING = 1.5  # views, by probability, that agree on a point
MORE = 1.0  # views by which more say so than hold with the track
TOSS = 0.5  # probability that such a moment is mistaken, and not its neighbours


def give_in(evidence: Evidence, noise: Noise, points: Array, alone: Array) -> tuple[Array, Array]:
    """Return tracks (keypoint, time, 3) that went to `alone` where its views contradict them.

    And the doubt (keypoint, time, 3): how far from there the tracks `points` were, zero elsewhere.
    `alone` (keypoint, time, 3) are the points that each moment tells by itself, NaN where none.
    """
    told = np.where(np.isfinite(alone).all(axis=-1, keepdims=True), alone, points)
    agree, held = (judge(evidence, noise, one).right.sum(axis=0) for one in (told, points))
    where = ((agree > AGREEING) & (agree - held > MORE))[..., None]
    return np.where(where, told, points), np.where(where, points - told, 0.0)


def variance_of_doubt(doubt: Array) -> Array:
    """Return the covariance (..., 3, 3) about one of two places, `doubt` (..., 3) apart."""
    return TOSS * doubt[..., :, None] * doubt[..., None, :]
