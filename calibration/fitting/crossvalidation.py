"""What a calibration says of images that it has not seen, from its own images."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from calibration.fitting.extrapolation import lens_prior
from calibration.fitting.heldout import HeldOut, judge_corners
from calibration.fitting.lens_models import lens_model
from calibration.fitting.robust import robust_scale
from calibration.geometry import Array, is_seen
from calibration.rig import Rig
from calibration.solver.adjusting import adjust
from calibration.solver.bundle import ROUGH

if TYPE_CHECKING:
    from calibration.calibrating import Calibration

__all__ = ["cross_validate"]

Judge = Callable[[Rig, np.ndarray, Array], HeldOut]

FOLDS = 2
BLOCK = 10  # frames left out together where a judge looks at the board's motion
FEWEST_FRAMES = 8  # with fewer, half of them fix no camera


def cross_validate(calibration: "Calibration", judge: Judge | None = None) -> HeldOut:
    """Return how well the rig's cameras, fitted to half of the frames, explain the other half.

    Both halves are left out in turn: every second frame. Corners that the calibration did not
    believe are left aside. `judge` says how well a rig explains the frames of some indices, given
    board poses to start from; it may look at how the board moved, so that every second run of ten
    frames is left out for it. By default it is `judge_corners`. Empty where there are too few
    frames to leave any out.
    """
    rig, board = calibration.rig, calibration.board
    used = is_seen(calibration.residuals)[..., None]
    corners = np.where(used, calibration.observations.corners, np.nan)
    posed = np.flatnonzero(used.any(axis=(0, 2, 3)))
    models = [lens_model(calibration.lens_models[view]) for view in rig.names]
    if len(posed) < FEWEST_FRAMES:
        return HeldOut(pixels=np.empty(0), corner_errors=np.empty(0), spacing_errors=np.empty(0))
    parts = []
    for fold in range(FOLDS):
        left_out = posed[np.arange(len(posed)) // (1 if judge is None else BLOCK) % FOLDS == fold]
        fitted = np.setdiff1d(posed, left_out)
        cameras = adjust(
            rig.cameras,
            calibration.board_poses[fitted],
            corners[:, fitted],
            board.points,
            free=[model.free for model in models],
            posed=[view > 0 for view in range(len(rig))],
            sigma=robust_scale(calibration.errors),
            prior=lens_prior(models, rig.cameras, corners),
            tolerance=ROUGH,
        ).cameras
        half = Rig(cameras=cameras, unit=rig.unit)
        start = calibration.board_poses[left_out]
        if judge is None:
            parts.append(judge_corners(half, board, corners[:, left_out], start))
        else:
            parts.append(judge(half, left_out, start))
    return HeldOut(
        pixels=np.concatenate([part.pixels for part in parts]),
        corner_errors=np.concatenate([part.corner_errors for part in parts]),
        spacing_errors=np.concatenate([part.spacing_errors for part in parts]),
    )
