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

from calibration.camera import Camera
from calibration.errors import RigError
from calibration.geometry import Array
from calibration.rig import Rig

__all__ = ["Triangulation", "triangulate_points"]

Flags = NDArray[np.bool_]

OUTLIER = 13.8  # squared Mahalanobis distance: 99.9 % of a chi-square with two degrees of freedom
SMALLEST_PARALLAX = 1e-3  # rad; rays closer to parallel fix no depth
BLOCK = 4096  # points worked on at a time, so that they stay in the processor's cache
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
    """What every view sees of a block of n points. Points come last here: numpy is faster so.

    `valid` (view, n); `pixels` (view, 2, n) and `whitening` (view, 2, 2, n), which turns a
    difference in px into standard deviations; `normalized` (view, 2, n) ideal image coordinates
    and `ideal_whitening` (view, 2, 2, n) for differences of these; `directions` (view, 3, n) of
    the rays in the world. All zero where not valid.
    """

    rig: Rig
    rotations: Array
    translations: Array
    valid: Flags
    pixels: Array
    whitening: Array
    normalized: Array
    ideal_whitening: Array
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
    no two of three or more agree, their rays are parallel, or they meet behind a camera.
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
    walls = any(camera.wall is not None for camera in rig)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # NaN is the answer there
        for part in _blocks(n):
            if walls:
                from calibration.bent_rays import triangulate_bent  # here, as it builds on this

                bent = triangulate_bent(rig, flat[:, part], information[:, part])
                points[part], covariances[part], error[part], inliers[:, part] = bent
                continue
            sights = _look(rig, flat[:, part], information[:, part])
            found = _maximize(sights, *_polish(sights, *_search(sights)))
            points[part], covariances[part] = found[0].T, np.moveaxis(found[1], -1, 0)
            error[part], inliers[:, part] = found[2:]
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
    """Undo the lenses, and carry the pixels' information to where the lens is ideal."""
    ideal = np.stack([c.undistort(p) for c, p in zip(rig, pixels, strict=True)])
    slopes = np.stack([_slopes(camera, xy.T) for camera, xy in zip(rig, ideal, strict=True)])
    valid = np.isfinite(ideal).all(axis=-1) & (information[..., 0, 0] > 0)
    rotations = np.stack([camera.rotation for camera in rig])
    normalized = np.where(valid[:, None], np.swapaxes(ideal, 1, 2), 0.0)
    directions = np.einsum("vij,vin->vjn", rotations[:, :2], normalized) + rotations[:, 2, :, None]
    directions /= np.sqrt((directions**2).sum(axis=1, keepdims=True))
    a, b, c = (np.where(valid, information[..., i, j], 0.0) for i, j in ((0, 0), (0, 1), (1, 1)))
    root = np.sqrt(a)
    shear = np.divide(b, root, out=np.zeros_like(b), where=valid)
    rest = np.sqrt(np.maximum(c - shear**2, 0.0))
    whitening = np.stack([root, shear, np.zeros_like(root), rest], axis=1)
    whitening = whitening.reshape(len(rig), 2, 2, -1)
    ideal_whitening = np.einsum("vabn,vbcn->vacn", whitening, slopes)
    return _Sights(
        rig=rig,
        rotations=rotations,
        translations=np.stack([camera.translation for camera in rig]),
        valid=valid,
        pixels=np.where(valid[:, None], np.swapaxes(pixels, 1, 2), 0.0),
        whitening=whitening,
        normalized=normalized,
        ideal_whitening=np.where(valid[:, None, None], ideal_whitening, 0.0),
        directions=directions,
    )


def _slopes(camera: Camera, normalized: Array) -> Array:
    """Return d pixel / d ideal image coordinates, (2, 2, n), at coordinates (2, n)."""
    lens = np.ascontiguousarray(np.moveaxis(camera.lens.jacobian(normalized.T), 0, -1))
    return np.einsum("ab,bcn->acn", camera.matrix[:2, :2], lens)


