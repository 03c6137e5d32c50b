"""Several animals' detections brought into one order over all views and moments.

A detector's list of animals has no order that other views know, and often none over time. First
every moment is grouped by geometry alone (`grouping`), then the animals are followed through time
(`tracklets`, `chains`); then every moment is grouped again, now near to where the moments before
and after say that each animal is.
"""

from dataclasses import replace

import numpy as np
import xarray as xr
from scipy.optimize import linear_sum_assignment

from calibration.gaussian import MEDIAN_OF_DISTANCE
from calibration.geometry import Array
from calibration.rig import Rig
from labcut3d.reconstruction.chains import Chains, join_over_time
from labcut3d.reconstruction.gains import prediction_gains
from labcut3d.reconstruction.grouping import Slots, gains_of_pairs, group_views, points_of
from labcut3d.reconstruction.identities import Identities, reordered
from labcut3d.reconstruction.settings import ReconstructionSettings

__all__ = ["known_individuals", "match_individuals"]

ROUNDS = 2  # of grouping near predictions
NEIGHBOURS = 3  # frames from which an animal's place is predicted
SMALLEST_ROOM = 50.0  # px
CONTRADICTED = -0.5  # times the most that a detection can lose, from which it is no animal's
LOWEST_NOISE = 0.5  # px


def known_individuals(
    detections: xr.Dataset,
    rig: Rig,
    settings: ReconstructionSettings,
    *,
    contradicted: bool = False,
) -> tuple[xr.Dataset, Identities]:
    """Return the detections with each individual the same animal in all views and moments.

    As they are where there is only one, or where the settings trust the detections' names.
    `contradicted` detections, which are not where the other views and moments have the animal, are
    left out, or kept as its: a camera that was moved sees nothing else.
    """
    if detections.sizes["individual"] < 2 or not settings.match_individuals:
        return detections, _unchanged(detections)
    return match_individuals(detections, rig, settings.lowest_confidence, contradicted=contradicted)


def match_individuals(
    detections: xr.Dataset,
    rig: Rig,
    lowest_confidence: float = 0.0,
    *,
    contradicted: bool = False,
) -> tuple[xr.Dataset, Identities]:
    """Return the detections with every individual the same animal in all views and moments.

    Those that are `contradicted` are left out, or kept, as in `known_individuals`. An individual
    keeps the name under which most of its detections came. `rig` has the cameras of the detections'
    views in their order. Two views can leave it open whose detections belong together, and animals
    that all views lost may come back as each other: see `doubtful`.
    """
    slots = _slots(detections, rig, lowest_confidence)
    if not (slots.weight > 0).any():
        return detections, _unchanged(detections)
    pairs = gains_of_pairs(slots)
    nothing = np.zeros((*slots.individual.shape, slots.individual.shape[2]))
    place = group_views(pairs, nothing)
    points, noise = points_of(slots, place)
    if noise > 2 * slots.noise:  # worse than the detector says
        slots = replace(slots, noise=noise)
        pairs = gains_of_pairs(slots)
        place = group_views(pairs, nothing)
        points, noise = points_of(slots, place)
    place, points, chains = _followed(slots, place, points)
    for _ in range(ROUNDS):
        prior = _predicted_gains(slots, place, points)
        place = group_views(pairs, prior, place)
        points, _ = points_of(slots, place)
    place, points, chains = _followed(slots, place, points)
    wrong = np.zeros(place.shape, dtype=bool)
    if not contradicted:
        wrong = _contradicted(_predicted_gains(slots, place, points), slots, place)
    identities = _named(slots, place, wrong, chains, detections.sizes["individual"])
    return reordered(detections, identities.detected_as), identities


def _slots(detections: xr.Dataset, rig: Rig, lowest_confidence: float) -> Slots:
    """Return the detections without the places in the lists that are empty at all times at once."""
    order = ("view", "time", "individual", "keypoint")
    pixels = detections["position"].transpose(*order, "space").values.astype(float)
    weight = detections["confidence"].transpose(*order).values.astype(float)
    weight = np.where(np.isnan(weight), 1.0, weight)
    seen = np.isfinite(pixels).all(axis=-1) & (weight >= lowest_confidence)
    weight = np.where(seen, weight, 0.0)
    there = (weight > 0).any(axis=-1)
    count = max(int(there.sum(axis=-1).max(initial=0)), 2)
    first = np.argsort(~there, axis=-1, kind="stable")[..., :count]
    pixels = np.take_along_axis(pixels, first[..., None, None], axis=2)
    weight = np.take_along_axis(weight, first[..., None], axis=2)
    spread = [p[w > 0].std(axis=0).max() for p, w in zip(pixels, weight, strict=True) if w.any()]
    return Slots(
        rig=rig,
        pixels=pixels,
        weight=weight,
        individual=np.where(np.take_along_axis(there, first, axis=2), first, -1),
        noise=_claimed_noise(detections),
        room=max(4.0 * float(np.median(spread or [0.0])), SMALLEST_ROOM),
    )


