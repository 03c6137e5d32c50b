"""Eggs seen in the images: what is new on the substrate where the ovipositor touched it.

A pixel near the touched place shows the substrate, lit or in shadow; or something that hides it,
such as a leg; or something new. Lighting scales a colour without changing its hue, so what lies
between black and the brightest that a pixel showed before the bout is the substrate in some light.
What is as bright as the substrate around it but of another hue, or brighter, is new. An egg is a
small volume that stays new in two views or more, and that no view shows to be empty (the visual
hull, Laurentini 1994), so that views in which the fly hides a part of it do no harm.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import KDTree

from calibration.rig import Rig
from labcut3d.errors import DatasetError
from labcut3d.kinematics.settings import EventSettings

__all__ = ["Contact", "Egg", "Source", "find_egg"]

Array = npt.NDArray[np.float64]
Looks = npt.NDArray[np.int8]

SUBSTRATE, HIDDEN, NEW = -1, 0, 1
MARGIN = 4  # px around what is looked at
BLUR = 0.7  # px; evens out the blocks of video compression
DEEPEST_SHADOW = 0.5  # of the brightness before; darker is the animal
LEAST_BRIGHTNESS = 0.6  # of the brightness before, for something new
BESIDE_SUBSTRATE = 0.97  # of the brightness of substrate around it, for something new
GLARE = 1.08  # times the brightness before; brighter than that is new whatever its hue
MOST_EMPTY = 0.4  # of the looks at a place; more often empty is empty
LEAST_LOOKS = 3  # frames in which a pixel must be new
LEAST_BEFORE = 5  # frames from before the bout without which nothing can be told to be new
VOXELS = 16  # a head width


class Source(Protocol):
    """Images of one view by frame number."""

    def read(self, indices: Sequence[int] | None = None) -> Iterator[tuple[int, Any]]:
        """Yield (index, RGB image) for rising `indices`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A bout in which the ovipositor touched the substrate, and the moments to look at.

    `points` (n, 3) world are positions of the ovipositor at full bend, `scale` the head's width.
    `samples` (m,) are rising moments; `start` and `stop` among them are the bout's; `settled` is
    the first from which on the place is seen as the bout left it. `frames` are the frame numbers
    (m,) of each view at `samples`.
    """

    points: Array
    scale: float
    samples: npt.NDArray[np.int64]
    start: int
    stop: int
    settled: int
    frames: Mapping[str, npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Egg:
    """An egg: its middle (3,) world, the sample from which on it is seen, and a confidence."""

    place: Array
    sample: int
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What one view shows: `kinds` (sample, pixel) and the number of each voxel's pixel (voxel,).

    The last pixel stands for all outside of the image, where everything is HIDDEN.
    """

    kinds: Looks
    pixels: npt.NDArray[np.int64]


def find_egg(
    contact: Contact, rig: Rig, sources: Mapping[str, Source], settings: EventSettings
) -> Egg | None:
    """Return the egg laid in a bout, or None where two views do not show one."""
    voxels, shape, inside = _grid(contact, settings)
    looks = []
    for view in rig.names:
        if view in sources and view in contact.frames:
            pixels = rig[view].project(voxels)
            look = _look(contact, sources[view], view, pixels, settings)
            looks += [] if look is None else [look]
    if len(looks) < 2:
        return None
    late = contact.samples >= contact.settled
    states = np.stack([_state(look.kinds[late])[look.pixels] for look in looks])
    views_new = (states == NEW).sum(axis=0)
    hull = inside & (views_new >= 2) & ~(states == SUBSTRATE).any(axis=0)
    chosen = _choose(hull.reshape(shape), voxels, contact, settings)
    if chosen is None:
        return None
    onset = _onset(looks, chosen)
    if contact.samples[onset] < contact.start:
        return None
    confidence = _confidence(looks, chosen, late, views_new)
    if confidence < settings.egg_min_confidence:
        return None
    sample = int(np.clip(contact.samples[onset], contact.start, contact.stop))
    return Egg(place=voxels[chosen].mean(axis=0), sample=sample, confidence=confidence)


