"""The robust fit of a rig: adjust, measure the noise, leave out what cannot be right, repeat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from calibration.boards.board import Board
from calibration.camera import Camera
from calibration.corners.observations import fewest_corners
from calibration.covariance import RigCovariance
from calibration.fitting.boardposes import best_world_poses, pose_candidates
from calibration.fitting.extrapolation import lens_prior
from calibration.fitting.lens_models import DEFAULT_MODEL, LensModel, with_model
from calibration.gaussian import MEDIAN_OF_DISTANCE
from calibration.geometry import Array, is_seen
from calibration.solver.adjusting import Adjusted, adjust, residuals_at
from calibration.solver.bundle import FINE, ROUGH
from calibration.solver.lens_kernels import Prior
from calibration.solver.uncertainty import parameter_covariance

__all__ = ["Fit", "first_fit", "pose_together", "refit", "robust_scale"]

ROUNDS = 8
SMALLEST_SCALE = 0.02  # px; detections are never better, and synthetic ones need some scale
FIRST_SCALE = 5.0  # px; while the start is rough, no corner within this is doubted
OUTLIER = 5.0  # standard deviations; of a million good corners four are farther off
GAUGE = "the first camera's pose is fixed: the world is its frame; the board's size sets the scale"
SETTLED = 0.02  # a change of the noise that no longer matters
FEW = 1e-3  # of all corners: a change of those believed that no longer matters


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """Cameras with lenses of `models`, and boards, `adjusted` to corners of several views.

    `corners` (view, frame, corner, 2) px are all that were found; `sigma` px is the noise of a
    coordinate.
    """

    board: Board
    models: tuple[LensModel, ...]
    corners: Array
    sigma: float
    adjusted: Adjusted

    @property
    def cameras(self) -> tuple[Camera, ...]:
        """The fitted cameras."""
        return self.adjusted.cameras

    @property
    def boards(self) -> Array:
        """The poses world_from_board (frame, 4, 4), NaN for frames without a usable image."""
        return self.adjusted.boards

    @property
    def rejected(self) -> np.ndarray:
        """The corners (view, frame, corner) that were found but not believed."""
        return is_seen(self.corners) & ~is_seen(self.adjusted.residuals)

    @property
    def believed(self) -> Array:
        """The corners that were not rejected, NaN elsewhere."""
        return np.where(self.rejected[..., None], np.nan, self.corners)

    @property
    def covariance(self) -> RigCovariance:
        """The covariance of the cameras' parameters."""
        found = self.adjusted
        return parameter_covariance(found.problem, found.solution, self.cameras, gauge=GAUGE)


def first_fit(board: Board, cameras: Sequence[Camera], boards: Array, corners: Array) -> Fit:
    """Return a fit of plain lenses to all corners (view, frame, corner, 2) px.

    It starts from rough cameras and boards (frame, 4, 4). Board poses are found anew on the way,
    since better cameras settle which of a flat board's two poses is right.
    """
    models = (DEFAULT_MODEL,) * len(cameras)
    cameras = tuple(with_model(c, model) for c, model in zip(cameras, models, strict=True))
    settle = _settle(board, models, None)
    adjusted = settle(cameras, boards, corners, sigma=FIRST_SCALE, tolerance=ROUGH)
    boards = pose_together(board, adjusted.cameras, corners)
    sigma = robust_scale(_distances(board, adjusted.cameras, boards, corners))
    adjusted = replace(adjusted, boards=boards)
    fit = Fit(board=board, models=models, corners=corners, sigma=sigma, adjusted=adjusted)
    return refit(fit, fit.cameras, models, tolerance=ROUGH)


def refit(
    fit: Fit, cameras: Sequence[Camera], models: tuple[LensModel, ...], *, tolerance: float = FINE
) -> Fit:
    """Return the robust fit of lenses of `models`, from the boards of an earlier fit.

    The first camera stays where it is. Corners farther off than five standard deviations of their
    view are left out of the next round: by view, because a camera may be blurred or badly
    synchronised, and of all corners that were found, so that no view is whittled away.
    """
    board, corners, found = fit.board, fit.corners, is_seen(fit.corners)
    cameras = tuple(with_model(c, model) for c, model in zip(cameras, models, strict=True))
    boards, believed, sigma = fit.boards, found & ~fit.rejected, fit.sigma
    settle = _settle(board, models, lens_prior(models, fit.cameras, fit.believed))
    for _ in range(ROUNDS):
        chosen = np.where(believed[..., None], corners, np.nan)
        adjusted = settle(cameras, boards, chosen, sigma=sigma, tolerance=ROUGH)
        cameras, boards = adjusted.cameras, adjusted.boards
        errors = _distances(board, cameras, boards, corners)
        limits = [OUTLIER * robust_scale(seen) for seen in errors]
        keep = found & (errors < np.reshape(limits, (-1, 1, 1)))
        keep &= (keep.sum(axis=-1) >= fewest_corners(board.n_corners))[..., None]
        changed = np.count_nonzero(keep != believed) > FEW * np.count_nonzero(found)
        before, sigma, believed = sigma, robust_scale(errors), keep
        if not changed and abs(sigma / before - 1) < SETTLED:
            break
    chosen = np.where(believed[..., None], corners, np.nan)
    return Fit(
        board=board,
        models=models,
        corners=corners,
        sigma=sigma,
        adjusted=settle(cameras, boards, chosen, sigma=sigma, tolerance=tolerance),
    )


def robust_scale(errors: Array) -> float:
    """Return the noise, px, of a coordinate that the median of distances (...) px suggests."""
    known = errors[np.isfinite(errors)]
    return max(float(np.median(known)) / MEDIAN_OF_DISTANCE if known.size else 0, SMALLEST_SCALE)


def pose_together(board: Board, cameras: Sequence[Camera], corners: Array) -> Array:
    """Return the poses world_from_board (frame, 4, 4) on which cameras agree best.

    `corners` (view, frame, corner, 2) px. NaN for frames without a usable image.
    """
    candidates = np.stack(
        [pose_candidates(c, board.points, seen) for c, seen in zip(cameras, corners, strict=True)]
    )
    return best_world_poses(tuple(cameras), board.points, corners, candidates)


def _settle(
    board: Board, models: Sequence[LensModel], prior: Prior | None
) -> Callable[..., Adjusted]:
    """Return the adjustment of cameras with lenses of `models`, the first one's pose held."""
    return partial(
        adjust,
        points=board.points,
        free=[model.free for model in models],
        posed=[view > 0 for view in range(len(models))],
        prior=prior,
    )


def _distances(board: Board, cameras: Sequence[Camera], boards: Array, corners: Array) -> Array:
    """Return how far every corner (view, frame, corner) lies from its prediction, px."""
    errors = np.linalg.norm(residuals_at(cameras, boards, corners, board.points), axis=-1)
    return np.where(np.isfinite(errors), errors, np.inf)