def _claimed_noise(detections: xr.Dataset) -> float:
    """Return the median standard deviation that the detector states, px; 1 where it does not."""
    if "covariance" not in detections:
        return 1.0
    variance = detections["covariance"].transpose(..., "space", "space_").values
    variance = (variance[..., 0, 0] + variance[..., 1, 1]) / 2
    variance = variance[np.isfinite(variance) & (variance > 0)]
    return max(float(np.sqrt(np.median(variance))), LOWEST_NOISE) if len(variance) else 1.0


def _followed(slots: Slots, place: np.ndarray, points: Array) -> tuple[np.ndarray, Array, Chains]:
    """Return slots and points (..., animal) in the order of the animals that time tells."""
    listed = np.take_along_axis(slots.individual, place, axis=2)
    chains = join_over_time(points, listed)
    group = np.argsort(chains.lane, axis=1)  # each row a permutation: its inverse
    place = np.take_along_axis(place, group[None], axis=2)
    return place, np.take_along_axis(points, group[..., None, None], axis=1), chains


def _predicted_gains(slots: Slots, place: np.ndarray, points: Array) -> Array:
    """Return what slots gain (view, time, slot, animal) by being where an animal should be."""
    predicted, kind = _neighbourhood(points)
    images = slots.rig.project(predicted)
    now, weight = slots.ordered(place)
    off = np.linalg.norm(now - images, axis=-1)
    noise = np.ones(kind.shape)
    for one in np.unique(kind):
        here = (kind == one) & (weight > 0) & np.isfinite(off)
        if here.any():
            noise[kind == one] = float(np.median(off[here])) / MEDIAN_OF_DISTANCE
    noise = np.maximum(noise, slots.noise)
    gains = np.zeros((*slots.individual.shape, place.shape[2]))
    for view, image in enumerate(images):
        prediction_gains(
            slots.pixels[view], slots.weight[view], image, noise, slots.room, gains[view]
        )
    return gains


def _neighbourhood(points: Array) -> tuple[Array, np.ndarray]:
    """Return where points (time, ...) should be, by the moments before and after, not their own.

    And by what they are predicted (time, ...), which tells how well: the number of frames to the
    farther of two neighbours, to a single one plus `NEIGHBOURS`, or -1.
    """
    predicted = np.full(points.shape, np.nan)
    kind = np.full(points.shape[:-1], -1)
    shifted = {0: points}
    for lag in range(1, NEIGHBOURS + 1):
        empty = np.full((min(lag, len(points)), *points.shape[1:]), np.nan)
        shifted[lag] = np.concatenate([points[lag:], empty])
        shifted[-lag] = np.concatenate([empty, points[:-lag]])
    choices = [
        (max(a, b), (a * shifted[b] + b * shifted[-a]) / (a + b))
        for a in range(1, NEIGHBOURS + 1)
        for b in range(1, NEIGHBOURS + 1)
    ]
    choices += [(NEIGHBOURS + abs(a), shifted[a]) for a in shifted if a]
    for name, value in sorted(choices, key=lambda choice: choice[0]):
        new = (kind < 0) & np.isfinite(value).all(axis=-1)
        predicted[new], kind[new] = value[new], name
    return predicted, kind


def _contradicted(gains: Array, slots: Slots, place: np.ndarray) -> np.ndarray:
    """Return where (view, time, animal) what was detected is not where the animal should be."""
    own = np.diagonal(np.take_along_axis(gains, place[..., None], axis=2), axis1=2, axis2=3)
    return own < CONTRADICTED * slots.ordered(place)[1].sum(axis=-1)


def _named(
    slots: Slots, place: np.ndarray, wrong: np.ndarray, chains: Chains, count: int
) -> Identities:
    """Return identities under the names that most of their detections had."""
    listed = np.take_along_axis(slots.individual, place, axis=2)
    kept = np.where(wrong, -1, listed)
    lanes = place.shape[2]
    votes = np.stack(
        [[(kept[..., a] == name).sum() for name in range(count)] for a in range(lanes)]
    )
    animal, name = linear_sum_assignment(np.array(votes), maximize=True)
    detected_as = np.full((place.shape[1], place.shape[0], count), -1, dtype=np.int16)
    detected_as[:, :, name] = np.swapaxes(kept, 0, 1)[:, :, animal]
    doubtful = np.zeros((place.shape[1], count), dtype=bool)
    doubtful[:, name] = chains.doubtful[:, animal]
    return Identities(
        detected_as=detected_as,
        doubtful=doubtful,
        unmatched=(wrong & (listed >= 0)).sum(axis=(0, 2)),
        matched=True,
    )


def _unchanged(detections: xr.Dataset) -> Identities:
    """Return the identities as they are where there is nothing to match."""
    sizes = [detections.sizes[name] for name in ("time", "view", "individual")]
    there = detections["position"].notnull().all("space").any("keypoint")
    there = there.transpose("time", "view", "individual").values
    return Identities(
        detected_as=np.where(there, np.arange(sizes[2], dtype=np.int16), np.int16(-1)),
        doubtful=np.zeros(sizes[::2], dtype=bool),
        unmatched=np.zeros(sizes[0], dtype=int),
        matched=False,
    )