def _grid(
    contact: Contact, settings: EventSettings
) -> tuple[Array, tuple[int, ...], npt.NDArray[np.bool_]]:
    """Return voxels (n, 3) about the points of contact, their grid, and which can be egg."""
    reach = (settings.egg_reach + settings.egg_max_length / 2) * contact.scale
    step = contact.scale / VOXELS
    low, high = contact.points.min(axis=0) - reach, contact.points.max(axis=0) + reach
    axes = [np.arange(a, b + step, step) for a, b in zip(low, high, strict=True)]
    voxels = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    shape = voxels.shape[:3]
    voxels = voxels.reshape(-1, 3)
    distance, _ = KDTree(contact.points).query(voxels)
    return voxels, shape, distance <= reach


def _look(
    contact: Contact, source: Source, view: str, pixels: Array, settings: EventSettings
) -> _Look | None:
    """Return what a view shows at the voxels' `pixels` (voxel, 2), None where it shows nothing."""
    frames = _indices(source, contact.frames[view])
    rounded = np.rint(pixels).astype(np.int64) if np.isfinite(pixels).all() else None
    cut = None if rounded is None else _patches(source, frames, rounded)
    if rounded is None or cut is None:
        return None
    stack, corner = cut
    before = contact.samples < contact.start
    if before.sum() < LEAST_BEFORE:
        return None
    at, size = np.subtract(rounded, corner), np.array(stack.shape[2:0:-1])
    outside = int(size.prod())
    seen = ((at >= 0) & (at < size)).all(axis=-1)
    kinds = _classify(stack, before, settings.egg_contrast).reshape(len(stack), outside)
    kinds = np.pad(kinds, ((0, 0), (0, 1)), constant_values=HIDDEN)
    return _Look(kinds=kinds, pixels=np.where(seen, at[:, 1] * size[0] + at[:, 0], outside))


def _patches(
    source: Source, frames: npt.NDArray[np.int64], pixels: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]] | None:
    """Return the part of each frame (sample, h, w, 3) about `pixels`, and its corner (x, y).

    None where that part lies outside the image, or a frame is not there.
    """
    patches: dict[int, npt.NDArray[np.float32]] = {}
    first, end = pixels.min(axis=0) - MARGIN, pixels.max(axis=0) + MARGIN + 1
    corner = np.zeros(2, dtype=np.int64)
    for index, image in source.read([int(frame) for frame in np.unique(frames)]):
        limit = np.array(image.shape[1::-1])
        corner = np.clip(first, 0, limit)
        width, height = np.clip(end, 0, limit) - corner
        if min(width, height) < 2 * MARGIN:
            return None
        patch = image[corner[1] : corner[1] + height, corner[0] : corner[0] + width]
        patches[index] = cv2.GaussianBlur(patch, (0, 0), BLUR).astype(np.float32)
    if not patches or not set(frames.tolist()) <= set(patches):
        return None
    return np.stack([patches[int(frame)] for frame in frames]), corner


