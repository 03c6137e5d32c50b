"""Left and right exchanged in one view: found because the other views and times disagree."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from calibration.geometry import Array
from labcut3d.reconstruction.evidence import Evidence, Noise, judge

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
        before = judge(both, own, points[two]).log_likelihood
        after = judge(both.exchanged(0, 1, everywhere), own, points[two]).log_likelihood
        where = (after - before).sum(axis=1) > CONVINCING
        if where.any():
            evidence = evidence.exchanged(left, right, where)
            exchanged[pair] = where
    return evidence, exchanged
