"""How well fixed cameras explain images that they were not fitted to."""

from collections.abc import Sequence

import numpy as np

from calibration.adjusting import adjust, residuals_at
from calibration.board import Board
from calibration.boardposes import best_world_poses, pose_candidates
from calibration.camera import Camera
from calibration.errors import CalibrationError
from calibration.fitting import robust_scales
from calibration.geometry import Array
from calibration.observations import Observations
from calibration.rig import Rig

__all__ = ["pose_boards", "score_held_out"]


def score_held_out(rig: Rig, board: Board, observations: Observations) -> Array:
    """Return how far each corner (view, frame, corner) lies, px, from where the rig puts it.

    One rigid board pose is fitted to all views of each frame, with the cameras fixed, so a rig
    cannot look good by bending the board. NaN where a corner was not seen or a frame not posed.
    The observations must have the rig's views.
    """
    missing = [view for view in rig.names if view not in observations.views]
    if missing:
        raise CalibrationError(
            f"camera '{missing[0]}' has no observations; there are {', '.join(observations.views)}"
        )
    order = [observations.views.index(view) for view in rig.names]
    usable = observations.usable[order][..., None, None]
    corners = np.where(usable, observations.corners[order], np.nan)
    boards = pose_boards(rig.cameras, board, corners)
    return np.linalg.norm(residuals_at(rig.cameras, boards, corners, board.points), axis=-1)


def pose_boards(
    cameras: Sequence[Camera], board: Board, corners: Array, start: Array | None = None
) -> Array:
    """Return world_from_board (frame, 4, 4) fitted to all views, the cameras fixed.

    `corners` (view, frame, corner, 2) px, NaN where not to be used; `start` (frame, 4, 4) the
    poses to start from, by default those on which the views agree best. NaN for frames without a
    usable image.
    """
    boards = start
    if boards is None:
        candidates = np.stack(
            [
                pose_candidates(camera, board.points, seen)
                for camera, seen in zip(cameras, corners, strict=True)
            ]
        )
        boards = best_world_poses(tuple(cameras), board.points, corners, candidates)
    errors = np.linalg.norm(residuals_at(cameras, boards, corners, board.points), axis=-1)
    return adjust(
        cameras,
        boards,
        corners,
        board.points,
        free=[()] * len(cameras),
        posed=[False] * len(cameras),
        sigma=robust_scales(errors),
    ).boards
