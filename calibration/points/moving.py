"""What several cameras saw of points that move: which to use, how fast they are, how far off."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import savgol_coeffs

from calibration.errors import CalibrationError
from calibration.gaussian import MEDIAN_CHI_SQUARE
from calibration.geometry import Array, is_covariance, is_seen
from calibration.rig import Rig
from calibration.solver.anchored import Sightings
from calibration.triangulation import triangulate_points

__all__ = [
    "Chosen",
    "Seen",
    "checked",
    "choose_points",
    "in_step",
    "reprojection_distances",
    "require_agreement",
    "sightings_of",
    "velocities",
]

MOST_POINTS = 1500  # of a recording that are used, spread over it; neighbours tell the same
WIDE = 1e4  # factor on the detections' variance at which all views agree, to begin with
WINDOW, DEGREE = 7, 3  # frames, and degree of the polynomial whose slope is a point's velocity
MOVING = 4.0  # standard deviations from which a velocity counts
SMALLEST_EXTENT = 50.0  # px
NO_AGREEMENT = 0.1  # noise over the extent of what is seen, from where nothing agrees


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """All detections: `pixels` (view, keypoint, time, 2), NaN = none, `covariance` px^2."""

    pixels: Array
    covariance: Array

    def without(self, views: Collection[int]) -> "Seen":
        """Return the detections without some views, but for points that no two others see."""
        if not views:
            return self
        left = self.pixels.copy()
        left[list(views)] = np.nan
        enough = is_seen(left).sum(axis=0) >= 2
        return replace(self, pixels=np.where(enough[..., None], left, self.pixels))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chosen:
    """The chosen points to begin with (n, 3), which they are, and the factor on the variance."""

    points: Array
    keypoint: np.ndarray
    time: np.ndarray
    scale: float


def checked(rig: Rig, pixels: ArrayLike, covariance: ArrayLike | None) -> Seen:
    """Return the detections, without what is not finite."""
    pixels = np.asarray(pixels, dtype=float)
    if pixels.ndim != 4 or len(pixels) != len(rig) or pixels.shape[-1] != 2 or len(rig) < 2:
        raise CalibrationError(
            f"pixels of shape {pixels.shape} for {len(rig)} cameras: give ({len(rig)}, keypoint, "
            "time, 2), of two cameras or more"
        )
    if covariance is None:
        covariance = np.broadcast_to(np.eye(2), (*pixels.shape, 2))
    given = np.asarray(covariance, dtype=float)
    if given.shape != (*pixels.shape, 2):
        raise CalibrationError(f"covariance has shape {given.shape}, not {(*pixels.shape, 2)}")
    good = is_seen(pixels) & is_covariance(given)
    return Seen(
        pixels=np.where(good[..., None], pixels, np.nan),
        covariance=np.where(good[..., None, None], given, np.eye(2)),
    )


def choose_points(rig: Rig, seen: Seen, moved: Collection[str]) -> Chosen:
    """Return points of which two views or more agree, spread over the recording."""
    others = seen.without([rig.names.index(name) for name in moved])
    rough = triangulate_points(rig, seen.pixels, covariance=seen.covariance * WIDE).points
    points, scale = rough, WIDE
    for _ in range(2):
        squared = _squared(rig, others, points)
        views = np.isfinite(squared).sum(axis=0)
        # Of 2 n coordinates the point itself takes three.
        squared = squared * 2 * views / np.maximum(2 * views - 3, 1)
        if not np.isfinite(squared).any():
            break
        scale = max(float(np.nanmedian(squared)) / MEDIAN_CHI_SQUARE, 1e-12)
        points = triangulate_points(rig, others.pixels, covariance=others.covariance * scale).points
    if not is_seen(points).any():
        raise CalibrationError(
            "no point is seen by two cameras that agree; check that the detections belong to "
            f"this rig ({', '.join(rig.names)}) and are synchronous"
        )
    points = np.where(np.isfinite(points), points, rough)
    # The same points whichever camera is taken for moved, so that costs can be compared.
    keypoint, time = np.nonzero(is_seen(rough))
    order = np.lexsort((keypoint, time))
    spread = np.linspace(0, len(order) - 1, min(len(order), MOST_POINTS)).round().astype(int)
    keypoint, time = keypoint[order[spread]], time[order[spread]]
    return Chosen(points=points[keypoint, time], keypoint=keypoint, time=time, scale=scale)


def _squared(rig: Rig, seen: Seen, points: Array) -> Array:
    """Return squared distances (view, keypoint, time), in units of the variance; NaN = unknown."""
    residual = seen.pixels - rig.project(points)
    solved = np.linalg.solve(seen.covariance, residual[..., None])[..., 0]
    return np.einsum("...i,...i->...", residual, solved)


def sightings_of(seen: Seen, begin: Chosen, velocity: Array) -> Sightings:
    """Return what was seen of the chosen points."""
    pixels = seen.pixels[:, begin.keypoint, begin.time]
    there = is_seen(pixels)
    information = np.linalg.inv(seen.covariance[:, begin.keypoint, begin.time])
    return Sightings(
        pixels=np.where(there[..., None], pixels, 0.0),
        information=np.where(there[..., None, None], information, 0.0),
        velocity=velocity[begin.keypoint, begin.time],
    )


def velocities(rig: Rig, seen: Seen, fps: float) -> Array:
    """Return the velocities (keypoint, time, 3) of the points, unit/s; zero where none is sure."""
    velocity = np.zeros((*seen.pixels.shape[1:3], 3))
    if seen.pixels.shape[2] < WINDOW:
        return velocity
    found = triangulate_points(rig, seen.pixels, covariance=seen.covariance)
    slopes = savgol_coeffs(WINDOW, DEGREE, deriv=1, delta=1 / fps, use="dot")
    windows = np.lib.stride_tricks.sliding_window_view(found.points, WINDOW, axis=1)
    spreads = np.lib.stride_tricks.sliding_window_view(found.covariance, WINDOW, axis=1)
    middle = slice(WINDOW // 2, -(WINDOW // 2))
    speed = windows @ slopes
    with np.errstate(invalid="ignore"):
        variance = np.einsum("...iiw,w->...i", spreads, slopes**2).sum(axis=-1)
        sure = (speed**2).sum(axis=-1) > MOVING**2 * variance
    velocity[:, middle] = np.where(sure[..., None], speed, 0.0)
    return velocity


def require_agreement(seen: Seen, sightings: Sightings, scale: float) -> None:
    """Refuse detections that disagree by as much as the points are apart."""
    there = sightings.seen
    spread = [
        np.ptp(np.quantile(pixels[seen], [0.1, 0.9], axis=0), axis=0).mean()
        for pixels, seen in zip(sightings.pixels, there, strict=True)
        if seen.any()
    ]
    variance = np.trace(seen.covariance[is_seen(seen.pixels)], axis1=-2, axis2=-1) / 2
    off = float(np.sqrt(scale * np.median(variance)))
    extent = max(float(np.median(spread)), SMALLEST_EXTENT)
    if off > NO_AGREEMENT * extent:
        raise CalibrationError(
            f"the views disagree by {off:.3g} px about points spread over {extent:.3g} px: "
            "they do not show the same; check that they are synchronous and belong to this rig"
        )


def in_step(rig: Rig, seen: Seen, velocity: Array, delays: Array) -> Seen:
    """Return the detections as they would be without delays (view,) s."""
    if not delays.any():
        return seen
    points = triangulate_points(rig, seen.pixels, covariance=seen.covariance).points
    late = [
        camera.project(points + delay * velocity) - camera.project(points)
        for camera, delay in zip(rig, delays, strict=True)
    ]
    return replace(seen, pixels=seen.pixels - np.nan_to_num(late))


def reprojection_distances(rig: Rig, seen: Seen) -> tuple[Array, Array, Array]:
    """Return the points (keypoint, time, 3) that detections tell, and how far they are from them.

    (view, keypoint, time) in px, and squared in units of their variance.
    """
    points = triangulate_points(rig, seen.pixels, covariance=seen.covariance).points
    distance = np.linalg.norm(seen.pixels - rig.project(points), axis=-1)
    return points, distance, _squared(rig, seen, points)