def _search(sights: _Sights) -> tuple[Array, Flags]:
    """Return the best hypothesis (3, n) and the views (view, n) that agree with it."""
    views, n = sights.valid.shape
    # The point nearest to some rays: the sum over them of (I - dd') X = (I - dd') center.
    d = sights.directions
    weight = sights.valid.astype(float)
    planes = (np.eye(3)[None, :, :, None] - d[:, :, None] * d[:, None]) * weight[:, None, None]
    centers = np.stack([camera.center for camera in sights.rig])
    offsets = np.einsum("vijn,vj->vin", planes, centers)
    best, points = np.full(n, np.inf), np.full((3, n), np.nan)
    agreeing = np.zeros((views, n), dtype=bool)
    only_two = sights.valid.sum(axis=0) == 2
    for members in [tuple(range(views)), *(combinations(range(views), 2) if views > 2 else ())]:
        which = list(members)
        point = _solve(planes[which].sum(axis=0), offsets[which].sum(axis=0))
        squared = _squared_distances(sights, point)
        cost = np.where(sights.valid, np.minimum(squared, OUTLIER), 0.0).sum(axis=0)
        # Two views alone cannot outvote one another: they agree by decree.
        better = (weight[which].sum(axis=0) >= 2) & (cost < best)
        best = np.where(better, cost, best)
        points = np.where(better, point, points)
        agreeing = np.where(better, sights.valid & ((squared < OUTLIER) | only_two), agreeing)
    return points, agreeing


def _polish(sights: _Sights, points: Array, agreeing: Flags) -> tuple[Array, Flags]:
    """Refine with all views that agree, letting views join and leave as the point improves."""
    only_two = sights.valid.sum(axis=0) == 2
    # The rows x - X/Z = 0, times Z, are linear in the point: (R1 - x R3) X = x t3 - t1.
    r, t, xy = sights.rotations[..., None], sights.translations[..., None], sights.normalized
    rows = r[:, :2] - xy[:, :, None] * r[:, 2:]
    target = xy * t[:, 2:] - t[:, :2]
    rows = np.einsum("vabn,vbcn->vacn", sights.ideal_whitening, rows)
    target = np.einsum("vabn,vbn->van", sights.ideal_whitening, target)
    for _ in range(POLISHING):
        depth = np.einsum("vj,jn->vn", sights.rotations[:, 2], points) + t[:, 2]
        weight = np.where(agreeing, 1 / depth**2, 0.0)[:, None, None]
        normal = np.einsum("vrin,vrjn->ijn", rows * weight, rows)
        refined = _solve(normal, np.einsum("vrin,vrn->in", rows * weight, target))
        squared = _squared_distances(sights, refined)
        within = sights.valid & ((squared < OUTLIER) | only_two)
        kept = np.isfinite(refined).all(axis=0) & (within.sum(axis=0) >= 2)
        points = np.where(kept, refined, points)
        agreeing = np.where(kept, within, agreeing)
    return points, agreeing


def _maximize(sights: _Sights, points: Array, agreeing: Flags) -> tuple[Array, Array, Array, Flags]:
    """Climb to the maximum-likelihood points; return them, covariance, error and inliers."""
    points = points.copy()
    active = np.flatnonzero((agreeing.sum(axis=0) >= 2) & np.isfinite(points).all(axis=0))
    for _ in range(NEWTON_STEPS):
        if not len(active):
            break
        normal, gradient, _ = _normal_equations(sights, points[:, active], agreeing, active)
        step = _solve(normal, gradient)
        points[:, active] += step
        active = active[(step * gradient).sum(axis=0) > CONVERGED**2]
    points[:, active] = np.nan  # still moving: the views do not fix this point
    everywhere = np.arange(points.shape[1])
    normal, _, distance = _normal_equations(sights, points, agreeing, everywhere)
    determined = np.isfinite(points).all(axis=0) & (_parallax(sights, agreeing) > SMALLEST_PARALLAX)
    determined &= np.isfinite(np.where(agreeing, distance, 0.0)).all(axis=0)
    inliers = agreeing & determined
    covariance = np.where(determined, _invert(normal), np.nan)
    mean = np.where(inliers, distance, 0.0).sum(axis=0) / inliers.sum(axis=0)
    return np.where(determined, points, np.nan), covariance, mean, inliers


