"""First cameras and boards, from the images of each camera alone and the boards that they share."""

from dataclasses import replace

import numpy as np

from calibration.boards.board import Board
from calibration.camera import Camera
from calibration.corners.observations import Observations
from calibration.fitting.boardposes import best_world_poses, pose_candidates
from calibration.fitting.extrinsics import place_cameras
from calibration.fitting.intrinsics import estimate_intrinsics
from calibration.geometry import Array

__all__ = ["single_cameras", "start_cameras"]


def start_cameras(
    board: Board, observations: Observations, chosen: np.ndarray | None = None
) -> tuple[tuple[Camera, ...], Array, Array]:
    """Return cameras placed by the boards they share, these boards, and the corners used.

    Each camera is estimated from all of its own images: however badly timed, these cannot
    contradict each other. Boards world_from_board (frame, 4, 4), NaN where unknown, and corners
    (view, frame, corner, 2) px are those of the frames of the indices `chosen`, by default all.
    Raises `CalibrationError` as `estimate_intrinsics` and `place_cameras` do.
    """
    cameras, corners = single_cameras(board, observations)
    if chosen is not None:
        corners, observations = corners[:, chosen], observations.at(observations.frames[chosen])
    candidates = np.stack(
        [pose_candidates(c, board.points, seen) for c, seen in zip(cameras, corners, strict=True)]
    )
    poses = place_cameras(candidates, board.points, observations.coverage)
    placed = tuple(
        replace(camera, rotation=pose[:3, :3], translation=pose[:3, 3])
        for camera, pose in zip(cameras, poses, strict=True)
    )
    return placed, best_world_poses(placed, board.points, corners, candidates), corners


def single_cameras(board: Board, observations: Observations) -> tuple[tuple[Camera, ...], Array]:
    """Return each view's camera, at the origin, from its own images alone; and the corners used.

    These (view, frame, corner, 2) px are NaN in images that show too few.
    """
    corners = np.where(observations.usable[..., None, None], observations.corners, np.nan)
    cameras = tuple(
        estimate_intrinsics(board, seen, view=view, size=size)
        for view, size, seen in zip(observations.views, observations.sizes, corners, strict=True)
    )
    return cameras, corners
