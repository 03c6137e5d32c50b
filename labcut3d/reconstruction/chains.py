"""Tracklets are joined over gaps and doubtful moments to animals that go all through a recording.

Ends and starts are joined all at once, by what moves from one to the other (compare Jaqaman et al.,
"Robust single-particle tracking in live-cell time-lapse sequences", 2008). How far an animal gets
in so many frames, and how far detectors keep their animals in order, is learnt from the tracklets.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from calibration.geometry import Array
from labcut3d.reconstruction.gains import body_gains
from labcut3d.reconstruction.tracklets import (
    CONVINCING,
    FEWEST,
    Tracklets,
    distances,
    later_points,
    make_tracklets,
)

__all__ = ["Chains", "join_over_time"]

CANDIDATES = 12  # later tracklets, times animals, that one may go on in
UNLINKED = -2.0  # nats, of an animal that goes nowhere; rather, it went where no other did
FILL_FRAMES = 4  # from which a keypoint is taken that is unknown at a tracklet's end
LAGS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144)  # frames


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chains:
    """Animals through time: `lane` (time, group) is the individual that a group of detections is.

    Every row is a permutation. `doubtful` (time, individual): where a tracklet goes on that might
    as well be another's.
    """

    lane: np.ndarray
    doubtful: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Links:
    """Links from tracklets to later ones, and what they gain; only those that are possible."""

    source: np.ndarray
    target: np.ndarray
    gain: Array


def join_over_time(points: Array, slot: np.ndarray) -> Chains:
    """Return who is who in `points` (time, group, keypoint, 3), NaN where unknown.

    `slot` (view, time, group) is the place in each detector's list, -1 where it is empty: a
    detector that keeps its animals in their places is listened to.
    """
    present = np.isfinite(points).all(axis=-1).sum(axis=-1) >= min(FEWEST, points.shape[2])
    known = points[np.isfinite(points).all(axis=-1)]
    room = float(np.linalg.norm(known.std(axis=0)) * 2) if len(known) else 1.0
    tracklets = make_tracklets(points, present, room)
    links = _possible_links(points, tracklets, slot, room)
    following = _best_links(links, len(tracklets.first))
    lane_of = _lanes(tracklets, following, points.shape[1])
    lane = _completed(tracklets.label, lane_of)
    taken = lane[tracklets.first, tracklets.group_first]
    return Chains(lane=lane, doubtful=_doubts(tracklets, links, following, taken, lane.shape))


def _reach(points: Array, label: np.ndarray, room: float) -> Array:
    """Return how far (lag,) keypoints usually get in `LAGS` frames, learnt within tracklets."""
    usual = np.full(len(LAGS), np.nan)
    for index, lag in enumerate(LAGS):
        if lag < len(points):
            apart = distances(later_points(points, label, lag), points)
            apart = apart[np.isfinite(apart)]
            if len(apart) >= 10:
                usual[index] = np.median(apart)
    known = np.isfinite(usual)
    if not known.any():
        return np.full(len(LAGS), room / 4)
    # Beyond what tracklets show, as a walk at random goes on.
    first, last = np.flatnonzero(known)[[0, -1]]
    lags = np.array(LAGS, dtype=float)
    filled = np.interp(lags, lags[known], usual[known])
    filled[last + 1 :] = usual[last] * np.sqrt(lags[last + 1 :] / lags[last])
    filled[:first] = usual[first]
    return np.maximum.accumulate(np.maximum(filled, 1e-9 * room))


def _possible_links(points: Array, tracklets: Tracklets, slot: np.ndarray, room: float) -> _Links:
    """Return all links from a tracklet to the next few that begin after its end."""
    order = np.argsort(tracklets.first, kind="stable")
    begins = np.searchsorted(tracklets.first[order], tracklets.last, side="right")
    nearby = begins[:, None] + np.arange(CANDIDATES * points.shape[1])
    source, which = np.nonzero(nearby < len(order))
    target = order[nearby[source, which]]
    end = (tracklets.last[source], tracklets.group_last[source])
    start = (tracklets.first[target], tracklets.group_first[target])
    lag = tracklets.first[target] - tracklets.last[source]
    usual = np.interp(lag, LAGS, _reach(points, tracklets.label, room))
    ends = _filled(points[::-1], tracklets.label[::-1])[::-1][end]
    apart = distances(ends, _filled(points, tracklets.label)[start])
    gain = body_gains(apart, usual, room)
    return _Links(source=source, target=target, gain=gain + _loyalty(slot, tracklets, end, start))


def _filled(points: Array, label: np.ndarray) -> Array:
    """Return points where each unknown keypoint is taken from the tracklet's next frames."""
    filled = points.copy()
    for lag in range(1, min(FILL_FRAMES, len(points) - 1) + 1):
        filled = np.where(np.isfinite(filled), filled, later_points(points, label, lag))
    return filled


