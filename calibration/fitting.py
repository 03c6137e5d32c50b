"""The robust fit of a rig: adjust, measure the noise, leave out what cannot be right, repeat."""

from dataclasses import dataclass, replace

import numpy as np

from calibration.board import Board
from calibration.boardposes import best_world_poses, pose_candidates
from calibration.bundle import (
    FINE,
    ROUGH,
    adjust,
    camera_covariance,
    normal_equations,
    robust_scale,
)
from calibration.camera import Camera
from calibration.covariance import RigCovariance
from calibration.geometry import Array, any_seen, is_seen
from calibration.lens import Lens
from calibration.model import BOARD_SIZE, CAMERA_PARAMETERS, Images, State, predict
from calibration.observations import FEWEST_CORNERS

__all__ = ["Fit", "fit_rig", "free_parameters", "parameter_covariance", "with_distortions"]

ROUNDS = 6
POSING_ROUNDS = 2  # in which board poses are found anew
SMALLEST_SCALE = 0.02  # px; detections are never better, and synthetic ones need some scale
FIRST_SCALE = 5.0  # px; while the start is rough, no corner within this is doubted
OUTLIER = 5.0  # standard deviations; of a million good corners four are farther off
MEDIAN_OF_DISTANCE = 1.1774  # of a Gaussian in two dimensions, in its standard deviations
GAUGE = "the first camera's pose is fixed: the world is its frame; the board's size sets the scale"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """A fitted state, the corners (view, frame, corner, 2) px it was fitted to, and the rest.

    `boards` of the state are NaN for frames without a usable image. `rejected` (view, frame,
    corner) bool; `free` (view, 15) the parameters fitted; `scale` the noise, px.
    """

    state: State
    board: Board
    corners: Array
    rejected: np.ndarray
    free: np.ndarray
    scale: float


def fit_rig(
    board: Board, cameras: tuple[Camera, ...], corners: Array, distortions: tuple[str, ...]
) -> Fit:
    """Return the robust fit to corners (view, frame, corner, 2) px, starting from `cameras`.

    `distortions` names the coefficients that are fitted; the others are set to zero. In the
    first rounds board poses are found anew, since better cameras settle which of a flat board's
    two poses is right; corners farther off than five standard deviations of their view are left
    out of the next round.
    """
    cameras = with_distortions(cameras, distortions)
    free = free_parameters(len(cameras), distortions)
    found = is_seen(corners)
    believed, used, scale = found, found, FIRST_SCALE
    state = State(cameras=cameras, boards=np.full((corners.shape[1], 4, 4), np.nan))
    for round_ in range(ROUNDS):
        chosen = np.where(believed[..., None], corners, np.nan)
        if round_ < POSING_ROUNDS:
            state = _pose(board, state.cameras, chosen)
        tolerance = ROUGH if round_ < POSING_ROUNDS else FINE
        state, residuals, used = _adjust(board, state, chosen, (free, scale, tolerance))
        scale = max(robust_scale(residuals), SMALLEST_SCALE)
        if round_ == 0:
            continue
        errors = _all_errors(state, board, corners)
        keep = found & (errors < OUTLIER * _view_scales(errors)[:, None, None])
        keep &= (keep.sum(axis=-1) >= FEWEST_CORNERS)[..., None]
        if round_ >= POSING_ROUNDS and np.array_equal(keep, believed):
            break
        believed = keep
    return Fit(
        state=state,
        board=board,
        corners=corners,
        rejected=found & ~used,
        free=free,
        scale=scale,
    )


def free_parameters(n_views: int, distortions: tuple[str, ...]) -> np.ndarray:
    """Return which parameters (view, 15) are fitted: all but the first pose and unused terms."""
    names = [name for name in CAMERA_PARAMETERS if name[0] not in "kp" or name in distortions]
    free = np.tile(np.isin(CAMERA_PARAMETERS, names), (n_views, 1))
    free[0, -BOARD_SIZE:] = False
    return free


