"""Which animals of one moment are which of the next: sure steps make tracklets, then these join.

A tracklet is cut wherever two animals could have been exchanged. Ends and starts are joined all at
once, by what moves from one to the other, over gaps too, in both directions of time (compare
Jaqaman et al., "Robust single-particle tracking in live-cell time-lapse sequences", 2008); how far
an animal gets in so many frames is learnt from the tracklets themselves.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from calibration.geometry import Array
from labcut3d.reconstruction.gains import assign, body_gains, exchange_margins

__all__ = ["CONVINCING", "Chains", "join_over_time"]

CONVINCING = 3.0  # nats below which an exchange of two animals might as well have happened
FEWEST = 2  # keypoints that make an animal
CANDIDATES = 12  # later tracklets, times animals, that one may go on in
UNLINKED = -2.0  # nats, of an animal that goes nowhere; rather, it went where no other did
JUMP = 4.0  # times the usual step, beyond which a tracklet is cut
SPEED_FRAMES = 4  # over which the speed at a tracklet's end is taken
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
class _Tracklets:
    """Tracklets in the order of their first frames.

    `label` (time, group) their numbers, -1 where no animal is; `first`, `last` (n,) frames;
    `group_first`, `group_last` (n,) their groups there.
    """

    label: np.ndarray
    first: np.ndarray
    last: np.ndarray
    group_first: np.ndarray
    group_last: np.ndarray


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
    tracklets = _tracklets(points, present, room)
    links = _possible_links(points, tracklets, slot, room)
    following = _best_links(links, len(tracklets.first))
    lane_of = _lanes(tracklets, following, points.shape[1])
    lane = _completed(tracklets.label, lane_of)
    taken = lane[tracklets.first, tracklets.group_first]
    return Chains(lane=lane, doubtful=_doubts(tracklets, links, following, taken, lane.shape))


def _distances(one: Array, other: Array) -> Array:
    """Return how far (..., keypoint) keypoints are apart, NaN unless enough are known in both."""
    apart = np.linalg.norm(one - other, axis=-1)
    few = np.isfinite(apart).sum(axis=-1) < min(FEWEST, one.shape[-2])
    return np.where(few[..., None], np.nan, apart)


def _tracklets(points: Array, present: np.ndarray, room: float) -> _Tracklets:
    """Return the groups joined from one frame to the next, as long as nobody else could be meant.

    Twice: the second time it is known how fast each of them moves.
    """
    speed = np.zeros(points.shape)
    for _ in range(2):
        ahead, back = points[:-1] + speed[:-1] / 2, points[1:] - speed[1:] / 2
        apart = _distances(ahead[:, :, None], back[:, None])
        usual = _usual(apart, room)
        gains = body_gains(apart, usual, room)
        rows = assign(gains)
        sure = exchange_margins(gains, rows) > CONVINCING
        # A jump may be one animal's end and another's beginning.
        jump = body_gains(np.array([JUMP * usual]), usual, room)
        sure &= np.take_along_axis(gains, rows[:, None], axis=1)[:, 0] > jump
        follows = np.where(sure & present[1:], rows, -1)
        label = _labels(present, follows)
        speed = _speeds(points, label)
    return _described(label)


def _usual(apart: Array, room: float) -> float:
    """Return how far a keypoint usually gets in a frame, from distances (time, before, after, k).

    An animal is taken for the nearest one.
    """
    mean = np.where(np.isfinite(apart), apart, 0.0).sum(axis=-1)
    count = np.isfinite(apart).sum(axis=-1)
    mean = np.where(count > 0, mean / np.maximum(count, 1), np.inf)
    nearest = np.take_along_axis(apart, mean.argmin(axis=1)[:, None, :, None], axis=1)
    nearest = nearest[np.isfinite(nearest)]
    return max(float(np.median(nearest)), 1e-9 * room) if len(nearest) else room


def _labels(present: np.ndarray, follows: np.ndarray) -> np.ndarray:
    """Return numbers (time, group), the same as long as each frame's group follows one before."""
    label = np.full(present.shape, -1)
    count = 0
    for t, here in enumerate(present):
        before = np.full(len(here), -1)
        if t:
            before = np.where(follows[t - 1] >= 0, label[t - 1, follows[t - 1]], -1)
        new = here & (before < 0)
        label[t] = np.where(here, before, -1)
        label[t, new] = count + np.arange(new.sum())
        count += int(new.sum())
    return label


