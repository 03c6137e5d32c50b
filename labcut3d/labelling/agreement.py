"""Clicks in two views and more: where the point lies, how surely, and which click contradicts.

Every label is compared with where the labels of the other views put the point: it must not have a
say in what it is judged by. Where only two views agree at all, each is judged by its distance from
the curve that the other one makes, which is all that two views can contradict each other in.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from calibration.covariance import RigCovariance
from calibration.epipolar import epipolar_error
from calibration.gaussian import MEDIAN_OF_DISTANCE
from calibration.geometry import Array, is_seen
from calibration.points.disagreement import calibration_disagreement
from calibration.rig import Rig
from calibration.solver.uncertainty import point_slopes, rig_parameters
from calibration.triangulation import triangulate_points

__all__ = ["CONTRADICTS", "NOISE", "Agreement", "compare_views", "label_noise"]

NOISE = 1.0  # px a coordinate, of a label placed by hand, where nothing better is known
NOISE_RANGE = (0.3, 5.0)  # px that people's labels can have
ENOUGH = 40  # labels that must be judged by two others, to learn their noise
CONTRADICTS = 4.0  # standard deviations; of 48 good labels, 1 in 60 moments has one beyond
FORCED = 1e4  # factor on the noise with which all views but gross outliers agree


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Agreement:
    """What the labels of n points in the views of a rig say of each other.

    `points` (n, 3) in the rig's unit. `place` (view, n, 2) px is where the other views put a point,
    NaN where fewer than two tell; `spread` (view, n, 2, 2) px^2 how surely. `distance` (view, n) px
    is how far a label lies from that place, or from the curve of the only other view; `deviation`
    (view, n) is the same in standard deviations of what labels and calibration explain. NaN where
    nothing is labelled, or nothing to compare with.
    """

    points: Array
    place: Array
    spread: Array
    distance: Array
    deviation: Array


def compare_views(
    rig: Rig,
    pixels: ArrayLike,
    *,
    noise: float = NOISE,
    rig_covariance: RigCovariance | None = None,
) -> Agreement:
    """Return what labels `pixels` (view, n, 2) px, NaN = not labelled, say of each other.

    `noise` is the standard deviation of a label's coordinate, px. Views in the order of the rig.
    """
    pixels = np.asarray(pixels, dtype=float)
    seen, own = is_seen(pixels), noise**2 * np.eye(2)
    covariance = np.broadcast_to(own, (*pixels.shape, 2))
    found = triangulate_points(rig, pixels, covariance=covariance, rig_covariance=rig_covariance)
    # Where no views agree, none is better than another: all have a say.
    agreeing = np.where(is_seen(found.points), found.inliers, seen)
    place, spread = _from_others(rig, pixels, agreeing, own)
    if rig_covariance is not None:
        weights = agreeing[..., None, None] * np.eye(2) / noise**2
        spread = spread + calibration_disagreement(rig, rig_covariance, found.points, weights)
    offset = pixels - place
    squared = offset[..., None, :] @ np.linalg.inv(_finite(spread) + own) @ offset[..., None]
    distance, deviation = np.linalg.norm(offset, axis=-1), np.sqrt(squared[..., 0, 0])
    paired = agreeing & (agreeing.sum(axis=0) == 2)
    alone = _pair_deviation(rig, rig_covariance, pixels, (paired, found.points), noise)
    return Agreement(
        points=found.points,
        place=place,
        spread=spread,
        distance=np.where(paired, _pair_distance(rig, pixels, paired), distance),
        deviation=np.where(paired, alone, deviation),
    )


def label_noise(rig: Rig, pixels: ArrayLike) -> float:
    """Return the standard deviation of a label's coordinate, px, that labels (view, n, 2) show.

    From the median disagreement with two other views or more, which mistakes hardly move; `NOISE`
    where too few labels can be judged. The calibration's errors count as the labels'.
    """
    noise = NOISE_RANGE[1]  # first so wide that no good label is overruled
    labelled = is_seen(np.asarray(pixels, dtype=float)).sum(axis=0)
    for _ in range(2):
        deviation = compare_views(rig, pixels, noise=noise).deviation
        judged = (labelled > 2) & np.isfinite(deviation)
        if judged.sum() < ENOUGH:
            return NOISE
        learnt = noise * np.median(deviation[judged]) / MEDIAN_OF_DISTANCE
        noise = float(np.clip(learnt, *NOISE_RANGE))
    return noise


def _from_others(rig: Rig, pixels: Array, agreeing: np.ndarray, own: Array) -> tuple[Array, Array]:
    """Return where all agreeing views but one put the points, in the one left out, for each view.

    Places (view, n, 2) and their spread (view, n, 2, 2), for cameras that are exactly known.
    """
    views = len(rig)
    others = np.repeat(np.where(agreeing[..., None], pixels, np.nan)[:, None], views, axis=1)
    others[np.arange(views), np.arange(views)] = np.nan
    # They agree already: with noise this wide they are not asked again.
    wide = np.broadcast_to(FORCED * own, (*others.shape, 2))
    told = triangulate_points(rig, others, covariance=wide)
    imaged = [camera.linearize(told.points[v]) for v, camera in enumerate(rig)]
    place, slopes = (np.stack(parts) for parts in zip(*imaged, strict=True))
    spread = slopes @ (told.covariance / FORCED) @ np.swapaxes(slopes, -1, -2)
    return place, spread


def _pair_distance(rig: Rig, pixels: Array, paired: np.ndarray) -> Array:
    """Return the distance (view, n) px of labels from the curve of the one that is `paired`."""
    distance = np.full(paired.shape, np.nan)
    for a, b in combinations(range(len(rig)), 2):
        where = paired[a] & paired[b]
        if where.any():
            both = pixels[[a, b]][:, where]
            error = epipolar_error(rig, rig.names[a], rig.names[b], both)
            distance[a, where] = distance[b, where] = error
    return distance


def _pair_deviation(
    rig: Rig,
    rig_covariance: RigCovariance | None,
    pixels: Array,
    known: tuple[np.ndarray, Array],
    noise: float,
) -> Array:
    """Return how far (n,) two labels miss each other, in standard deviations.

    `known` are which views (view, n) are paired, and the most probable points (n, 3). All that is
    left over of two labels at that point lies in one direction of their four coordinates.
    """
    used, points = known
    left = np.where(used[..., None], pixels - rig.project(points), 0.0)
    length = np.sqrt((left**2).sum(axis=(0, -1)))
    variance = np.full(length.shape, noise**2)
    if rig_covariance is not None:
        information = used[..., None, None] * np.eye(2) / noise**2
        _, shifts, _ = point_slopes(rig, points, information)
        moved, end = np.zeros((len(points), shifts.shape[-1])), 0
        for view, camera in enumerate(rig):
            slopes = camera.project_jacobian(points) @ shifts
            by_camera = camera.parameter_jacobian(points)
            begin, end = end, end + by_camera.shape[-1]
            slopes[..., begin:end] += by_camera
            moved += (left[view, :, None] @ np.where(used[view, :, None, None], slopes, 0.0))[:, 0]
        moved /= np.maximum(length, 1e-12)[:, None]
        parameters = rig_covariance.of(rig_parameters(rig))
        variance = variance + np.einsum("np,pq,nq->n", moved, parameters, moved)
    return length / np.sqrt(variance)


def _finite(matrices: Array) -> Array:
    """Return matrices (..., 2, 2) with zeros instead of NaN, so that they can be inverted."""
    return np.where(np.isfinite(matrices), matrices, 0.0)
