"""Left and right exchanged in several views at once, or for long: who is who, by views and time.

In every moment each view may or may not have exchanged a pair. Geometry says which patterns of
exchanges make two points of the pair, but not which of them is the left one; that is told by
time, since an animal turns gradually, and by exchanges being rarer than none. The most probable
sequence of patterns is found by Viterbi's algorithm.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np

from calibration.geometry import Array
from labcut3d.reconstruction.alone import alone
from labcut3d.reconstruction.commons import Commons
from labcut3d.reconstruction.evidence import (
    PARTS,
    Evidence,
    Noise,
    first_noise,
    judge,
    log_likelihood,
)

__all__ = ["untangle"]

BEGIN, END = 0.01, 0.15  # probabilities that a view begins, or ends, to exchange a pair
MOST = 2  # views exchanged at once, or not exchanged at once,
MANY = 6  # unless there are more views than these: then only one
FREEDOM = 10.0  # degrees of freedom of the Student turns
BLUR = 0.25  # of the distance between left and right: what noise may turn
UNKNOWN = -1.0  # nats, of a turn that is not seen
BLOCK = 4096  # moments weighed at a time, so that long recordings take little memory
LONGEST_LAG = 10  # frames, after which an animal may have turned anywhere


def untangle(
    evidence: Evidence, pairs: Sequence[tuple[int, int]], commons: Commons | None = None
) -> tuple[Evidence, np.ndarray]:
    """Return the evidence with left/right pairs put right, and which were (pair, view, time).

    `pairs` are indices of keypoints. A pair is left as it is where it is hardly seen. How noisy
    the pair is and how it usually turns are `commons` of the recording.
    """
    commons = commons or Commons()
    views, _, moments = evidence.confidence.shape
    exchanged = np.zeros((len(pairs), views, moments), dtype=bool)
    patterns = _patterns(views)
    for pair, (left, right) in enumerate(pairs):
        both = evidence.of_keypoints(np.array([left, right]))
        size, deviation = commons.tell(f"pair {pair}", partial(_size_and_noise, both))
        score, apart = _weighed(both, size, deviation, patterns)
        turn = commons.tell(f"turn of pair {pair}", partial(_usual_turn, apart, score))
        path = _likeliest(score, apart, _changes(patterns), turn)
        where = patterns[path].T
        where &= evidence.seen[:, left] | evidence.seen[:, right]
        if where.any():
            evidence = evidence.exchanged(left, right, where)
            exchanged[pair] = where
    return evidence, exchanged


def _patterns(views: int) -> np.ndarray:
    """Return which views exchange (pattern, view): none, some, all but some, all.

    The k-th from the end is the opposite of the k-th.
    """
    few = range(min(MOST if views <= MANY else 1, views) + 1)
    chosen = [which for count in few for which in combinations(range(views), count)]
    some = np.array([[view in which for view in range(views)] for which in chosen])
    return np.unique(np.concatenate([some, ~some]), axis=0)  # sorted, so opposites mirror


def _size_and_noise(both: Evidence) -> tuple[float, float]:
    """Return how far apart the two keypoints usually lie, and the noise they are seen with, px."""
    told = both.information[both.seen][:, 0, 0]
    deviation = float(1 / np.sqrt(np.median(told))) if len(told) else 1.0
    return first_noise(both).surroundings, deviation


def _weighed(
    both: Evidence, size: float, deviation: float, patterns: np.ndarray
) -> tuple[Array, Array]:
    """Return how probable every pattern is (time, pattern), and from right to left (..., 3).

    The latter is NaN where one of the two is not seen by two views.
    """
    noise = replace(first_noise(both, size), scale=np.ones(len(patterns)))
    parts = [_weighed_moments(part, noise, deviation, patterns) for part in both.in_blocks(BLOCK)]
    score, apart = (np.concatenate(part) for part in zip(*parts, strict=True))
    return score, apart


def _weighed_moments(
    both: Evidence, noise: Noise, deviation: float, patterns: np.ndarray
) -> tuple[Array, Array]:
    """Return what `_weighed` does, of the evidence on the two keypoints in some moments."""
    one = _chosen(both, patterns)
    found = alone(one).points
    known = np.isfinite(found).all(axis=-1)
    likelihood = log_likelihood(one, noise, judge(one, noise, found))
    # A point that is free to be anywhere takes three coordinates to fit.
    occam = 3 * np.log(max(noise.surroundings / deviation, 1.0))
    elsewhere = -np.log(2 * np.pi * noise.surroundings**2)
    fitted = likelihood.sum(axis=0) - occam
    point = np.where(known, fitted, one.seen.sum(axis=0) * elsewhere)
    return (point + point[::-1]).T, (found - found[::-1]).swapaxes(0, 1)


def _chosen(both: Evidence, patterns: np.ndarray) -> Evidence:
    """Return the left keypoint's evidence under every pattern, (view, pattern, time, ...)."""
    keypoint = patterns.T.astype(int)  # 1, the right one, where it is exchanged
    view = np.arange(len(keypoint))[:, None]
    return replace(both, **{name: getattr(both, name)[view, keypoint] for name in PARTS})


def _changes(patterns: np.ndarray) -> Array:
    """Return the log-probabilities (before, now) of going from one pattern to another."""
    table = np.log([[1 - BEGIN, BEGIN], [END, 1 - END]])
    bits = patterns.astype(int)
    return table[bits[:, None], bits].sum(axis=-1)


def _likeliest(score: Array, apart: Array, changes: Array, turn: tuple[float, float]) -> np.ndarray:
    """Return the most probable pattern (time,) of those `score` (time, pattern) weighs.

    `apart` (time, pattern, 3) turns gradually, by a usual `turn` and its blur; patterns follow by
    `changes` (before, now). Where no pattern knows how left and right are apart, nothing is
    exchanged.
    """
    path = np.zeros(len(score), dtype=int)
    moments = np.flatnonzero(np.isfinite(apart).all(axis=-1).any(axis=-1))
    if not len(moments):
        return path
    usual, blur = turn
    total = score[moments[0]] + changes[0]
    came = np.zeros((len(moments), score.shape[1]), dtype=int)
    for index in range(1, len(moments)):
        before, now = moments[index - 1], moments[index]
        lag = min(now - before, LONGEST_LAG)
        turned = ((apart[now] - apart[before][:, None]) ** 2).sum(axis=-1)
        turned /= (lag * usual) ** 2 + blur**2
        step = -(FREEDOM + 3) / 2 * np.log1p(turned / FREEDOM)
        reached = total[:, None] + changes + np.where(np.isnan(step), UNKNOWN, step)
        came[index] = reached.argmax(axis=0)
        total = reached.max(axis=0) + score[now]
    state = int(total.argmax())
    for index in range(len(moments) - 1, -1, -1):
        path[moments[index]] = state
        state = came[index, state]
    return path


def _usual_turn(apart: Array, score: Array) -> tuple[float, float]:
    """Return how much the vector from right to left usually changes in a moment, and its blur."""
    known = np.isfinite(apart).all(axis=-1)
    moments = np.flatnonzero(known.any(axis=-1))
    if not len(moments):
        return 0.0, 1.0
    best = np.where(known, score, -np.inf).argmax(axis=1)
    vectors = apart[moments, best[moments]]
    length = max(float(np.median(np.linalg.norm(vectors, axis=-1))), 1e-12)
    ahead, back = vectors[1:], vectors[:-1]
    change = np.minimum(
        np.linalg.norm(ahead - back, axis=-1), np.linalg.norm(ahead + back, axis=-1)
    )
    return float(np.median(change)) if len(change) else 0.0, BLUR * length