def _described(label: np.ndarray) -> _Tracklets:
    """Return where the numbered tracklets begin and end."""
    times, groups = np.nonzero(label >= 0)
    numbers = label[times, groups]
    _, first = np.unique(numbers, return_index=True)
    _, last = np.unique(numbers[::-1], return_index=True)
    last = len(numbers) - 1 - last
    return _Tracklets(
        label=label,
        first=times[first],
        last=times[last],
        group_first=groups[first],
        group_last=groups[last],
    )


def _shifted(points: Array, label: np.ndarray, lag: int) -> Array:
    """Return the same tracklets' points `lag` frames later (time, group, keypoint, 3), else NaN."""
    later = np.full(points.shape, np.nan)
    same = label[:-lag, :, None] == label[lag:, None]
    same &= (label[:-lag] >= 0)[:, :, None]
    t, here, there = np.nonzero(same)
    later[t, here] = points[t + lag, there]
    return later


def _speeds(points: Array, label: np.ndarray) -> Array:
    """Return how far bodies move in a frame (time, group, 1, 3): the median of their keypoints'.

    Over frames before and after, as far as a tracklet goes; 0 where nothing is known.
    """
    speed = np.zeros((*points.shape[:2], 1, 3))
    count = np.zeros((*points.shape[:2], 1, 1))
    for lag in range(1, min(SPEED_FRAMES, len(points) - 1) + 1):
        moved = _body_shift(_shifted(points, label, lag) - points)
        known = np.isfinite(moved)
        speed += np.where(known, moved, 0.0)
        count += lag * known[..., :1]
        earlier = _shifted(points[::-1], label[::-1], lag)[::-1]
        moved = _body_shift(points - earlier)
        known = np.isfinite(moved)
        speed += np.where(known, moved, 0.0)
        count += lag * known[..., :1]
    return speed / np.maximum(count, 1)


def _body_shift(moved: Array) -> Array:
    """Return the mean shift (..., 1, 3) of those keypoints (..., keypoint, 3) that are known."""
    known = np.isfinite(moved)
    count = known.sum(axis=-2, keepdims=True)
    total = np.where(known, moved, 0.0).sum(axis=-2, keepdims=True)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _reach(points: Array, label: np.ndarray, room: float) -> Array:
    """Return how far (lag,) keypoints usually get in `LAGS` frames, learnt within tracklets."""
    usual = np.full(len(LAGS), np.nan)
    for index, lag in enumerate(LAGS):
        if lag < len(points):
            apart = _distances(_shifted(points, label, lag), points)
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


def _possible_links(
    points: Array, tracklets: _Tracklets, slot: np.ndarray, room: float
) -> _Links:
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
    apart = _distances(ends, _filled(points, tracklets.label)[start])
    gain = body_gains(apart, usual, room)
    return _Links(source=source, target=target, gain=gain + _loyalty(slot, tracklets, end, start))


def _filled(points: Array, label: np.ndarray) -> Array:
    """Return points where each unknown keypoint is taken from the tracklet's next frames."""
    filled = points.copy()
    for lag in range(1, min(FILL_FRAMES, len(points) - 1) + 1):
        filled = np.where(np.isfinite(filled), filled, _shifted(points, label, lag))
    return filled


def _loyalty(
    slot: np.ndarray,
    tracklets: _Tracklets,
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


def _lanes(tracklets: _Tracklets, following: np.ndarray, lanes: int) -> np.ndarray:
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


def _length(tracklets: _Tracklets, chain: tuple[int, ...]) -> int:
    """Return the number of frames in which a chain is seen."""
    return sum(int(tracklets.last[i] - tracklets.first[i]) + 1 for i in chain)


def _completed(label: np.ndarray, lane_of: np.ndarray) -> np.ndarray:
    """Return the individual (time, group) of every group; the rest take what is left."""
    lane = np.where(label >= 0, lane_of[label] if len(lane_of) else -1, -1)
    for t in np.flatnonzero((lane < 0).any(axis=1)):
        lane[t, lane[t] < 0] = np.setdiff1d(np.arange(lane.shape[1]), lane[t])
    return lane


def _doubts(
    tracklets: _Tracklets,
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
