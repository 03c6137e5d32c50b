"""Cameras, boards and corners on the way to a calibration, when time is not settled yet."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from calibration.boards.board import Board
from calibration.calibrating import Calibration
from calibration.corners.observations import Observations
from calibration.fitting.lens_models import DEFAULT_MODEL, with_model
from calibration.fitting.robust import robust_scale
from calibration.fitting.starting import start_cameras
from calibration.geometry import Array
from calibration.rig import Rig
from calibration.solver.adjusting import adjust, residuals_at
from calibration.solver.bundle import ROUGH

__all__ = ["Scene", "common_times"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """Cameras and boards world_from_board (frame, 4, 4), and the corners that are believed.

    `corners` (view, frame, corner, 2) px; `taken` (frame,) s by the first view's clock.
    """

    board: Board
    rig: Rig
    boards: Array
    corners: Array
    taken: Array

    @classmethod
    def of(cls, result: Calibration) -> "Scene":
        """Return what a calibration found."""
        return cls(
            board=result.board,
            rig=result.rig,
            boards=result.board_poses,
            corners=np.where(result.rejected[..., None], np.nan, result.observations.corners),
            taken=common_times(result.observations),
        )

    @classmethod
    def of_single_cameras(cls, board: Board, observations: Observations) -> "Scene":
        """Return cameras each calibrated from its own images, placed by the boards they share."""
        cameras, boards, corners = start_cameras(board, observations)
        return cls(
            board=board,
            rig=Rig(cameras=cameras, unit=board.unit),
            boards=boards,
            corners=corners,
            taken=common_times(observations),
        )

    def readjusted(
        self, corners: Array, free: Collection[str] = tuple(DEFAULT_MODEL.free)
    ) -> "Scene":
        """Return cameras, with plain lenses, and boards adjusted to other corners from here.

        `free` names the intrinsic parameters that are fitted.
        """
        cameras = [with_model(camera, DEFAULT_MODEL) for camera in self.rig]
        points = self.board.points
        errors = np.linalg.norm(residuals_at(cameras, self.boards, corners, points), axis=-1)
        adjusted = adjust(
            cameras,
            self.boards,
            corners,
            points,
            free=[free] * len(cameras),
            posed=[view > 0 for view in range(len(cameras))],
            sigma=robust_scale(errors),
            tolerance=ROUGH,
        )
        return replace(
            self,
            rig=replace(self.rig, cameras=adjusted.cameras),
            boards=adjusted.boards,
            corners=corners,
        )


def common_times(observations: Observations) -> Array:
    """Return the time (frame,), s, of each frame by the first view's clock.

    Frames that it dropped are put in evenly.
    """
    frames, stamps = observations.frames, observations.times[0]
    known = np.flatnonzero(np.isfinite(stamps))
    times = np.interp(frames, frames[known], stamps[known])
    rate = (stamps[known[-1]] - stamps[known[0]]) / (frames[known[-1]] - frames[known[0]])
    before, after = frames < frames[known[0]], frames > frames[known[-1]]
    times[before] -= (frames[known[0]] - frames[before]) * rate
    times[after] += (frames[after] - frames[known[-1]]) * rate
    return times
