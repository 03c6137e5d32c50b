"""Which distortion coefficients the images support, judged on images that were left out.

A coefficient that the images do not determine bends the picture where no corner was seen, and
triangulation pays for it. So the simplest lens is taken that predicts images it was not fitted to
as well as any.
"""

import numpy as np

from calibration.board import Board
from calibration.bundle import adjust
from calibration.fitting import Fit, free_parameters, with_distortions
from calibration.geometry import any_seen
from calibration.heldout import pose_boards
from calibration.model import Images, State, predict

__all__ = ["DEFAULT_MODEL", "LENS_MODELS", "choose_lens_model"]

LENS_MODELS: dict[str, tuple[str, ...]] = {
    "k1 k2": ("k1", "k2"),
    "k1 k2 p1 p2": ("k1", "k2", "p1", "p2"),
    "k1 k2 p1 p2 k3": ("k1", "k2", "p1", "p2", "k3"),
}
DEFAULT_MODEL = "k1 k2 p1 p2"
WORTH_IT = 0.01  # a model must lower the held-out error by this part to be preferred
FEWEST_FRAMES = 8  # with fewer, those left out tell nothing
MANY_FRAMES = 40  # from here on halves are enough; below it quarters are left out


def choose_lens_model(board: Board, fit: Fit) -> tuple[str, dict[str, float]]:
    """Return the name of the model to use, and the held-out error, px, of each.

    Cameras are fitted, from where `fit` ended, to all but every second frame (every fourth where
    there are few), scored on those, and so on until each was left out once. With very few frames
    nothing is tried and the error of none is given.
    """
    posed = np.flatnonzero(np.isfinite(fit.state.boards[:, 0, 0]))
    if len(posed) < FEWEST_FRAMES:
        return DEFAULT_MODEL, {}
    errors = {name: _held_out_error(board, fit, LENS_MODELS[name], posed) for name in LENS_MODELS}
    limit = (1 + WORTH_IT) * min(errors.values())
    return next(name for name in LENS_MODELS if errors[name] <= limit), errors


def _held_out_error(board: Board, fit: Fit, model: tuple[str, ...], posed: np.ndarray) -> float:
    """Return the mean error, px, of one model on the frames that it was not fitted to."""
    believed = np.where(fit.rejected[..., None], np.nan, fit.corners)
    free = free_parameters(len(fit.state.cameras), model)
    total, count = 0.0, 0
    folds = 2 if len(posed) >= MANY_FRAMES else 4
    for fold in range(folds):
        left_out = posed[fold::folds]
        fitted = np.setdiff1d(posed, left_out)
        state = State(
            cameras=with_distortions(fit.state.cameras, model), boards=fit.state.boards[fitted]
        )
        usable = any_seen(believed[:, fitted])
        images = Images.of(believed[:, fitted], usable, board.points)
        cameras = adjust(state, images, free, fit.scale, tolerance=1e-5)[0].cameras
        corners = believed[:, left_out]
        usable = any_seen(corners)
        boards = pose_boards(cameras, board, corners, usable)
        images = Images.of(corners, usable, board.points)
        residuals = predict(State(cameras=cameras, boards=boards), images) - images.corners
        errors = np.linalg.norm(residuals, axis=-1)
        total += float(np.nansum(errors))
        count += int(np.isfinite(errors).sum())
    return total / max(count, 1)
