"""Triangulation through walls: behind them rays are straight, but come from no one center.

What `calibration.triangulation` does for views that see straight, done here with each camera's
exact projection: slower, and right through any wall. Hypotheses are the points nearest to the rays
of all views, and of all pairs of views where those do not agree.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from calibration.geometry import Array, is_seen
from calibration.points.likelihood import Found
from calibration.points.search import OUTLIER, SMALLEST_PARALLAX
from calibration.rig import Rig

__all__ = ["triangulate_bent"]

Flags = NDArray[np.bool_]

ROUNDS = (2, 2, 15)  # most steps of Gauss-Newton; between rounds views may join and leave

BLOCK = 4096  # points worked on at a time, so that any number needs little memory
CONVERGED = 1e-4  # a step, in standard deviations of the point
SINGULAR = 1e-14  # of a matrix's size cubed: a determinant that is rounding


def triangulate_bent(rig: Rig, pixels: Array, information: Array, found: Found) -> None:
    """Fill `found`, as `find_points` does, for a rig whose cameras may look through walls.

    `pixels` (view, n, 2); `information` (view, n, 2, 2) px^-2, zero where there is nothing to see.
    """
    for start in range(0, len(found.points), BLOCK):
        part = slice(start, start + BLOCK)
        block = _find(rig, pixels[:, part], information[:, part])
        for whole, piece in zip(found[:4], block[:4], strict=True):
            whole[part] = piece
        found.inliers[:, part] = block.inliers


def _find(rig: Rig, pixels: Array, information: Array) -> Found:
    """Return what is found of some points."""
    rays = [camera.rays(xy) for camera, xy in zip(rig, pixels, strict=True)]
    origins, directions = (np.stack(part) for part in zip(*rays, strict=True))
    valid = np.isfinite(directions).all(axis=-1) & (information[..., 0, 0] > 0)
    origins, directions = (np.where(valid[..., None], a, 0.0) for a in (origins, directions))
    information = np.where(valid[..., None, None], information, 0.0)
    seen = np.where(valid[..., None], pixels, 0.0)
    points, agreeing = _search(rig, seen, information, (origins, directions, valid))
    for steps in ROUNDS:
        points = _climb(rig, seen, information * agreeing[..., None, None], points, steps)
        agreeing = _agree(valid, _squared(rig, seen, information, points))
    within = information * agreeing[..., None, None]
    normal, gradient = _normal_equations(rig, seen, within, points)
    inverse = _invert(normal)
    still = np.einsum("ni,nij,nj->n", gradient, inverse, gradient) <= CONVERGED**2
    sine = _parallax(directions, agreeing)
    known = still & (sine > SMALLEST_PARALLAX)
    inliers = agreeing & known
    distance = np.linalg.norm(rig.project(points) - seen, axis=-1)
    with np.errstate(invalid="ignore"):
        error = np.where(inliers, distance, 0.0).sum(axis=0) / inliers.sum(axis=0)
    return Found(
        points=np.where(known[:, None], points, np.nan),
        covariance=np.where(known[:, None, None], inverse, np.nan),
        error=error,
        sine=np.where(known, np.minimum(sine, 1.0), np.nan),
        inliers=inliers,
    )


def _search(
    rig: Rig, pixels: Array, information: Array, rays: tuple[Array, Array, Flags]
) -> tuple[Array, Flags]:
    """Return the best hypothesis (n, 3) and the views (view, n) that agree with it.

    Pairs are tried where not all views agree with what is nearest to all rays.
    """
    origins, directions, valid = rays
    across = np.eye(3) - directions[..., :, None] * directions[..., None, :]
    across = np.where(valid[..., None, None], across, 0.0)
    aims = (across @ origins[..., None])[..., 0]
    points = _nearest(across, aims)
    points = _climb(rig, pixels, information, points, ROUNDS[0])
    squared = _squared(rig, pixels, information, points)
    agreeing, best = _agree(valid, squared), _cost(valid, squared)
    doubtful = np.flatnonzero(~((agreeing == valid).all(axis=0) & (valid.sum(axis=0) > 1)))
    for pair in combinations(range(len(rig)), 2) if len(rig) > 2 else ():
        which = doubtful[valid[pair[0], doubtful] & valid[pair[1], doubtful]]
        if not len(which):
            continue
        few = list(pair)
        trial = _nearest(across[few][:, which], aims[few][:, which])
        squared = _squared(rig, pixels[:, which], information[:, which], trial)
        cost = _cost(valid[:, which], squared)
        better = cost < best[which]
        chosen = which[better]
        best[chosen], points[chosen] = cost[better], trial[better]
        agreeing[:, chosen] = _agree(valid[:, chosen], squared[:, better])
    return points, agreeing


def _nearest(across: Array, aims: Array) -> Array:
    """Return the points (n, 3) nearest to rays: sum of (I - dd') X = sum of (I - dd') origin."""
    return (_invert(across.sum(axis=0)) @ aims.sum(axis=0)[..., None])[..., 0]


def _climb(rig: Rig, pixels: Array, information: Array, points: Array, steps: int) -> Array:
    """Return points after at most some steps of Gauss-Newton."""
    points = points.copy()
    active = np.flatnonzero(np.isfinite(points).all(axis=-1))
    for _ in range(steps):
        if not len(active):
            break
        normal, gradient = _normal_equations(
            rig, pixels[:, active], information[:, active], points[active]
        )
        step = (_invert(normal) @ gradient[..., None])[..., 0]
        points[active] += step
        active = active[(step * gradient).sum(axis=-1) > CONVERGED**2]
    return points


def _normal_equations(
    rig: Rig, pixels: Array, information: Array, points: Array
) -> tuple[Array, Array]:
    """Return J'WJ (n, 3, 3) and J'W residual (n, 3) at points (n, 3)."""
    normal, gradient = np.zeros((*points.shape, 3)), np.zeros(points.shape)
    for camera, seen, weight in zip(rig, pixels, information, strict=True):
        used = weight[:, 0, 0] > 0
        predicted, slopes = camera.linearize(points[used])
        weighted = np.swapaxes(slopes, -1, -2) @ weight[used]
        residual = seen[used] - predicted
        normal[used] += weighted @ slopes
        gradient[used] += (weighted @ residual[..., None])[..., 0]
    return normal, gradient


def _squared(rig: Rig, pixels: Array, information: Array, points: Array) -> Array:
    """Return squared Mahalanobis distances (view, n) of points; infinite where there are none."""
    residual = rig.project(points) - pixels
    squared = np.einsum("vni,vnij,vnj->vn", residual, information, residual)
    return np.where(is_seen(residual), squared, np.inf)


def _agree(valid: Flags, squared: Array) -> Flags:
    """Return the views (view, n) that agree; two alone cannot outvote one another."""
    alone = np.isfinite(squared) & (valid.sum(axis=0) == 2)
    return valid & ((squared < OUTLIER) | alone)


def _cost(valid: Flags, squared: Array) -> Array:
    """Return the sum (n,) of truncated squared distances."""
    return np.where(valid, np.minimum(squared, OUTLIER), 0.0).sum(axis=0)


def _parallax(directions: Array, agreeing: Flags) -> Array:
    """Return the sine (n,) of the widest angle between rays that agree."""
    widest = np.zeros(agreeing.shape[1])
    for a, b in combinations(range(len(agreeing)), 2):
        sine = np.linalg.norm(np.cross(directions[a], directions[b]), axis=-1)
        widest = np.where(agreeing[a] & agreeing[b], np.maximum(widest, sine), widest)
    return widest


def _invert(matrices: Array) -> Array:
    """Return the inverses of symmetric matrices (n, 3, 3); NaN where they have none."""
    finite = np.asarray(np.isfinite(matrices).all(axis=(-1, -2)))
    safe = np.where(finite[:, None, None], matrices, 0.0)
    size = np.trace(safe, axis1=-2, axis2=-1) / 3
    good = np.flatnonzero(np.greater(np.linalg.det(safe), SINGULAR * size**3))
    inverse = np.full(matrices.shape, np.nan)
    inverse[good] = np.linalg.inv(matrices[good])
    return inverse
