"""Bundle adjustment: all cameras and all board poses refined together.

Levenberg-Marquardt on a Huber loss. The board poses are eliminated from every linear system
(Schur complement), so that the system solved is as small as the cameras; its inverse is the
covariance of their parameters. Source: Triggs et al., "Bundle adjustment, a modern synthesis",
2000.
"""

from dataclasses import dataclass

import numpy as np

from calibration.errors import RigError
from calibration.geometry import Array
from calibration.model import CAMERA_PARAMETERS, Images, State, linearize, predict, step

__all__ = [
    "FINE",
    "ROUGH",
    "Normal",
    "adjust",
    "camera_covariance",
    "normal_equations",
    "robust_scale",
]

MOST_STEPS = 60
ROUGH, FINE = 1e-4, 1e-9  # relative change of the cost at which a fit is finished
DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-9, 1e9
HUBER = 1.345  # standard deviations: 95 % as efficient as least squares on Gaussian noise
MEDIAN_OF_ABSOLUTE = 0.6745  # of a standard Gaussian


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normal:
    """The normal equations in blocks: cameras U (p, p), boards V (frame, 6, 6), W (frame, p, 6).

    `camera_side` (p,) and `board_side` (frame, 6) are the right-hand sides; `free` (p,) tells
    which of the p = view x 15 camera parameters may move.
    """

    cameras: Array
    boards: Array
    mixed: Array
    camera_side: Array
    board_side: Array
    free: np.ndarray

    def reduced(self, damping: float) -> tuple[Array, Array, Array]:
        """Return the cameras' own system and right-hand side, and the boards' inverse blocks.

        Only rows of free parameters are in the system. Marquardt's damping scales the diagonals.
        """
        boards = self.boards + damping * _diagonal(self.boards) + 1e-30 * np.eye(6)
        inverse = np.linalg.inv(boards).astype(float)
        mixed = self.mixed[:, self.free]
        carried = mixed @ inverse
        cameras = self.cameras[np.ix_(self.free, self.free)]
        system = cameras + damping * np.diag(np.diag(cameras))
        system = system - np.tensordot(carried, mixed, axes=((0, 2), (0, 2)))
        side = self.camera_side[self.free] - np.einsum("fpi,fi->p", carried, self.board_side)
        return system, side, inverse

    def solve(self, damping: float) -> tuple[Array, Array]:
        """Return steps of cameras (view, 15) and boards (frame, 6)."""
        system, side, inverse = self.reduced(damping)
        moves = np.zeros(len(self.camera_side))
        if self.free.any():
            scale = 1 / np.sqrt(np.maximum(np.diag(system), 1e-300))
            moves[self.free] = scale * np.linalg.solve(
                system * np.outer(scale, scale), scale * side
            )
        rest = self.board_side - np.einsum("fpi,p->fi", self.mixed, moves)
        boards = np.einsum("fij,fj->fi", inverse, rest)
        return moves.reshape(-1, len(CAMERA_PARAMETERS)), boards


def adjust(
    state: State, images: Images, free: np.ndarray, scale: float, *, tolerance: float = FINE
) -> tuple[State, Array]:
    """Return the state of least robust cost, and its residuals (image, corner, 2) px.

    `free` (view, 15) bool: the camera parameters that may move; `scale` px is the noise beyond
    which a corner's pull no longer grows. With none free only the board poses are fitted.
    """
    residuals = predict(state, images) - images.corners
    cost = _cost(residuals, images, scale)
    damping = DAMPING
    for _ in range(MOST_STEPS):
        normal = normal_equations(state, images, residuals, free, scale)
        while damping < MOST_DAMPING:
            trial, trial_residuals, trial_cost = _try_step(state, images, normal, damping, scale)
            if trial_cost <= cost:
                break
            damping *= 10
        else:
            break
        finished = cost - trial_cost <= tolerance * cost
        state, residuals, cost = trial, trial_residuals, trial_cost
        damping = max(damping / 10, LEAST_DAMPING)
        if finished:
            break
    return state, residuals


