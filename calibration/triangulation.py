"""From pixels in several views to points in space, robust to wrong views, with a covariance.

For every point the views that agree are searched among the hypotheses of all pairs of views (and
of all views at once), each scored by the truncated squared residuals of every view (MSAC: Torr &
Zisserman, "MLESAC", 2000). Gauss-Newton through the exact lens model then finds the
maximum-likelihood point of the views that agree. Nothing loops over points, and no point's
result depends on another's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.errors import RigError
from calibration.geometry import Array
from calibration.rig import Rig

__all__ = ["Triangulation", "triangulate_points"]

Flags = NDArray[np.bool_]

OUTLIER = 13.8  # squared Mahalanobis distance: 99.9 % of a chi-square with two degrees of freedom
SMALLEST_PARALLAX = 1e-3  # rad; rays closer to parallel fix no depth
BLOCK = 8192  # points worked on at a time, so that they stay in the processor's cache
POLISHING = 2  # rounds of linear refinement in which the set of inliers may still change
NEWTON_STEPS = 15
CONVERGED = 1e-4  # a step, in standard deviations of the point


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Triangulation:
    """Points in the world frame of the rig, NaN where undetermined.

    `points` (..., 3) in the rig's unit; `covariance` (..., 3, 3) in unit^2, of the pixels' noise
    alone; `reprojection_error` (...) px, the mean distance over the views used; `inliers`
    (view, ...) the views used.
    """

    points: Array
    covariance: Array
    reprojection_error: Array
    inliers: Flags


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sights:
    """What every view sees of a block of points, in several forms.

    `valid` (view, n); `pixels` (view, n, 2) and `information` (view, n, 2, 2) px^-2, zero where
    not valid; `normalized` (view, n, 2) ideal image coordinates and `metric` (view, n, 2, 2)
    their information; `directions` (view, n, 3) of the rays in the world.
    """

    rig: Rig
    rotations: Array
    translations: Array
    valid: Flags
    pixels: Array
    information: Array
    normalized: Array
    metric: Array
    directions: Array


def triangulate_points(
    rig: Rig,
    pixels: ArrayLike,
    *,
    covariance: ArrayLike | None = None,
    confidence: ArrayLike | None = None,
) -> Triangulation:
    """Return the maximum-likelihood points that the views of a rig see at `pixels`.

    `pixels` (view, ..., 2) in the order of the rig's cameras, NaN = missing; `covariance`
    (view, ..., 2, 2) px^2, by default 1 px^2; `confidence` (view, ...): a view of confidence 0.5
    counts half an observation, one of 0 or NaN is not used.

    With three views or more, views that contradict the others are left out. Two views alone
    cannot tell which of them is wrong: their point is returned with its large
    `reprojection_error`, and the caller decides. NaN where fewer than two views see a point,
    their rays are parallel, or they meet behind a camera.
    """
    pixels = np.asarray(pixels, dtype=float)
    if pixels.ndim < 2 or pixels.shape[0] != len(rig) or pixels.shape[-1] != 2:
        raise RigError(
            f"pixels have shape {pixels.shape}; {len(rig)} cameras need ({len(rig)}, ..., 2)"
        )
    shape = pixels.shape[1:-1]
    flat = pixels.reshape(len(rig), -1, 2)
    information = _information(flat, covariance, confidence, pixels.shape)
    n = flat.shape[1]
    points, covariances = np.full((n, 3), np.nan), np.full((n, 3, 3), np.nan)
    error, inliers = np.full(n, np.nan), np.zeros((len(rig), n), dtype=bool)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # NaN is the answer there
        for part in _blocks(n):
            sights = _look(rig, flat[:, part], information[:, part])
            start, agreeing = _search(sights)
            start, agreeing = _polish(sights, start, agreeing)
            points[part], covariances[part], error[part], inliers[:, part] = _maximize(
                sights, start, agreeing
            )
    return Triangulation(
        points=points.reshape(*shape, 3),
        covariance=covariances.reshape(*shape, 3, 3),
        reprojection_error=error.reshape(shape),
        inliers=inliers.reshape(len(rig), *shape),
    )


def _blocks(n: int) -> Iterator[slice]:
    """Cut n points into blocks."""
    for start in range(0, n, BLOCK):
        yield slice(start, min(start + BLOCK, n))


def _information(
    flat: Array, covariance: ArrayLike | None, confidence: ArrayLike | None, shape: tuple[int, ...]
) -> Array:
    """Return the information (view, n, 2, 2) of each pixel, zero where there is none."""
    if covariance is None:
        information = np.broadcast_to(np.eye(2), (*flat.shape, 2)).copy()
    else:
        covariance = np.asarray(covariance, dtype=float)
        if covariance.shape != (*shape, 2):
            raise RigError(f"covariance has shape {covariance.shape}, not {(*shape, 2)}")
        a, b, c = (
            covariance.reshape(*flat.shape, 2)[..., i, j] for i, j in ((0, 0), (0, 1), (1, 1))
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            determinant = a * c - b * b
            good = (determinant > 0) & (a > 0) & np.isfinite(determinant)
            entries = np.stack([c, -b, -b, a], axis=-1) / determinant[..., None]
        information = np.where(good[..., None], entries, 0.0).reshape(*flat.shape, 2)
    if confidence is not None:
        confidence = np.asarray(confidence, dtype=float)
        if confidence.shape != shape[:-1]:
            raise RigError(f"confidence has shape {confidence.shape}, not {shape[:-1]}")
        weight = np.nan_to_num(confidence.reshape(flat.shape[:-1]), nan=0.0).clip(min=0.0)
        information = information * weight[..., None, None]
    return information


def _look(rig: Rig, pixels: Array, information: Array) -> _Sights:
    """Undo the lenses and carry the pixels' information to where the lens is ideal."""
    normalized = np.stack([c.undistort(p) for c, p in zip(rig, pixels, strict=True)])
    slopes = np.stack(
        [c.matrix[:2, :2] @ c.lens.jacobian(xy) for c, xy in zip(rig, normalized, strict=True)]
    )
    valid = np.isfinite(normalized).all(axis=-1) & (information[..., 0, 0] > 0)
    rotations = np.stack([camera.rotation for camera in rig])
    directions = np.concatenate([normalized, np.ones_like(normalized[..., :1])], axis=-1)
    directions = directions @ rotations
    directions /= np.sqrt((directions**2).sum(axis=-1, keepdims=True))
    metric = np.swapaxes(slopes, -1, -2) @ information @ slopes
    return _Sights(
        rig=rig,
        rotations=rotations,
        translations=np.stack([camera.translation for camera in rig]),
        valid=valid,
        pixels=np.where(valid[..., None], pixels, 0.0),
        information=np.where(valid[..., None, None], information, 0.0),
        normalized=np.where(valid[..., None], normalized, 0.0),
        metric=np.where(valid[..., None, None], metric, 0.0),
        directions=np.where(valid[..., None], directions, 0.0),
    )


