"""Where the board was, from one image of it by a known camera.

A small or distant flat board has two poses that look almost alike (Collins & Bartoli,
"Infinitesimal plane-based pose estimation", 2014). Both are kept until other cameras decide.
"""

import cv2
import numpy as np

from calibration.camera import Camera
from calibration.geometry import Array, invert_pose, make_pose, transform
from calibration.observations import FEWEST_CORNERS

__all__ = ["best_world_poses", "pose_candidates"]

CAP = 10.0  # px; a corner farther off counts as this much when poses are compared


def pose_candidates(camera: Camera, points: Array, corners: Array) -> Array:
    """Return camera_from_board (frame, 2, 4, 4) for corners (frame, corner, 2) px.

    The better pose comes first; NaN where there are too few corners.
    """
    poses = np.full((len(corners), 2, 4, 4), np.nan)
    normalized = camera.undistort(corners)
    for frame, image in enumerate(normalized):
        seen = np.isfinite(image[:, 0])
        if seen.sum() < FEWEST_CORNERS or np.ptp(points[seen], axis=0)[:2].min() == 0:
            continue
        _, turns, shifts, _ = cv2.solvePnPGeneric(
            points[seen], image[seen], np.eye(3), None, flags=cv2.SOLVEPNP_IPPE
        )
        for index, (turn, shift) in enumerate(zip(turns[:2], shifts[:2], strict=True)):
            poses[frame, index] = make_pose(cv2.Rodrigues(turn)[0], shift.ravel())
        if not np.isfinite(poses[frame, 1]).all():
            poses[frame, 1] = poses[frame, 0]
    return poses


def best_world_poses(
    cameras: tuple[Camera, ...], points: Array, corners: Array, candidates: Array
) -> Array:
    """Return world_from_board (frame, 4, 4): of all candidates, the one all cameras agree with.

    `corners` (view, frame, corner, 2) px; `candidates` (view, frame, 2, 4, 4) camera_from_board.
    NaN for frames without a candidate.
    """
    best = np.full((corners.shape[1], 4, 4), np.nan)
    best_score = np.full(corners.shape[1], np.inf)
    for view, camera in enumerate(cameras):
        for choice in range(candidates.shape[2]):
            world = invert_pose(camera.camera_from_world) @ candidates[view, :, choice]
            score = _disagreement(cameras, transform(world, points), corners)
            score = np.where(np.isfinite(world[:, 0, 0]), score, np.inf)
            better = score < best_score
            best[better], best_score[better] = world[better], score[better]
    return best


def _disagreement(cameras: tuple[Camera, ...], points_world: Array, corners: Array) -> Array:
    """Return the capped sum (frame,) px of how far corners lie from projected points."""
    projected = np.stack([camera.project(points_world) for camera in cameras])
    errors = np.linalg.norm(projected - corners, axis=-1)
    errors = np.where(np.isfinite(projected[..., 0]), np.minimum(errors, CAP), CAP)
    return np.where(np.isfinite(corners[..., 0]), errors, 0.0).sum(axis=(0, 2))
