"""Offsets and drifts of clocks from what a calibrated rig cannot explain.

A view whose images are taken d seconds late sees each corner displaced by d times its velocity.
The residuals of all corners are regressed on their velocities. What else may explain them is
fitted along, so that it neither biases the clocks nor makes them look better known than they are:
the pose of the board in each frame, eliminated frame by frame, and of each camera its pose, focal
lengths, principal point, and the usual four terms of its lens. Standard deviations come from the
scatter between stretches of frames (Liang & Zeger, "Longitudinal data analysis using generalized
linear models", 1986), because the corners of one image, and images soon after each other, share
their errors.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from calibration.camera import Camera
from calibration.gaussian import MEDIAN_OF_DISTANCE
from calibration.geometry import Array, is_seen, skew, transform
from calibration.rig import Rig
from calibration.timing.tracks import velocities

__all__ = ["ClockFit", "fit_clocks", "weighted_rows"]

HUBER = 3.0  # standard deviations; a tighter limit would shrink offsets that are yet to be found
LEAST_NOISE = 0.02  # px; detections are never better
OWN = 16  # parameters of a view: offset, drift, pose (6), focal lengths (2), centre (2), lens (4)
STRETCH = 5  # frames whose errors are taken to go together
LOOSE = np.array([10.0, 1e-3])  # frames, s/s: what a clock is known to beforehand
RIDGE = 1e-10  # of a diagonal; keeps undetermined directions still


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClockFit:
    """By how much each view's time stamps (view,) are to be raised, s, and s/s of their time.

    The drift counts from the middle of the recording, `origin`, s. The first view's are zero.
    `offset_sigma` and `drift_sigma` are standard deviations.
    """

    origin: float
    offset: Array
    drift: Array
    offset_sigma: Array
    drift_sigma: Array


def fit_clocks(
    rig: Rig, points: Array, boards: Array, corners: Array, taken: Array, *, period: float
) -> ClockFit:
    """Return what the residuals of a calibrated rig say about the views' clocks.

    `points` (corner, 3) of the board; `boards` world_from_board (frame, 4, 4); `corners` (view,
    frame, corner, 2) px, NaN where not to be believed; `taken` (frame,) s, by the first view's
    clock, and `period` s that of a frame.
    """
    n_views, n_frames = len(rig), len(taken)
    size, origin = OWN * n_views, float(taken.mean())
    own, own_side = np.zeros((n_frames, 6, 6)), np.zeros((n_frames, 6, 1))
    mixed, side = np.zeros((n_frames, 6, size)), np.zeros((n_frames, size, 1))
    shared = np.zeros((n_frames, size, size))
    rows = weighted_rows(rig, transform(boards, points), boards, corners, taken, period=period)
    for view, (by_board, by_view, residual) in enumerate(rows):
        place = slice(OWN * view, OWN * (view + 1))
        turned = np.swapaxes(by_board, 1, 2)
        own += turned @ by_board
        own_side += turned @ residual
        mixed[:, :, place] = turned @ by_view
        shared[:, place, place] = np.swapaxes(by_view, 1, 2) @ by_view
        side[:, place] = np.swapaxes(by_view, 1, 2) @ residual
    own += np.eye(6) * np.maximum(RIDGE * np.trace(own, axis1=1, axis2=2), 1e-30)[:, None, None]
    solved = np.linalg.solve(own, np.concatenate([mixed, own_side], axis=-1))
    mixed = np.swapaxes(mixed, 1, 2)
    shared -= mixed @ solved[..., :-1]
    side -= mixed @ solved[..., -1:]
    values, sigma = _solve(shared, side[..., 0], n_views)
    return ClockFit(
        origin=origin,
        offset=values[:, 0] * period,
        drift=values[:, 1],
        offset_sigma=sigma[:, 0] * period,
        drift_sigma=sigma[:, 1],
    )


def weighted_rows(
    rig: Rig, world: Array, boards: Array, corners: Array, taken: Array, *, period: float
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield each view's rows: by the board's pose, by the view's own parameters, and residuals.

    (frame, row, 6), (frame, row, 16), of which the first is by delay in frames, and (frame, row,
    1), each weighted by its noise and by Huber's loss, and zero where nothing is used.
    """
    predicted = rig.project(world)
    residual = corners - predicted
    speed = velocities(predicted, taken, period) * period
    used = is_seen(residual) & is_seen(speed)
    when = ((taken - taken.mean()) / period)[:, None, None]
    poses = world - boards[:, None, :3, 3]
    for view, camera in enumerate(rig):
        weight = np.where(used[view], _weights(residual[view], used[view]), np.nan)[..., None]
        jacobian = camera.project_jacobian(world)
        by_view = np.concatenate(
            [
                np.stack([speed[view], speed[view] * when], axis=-1),
                _turn_and_shift(jacobian, world),
                _by_lens(camera, predicted[view]),
            ],
            axis=-1,
        )
        parts = _turn_and_shift(jacobian, poses), by_view, residual[view][..., None]
        n_frames = len(taken)
        by_board, by_view, pull = (
            np.nan_to_num(part * weight[..., None]).reshape(n_frames, -1, part.shape[-1])
            for part in parts
        )
        yield by_board, by_view, pull


