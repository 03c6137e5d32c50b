"""Walls refined: from boards that cameras of a known rig see through them.

A wall is known from a ruler and a table of materials, which is less well than cameras see. The
cameras stay; board poses and walls move together, the walls within what was known of them before.
"""

from dataclasses import dataclass, replace

import numpy as np

from calibration.alignment import rigid_alignment
from calibration.boards.board import Board
from calibration.corners.observations import FEWEST_CORNERS, Observations
from calibration.errors import CalibrationError
from calibration.fitting.heldout import in_order
from calibration.gaussian import MEDIAN_OF_DISTANCE
from calibration.geometry import Array, make_pose, transform
from calibration.rig import Rig
from calibration.solver.adjusting import Adjusted, adjust
from calibration.solver.wall_freedom import WallFreedom, WallPriors
from calibration.triangulation import triangulate_points

__all__ = ["RefinedWalls", "WallPriors", "refine_walls"]

FIRST_NOISE = 1.0  # px, before it is known
LEAST_NOISE = 1e-3  # px; corners are never better than that
LEARNT = 0.02  # relative change of the noise at which it is learnt
ROUNDS = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RefinedWalls:
    """A rig whose walls were refined.

    `board_poses` world_from_board (frame, 4, 4), NaN for frames without enough corners; `before`
    and `after` are the root mean square distances of the corners, px, with the best board poses.
    """

    rig: Rig
    board_poses: Array
    before: float
    after: float


def refine_walls(
    rig: Rig, board: Board, observations: Observations, priors: WallPriors
) -> RefinedWalls:
    """Return the rig with the walls that agree best with boards seen through them.

    Walls that are equal in `rig` are one wall and stay one; walls of equal thickness and indices
    are of one material and stay so. Raises `CalibrationError` where no camera has a wall, or no
    board is seen by two cameras.
    """
    if all(camera.wall is None for camera in rig):
        raise CalibrationError("no camera of the rig looks through a wall; there is none to refine")
    corners = in_order(rig, observations)
    poses = _first_poses(rig, board, corners)
    used = np.isfinite(poses[:, 0, 0])
    if not used.any():
        raise CalibrationError(
            f"no board shows {FEWEST_CORNERS} corners to two cameras; show it to several at once"
        )
    held = _adjust(rig, board, corners, (poses, None))
    middle = transform(held.boards[used], board.points).reshape(-1, 3).mean(axis=0)
    freedom = WallFreedom.of(rig.cameras, priors, middle)
    found = _adjust(rig, board, corners, (held.boards, freedom))
    return RefinedWalls(
        rig=replace(rig, cameras=found.cameras),
        board_poses=found.boards,
        before=_misfit(held),
        after=_misfit(found),
    )


def _first_poses(rig: Rig, board: Board, corners: Array) -> Array:
    """Return world_from_board (frame, 4, 4) from triangulated corners; NaN where too few."""
    places = triangulate_points(rig, corners).points
    poses = np.full((len(places), 4, 4), np.nan)
    for frame, found in enumerate(places):
        if np.isfinite(found[:, 0]).sum() >= FEWEST_CORNERS:
            poses[frame] = make_pose(*rigid_alignment(board.points, found))
    return poses


def _adjust(
    rig: Rig, board: Board, corners: Array, start: tuple[Array, WallFreedom | None]
) -> Adjusted:
    """Return boards and walls adjusted from board poses; the cameras stay.

    The noise, against which what is known of the walls counts, is what the residuals themselves
    say, robustly.
    """
    poses, walls = start
    noise = FIRST_NOISE
    for _ in range(ROUNDS):
        found = adjust(
            rig.cameras,
            poses,
            corners,
            board.points,
            free=[()] * len(rig),
            posed=[False] * len(rig),
            sigma=noise,
            walls=walls,
        )
        poses, last = found.boards, noise
        size = np.linalg.norm(found.residuals, axis=-1)
        noise = max(float(np.nanmedian(size)) / MEDIAN_OF_DISTANCE, LEAST_NOISE)
        if abs(noise / last - 1) < LEARNT:
            break
    return found


def _misfit(found: Adjusted) -> float:
    """Return the root mean square distance of the corners, px."""
    return float(np.sqrt(np.nanmean((found.residuals**2).sum(axis=-1))))
