"""Which detections of the views are one animal's: each moment by itself, or near its prediction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.geometry import Array
from calibration.rig import Rig
from calibration.triangulation import triangulate_points
from labcut3d.reconstruction.gains import assign, pair_gains

__all__ = ["Slots", "gains_of_pairs", "group_views", "points_of"]

SWEEPS = 6  # over the views, until none of them wants another order
CONTRADICTION = 5.0  # times the noise: the views of such a point do not show one thing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slots:
    """What was detected, by view, time and slot: a place in a detector's list, no identity.

    `pixels` (view, time, slot, keypoint, 2); `weight` (view, time, slot, keypoint), the confidence,
    0 where nothing was detected; `noise` px of a coordinate, of all detections alike; `individual`
    (view, time, slot) the place in the dataset, -1 for an empty slot; `room` px, how far animals
    spread in the images.
    """

    rig: Rig
    pixels: Array
    weight: Array
    individual: np.ndarray
    noise: float
    room: float

    def ordered(self, place: np.ndarray) -> tuple[Array, Array]:
        """Return pixels and weights in another order: slot `place` (view, time, animal)."""
        pixels = np.take_along_axis(self.pixels, place[..., None, None], axis=2)
        return pixels, np.take_along_axis(self.weight, place[..., None], axis=2)


def gains_of_pairs(slots: Slots) -> dict[tuple[int, int], Array]:
    """Return what slots of each two views gain by being one animal: (time, slot, slot) by views."""
    sides = []
    for camera, pixels, weight in zip(slots.rig, slots.pixels, slots.weight, strict=True):
        origins, ways = camera.rays(pixels)
        good = np.isfinite(ways).all(axis=-1) & np.isfinite(origins).all(axis=-1)
        focal = (camera.matrix[0, 0] + camera.matrix[1, 1]) / 2
        noise = np.full(weight.shape, slots.noise / focal)
        room = slots.room / slots.noise
        sides.append((origins, ways, noise, np.where(good, weight, 0.0), room))
    pairs = {}
    for one in range(len(sides)):
        for other in range(one + 1, len(sides)):
            gains = np.zeros((*slots.individual.shape[1:], slots.individual.shape[2]))
            pair_gains(sides[one], sides[other], gains)
            pairs[one, other] = gains
            pairs[other, one] = np.swapaxes(gains, 1, 2)
    return pairs


def group_views(
    pairs: dict[tuple[int, int], Array],
    prior: Array,
    current: np.ndarray | None = None,
) -> np.ndarray:
    """Return the slot (view, time, animal) of each animal that gains most over all pairs of views.

    `prior` (view, time, slot, animal) is gained beside. One view after the other is put into the
    order that suits the others best, until all are content; begun with each view in turn, and with
    `current`, the best end is taken.
    """
    starts = [_grown(pairs, prior, first) for first in range(len(prior))]
    if current is not None:
        starts.append(current)
    ends = [_settled(pairs, prior, start) for start in starts]
    best = np.argmax([_total(pairs, prior, end) for end in ends], axis=0)
    return np.take_along_axis(np.stack(ends), best[None, None, :, None], axis=0)[0]


def _grown(pairs: dict[tuple[int, int], Array], prior: Array, first: int) -> np.ndarray:
    """Return an order of all views that grows from one view's."""
    place = np.zeros(prior.shape[:2] + prior.shape[3:], dtype=int)
    place[first] = assign(prior[first]) if prior[first].any() else np.arange(prior.shape[-1])
    placed = [first]
    for view in range(len(prior)):
        if view != first:
            place[view] = assign(_wanted(pairs, prior, place, view, placed))
            placed.append(view)
    return place


def _settled(pairs: dict[tuple[int, int], Array], prior: Array, start: np.ndarray) -> np.ndarray:
    """Return the order in which no view wants another one."""
    place = start.copy()
    moving = np.arange(start.shape[1])
    for _ in range(SWEEPS):
        before = place[:, moving].copy()
        few = {views: gains[moving] for views, gains in pairs.items()}
        now = before.copy()
        for view in range(len(place)):
            others = [other for other in range(len(place)) if other != view]
            now[view] = _kept(_wanted(few, prior[:, moving], now, view, others), now[view])
        place[:, moving] = now
        moving = moving[(now != before).any(axis=(0, 2))]
        if not len(moving):
            break
    return place


def _kept(gains: Array, rows: np.ndarray) -> np.ndarray:
    """Return the best rows (n, column), the given ones where they are as good."""
    best = assign(gains)
    worth = [np.take_along_axis(gains, r[:, None], axis=1).sum(axis=(1, 2)) for r in (best, rows)]
    return np.where((worth[0] > worth[1] + 1e-9)[:, None], best, rows)


def _wanted(
    pairs: dict[tuple[int, int], Array],
    prior: Array,
    place: np.ndarray,
    view: int,
    others: Sequence[int],
) -> Array:
    """Return what the slots of one view gain (time, slot, animal) beside the other views'."""
    gains = prior[view].copy()
    for other in others:
        gains += np.take_along_axis(pairs[view, other], place[other][:, None], axis=2)
    return gains


def _total(pairs: dict[tuple[int, int], Array], prior: Array, place: np.ndarray) -> Array:
    """Return what an order gains in all (time,)."""
    total = np.zeros(place.shape[1])
    for view in range(len(place)):
        gains = _wanted(pairs, prior, place, view, range(view))
        total += np.take_along_axis(gains, place[view][:, None], axis=1).sum(axis=(1, 2))
    return total


def points_of(slots: Slots, place: np.ndarray) -> tuple[Array, float]:
    """Return the points (time, animal, keypoint, 3) of all animals, and the noise they show, px.

    NaN where less than two views see a point, or contradict each other.
    """
    pixels, weight = slots.ordered(place)
    seen = np.where((weight > 0)[..., None], pixels, np.nan)
    variance = np.broadcast_to(slots.noise**2 * np.eye(2), (*pixels.shape, 2))
    found = triangulate_points(slots.rig, seen, covariance=variance, confidence=weight)
    known = np.isfinite(found.reprojection_error)
    noise = float(np.median(found.reprojection_error[known])) if known.any() else slots.noise
    wrong = ~(found.reprojection_error < CONTRADICTION * max(noise, slots.noise))
    return np.where(wrong[..., None], np.nan, found.points), noise