def _loyalty(
    slot: np.ndarray,
    tracklets: Tracklets,
    end: tuple[np.ndarray, np.ndarray],
    start: tuple[np.ndarray, np.ndarray],
) -> Array:
    """Return what links (n,) gain by staying in their place of the detectors' lists.

    As much as each view's detector is seen to keep places within tracklets; nothing at all for
    one that shuffles them.
    """
    gain = np.zeros(len(end[0]))
    groups = slot.shape[2]
    label = tracklets.label
    follows = (label[:-1, :, None] == label[1:, None]) & (label[:-1] >= 0)[:, :, None]
    t, here, there = np.nonzero(follows)
    for view in slot:
        before, after = view[t, here], view[t + 1, there]
        seen = (before >= 0) & (after >= 0)
        if seen.sum() < 10 or groups < 2:
            continue
        kept = min(float((before == after)[seen].mean()), 0.98)
        if kept <= 1 / groups:
            continue
        both = (view[end] >= 0) & (view[start] >= 0)
        same = view[end] == view[start]
        ratio = np.where(same, kept * groups, (1 - kept) * groups / (groups - 1))
        gain += np.where(both, np.log(ratio), 0.0)
    return gain


def _best_links(links: _Links, count: int) -> np.ndarray:
    """Return which tracklet (n,) follows each, -1 for none, so that they gain most in all."""
    following = np.full(count, -1)
    if not len(links.source):
        return following
    # A column of its own for each tracklet that nothing follows; weights must not be zero.
    most = max(links.gain.max(), UNLINKED) + 1.0
    rows = np.concatenate([links.source, np.arange(count)])
    columns = np.concatenate([links.target, count + np.arange(count)])
    cost = np.concatenate([most - links.gain, np.full(count, most - UNLINKED)])
    rows, columns = min_weight_full_bipartite_matching(
        csr_array((cost, (rows, columns)), shape=(count, 2 * count))
    )
    following[rows] = np.where(columns < count, columns, -1)
    return following


def _lanes(tracklets: Tracklets, following: np.ndarray, lanes: int) -> np.ndarray:
    """Return the individual (n,) of each tracklet, -1 where there is none left.

    Longest chains of tracklets first; a chain that fits nowhere is taken apart.
    """
    busy = np.zeros((lanes, len(tracklets.label)), dtype=bool)
    lane_of = np.full(len(following), -1)
    pending = sorted(_chains(following), key=lambda c: -_length(tracklets, c))
    while pending:
        chain = pending.pop(0)
        span = slice(tracklets.first[chain[0]], tracklets.last[chain[-1]] + 1)
        parts = [slice(tracklets.first[i], tracklets.last[i] + 1) for i in chain]
        clash = np.array([sum(row[part].any() for part in parts) for row in busy])
        crowded = np.array([row[span].sum() for row in busy])
        best = int(np.lexsort((crowded, clash))[0])
        if clash[best] == 0:
            for part in parts:
                busy[best, part] = True
            lane_of[list(chain)] = best
        elif len(chain) > 1:
            pending = [(one,) for one in chain] + pending
    return lane_of


def _chains(following: np.ndarray) -> list[tuple[int, ...]]:
    """Return the runs of tracklets that follow each other."""
    chains = []
    for start in np.setdiff1d(np.arange(len(following)), following):
        chain = [int(start)]
        while following[chain[-1]] >= 0:
            chain.append(int(following[chain[-1]]))
        chains.append(tuple(chain))
    return chains


def _length(tracklets: Tracklets, chain: tuple[int, ...]) -> int:
    """Return the number of frames in which a chain is seen."""
    return sum(int(tracklets.last[i] - tracklets.first[i]) + 1 for i in chain)


def _completed(label: np.ndarray, lane_of: np.ndarray) -> np.ndarray:
    """Return the individual (time, group) of every group; the rest take what is left."""
    lane = np.where(label >= 0, lane_of[label] if len(lane_of) else -1, -1)
    for t in np.flatnonzero((lane < 0).any(axis=1)):
        lane[t, lane[t] < 0] = np.setdiff1d(np.arange(lane.shape[1]), lane[t])
    return lane


def _doubts(
    tracklets: Tracklets,
    links: _Links,
    following: np.ndarray,
    taken: np.ndarray,
    shape: tuple[int, ...],
) -> np.ndarray:
    """Return where (time, individual) a tracklet goes on that might as well be another's.

    Two links might be exchanged where both exchanged ones are possible and gain hardly less; and
    what follows nothing, but is `taken` (n,) for an individual seen before, is a guess.
    """
    doubtful = np.zeros(shape, dtype=bool)
    for tracklet in np.setdiff1d(np.arange(len(taken)), following):
        if tracklets.first[taken == taken[tracklet]].min() < tracklets.first[tracklet]:
            doubtful[tracklets.first[tracklet], taken[tracklet]] = True
    gain = dict(zip(zip(links.source, links.target, strict=True), links.gain, strict=True))
    chosen = [(int(i), int(j)) for i, j in enumerate(following) if j >= 0]
    chosen.sort(key=lambda link: tracklets.last[link[0]])
    for index, (i, j) in enumerate(chosen):
        for a, b in chosen[index + 1 :]:
            if tracklets.last[a] >= tracklets.first[j]:
                break
            if (i, b) not in gain or (a, j) not in gain:
                continue
            if gain[i, j] + gain[a, b] - gain[i, b] - gain[a, j] < CONVINCING:
                doubtful[tracklets.first[[j, b]], taken[[j, b]]] = True
    return doubtful
