"""Labels that geometry makes: 3-D points on which the views agree, as each view must see them.

A point counts where three views that are sure of it agree with it, and no view that is sure does
not. Two views alone cannot tell which of them is wrong, so a rig of two must agree twice as well.
Geometry tells where a point lies in an image, not whether something stands before it: a view that
is not sure is left unknown, and hidden only where its detector is certain to see nothing. In
fly_chamber 98 % of the points that three others agree on are truly hidden from a view that is
neither sure nor agrees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from calibration.rig import Rig
from labcut3d.detection.parts import require_same
from labcut3d.detection.selection import choose_moments
from labcut3d.reconstruction.association import match_views
from labcut3d.reconstruction.identities import in_order_of
from labcut3d.schema import noise_covariance

__all__ = ["PseudoLabels", "agreed_labels", "free_moments", "spread_moments"]

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SURE = 0.5  # confidence from which a view says that it sees a keypoint,
HIDDEN = 0.05  # and below which it says that it does not
AGREES_PX = 3.0  # largest distance from a detection to the reprojection, and its deviation
OUTLIER = 9.21  # squared Mahalanobis distance: 99 % of a chi-square with two degrees of freedom
VIEWS = 3  # that agree
APART_S = 0.5  # from the held-out moments, and at most from labelled ones


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PseudoLabels:
    """What geometry says about a recording: arrays (time, view, individual, keypoint, ...).

    `position` (..., 2) px, NaN where hidden or not `known` (...), as in `LabelledImage`;
    `agreed` (time,) counts the points that the views agree on; `poses` (time, 1, feature) are the
    3-D points, by which moments are told apart; `frames` (time, view) their numbers.
    """

    recording: str
    views: tuple[str, ...]
    frames: npt.NDArray[np.int64]
    position: Array
    known: Flags
    agreed: npt.NDArray[np.int64]
    poses: Array


def agreed_labels(
    recording: str, detections: xr.Dataset, trajectories: xr.Dataset, rig: Rig
) -> PseudoLabels:
    """Return the points of a recording on which its views agree, as labels of every view.

    Views that the trajectories were not made from get none. Raises `DatasetError` where the two
    datasets do not belong together, or to the rig.
    """
    require_same(recording, detections, trajectories)
    detections = in_order_of(detections.sel(view=trajectories["view"].values), trajectories)
    rig = match_views(detections, rig)
    # All are (time, view, individual, keypoint, ...) from here on.
    points = _ordered(trajectories["position"], "space")
    projected = np.moveaxis(rig.project(points), 0, 1)
    jacobian = np.stack([camera.project_jacobian(points) for camera in rig], axis=1)
    spread = jacobian @ _ordered(noise_covariance(trajectories), "space", "space_")[:, None]
    spread = spread @ np.swapaxes(jacobian, -1, -2)
    residual = _ordered(detections["position"], "space") - projected
    confidence = np.where(
        np.isfinite(residual).all(axis=-1), _ordered(detections["confidence"]), 0.0
    )
    sure = np.nan_to_num(confidence, nan=1.0) >= SURE
    strict = 0.5 if len(rig) < VIEWS else 1.0
    agrees = sure & _agree(residual, spread + _claimed(detections), strict)
    enough = agrees.sum(axis=1) >= min(VIEWS, len(rig))
    agreed = (enough & ~(sure & ~agrees).any(axis=1))[:, None]
    sizes = np.array([camera.size for camera in rig])[:, None, None]
    with np.errstate(invalid="ignore"):
        inside = ((projected >= -0.5) & (projected <= sizes - 0.5)).all(axis=-1)
        shown = agreed & agrees & inside & _narrow(spread)
    position = np.where(shown[..., None], projected, np.nan)
    return PseudoLabels(
        recording=recording,
        views=rig.names,
        frames=trajectories["frame"].values,
        position=position,
        known=shown | (agreed & (confidence < HIDDEN)),
        agreed=shown.any(axis=1).sum(axis=(1, 2)),
        poses=_poses(points),
    )


def free_moments(
    labels: PseudoLabels, labelled: Sequence[int], held_out: Sequence[int], fps: float
) -> Flags:
    """Return which moments (time,) may be pseudo-labelled: none that a person's labels speak for.

    `labelled` and `held_out` are frame numbers. The whole stretch of the held-out ones stays free
    of training, as frames between them are nearly the same images.
    """
    apart = round(APART_S * fps)
    moments = np.arange(len(labels.frames))
    free = labels.agreed > 0
    known = np.flatnonzero(np.isin(labels.frames[:, 0], [*labelled, *held_out]))
    if len(known):
        near = min(apart, len(moments) // (4 * len(known)))
        free &= np.abs(moments[:, None] - known).min(axis=1) > near
    kept = np.flatnonzero(np.isin(labels.frames[:, 0], list(held_out)))
    if len(kept):
        free &= (moments < kept[0] - apart) | (moments > kept[-1] + apart)
    return free


def spread_moments(
    labels: Sequence[PseudoLabels],
    free: Sequence[Flags],
    labelled: Sequence[Sequence[int]],
    count: int,
    seed: int = 0,
) -> list[tuple[int, int]]:
    """Choose up to `count` moments of different poses, unlike the `labelled` ones (frame numbers).

    Of the `free` moments of each recording those count that have no fewer agreed points than usual.
    Returns (recording's index, moment), rising.
    """
    counts = np.concatenate([one.agreed[may] for one, may in zip(labels, free, strict=True)])
    if not len(counts):
        return []
    usual = np.median(counts)
    rows: list[tuple[int, int]] = []
    known: list[Flags] = []
    for index, (one, may, frames) in enumerate(zip(labels, free, labelled, strict=True)):
        is_labelled = np.asarray(np.isin(one.frames[:, 0], list(frames)))
        taken = np.flatnonzero(is_labelled | (may & (one.agreed >= usual)))
        rows += [(index, int(moment)) for moment in taken]
        known.append(is_labelled[taken])
    poses = np.stack([labels[index].poses[moment] for index, moment in rows])
    choices = choose_moments(poses, count, labelled=np.concatenate(known), seed=seed)
    return sorted(rows[choice.row] for choice in choices)


def _ordered(array: xr.DataArray, *last: str) -> Any:
    """Return an array as (time, [view,] individual, keypoint, *last)."""
    first = [name for name in ("time", "view") if name in array.dims]
    return array.transpose(*first, "individual", "keypoint", *last).values.astype(np.float64)


def _claimed(detections: xr.Dataset) -> Array:
    """Return the detections' covariances, 1 px^2 where none is known."""
    if "covariance" not in detections:
        return np.eye(2)
    claimed = _ordered(detections["covariance"], "space", "space_")
    known = np.isfinite(claimed).all(axis=(-2, -1), keepdims=True)
    return np.where(known, claimed, np.eye(2))


def _agree(residual: Array, covariance: Array, strict: float) -> Flags:
    """Tell where residuals (..., 2) px are small, in px and in standard deviations."""
    known = np.isfinite(residual).all(axis=-1) & np.isfinite(covariance).all(axis=(-2, -1))
    safe = np.where(np.expand_dims(known, (-2, -1)), covariance, np.eye(2))
    zeroed = np.where(np.expand_dims(known, -1), residual, 0.0)
    squared = (np.linalg.solve(safe, zeroed[..., None])[..., 0] * zeroed).sum(axis=-1)
    near = np.linalg.norm(zeroed, axis=-1) <= strict * AGREES_PX
    return known & near & (squared <= strict**2 * OUTLIER)


def _narrow(spread: Array) -> Flags:
    """Tell where a reprojection's covariance (..., 2, 2) px^2 leaves no doubt of its own."""
    largest = np.linalg.eigvalsh(np.nan_to_num(spread))[..., -1]
    return np.isfinite(spread).all(axis=(-2, -1)) & (largest <= AGREES_PX**2)


def _poses(points: Array) -> Array:
    """Return points (time, individual, keypoint, 3) as features: their middle, and about it."""
    there = np.isfinite(points).all(axis=-1, keepdims=True)
    n = there.sum(axis=2, keepdims=True)
    middle = np.where(there, points, 0.0).sum(axis=2, keepdims=True) / np.where(n, n, np.nan)
    about = np.concatenate([middle, points - middle], axis=2)
    return about.reshape(len(points), 1, -1)
