"""Left and right exchanged in one view: found because the other views and times disagree."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from calibration.geometry import Array
from labcut3d.reconstruction.evidence import Evidence, Noise, judge, log_likelihood

__all__ = ["repair_swaps"]

CONVINCING = 3.0  # nats by which an exchange must explain the detections better


def repair_swaps(
    evidence: Evidence, noise: Noise, points: Array, pairs: Sequence[tuple[int, int]]
) -> tuple[Evidence, np.ndarray]:
    """Return the evidence with exchanged pairs put right, and which were (pair, view, time).

    A pair of detections is exchanged back where that makes them more probable, given `points`
    (keypoint, time, 3), by a convincing margin.
    """
    everywhere = np.ones(evidence.confidence[:, 0].shape, dtype=bool)
    exchanged = np.zeros((len(pairs), *everywhere.shape), dtype=bool)
    for pair, (left, right) in enumerate(pairs):
        two = np.array([left, right])
        both, own = evidence.of_keypoints(two), replace(noise, scale=noise.scale[two])
        as_it_is, swapped = (
            log_likelihood(one, own, judge(one, own, points[two]))
            for one in (both, both.exchanged(0, 1, everywhere))
        )
        where = (swapped - as_it_is).sum(axis=1) > CONVINCING
        if where.any():
            evidence = evidence.exchanged(left, right, where)
            exchanged[pair] = where
    return evidence, exchanged