def _search(sights: _Sights) -> tuple[Array, Flags]:
    """Return the best hypothesis (n, 3) and the views (view, n) that agree with it."""
    planes = np.eye(3) - sights.directions[..., :, None] * sights.directions[..., None, :]
    centers = np.stack([camera.center for camera in sights.rig])[:, None, :, None]
    offsets = (planes @ centers)[..., 0]
    weight = sights.valid.astype(float)
    views, n = sights.valid.shape
    best, points = np.full(n, np.inf), np.full((n, 3), np.nan)
    agreeing = np.zeros((views, n), dtype=bool)
    count = sights.valid.sum(axis=0)
    for members in [tuple(range(views)), *(combinations(range(views), 2) if views > 2 else ())]:
        normal = sum(weight[v, :, None, None] * planes[v] for v in members)
        right = sum(weight[v, :, None] * offsets[v] for v in members)
        point = _solve(np.asarray(normal), np.asarray(right))
        squared = _ideal_distances(sights, point)
        used = sum(weight[v] for v in members)
        cost = np.where(sights.valid, np.minimum(squared, OUTLIER), 0.0).sum(axis=0)
        # Two views cannot outvote one another, so theirs is no question of agreement.
        better = (used >= 2) & ((cost < best) | ((count == 2) & ~np.isfinite(best)))
        best = np.where(better, cost, best)
        points = np.where(better[:, None], point, points)
        chosen = np.zeros(views, dtype=bool)
        chosen[list(members)] = len(members) == 2
        within = sights.valid & ((squared < OUTLIER) | chosen[:, None] | (count == 2))
        agreeing = np.where(better, within, agreeing)
    return points, agreeing


def _polish(sights: _Sights, points: Array, agreeing: Flags) -> tuple[Array, Flags]:
    """Refine with all views that agree, letting views join and leave as the point improves."""
    pair = sights.valid.sum(axis=0) == 2
    for _ in range(POLISHING):
        camera = points @ np.swapaxes(sights.rotations, -1, -2) + sights.translations[:, None]
        weight = sights.metric * (agreeing / camera[..., 2] ** 2)[..., None, None]
        # The rows x - X/Z = 0, times Z, are linear in the point: (R1 - x R3) X = x t3 - t1.
        rows = sights.rotations[:, None, :2] - (
            sights.normalized[..., None] * sights.rotations[:, None, 2:]
        )
        target = (
            sights.normalized * sights.translations[:, None, 2:] - sights.translations[:, None, :2]
        )
        weighted = np.swapaxes(rows, -1, -2) @ weight
        refined = _solve(
            (weighted @ rows).sum(axis=0), (weighted @ target[..., None])[..., 0].sum(axis=0)
        )
        squared = _ideal_distances(sights, refined)
        within = sights.valid & ((squared < OUTLIER) | pair)
        kept = np.isfinite(refined).all(axis=-1) & (within.sum(axis=0) >= 2)
        points = np.where(kept[:, None], refined, points)
        agreeing = np.where(kept, within, agreeing)
    return points, agreeing