def with_distortions(
    cameras: tuple[Camera, ...], distortions: tuple[str, ...]
) -> tuple[Camera, ...]:
    """Return cameras with five coefficients, those that are not in `distortions` being zero."""
    fitted = np.isin(CAMERA_PARAMETERS[4:9], distortions)
    values = [
        np.pad(camera.distortions[:5], (0, 5 - len(camera.distortions[:5]))) for camera in cameras
    ]
    return tuple(
        replace(camera, lens=Lens(distortions=np.where(fitted, value, 0.0)))
        for camera, value in zip(cameras, values, strict=True)
    )


def parameter_covariance(fit: Fit) -> RigCovariance:
    """Return the covariance of the camera parameters of a fit."""
    corners = np.where(fit.rejected[..., None], np.nan, fit.corners)
    posed = np.isfinite(fit.state.boards[:, 0, 0])
    usable = any_seen(corners[:, posed])
    images = Images.of(corners[:, posed], usable, fit.board.points)
    state = State(cameras=fit.state.cameras, boards=fit.state.boards[posed])
    residuals = predict(state, images) - images.corners
    normal = normal_equations(state, images, residuals, fit.free, fit.scale)
    used = np.isfinite(residuals)
    count = used.sum() - fit.free.sum() - BOARD_SIZE * posed.sum()
    variance = np.square(residuals[used]).sum() / max(count, 1)
    return RigCovariance(
        names=tuple(f"{c.name}.{name}" for c in state.cameras for name in CAMERA_PARAMETERS),
        matrix=camera_covariance(normal, float(variance)),
        gauge=GAUGE,
    )


def _pose(board: Board, cameras: tuple[Camera, ...], corners: Array) -> State:
    """Return the cameras with the board poses on which they agree best, NaN where there is none."""
    candidates = np.stack(
        [pose_candidates(c, board.points, seen) for c, seen in zip(cameras, corners, strict=True)]
    )
    boards = best_world_poses(cameras, board.points, corners, candidates)
    return State(cameras=cameras, boards=boards)


def _adjust(
    board: Board, state: State, corners: Array, how: tuple[np.ndarray, float, float]
) -> tuple[State, Array, np.ndarray]:
    """Return the adjusted state, its residuals, and the corners (view, frame, corner) used.

    `how` is the free parameters, the scale and the tolerance. An image in which the start puts a
    corner behind the camera is not used; boards that no image shows become NaN.
    """
    free, scale, tolerance = how
    seen = is_seen(corners)
    whole = Images.of(corners, np.ones(corners.shape[:2], dtype=bool), board.points)
    visible = is_seen(predict(state, whole)).reshape(seen.shape)
    usable = any_seen(corners) & ~(seen & ~visible).any(axis=-1)
    posed = np.flatnonzero(usable.any(axis=0))
    images = Images.of(corners[:, posed], usable[:, posed], board.points)
    start = State(cameras=state.cameras, boards=state.boards[posed])
    adjusted, residuals = adjust(start, images, free, scale, tolerance=tolerance)
    boards = np.full_like(state.boards, np.nan)
    boards[posed] = adjusted.boards
    used = np.zeros_like(seen)
    used[images.view, posed[images.frame]] = is_seen(residuals)
    return State(cameras=adjusted.cameras, boards=boards), residuals, used


def _view_scales(errors: Array) -> Array:
    """Return the noise (view,) px that the median error of each view's corners suggests.

    By view, because a camera may be blurred or badly synchronised; of all corners that were found
    and not only of those still believed, so that no view is whittled away round by round.
    """
    finite = np.where(np.isfinite(errors), errors, np.nan).reshape(len(errors), -1)
    return np.maximum(np.nanmedian(finite, axis=1) / MEDIAN_OF_DISTANCE, SMALLEST_SCALE)


def _all_errors(state: State, board: Board, corners: Array) -> Array:
    """Return how far every corner (view, frame, corner) lies from the state's prediction, px."""
    everything = np.ones(corners.shape[:2], dtype=bool)
    images = Images.of(corners, everything, board.points)
    errors = np.linalg.norm(predict(state, images) - images.corners, axis=-1)
    return np.where(np.isfinite(errors), errors, np.inf).reshape(corners.shape[:3])
