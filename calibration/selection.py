"""Which lens model the images of each camera support, judged on images that were left out.

A coefficient that the images do not determine bends the picture where no corner was seen, and
triangulation pays for it. So for each camera the simplest lens is taken that predicts images it
was not fitted to as well as any, among those that do not fold over inside the image.
"""

from dataclasses import dataclass

import numpy as np

from calibration.adjusting import adjust, residuals_at
from calibration.bundle import ROUGH
from calibration.camera import Camera
from calibration.extrapolation import folds_over, lens_prior
from calibration.fitting import Fit
from calibration.geometry import Array, any_seen
from calibration.heldout import pose_boards
from calibration.lens_models import DEFAULT_MODEL, LENS_MODELS, LensModel, with_model

__all__ = ["LensChoice", "choose_lens_models"]

WORTH_IT = 0.01  # a model must lower the held-out error by this part to be preferred
FEWEST_FRAMES = 8  # with fewer, those left out tell nothing
MANY_FRAMES = 16  # of a camera, from where on halves are enough; below it quarters are left out
WIDE = 1.0  # rad from the axis to the image's corner, from where on a fisheye is tried


@dataclass(frozen=True, slots=True, kw_only=True)
class LensChoice:
    """The model chosen for each camera, and the held-out error, px, of each that was tried.

    The error is infinite for a model that folds over inside the image.
    """

    models: tuple[LensModel, ...]
    errors: tuple[dict[str, float], ...]


def choose_lens_models(fit: Fit) -> LensChoice:
    """Return the lens model to use for each camera of a fit.

    Cameras are fitted, from where `fit` ended, to all but every second frame (every fourth where
    there are few), scored on those, and so on until each was left out once. All cameras get the
    same model while it is tried, and each is judged by its own corners. The rational and the
    thin-prism model are tried only where the terms before them helped, a fisheye where the image
    is wide. With very few frames nothing is tried.
    """
    n_views = len(fit.cameras)
    posed = np.flatnonzero(np.isfinite(fit.boards[:, 0, 0]))
    errors: dict[str, Array] = {}
    folded: dict[str, np.ndarray] = {}
    if len(posed) < FEWEST_FRAMES:
        return LensChoice(models=(DEFAULT_MODEL,) * n_views, errors=({},) * n_views)
    for model in LENS_MODELS:
        if model.kind == "fisheye":
            worth_trying = max(_half_field(camera) for camera in fit.cameras) > WIDE
        else:
            worth_trying = not model.vague or _still_gains(list(errors.values()))
        if worth_trying:
            errors[model.name], folded[model.name] = _held_out_errors(fit, model, posed)
    table = np.stack([np.where(folded[name], np.inf, errors[name]) for name in errors])
    limits = (1 + WORTH_IT) * table.min(axis=0)
    simplest = np.argmax(table <= limits, axis=0)  # the first of them; all fold: the first
    tried = [model for model in LENS_MODELS if model.name in errors]
    return LensChoice(
        models=tuple(tried[index] for index in simplest),
        errors=tuple(dict(zip(errors, column.tolist(), strict=True)) for column in table.T),
    )


def _still_gains(errors: list[Array]) -> bool:
    """Tell whether the last of errors (model)(view,) is a camera's best by more than a little."""
    return bool((errors[-1] < (1 - WORTH_IT) * np.min(errors[:-1], axis=0)).any())


def _half_field(camera: Camera) -> float:
    """Return the angle, rad, between the axis and the farthest corner of the image, lens aside."""
    reach = np.hypot(*np.array(camera.size)) / 2 / min(camera.matrix[0, 0], camera.matrix[1, 1])
    return float(np.arctan(reach))


def _held_out_errors(fit: Fit, model: LensModel, posed: np.ndarray) -> tuple[Array, np.ndarray]:
    """Return the mean error (view,) px of one model on the frames that it was not fitted to.

    And whether (view,) it folded over inside the image, whichever frames were left out.
    """
    corners, points, n_views = fit.believed, fit.board.points, len(fit.cameras)
    fewest = any_seen(corners[:, posed]).sum(axis=1).min()
    folds = 2 if fewest >= MANY_FRAMES else 4
    total, count, folded = np.zeros(n_views), np.zeros(n_views), np.ones(n_views, dtype=bool)
    for fold in range(folds):
        left_out = posed[fold::folds]
        fitted = np.setdiff1d(posed, left_out)
        cameras = adjust(
            [with_model(camera, model) for camera in fit.cameras],
            fit.boards[fitted],
            corners[:, fitted],
            points,
            free=[model.free] * n_views,
            posed=[view > 0 for view in range(n_views)],
            sigma=fit.sigma,
            prior=lens_prior([model] * n_views, fit.cameras, corners),
            tolerance=ROUGH,
        ).cameras
        seen = corners[:, left_out]
        boards = pose_boards(cameras, fit.board, seen, start=fit.boards[left_out])
        errors = np.linalg.norm(residuals_at(cameras, boards, seen, points), axis=-1)
        total += np.nansum(errors, axis=(1, 2))
        count += np.isfinite(errors).sum(axis=(1, 2))
        folded &= [folds_over(camera) for camera in cameras]
    return total / np.maximum(count, 1), folded