def _maximize(sights: _Sights, points: Array, agreeing: Flags) -> tuple[Array, Array, Array, Flags]:
    """Climb to the maximum-likelihood points; return them, covariance, error and inliers."""
    information = sights.information * agreeing[..., None, None]
    active = np.flatnonzero((agreeing.sum(axis=0) >= 2) & np.isfinite(points).all(axis=-1))
    points = points.copy()
    for _ in range(NEWTON_STEPS):
        normal, gradient, _ = _normal_equations(sights, points[active], information, active)
        step = _solve(normal, gradient)
        points[active] += step
        moved = (step * gradient).sum(axis=-1)
        active = active[moved > CONVERGED**2]
        if not len(active):
            break
    points[active] = np.nan  # still moving: the views do not fix this point
    everywhere = np.arange(len(points))
    normal, _, distance = _normal_equations(sights, points, information, everywhere)
    determined = np.isfinite(points).all(axis=-1) & (
        _parallax(sights, agreeing) > SMALLEST_PARALLAX
    )
    determined &= np.isfinite(np.where(agreeing, distance, 0.0)).all(axis=0)
    inliers = agreeing & determined
    covariance = np.where(determined[:, None, None], _invert(normal), np.nan)
    mean = np.where(inliers, distance, 0.0).sum(axis=0) / inliers.sum(axis=0)
    return np.where(determined[:, None], points, np.nan), covariance, mean, inliers


def _normal_equations(
    sights: _Sights, points: Array, information: Array, which: NDArray[np.intp]
) -> tuple[Array, Array, Array]:
    """Return J'WJ (m, 3, 3), J'W residual (m, 3) and distances (view, m) px at points (m, 3)."""
    normal, gradient = np.zeros((len(points), 3, 3)), np.zeros((len(points), 3))
    distances = np.full((len(sights.rig), len(points)), np.nan)
    for view, camera in enumerate(sights.rig):
        used = information[view, which, 0, 0] > 0
        jacobian = camera.project_jacobian(points)
        residual = sights.pixels[view, which] - camera.project(points)
        distances[view] = np.sqrt((residual**2).sum(axis=-1))
        weighted = np.swapaxes(jacobian, -1, -2) @ information[view, which]
        normal += np.where(used[:, None, None], weighted @ jacobian, 0.0)
        gradient += np.where(used[:, None], (weighted @ residual[..., None])[..., 0], 0.0)
    return normal, gradient, distances


def _ideal_distances(sights: _Sights, points: Array) -> Array:
    """Return squared Mahalanobis distances (view, n) of points (n, 3); infinite behind a camera."""
    camera = points @ np.swapaxes(sights.rotations, -1, -2) + sights.translations[:, None]
    residual = camera[..., :2] / camera[..., 2:] - sights.normalized
    x, y = residual[..., 0], residual[..., 1]
    m = sights.metric
    squared = m[..., 0, 0] * x * x + 2 * m[..., 0, 1] * x * y + m[..., 1, 1] * y * y
    return np.where(camera[..., 2] > 0, squared, np.inf)


def _parallax(sights: _Sights, agreeing: Flags) -> Array:
    """Return the sine (n,) of the widest angle between rays that agree."""
    widest = np.zeros(agreeing.shape[1])
    for a, b in combinations(range(len(agreeing)), 2):
        cross = np.cross(sights.directions[a], sights.directions[b])
        sine = np.sqrt((cross**2).sum(axis=-1))
        widest = np.where(agreeing[a] & agreeing[b], np.maximum(widest, sine), widest)
    return widest


def _invert(matrices: Array) -> Array:
    """Return the inverses of symmetric matrices (..., 3, 3), in closed form; NaN where singular."""
    a, b, c = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 0, 2]
    d, e, f = matrices[..., 1, 1], matrices[..., 1, 2], matrices[..., 2, 2]
    p, q, r = d * f - e * e, c * e - b * f, b * e - c * d
    s, t, u = a * f - c * c, b * c - a * e, a * d - b * b
    determinant = a * p + b * q + c * r
    cofactors = np.stack([p, q, r, q, s, t, r, t, u], axis=-1).reshape(matrices.shape)
    return cofactors / np.where(determinant > 0, determinant, np.nan)[..., None, None]


def _solve(matrices: Array, vectors: Array) -> Array:
    """Solve symmetric positive systems (..., 3, 3) for vectors (..., 3); NaN where singular."""
    return (_invert(matrices) @ vectors[..., None])[..., 0]
