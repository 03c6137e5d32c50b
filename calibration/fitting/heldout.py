"""How well fixed cameras explain images that they were not fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.boards.board import Board
from calibration.camera import Camera
from calibration.corners.observations import Observations
from calibration.errors import CalibrationError
from calibration.fitting.robust import pose_together, robust_scale
from calibration.geometry import Array, transform
from calibration.rig import Rig
from calibration.solver.adjusting import adjust, residuals_at
from calibration.solver.bundle import CLOSE
from calibration.triangulation import triangulate_points

__all__ = [
    "HeldOut",
    "in_order",
    "judge_corners",
    "judge_held_out",
    "judge_posed",
    "pose_boards",
    "score_held_out",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOut:
    """How far images that cameras were not fitted to lie from what the cameras say.

    `pixels` (n,) px: distance of a corner from its place on the rigid board that fits all views
    of its frame best. For corners that two views or more see, in the rig's unit:
    `corner_errors` (m,) the distance of the triangulated corner from its place on that board, and
    `spacing_errors` (k,) the distance between two triangulated neighbours, less the true one.
    """

    pixels: Array
    corner_errors: Array
    spacing_errors: Array


def score_held_out(rig: Rig, board: Board, observations: Observations) -> Array:
    """Return how far each corner (view, frame, corner) lies, px, from where the rig puts it.

    One rigid board pose is fitted to all views of each frame, with the cameras fixed, so a rig
    cannot look good by bending the board. NaN where a corner was not seen or a frame not posed.
    The observations must have the rig's views.
    """
    corners = in_order(rig, observations)
    boards = pose_boards(rig.cameras, board, corners)
    return np.linalg.norm(residuals_at(rig.cameras, boards, corners, board.points), axis=-1)


def judge_held_out(rig: Rig, board: Board, observations: Observations) -> HeldOut:
    """Return how well a rig explains observations that it was not fitted to."""
    return judge_corners(rig, board, in_order(rig, observations))


def judge_corners(rig: Rig, board: Board, corners: Array, start: Array | None = None) -> HeldOut:
    """Return how well a rig explains corners (view, frame, corner, 2) px of a board.

    `start` (frame, 4, 4) are board poses to start from; without them they are found anew.
    """
    return judge_posed(rig, board, corners, pose_boards(rig.cameras, board, corners, start))


def judge_posed(rig: Rig, board: Board, corners: Array, boards: Array) -> HeldOut:
    """Return how well a rig and board poses (frame, 4, 4) explain corners (view, frame, corner, 2).

    The poses may come from other corners of the same frames.
    """
    errors = np.linalg.norm(residuals_at(rig.cameras, boards, corners, board.points), axis=-1)
    found = triangulate_points(rig, corners).points  # all NaN where the rig is a single camera
    away = np.linalg.norm(found - transform(boards, board.points), axis=-1)
    one, other = board.neighbours.T
    true = np.linalg.norm(board.points[one] - board.points[other], axis=-1)
    spacings = np.linalg.norm(found[:, one] - found[:, other], axis=-1) - true
    return HeldOut(
        pixels=errors[np.isfinite(errors)],
        corner_errors=away[np.isfinite(away)],
        spacing_errors=spacings[np.isfinite(spacings)],
    )


def in_order(rig: Rig, observations: Observations) -> Array:
    """Return the usable corners (view, frame, corner, 2) px of a rig's views, in their order."""
    missing = [view for view in rig.names if view not in observations.views]
    if missing:
        raise CalibrationError(
            f"camera '{missing[0]}' has no observations; there are {', '.join(observations.views)}"
        )
    order = [observations.views.index(view) for view in rig.names]
    usable = observations.usable[order][..., None, None]
    return np.where(usable, observations.corners[order], np.nan)


def pose_boards(
    cameras: Sequence[Camera],
    board: Board,
    corners: Array,
    start: Array | None = None,
    sigma: float | None = None,
    tolerance: float = CLOSE,
) -> Array:
    """Return world_from_board (frame, 4, 4) fitted to all views, the cameras fixed.

    `corners` (view, frame, corner, 2) px, NaN where not to be used; `start` (frame, 4, 4) the
    poses to start from, by default those on which the views agree best; `sigma` px the
    noise, by default what the start suggests; `tolerance` as for `adjust`. NaN for frames without
    a usable image.
    """
    boards = start
    if boards is None:
        boards = pose_together(board, cameras, corners)
    if sigma is None:
        errors = np.linalg.norm(residuals_at(cameras, boards, corners, board.points), axis=-1)
        sigma = robust_scale(errors)
    return adjust(
        cameras,
        boards,
        corners,
        board.points,
        free=[()] * len(cameras),
        posed=[False] * len(cameras),
        sigma=sigma,
        tolerance=tolerance,
    ).boards