def _turn_and_shift(jacobian: Array, arms: Array) -> Array:
    """Return d pixel / d (rotation, translation), (..., 2, 6), of points at `arms` (..., 3)."""
    return np.concatenate([-jacobian @ skew(arms), jacobian], axis=-1)


def _by_lens(camera: Camera, pixels: Array) -> Array:
    """Return how pixels (..., 2) move with focal lengths, principal point and lens, (..., 2, 8).

    To first order about the image as it is, each scaled to be about a pixel at its border.
    """
    x, y = np.moveaxis((pixels - camera.matrix[:2, 2]) / (max(camera.size) / 2), -1, 0)
    one, none, square = np.ones_like(x), np.zeros_like(x), x**2 + y**2
    along_x = [x, none, one, none, x * square, x * square**2, 2 * x * y, square + 2 * x**2]
    along_y = [none, y, none, one, y * square, y * square**2, square + 2 * y**2, 2 * x * y]
    return np.stack([np.stack(along_x, axis=-1), np.stack(along_y, axis=-1)], axis=-2)


def _weights(residual: Array, used: np.ndarray) -> Array:
    """Return the square roots of Huber's weights, in units of the noise, of residuals (..., 2)."""
    distance = np.linalg.norm(residual, axis=-1)
    if not used.any():
        return np.zeros_like(distance)
    noise = max(float(np.median(distance[used])) / MEDIAN_OF_DISTANCE, LEAST_NOISE)
    return np.sqrt(np.minimum(1, HUBER * noise / np.maximum(distance, 1e-12))) / noise


def _solve(shared: Array, side: Array, n_views: int) -> tuple[Array, Array]:
    """Return the clocks (view, 2) in frames and s/s, and their deviations, from each frame's part.

    The first view's clock is the measure, and its camera stands still.
    """
    free = np.ones((n_views, OWN), dtype=bool)
    free[0, :8] = False
    keep = np.flatnonzero(free)
    shared, side = shared[:, keep[:, None], keep], side[:, keep]
    prior = np.zeros((n_views, OWN))
    prior[:, :2] = 1 / LOOSE**2
    system = shared.sum(axis=0) + np.diag(prior.ravel()[keep])
    scale = 1 / np.sqrt(np.maximum(np.diag(system), RIDGE))
    scaled = system * np.outer(scale, scale) + RIDGE * np.eye(len(keep))
    inverse = np.linalg.inv(scaled) * np.outer(scale, scale)
    values = inverse @ side.sum(axis=0)
    left = side - shared @ values
    stretches = np.add.reduceat(left, np.arange(0, len(left), STRETCH))
    variance = np.diag(inverse @ (stretches.T @ stretches) @ inverse)
    result, deviation = np.zeros(n_views * OWN), np.zeros(n_views * OWN)
    result[keep], deviation[keep] = values, np.sqrt(np.maximum(variance, np.diag(inverse)))
    return result.reshape(n_views, OWN)[:, :2], deviation.reshape(n_views, OWN)[:, :2]