def _indices(source: Source, frames: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the indices of frame numbers, which differ in a folder of numbered images."""
    numbers = getattr(source, "numbers", None)
    if numbers is None:
        return frames
    indices = np.clip(np.searchsorted(numbers, frames), 0, len(numbers) - 1)
    wrong = np.flatnonzero(np.asarray(numbers)[indices] != frames)
    if len(wrong):
        raise DatasetError(
            f"frame {frames[wrong[0]]} of the trajectories is not in the images; "
            "give the videos that the trajectories were made from"
        )
    return indices


def _classify(
    patches: npt.NDArray[np.float32], before: npt.NDArray[np.bool_], contrast: float
) -> Looks:
    """Return SUBSTRATE, HIDDEN or NEW for each pixel of patches (sample, h, w, 3)."""
    bright = _brightest(patches[before])
    norm = np.maximum(np.linalg.norm(bright, axis=-1), 1.0)
    hue = bright / norm[..., None]
    along = np.einsum("...c,...c", patches, hue)
    across = np.linalg.norm(patches - along[..., None] * hue, axis=-1)
    ceiling = GLARE * np.maximum(norm, np.median(norm))
    change = np.hypot(across, np.maximum(along - ceiling, 0))
    shadowed = (across < contrast) & (along >= DEEPEST_SHADOW * norm) & (along < ceiling)
    window = max(9, patches.shape[1] // 3, patches.shape[2] // 3)
    around = _mean_where(along, shadowed, window)
    new = (change >= contrast) & (along >= LEAST_BRIGHTNESS * norm)
    new &= along >= BESIDE_SUBSTRATE * around
    return np.where(new, NEW, np.where(shadowed, SUBSTRATE, HIDDEN)).astype(np.int8)


def _brightest(patches: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return each pixel's median colour (h, w, 3) in the brighter third of its samples."""
    order = np.argsort(patches.sum(axis=-1), axis=0)
    third = order[-max(len(patches) // 3, 1) :]
    return np.median(np.take_along_axis(patches, third[..., None], axis=0), axis=0)


def _mean_where(
    values: npt.NDArray[np.float32], where: npt.NDArray[np.bool_], window: int
) -> npt.NDArray[np.float32]:
    """Return the mean of `values` (sample, h, w) in a square window, where `where`; else 0."""
    means = np.zeros_like(values)
    for index, (image, mask) in enumerate(zip(values, where, strict=True)):
        weight = cv2.boxFilter(mask.astype(np.float32), -1, (window, window))
        total = cv2.boxFilter(image * mask, -1, (window, window))
        means[index] = np.where(weight > 0, total / np.maximum(weight, 1e-6), 0)
    return means


def _state(kinds: Looks) -> Looks:
    """Return what each pixel (pixel,) is over the samples (sample, pixel)."""
    new, empty = (kinds == NEW).sum(axis=0), (kinds == SUBSTRATE).sum(axis=0)
    is_empty = (empty >= LEAST_LOOKS) & (empty > MOST_EMPTY * (new + empty))
    is_new = (new >= LEAST_LOOKS) & ~is_empty
    return np.where(is_new, NEW, np.where(is_empty, SUBSTRATE, HIDDEN)).astype(np.int8)


def _choose(
    hull: npt.NDArray[np.bool_], voxels: Array, contact: Contact, settings: EventSettings
) -> npt.NDArray[np.int64] | None:
    """Return the voxels (n,) of the largest part of the hull that can be an egg."""
    labels = np.zeros(hull.shape, dtype=np.int32)
    ndimage.label(hull, output=labels)
    labels = labels.ravel()
    tree = KDTree(contact.points)
    for label in np.argsort(-np.bincount(labels)[1:]) + 1:
        chosen = np.flatnonzero(labels == label)
        if len(chosen) < 8:
            return None
        points = voxels[chosen]
        middle = points.mean(axis=0)
        axis = np.linalg.svd(points - middle, full_matrices=False)[2][0]
        length = float(np.ptp(points @ axis)) / contact.scale
        near = tree.query(middle)[0] <= settings.egg_reach * contact.scale
        if near and settings.egg_min_length <= length <= settings.egg_max_length:
            return chosen
    return None


def _onset(looks: Sequence[_Look], chosen: npt.NDArray[np.int64]) -> int:
    """Return the position in the samples from which on the chosen voxels are seen to be new.

    The change point that leaves the most looks "empty" before and "new" after it; looks at which
    the place is hidden in all views do not count, so that it is the first at which it is seen.
    """
    evidence = np.zeros(looks[0].kinds.shape[0])
    for look in looks:
        share = look.kinds[:, np.unique(look.pixels[chosen])].mean(axis=1)
        evidence += np.where(np.abs(share) >= 0.1, share, 0)
    sums = np.concatenate([[0], np.cumsum(evidence)])
    last_lowest = len(sums) - 1 - int(np.argmin(sums[::-1]))
    return min(last_lowest, len(evidence) - 1)


def _confidence(
    looks: Sequence[_Look],
    chosen: npt.NDArray[np.int64],
    late: npt.NDArray[np.bool_],
    views_new: npt.NDArray[np.int64],
) -> float:
    """Return how sure an egg is: how unanimous the looks are, halved doubt for each view."""
    kinds = np.stack([look.kinds[late][:, look.pixels[chosen]] for look in looks])
    new, empty = (kinds == NEW).sum(), (kinds == SUBSTRATE).sum()
    unanimity = new / max(new + empty, 1)
    return float(unanimity * (1 - 0.5 ** views_new[chosen].mean()))
