"""Sure steps from one moment to the next make tracklets: who is who as long as nobody else can be.

A tracklet is cut wherever two animals could have been exchanged, or one has jumped.
"""

from dataclasses import dataclass

import numpy as np

from calibration.geometry import Array, mean_of_known
from labcut3d.reconstruction.gains import assign, body_gains, exchange_margins

__all__ = ["CONVINCING", "FEWEST", "Tracklets", "distances", "later_points", "make_tracklets"]

CONVINCING = 3.0  # nats below which an exchange of two animals might as well have happened
FEWEST = 2  # keypoints that make an animal
JUMP = 4.0  # times the usual step, beyond which a tracklet is cut
SPEED_FRAMES = 4  # over which the speed at a tracklet's end is taken


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tracklets:
    """Tracklets in the order of their first frames.

    `label` (time, group) their numbers, -1 where no animal is; `first`, `last` (n,) frames;
    `group_first`, `group_last` (n,) their groups there.
    """

    label: np.ndarray
    first: np.ndarray
    last: np.ndarray
    group_first: np.ndarray
    group_last: np.ndarray


def make_tracklets(points: Array, present: np.ndarray, room: float) -> Tracklets:
    """Return the groups joined from one frame to the next, as long as nobody else could be meant.

    Twice: the second time it is known how fast each of them moves.
    """
    speed = np.zeros(points.shape)
    for _ in range(2):
        ahead, back = points[:-1] + speed[:-1] / 2, points[1:] - speed[1:] / 2
        apart = distances(ahead[:, :, None], back[:, None])
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


def distances(one: Array, other: Array) -> Array:
    """Return how far (..., keypoint) keypoints are apart, NaN unless enough are known in both."""
    apart = np.linalg.norm(one - other, axis=-1)
    few = np.isfinite(apart).sum(axis=-1) < min(FEWEST, one.shape[-2])
    return np.where(few[..., None], np.nan, apart)


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


def _described(label: np.ndarray) -> Tracklets:
    """Return where the numbered tracklets begin and end."""
    times, groups = np.nonzero(label >= 0)
    numbers = label[times, groups]
    _, first = np.unique(numbers, return_index=True)
    _, last = np.unique(numbers[::-1], return_index=True)
    last = len(numbers) - 1 - last
    return Tracklets(
        label=label,
        first=times[first],
        last=times[last],
        group_first=groups[first],
        group_last=groups[last],
    )


def later_points(points: Array, label: np.ndarray, lag: int) -> Array:
    """Return the same tracklets' points `lag` frames later (time, group, keypoint, 3), else NaN."""
    later = np.full(points.shape, np.nan)
    same = label[:-lag, :, None] == label[lag:, None]
    same &= (label[:-lag] >= 0)[:, :, None]
    t, here, there = np.nonzero(same)
    later[t, here] = points[t + lag, there]
    return later


def _speeds(points: Array, label: np.ndarray) -> Array:
    """Return how far bodies move in a frame (time, group, 1, 3): the mean of their keypoints'.

    Over frames before and after, as far as a tracklet goes; 0 where nothing is known.
    """
    speed = np.zeros((*points.shape[:2], 1, 3))
    count = np.zeros((*points.shape[:2], 1, 1))
    for lag in range(1, min(SPEED_FRAMES, len(points) - 1) + 1):
        later = later_points(points, label, lag)
        moved = mean_of_known(later - points, axis=-2, keepdims=True)
        known = np.isfinite(moved)
        speed += np.where(known, moved, 0.0)
        count += lag * known[..., :1]
        earlier = later_points(points[::-1], label[::-1], lag)[::-1]
        moved = mean_of_known(points - earlier, axis=-2, keepdims=True)
        known = np.isfinite(moved)
        speed += np.where(known, moved, 0.0)
        count += lag * known[..., :1]
    return speed / np.maximum(count, 1)
