"""The score of a rig on images it was not fitted to: one definition, the same for every program.

A frame counts when two cameras or more saw six corners or more of the board in it. With the
cameras fixed, one rigid board pose is fitted to all of them by plain least squares of the
reprojection distances: their mean over all corners is the score in px. In 3-D, every corner that
two cameras or more saw is triangulated (least squares of the reprojection distances, all
cameras), the board is laid onto its triangulated corners rigidly (Kabsch), and the median
distance between the two is the score in mm. Nothing is left out as an outlier.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from calibration import Rig
from calibration.fitting.boardposes import best_world_poses, pose_candidates
from calibration.geometry import Array, is_seen, rotation_from_vector, transform

__all__ = ["Score", "score"]

FEWEST = 6  # corners in an image, and corners to lay a board onto
GAUSS_NEWTON_STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Mean held-out distance `pixels`, px; median 3-D error of corners, `length`, in mm.

    `count` corners were seen in the frames that were scored.
    """

    pixels: float
    length: float
    count: int


def score(rig: Rig, points: Array, corners: Array) -> Score:
    """Return how well a rig explains corners (view, frame, corner, 2) px of a board.

    `points` (corner, 3) are the board's own.
    """
    seen = is_seen(corners)
    few = seen.sum(axis=-1) < FEWEST
    frames = np.flatnonzero((~few).sum(axis=0) >= 2)
    corners = np.where(few[..., None, None], np.nan, corners)[:, frames]
    starts = _first_poses(rig, points, corners)
    pixels, lengths = [], []
    for frame, start in enumerate(starts):
        if not np.isfinite(start).all():
            continue
        pixels.append(_pose_errors(rig, points, corners[:, frame], start))
        found = _triangulate(rig, corners[:, frame], transform(start, points))
        fixed = np.isfinite(found[:, 0])
        if fixed.sum() >= FEWEST:
            lengths.append(_rigid_errors(points[fixed], found[fixed]))
    distances = np.concatenate(pixels)
    return Score(
        pixels=float(distances.mean()),
        length=float(np.median(np.concatenate(lengths))),
        count=len(distances),
    )


def _first_poses(rig: Rig, points: Array, corners: Array) -> Array:
    """Return world_from_board (frame, 4, 4) on which the views agree best, of single views."""
    candidates = np.stack(
        [pose_candidates(camera, points, seen) for camera, seen in zip(rig, corners, strict=True)]
    )
    return best_world_poses(rig.cameras, points, corners, candidates)


def _pose_errors(rig: Rig, points: Array, corners: Array, start: Array) -> Array:
    """Return the distances (n,) px from corners (view, corner, 2) with the best board pose."""
    seen = is_seen(corners)

    def residuals(change: Array) -> Array:
        turned = points @ (rotation_from_vector(change[:3]) @ start[:3, :3]).T
        away = rig.project(turned + start[:3, 3] + change[3:])[seen] - corners[seen]
        return np.nan_to_num(away, nan=1e3).ravel()

    best = least_squares(residuals, np.zeros(6), x_scale="jac", method="lm").fun
    return np.linalg.norm(best.reshape(-1, 2), axis=-1)


def _triangulate(rig: Rig, pixels: Array, start: Array) -> Array:
    """Return points (n, 3) by Gauss-Newton on px from (view, n, 2); NaN below two views."""
    seen = is_seen(pixels)
    points = np.where((seen.sum(axis=0) >= 2)[:, None], start, np.nan)
    for _ in range(GAUSS_NEWTON_STEPS):
        jacobian = np.stack([camera.project_jacobian(points) for camera in rig])
        away = rig.project(points) - pixels
        jacobian = np.where(seen[..., None, None], jacobian, 0.0)
        away = np.where(seen[..., None], away, 0.0)
        normal = np.einsum("vnai,vnaj->nij", jacobian, jacobian)
        gradient = np.einsum("vnai,vna->ni", jacobian, away)
        fixed = np.isfinite(normal).all(axis=(1, 2)) & np.isfinite(gradient).all(axis=1)
        fixed &= seen.sum(axis=0) >= 2
        points[fixed] -= np.linalg.solve(normal[fixed], gradient[fixed][..., None])[..., 0]
        points[~fixed] = np.nan
    return points


def _rigid_errors(points: Array, found: Array) -> Array:
    """Return how far found points (n, 3) lie from a board's points laid onto them rigidly."""
    centre, target = points.mean(axis=0), found.mean(axis=0)
    left, _, right = np.linalg.svd((points - centre).T @ (found - target))
    mirror = np.diag([1.0, 1.0, np.sign(np.linalg.det(right.T @ left.T))])
    laid = (points - centre) @ (right.T @ mirror @ left.T).T + target
    return np.linalg.norm(laid - found, axis=-1)
