"""The robust fit of a rig: adjust, measure the noise, leave out what cannot be right, repeat."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from calibration.adjusting import adjust, residuals_at
from calibration.board import Board
from calibration.boardposes import best_world_poses, pose_candidates
from calibration.bundle import FINE, ROUGH
from calibration.camera import Camera
from calibration.covariance import RigCovariance
from calibration.extrapolation import lens_prior
from calibration.geometry import Array, is_seen
from calibration.lens_models import LensModel, with_model
from calibration.observations import fewest_corners
from calibration.uncertainty import parameter_covariance

__all__ = ["Fit", "fit_rig", "robust_scale"]

ROUNDS = 8
POSING_ROUNDS = 2  # in which board poses are found anew
SMALLEST_SCALE = 0.02  # px; detections are never better, and synthetic ones need some scale
FIRST_SCALE = 5.0  # px; while the start is rough, no corner within this is doubted
OUTLIER = 5.0  # standard deviations; of a million good corners four are farther off
MEDIAN_OF_DISTANCE = 1.1774  # of a Gaussian in two dimensions, in its standard deviations
GAUGE = "the first camera's pose is fixed: the world is its frame; the board's size sets the scale"
SETTLED = 0.02  # a change of the noise that no longer matters
FEW = 1e-3  # of all corners: a change of those believed that no longer matters


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """Cameras and boards fitted to corners (view, frame, corner, 2) px.

    `boards` (frame, 4, 4) are NaN for frames without a usable image; `covariance` is that of the
    cameras' parameters; `rejected` (view, frame,
    corner) bool; `residuals` (view, frame, corner, 2) px, NaN where not used; `sigma` px the noise
    of a coordinate.
    """

    board: Board
    models: tuple[LensModel, ...]
    cameras: tuple[Camera, ...]
    boards: Array
    corners: Array
    residuals: Array
    rejected: np.ndarray
    sigma: float
    covariance: RigCovariance

    @property
    def believed(self) -> Array:
        """The corners that were not rejected, NaN elsewhere."""
        return np.where(self.rejected[..., None], np.nan, self.corners)


def fit_rig(
    board: Board,
    cameras: Sequence[Camera],
    corners: Array,
    models: tuple[LensModel, ...],
    *,
    start: Fit | None = None,
    tolerance: float = FINE,
) -> Fit:
    """Return the robust fit to corners (view, frame, corner, 2) px, starting from `cameras`.

    The first camera stays where it is. In the first rounds board poses are found anew, since
    better cameras settle which of a flat board's two poses is right, unless an earlier fit of the
    same corners is given as `start`. Corners farther off than five standard deviations of their
    view are left out of the next round: by view, because a camera may be blurred or badly
    synchronised, and of all corners that were found, so that no view is whittled away.
    """
    cameras = tuple(with_model(c, model) for c, model in zip(cameras, models, strict=True))
    found = is_seen(corners)
    prior = lens_prior(models, start.cameras, start.believed) if start else None
    if start is None:
        posing, boards, believed = POSING_ROUNDS, np.empty(0), found
        sigma = FIRST_SCALE
    else:
        posing, boards, believed, sigma = 0, start.boards, found & ~start.rejected, start.sigma
    settle = partial(
        adjust,
        points=board.points,
        free=[model.free for model in models],
        posed=[view > 0 for view in range(len(cameras))],
        prior=prior,
    )
    for round_ in range(ROUNDS):
        chosen = np.where(believed[..., None], corners, np.nan)
        if round_ < posing:
            boards = _pose(board, cameras, chosen)
        adjusted = settle(cameras, boards, chosen, sigma=sigma, tolerance=ROUGH)
        cameras, boards = adjusted.cameras, adjusted.boards
        errors = _distances(cameras, boards, corners, board)
        before, sigma = sigma, robust_scale(errors)
        if round_ == 0 and posing:
            continue
        limits = [OUTLIER * robust_scale(seen) for seen in errors]
        keep = found & (errors < np.reshape(limits, (-1, 1, 1)))
        keep &= (keep.sum(axis=-1) >= fewest_corners(board.n_corners))[..., None]
        changed = np.count_nonzero(keep != believed) > FEW * np.count_nonzero(found)
        believed = keep
        if round_ >= posing and not changed and abs(sigma / before - 1) < SETTLED:
            break
    chosen = np.where(believed[..., None], corners, np.nan)
    adjusted = settle(cameras, boards, chosen, sigma=sigma, tolerance=tolerance)
    cameras = adjusted.cameras
    return Fit(
        board=board,
        models=models,
        cameras=cameras,
        boards=adjusted.boards,
        corners=corners,
        residuals=adjusted.residuals,
        rejected=found & ~is_seen(adjusted.residuals),
        sigma=sigma,
        covariance=parameter_covariance(adjusted.problem, adjusted.solution, cameras, gauge=GAUGE),
    )


def robust_scale(errors: Array) -> float:
    """Return the noise, px, of a coordinate that the median of distances (...) px suggests."""
    known = errors[np.isfinite(errors)]
    return max(float(np.median(known)) / MEDIAN_OF_DISTANCE if known.size else 0, SMALLEST_SCALE)


def _pose(board: Board, cameras: tuple[Camera, ...], corners: Array) -> Array:
    """Return the board poses on which the cameras agree best, NaN where there is none."""
    candidates = np.stack(
        [pose_candidates(c, board.points, seen) for c, seen in zip(cameras, corners, strict=True)]
    )
    return best_world_poses(cameras, board.points, corners, candidates)


def _distances(cameras: tuple[Camera, ...], boards: Array, corners: Array, board: Board) -> Array:
    """Return how far every corner (view, frame, corner) lies from its prediction, px."""
    errors = np.linalg.norm(residuals_at(cameras, boards, corners, board.points), axis=-1)
    return np.where(np.isfinite(errors), errors, np.inf)