def normal_equations(
    state: State, images: Images, residuals: Array, free: np.ndarray, scale: float
) -> Normal:
    """Return the weighted normal equations at a state."""
    by_camera, by_board = linearize(state, images)
    root = np.sqrt(_weights(residuals, scale))[..., None]
    seen = np.isfinite(residuals)
    residual = np.where(seen, residuals * root, 0.0).reshape(len(residuals), -1)
    root = np.where(seen, root, 0.0)[..., None]
    size = len(CAMERA_PARAMETERS)
    joint = np.concatenate([by_camera, by_board], axis=-1)
    joint = np.where(root > 0, joint * root, 0.0).reshape(len(residuals), -1, size + 6)
    square = np.swapaxes(joint, -1, -2) @ joint
    side = -np.einsum("iks,ik->is", joint, residual)
    n_views, n_frames = len(state.cameras), len(state.boards)
    cameras = np.zeros((n_views, size, n_views, size))
    mixed = np.zeros((n_frames, n_views, size, 6))
    boards, board_side = np.zeros((n_frames, 6, 6)), np.zeros((n_frames, 6))
    camera_side = np.zeros((n_views, size))
    for view, rows in enumerate(images.rows(n_views)):
        cameras[view, :, view] = square[rows, :size, :size].sum(axis=0)
        camera_side[view] = side[rows, :size].sum(axis=0)
    mixed[images.frame, images.view] = square[:, :size, size:]
    np.add.at(boards, images.frame, square[:, size:, size:])
    np.add.at(board_side, images.frame, side[:, size:])
    return Normal(
        cameras=cameras.reshape(n_views * size, -1),
        boards=boards,
        mixed=mixed.reshape(n_frames, n_views * size, 6),
        camera_side=camera_side.ravel(),
        board_side=board_side,
        free=free.ravel(),
    )


def camera_covariance(normal: Normal, variance: float) -> Array:
    """Return the covariance (p, p) of all camera parameters; zero rows where they were held.

    `variance` px^2 is that of one coordinate of one corner.
    """
    system, _, _ = normal.reduced(0.0)
    scale = 1 / np.sqrt(np.maximum(np.diag(system), 1e-300))
    inverse = np.linalg.pinv(system * np.outer(scale, scale), hermitian=True)
    covariance = np.zeros((len(normal.free), len(normal.free)))
    covariance[np.ix_(normal.free, normal.free)] = variance * inverse * np.outer(scale, scale)
    return (covariance + covariance.T) / 2


def robust_scale(residuals: Array) -> float:
    """Return the standard deviation, px, that the median of residuals (..., 2) px suggests."""
    return float(np.nanmedian(np.abs(residuals)) / MEDIAN_OF_ABSOLUTE)


def _try_step(
    state: State, images: Images, normal: Normal, damping: float, scale: float
) -> tuple[State, Array, float]:
    """Return the state after a damped step, with residuals and cost; infinite where none is."""
    try:
        moves, boards = normal.solve(damping)
        trial = step(state, moves, boards)
    except (np.linalg.LinAlgError, RigError):
        return state, images.corners, np.inf
    residuals = predict(trial, images) - images.corners
    return trial, residuals, _cost(residuals, images, scale)


def _weights(residuals: Array, scale: float) -> Array:
    """Return Huber's weights (image, corner) of residuals (image, corner, 2)."""
    limit = HUBER * scale
    size = np.linalg.norm(residuals, axis=-1)
    return np.where(size > limit, limit / np.maximum(size, limit), 1.0)


def _cost(residuals: Array, images: Images, scale: float) -> float:
    """Return Huber's cost; infinite where a corner that was seen fell behind a camera."""
    if (np.isnan(residuals) & np.isfinite(images.corners)).any():
        return np.inf
    limit = HUBER * scale
    size = np.linalg.norm(residuals, axis=-1)
    cost = np.where(size > limit, limit * (2 * size - limit), size**2)
    return float(np.nansum(cost))


def _diagonal(matrices: Array) -> Array:
    """Return matrices (..., n, n) with only their diagonals kept."""
    return matrices * np.eye(matrices.shape[-1])
