"""How well fixed cameras explain images that they were not fitted to."""

import numpy as np

from calibration.board import Board
from calibration.boardposes import best_world_poses, pose_candidates
from calibration.bundle import adjust, robust_scale
from calibration.camera import Camera
from calibration.errors import CalibrationError
from calibration.geometry import Array
from calibration.model import CAMERA_PARAMETERS, Images, State, predict
from calibration.observations import Observations
from calibration.rig import Rig

__all__ = ["pose_boards", "score_held_out"]

SMALLEST_SCALE = 0.02  # px; keeps the loss defined on data without noise


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
    corners = observations.corners[order]
    boards = pose_boards(rig.cameras, board, corners, observations.usable[order])
    images = Images.of(corners, observations.usable[order], board.points)
    residuals = predict(State(cameras=rig.cameras, boards=boards), images) - images.corners
    errors = np.full(corners.shape[:3], np.nan)
    errors[images.view, images.frame] = np.linalg.norm(residuals, axis=-1)
    return errors


def pose_boards(
    cameras: tuple[Camera, ...], board: Board, corners: Array, usable: np.ndarray
) -> Array:
    """Return world_from_board (frame, 4, 4) fitted to all views, the cameras fixed.

    `corners` (view, frame, corner, 2) px; `usable` (view, frame) the images to use. NaN for
    frames without a usable image.
    """
    chosen = np.where(usable[..., None, None], corners, np.nan)
    candidates = np.stack(
        [pose_candidates(c, board.points, seen) for c, seen in zip(cameras, chosen, strict=True)]
    )
    boards = best_world_poses(cameras, board.points, chosen, candidates)
    posed = np.isfinite(boards[:, 0, 0])
    if not posed.any():
        return boards
    images = Images.of(chosen[:, posed], usable[:, posed], board.points)
    start = State(cameras=cameras, boards=boards[posed])
    scale = max(robust_scale(predict(start, images) - images.corners), SMALLEST_SCALE)
    fixed = np.zeros((len(cameras), len(CAMERA_PARAMETERS)), dtype=bool)
    boards[posed] = adjust(start, images, fixed, scale)[0].boards
    return boards
