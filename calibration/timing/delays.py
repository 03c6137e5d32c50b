"""Images that were each taken at a moment of their own, as by cameras that nobody triggers.

A web camera hands out the latest image that it has, which may be old by a frame or by none; its
time stamps say when it was handed out. So each image may see the board before or after the others,
displaced along the board's motion. Where a delay for each image lets the rigid board explain
corners that it was not fitted to, and clearly better than without, the corners are brought to one
moment by it.
"""

from dataclasses import dataclass, replace

import numpy as np

from calibration.fitting.heldout import pose_boards
from calibration.geometry import Array, is_seen, transform
from calibration.solver.adjusting import residuals_at
from calibration.timing.clockfit import weighted_rows
from calibration.timing.scene import Scene
from calibration.timing.tracks import velocities

__all__ = ["Delays", "fit_delays", "gain_by_delays", "leave_out_corners"]

SPREAD = 0.3  # frames; what the delay of an image is expected to be, at most a frame or so
ROUNDS = 4  # of delays and board poses, one after the other, for the held-out corners
NOISE = 0.3  # px, beyond which corners pull no harder on a board's pose


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delays:
    """By how much each image was taken too late: `seconds` (view, frame), zero where not known.

    `motion` (view, frame, corner, 2) px/s is the velocity of the corners, NaN where not known.
    """

    seconds: Array
    motion: Array

    @classmethod
    def none(cls, corners: Array) -> "Delays":
        """Return delays of nothing for the images of corners (view, frame, corner, 2)."""
        return cls(seconds=np.zeros(corners.shape[:2]), motion=np.full(corners.shape, np.nan))

    def undo(self, corners: Array) -> Array:
        """Return corners (view, frame, corner, 2) px as they were when they should have been."""
        return corners - np.nan_to_num(self.motion * self.seconds[..., None, None])


def fit_delays(scene: Scene, seen: Array, before: Delays, *, period: float) -> Delays:
    """Return the delay of each image with which rigid boards best explain the corners.

    In each frame the board's pose and the delays of all views are fitted together, linearised
    about a scene and delays that go `before`; delays are expected to be about a third of a frame.
    `seen` (view, frame, corner, 2) px; `period`, s, is that of a frame.
    """
    rig, boards, taken = scene.rig, scene.boards, scene.taken
    corners, points = before.undo(seen), scene.board.points
    world = transform(boards, points)
    n_views, n_frames = corners.shape[:2]
    own, own_side = np.zeros((n_frames, 6, 6)), np.zeros((n_frames, 6))
    mixed = np.zeros((n_frames, 6, n_views))
    late, side = np.zeros((n_frames, n_views)), np.zeros((n_frames, n_views))
    rows = weighted_rows(rig, world, boards, corners, taken, period=period)
    for view, (by_board, by_view, residual) in enumerate(rows):
        delayed, turned = by_view[..., 0], np.swapaxes(by_board, 1, 2)
        own += turned @ by_board
        own_side += (turned @ residual)[..., 0]
        mixed[:, :, view] = (turned @ delayed[..., None])[..., 0]
        late[:, view] = (delayed**2).sum(axis=1)
        side[:, view] = (delayed * residual[..., 0]).sum(axis=1)
    floor = np.maximum(1e-10 * np.trace(own, axis1=1, axis2=2), 1e-30)
    own += np.eye(6) * floor[:, None, None]
    solved = np.linalg.solve(own, np.concatenate([mixed, own_side[..., None]], axis=-1))
    turned = np.swapaxes(mixed, 1, 2)
    system = np.eye(n_views) * (late + 1 / SPREAD**2)[:, None] - turned @ solved[..., :-1]
    right = side - (turned @ solved[..., -1:])[..., 0] - before.seconds.T / (period * SPREAD**2)
    more = np.linalg.solve(system, right[..., None])[..., 0].T * period
    seconds = before.seconds + more
    return Delays(seconds=seconds, motion=velocities(rig.project(world), taken, period))


def gain_by_delays(scene: Scene, *, period: float) -> tuple[float, float]:
    """Return the mean error px of rigid boards without and with delays, on corners left out.

    Corners are left out as by `leave_out_corners`. NaN where there is none.
    """
    rigid, delayed = (
        residuals_at(scene.rig.cameras, boards, corners, scene.board.points)
        for boards, corners in leave_out_corners(scene, period=period)
    )
    if not is_seen(rigid).any():
        return np.nan, np.nan
    without, with_delays = (np.nanmean(np.linalg.norm(r, axis=-1)) for r in (rigid, delayed))
    return float(without), float(with_delays)


def leave_out_corners(scene: Scene, *, period: float) -> tuple[tuple[Array, Array], ...]:
    """Return board poses and corners that had no part in them, without and with delays.

    Board poses (frame, 4, 4), from the scene's on, and delays are fitted to every second pair of
    corners; the others (view, frame, corner, 2) px come back, the second time with the delays
    undone, where two views or more saw the frame; NaN elsewhere.
    """
    rig, points = scene.rig, scene.board.points
    odd = np.arange(len(points)) // 2 % 2 == 1
    fitted = np.where(odd[:, None], np.nan, scene.corners)
    rigid = pose_boards(rig.cameras, scene.board, fitted, scene.boards, NOISE)
    predicted = rig.project(transform(rigid, points))
    judged = is_seen(velocities(predicted, scene.taken, period)) & is_seen(scene.corners)
    judged &= (is_seen(scene.corners).any(axis=-1).sum(axis=0) > 1)[:, None]
    judged &= odd
    boards, delays = rigid, Delays.none(fitted)
    for _ in range(ROUNDS if judged.any() else 0):
        delays = fit_delays(replace(scene, boards=boards), fitted, delays, period=period)
        boards = pose_boards(rig.cameras, scene.board, delays.undo(fitted), boards, NOISE)
    left_out = np.where(judged[..., None], scene.corners, np.nan)
    return (rigid, left_out), (boards, delays.undo(left_out))