def _normal_equations(
    sights: _Sights, points: Array, agreeing: Flags, which: NDArray[np.intp]
) -> tuple[Array, Array, Array]:
    """Return J'WJ (3, 3, m), J'W residual (3, m) and distances (view, m) px at points (3, m)."""
    normal, gradient = np.zeros((3, *points.shape)), np.zeros(points.shape)
    distances = np.full((len(sights.rig), points.shape[1]), np.nan)
    for view, camera in enumerate(sights.rig):
        in_camera = camera.rotation @ points + camera.translation[:, None]
        depth = np.where(in_camera[2] > 0, in_camera[2], np.nan)
        xy = in_camera[:2] / depth
        image = camera.matrix[:2, :2] @ camera.lens.distort(xy.T).T + camera.matrix[:2, 2:]
        residual = sights.pixels[view][:, which] - image
        distances[view] = np.sqrt((residual**2).sum(axis=0))
        r = camera.rotation[..., None]
        perspective = (r[:2] - xy[:, None] * r[2:]) / depth
        used = agreeing[view, which]
        whiten = np.einsum("abn,bcn->acn", sights.whitening[view][..., which], _slopes(camera, xy))
        rows = np.where(used, np.einsum("abn,bcn->acn", whiten, perspective), 0.0)
        white = np.einsum("abn,bn->an", sights.whitening[view][..., which], residual)
        normal += np.einsum("rin,rjn->ijn", rows, rows)
        gradient += np.einsum("rin,rn->in", rows, np.where(used, white, 0.0))
    return normal, gradient, distances


def _squared_distances(sights: _Sights, points: Array) -> Array:
    """Return squared Mahalanobis distances (view, n) of points (3, n); infinite behind a camera."""
    camera = np.einsum("vij,jn->vin", sights.rotations, points) + sights.translations[..., None]
    residual = camera[:, :2] / camera[:, 2:] - sights.normalized
    white = np.einsum("vabn,vbn->van", sights.ideal_whitening, residual)
    return np.where(camera[:, 2] > 0, (white**2).sum(axis=1), np.inf)


def _parallax(sights: _Sights, agreeing: Flags) -> Array:
    """Return the sine (n,) of the widest angle between rays that agree."""
    widest = np.zeros(agreeing.shape[1])
    for a, b in combinations(range(len(agreeing)), 2):
        cross = np.cross(sights.directions[a], sights.directions[b], axis=0)
        sine = np.sqrt((cross**2).sum(axis=0))
        widest = np.where(agreeing[a] & agreeing[b], np.maximum(widest, sine), widest)
    return widest


def _invert(matrices: Array) -> Array:
    """Return the inverses of symmetric matrices (3, 3, n), in closed form; NaN where singular."""
    (a, b, c), (_, d, e), (_, _, f) = matrices
    p, q, r = d * f - e * e, c * e - b * f, b * e - c * d
    s, t, u = a * f - c * c, b * c - a * e, a * d - b * b
    determinant = a * p + b * q + c * r
    inverse = 1 / np.where(determinant > 0, determinant, np.nan)
    return np.stack([p, q, r, q, s, t, r, t, u]).reshape(matrices.shape) * inverse


def _solve(matrices: Array, vectors: Array) -> Array:
    """Solve symmetric positive systems (3, 3, n) for vectors (3, n); NaN where singular."""
    return np.einsum("ijn,jn->in", _invert(matrices), vectors)
