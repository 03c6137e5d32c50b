"""Bones keep their length: learnt from confident moments, then pulling softly on the tracks.

Only bones that are stiff may pull: one that now and then truly changes its length, such as between
head and proboscis, would hide just what is looked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.gaussian import MAD_TO_DEVIATION
from calibration.geometry import Array

__all__ = ["Bones", "learn_bones", "pull_of_bones"]

CONFIDENT = 0.4  # the share of moments, the best known ones, that teach a bone's length
FEWEST = 20  # confident moments
STIFF = 0.25  # of its length; a bone that varies more than this says too little to be used
FREEDOM = 4.0  # degrees of freedom of the Student lengths
TAIL, TAIL_TO_SD = 0.99, 1 / 2.576  # the deviation that 99 % stay within, for normal noise
HEAVY = 2.0  # times the usual deviation; a tail that reaches farther is a change of length
BEYOND = 4.0  # standard deviations that a length differs by
LASTING = 5  # frames in a row; what differs so for longer is a change and not noise


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bones:
    """Pairs of keypoints (bone, 2), their lengths (bone,) and how much these vary (bone,)."""

    pairs: np.ndarray
    length: Array
    deviation: Array

    def renamed(self, keypoints: np.ndarray) -> "Bones":
        """Return the bones between the keypoints (n,) that the present indices stand for."""
        return replace(self, pairs=keypoints[self.pairs])

    def among(self, keypoints: np.ndarray) -> "Bones | None":
        """Return those between given keypoints (n,), as places among them; None where none is."""
        there = np.isin(self.pairs, keypoints).all(axis=1)
        if not there.any():
            return None
        return Bones(
            pairs=np.searchsorted(keypoints, self.pairs[there]),
            length=self.length[there],
            deviation=self.deviation[there],
        )


def learn_bones(points: Array, covariance: Array, pairs: Sequence[tuple[int, int]]) -> Bones:
    """Return the bones that are stiff, learnt from tracks (keypoint, time, 3) that none pulled.

    The moments that teach a length are those at which both ends are known best by `covariance`
    (keypoint, time, 3, 3).
    """
    size = np.trace(covariance, axis1=-2, axis2=-1)
    kept, lengths, deviations = [], [], []
    for a, b in pairs:
        length = np.linalg.norm(points[a] - points[b], axis=-1)
        doubt = size[a] + size[b]
        confident = doubt <= np.quantile(doubt, CONFIDENT)
        middle = float(np.median(length[confident]))
        off = np.abs(length - middle)
        deviation = MAD_TO_DEVIATION * float(np.median(off[confident]))
        tail = TAIL_TO_SD * float(np.quantile(off[confident], TAIL))
        usual = max(deviation, 0.01 * middle)
        if confident.sum() < FEWEST or max(tail, deviation) >= STIFF * middle:
            continue
        if tail <= HEAVY * usual and not _lasts(off**2 > BEYOND**2 * (usual**2 + doubt)):
            kept.append((a, b))
            lengths.append(middle)
            deviations.append(max(usual, tail))
    return Bones(
        pairs=np.array(kept, dtype=int).reshape(-1, 2),
        length=np.array(lengths),
        deviation=np.array(deviations),
    )


def _lasts(flags: np.ndarray) -> bool:
    """Tell whether some flags (time,) are set for `LASTING` moments in a row."""
    if len(flags) < LASTING:
        return False
    return bool(np.lib.stride_tricks.sliding_window_view(flags, LASTING).all(axis=-1).any())


def pull_of_bones(
    bones: Bones, points: Array, covariance: Array, information: Array, vectors: Array
) -> None:
    """Add what bones say to information (keypoint, time, 3, 3) and vectors (keypoint, time, 3).

    Each end is drawn along the bone, as if the other end stood where it is now, known as well as
    its own covariance says.
    """
    for (a, b), length, deviation in zip(bones.pairs, bones.length, bones.deviation, strict=True):
        for end, other in ((a, b), (b, a)):
            apart = points[end] - points[other]
            distance = np.linalg.norm(apart, axis=-1, keepdims=True)
            along = apart / np.maximum(distance, 1e-3 * length)
            unsure = np.einsum("ti,tij,tj->t", along, covariance[other], along)
            squared = (distance[:, 0] - length) ** 2 / deviation**2
            weight = (FREEDOM + 1) / (FREEDOM + squared) / (deviation**2 + unsure)
            target = ((points[other] * along).sum(axis=-1) + length) * weight
            information[end] += weight[:, None, None] * along[:, :, None] * along[:, None, :]
            vectors[end] += target[:, None] * along
