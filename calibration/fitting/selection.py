"""Which lens model the images of each camera support, judged on images that were left out.

A coefficient that the images do not determine bends the picture where no corner was seen, and
triangulation pays for it. So for each camera the simplest lens is taken that predicts images it
was not fitted to as well as any, among those that do not fold over inside the image.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from calibration.camera import Camera
from calibration.fitting.extrapolation import folds_over, lens_prior
from calibration.fitting.heldout import pose_boards
from calibration.fitting.lens_models import DEFAULT_MODEL, LENS_MODELS, LensModel, with_model
from calibration.fitting.robust import Fit
from calibration.geometry import Array, any_seen
from calibration.solver.adjusting import adjust, residuals_at

__all__ = ["LensChoice", "choose_lens_models"]

WORTH_IT = 0.01  # a model must lower the held-out error by this part to be preferred
TRIAL = 1e-3  # relative change of the cost at which a model is fitted well enough to judge it
FEWEST_FRAMES = 8  # with fewer, those left out tell nothing
MANY_FRAMES = 12  # of a camera, from where on halves are enough; below it quarters are left out
WIDE = 0.85  # rad from the axis to the image's corner, from where on a fisheye is tried


@dataclass(frozen=True, slots=True, kw_only=True)
class LensChoice:
    """The model chosen for each camera, and the held-out error, px, of each that was tried.

    The error is infinite for a model that folds over inside the image. `cameras` are fitted with
    the models chosen, though each while all cameras had its model.
    """

    models: tuple[LensModel, ...]
    errors: tuple[dict[str, float], ...]
    cameras: tuple[Camera, ...]

    @classmethod
    def given(cls, fit: Fit, model: LensModel) -> "LensChoice":
        """Return the choice of one model for all cameras of a fit, nothing being tried."""
        n_views = len(fit.cameras)
        return cls(models=(model,) * n_views, errors=({},) * n_views, cameras=fit.cameras)


def choose_lens_models(fit: Fit) -> LensChoice:
    """Return the lens model to use for each camera of a fit.

    Cameras are fitted to all but every second frame (every fourth where there are few), scored on
    those, and so on until each was left out once. All cameras get the same model while it is
    tried, and each is judged by its own corners. The rational and the thin-prism model are tried
    only where the terms before them helped, a fisheye where the image is wide. With very few
    frames nothing is tried.
    """
    posed = np.flatnonzero(np.isfinite(fit.boards[:, 0, 0]))
    trials: list[_Trial] = []
    if len(posed) < FEWEST_FRAMES:
        return LensChoice.given(fit, DEFAULT_MODEL)
    for model in LENS_MODELS:
        if model.kind == "fisheye":
            worth_trying = max(_half_field(camera) for camera in fit.cameras) > WIDE
        else:
            worth_trying = not model.vague or _still_gains([trial.errors for trial in trials])
        if worth_trying:
            trials.append(_try(fit, model, posed))
    table = np.stack([np.where(trial.folded, np.inf, trial.errors) for trial in trials])
    limits = (1 + WORTH_IT) * table.min(axis=0)
    simplest = np.argmax(table <= limits, axis=0)  # the first of them; all fold: the first
    names = [trial.model.name for trial in trials]
    return LensChoice(
        models=tuple(trials[index].model for index in simplest),
        errors=tuple(dict(zip(names, column.tolist(), strict=True)) for column in table.T),
        cameras=tuple(trials[index].cameras[view] for view, index in enumerate(simplest)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Trial:
    """One model tried on all cameras: fitted to all frames, and its held-out errors (view,) px.

    `folded` (view,) tells where it folds over inside the image.
    """

    model: LensModel
    cameras: tuple[Camera, ...]
    errors: Array
    folded: np.ndarray


def _still_gains(errors: list[Array]) -> bool:
    """Tell whether the last of errors (model)(view,) is a camera's best by more than a little."""
    return bool((errors[-1] < (1 - WORTH_IT) * np.min(errors[:-1], axis=0)).any())


def _half_field(camera: Camera) -> float:
    """Return the angle, rad, between the axis and the farthest corner of the image, lens aside."""
    reach = np.hypot(*np.array(camera.size)) / 2 / min(camera.matrix[0, 0], camera.matrix[1, 1])
    return float(np.arctan(reach))


def _try(fit: Fit, model: LensModel, posed: np.ndarray) -> _Trial:
    """Return what becomes of a model."""
    corners, points, n_views = fit.believed, fit.board.points, len(fit.cameras)
    settle = partial(
        adjust,
        points=points,
        free=[model.free] * n_views,
        posed=[view > 0 for view in range(n_views)],
        sigma=fit.sigma,
        prior=lens_prior([model] * n_views, fit.cameras, corners),
    )
    start = [with_model(camera, model) for camera in fit.cameras]
    whole = settle(start, fit.boards, corners, tolerance=TRIAL)
    fewest = any_seen(corners[:, posed]).sum(axis=1).min()
    folds = 2 if fewest >= MANY_FRAMES else 4
    total, count = np.zeros(n_views), np.zeros(n_views)
    for fold in range(folds):
        left_out = posed[fold::folds]
        fitted = np.setdiff1d(posed, left_out)
        cameras = settle(
            whole.cameras, whole.boards[fitted], corners[:, fitted], tolerance=TRIAL
        ).cameras
        seen = corners[:, left_out]
        boards = pose_boards(cameras, fit.board, seen, whole.boards[left_out], fit.sigma, TRIAL)
        errors = np.linalg.norm(residuals_at(cameras, boards, seen, points), axis=-1)
        total += np.nansum(errors, axis=(1, 2))
        count += np.isfinite(errors).sum(axis=(1, 2))
    return _Trial(
        model=model,
        cameras=whole.cameras,
        errors=total / np.maximum(count, 1),
        folded=np.array([folds_over(camera) for camera in whole.cameras]),
    )
