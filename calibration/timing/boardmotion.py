"""How views' clocks differ by whole frames and more, from the motion of the board.

How the board turns and moves along its own axes is the same for every camera that sees it, wherever
that camera stands. So each view's own estimate of that motion, from its images alone, is a signal
by which two views' recordings are laid over each other, without a calibrated rig.
"""

from itertools import combinations

import numpy as np

from calibration.boards.board import Board
from calibration.corners.observations import Observations
from calibration.fitting.averaging import average_offsets
from calibration.fitting.boardposes import pose_candidates
from calibration.fitting.starting import single_cameras
from calibration.geometry import Array, invert_pose, vector_from_rotation
from calibration.timing.tracks import GAP

__all__ = ["coarse_offsets"]

LARGEST_LAG = 100.0  # frames
GRID = 2  # samples a frame
SMOOTHING = 7  # samples over which a motion is averaged
FEWEST = 20  # frames that two views must have in common
CLIP = 4.0  # medians; flipped poses make leaps
LEAST_AGREEMENT = 0.6  # correlation at the best lag
BETTER = 0.7  # of the disagreement at lag zero is the most that a lag may leave
ASSUMED = 1e-9  # weight of the assumption that a view is on time, where nothing is known


def coarse_offsets(board: Board, observations: Observations, period: float) -> Array:
    """Return by how much each view's time stamps (view,), s, are to be raised, to half a frame.

    Zero for the first view, where it is less than half a frame, and where nothing can be told.
    """
    times = observations.times
    step = period / GRID
    grid = np.arange(np.nanmin(times), np.nanmax(times) + step, step)
    signals = []
    for camera, seen, stamps in zip(*single_cameras(board, observations), times, strict=True):
        poses = pose_candidates(camera, board.points, seen)[:, 0]
        signals.append(_motion(poses, board.points, stamps, grid, period))
    pairs, lags, trust = [], [], []
    for a, b in combinations(range(len(signals)), 2):
        lag, weight = _best_lag(signals[a], signals[b])
        if weight:
            pairs.append((a, b))
            lags.append(lag * step)
            trust.append(weight)
    if not pairs:
        return np.zeros(len(signals))
    others = range(1, len(signals))
    offsets = average_offsets(
        np.array([*pairs, *((0, view) for view in others)]),
        np.array([*lags, *(0.0 for _ in others)])[:, None],
        np.array([*trust, *(ASSUMED * max(trust) for _ in others)]),
        n_cameras=len(signals),
        scale=period,
    )[:, 0]
    return np.where(np.abs(offsets) < period / 2, 0.0, offsets)


def _motion(poses: Array, points: Array, stamps: Array, grid: Array, period: float) -> Array:
    """Return turn and shift (grid, 6) of the board along its own axes, a frame, smoothed.

    `poses` camera_from_board (frame, 4, 4) at `stamps` (frame,) s. Shifts are in parts of the
    board's radius. NaN where the board was not seen.
    """
    known = np.flatnonzero(np.isfinite(poses[:, 0, 0]) & np.isfinite(stamps))
    poses, stamps = poses[known], stamps[known]
    result = np.full((len(grid), 6), np.nan)
    gaps = np.diff(stamps)
    near = gaps < GAP * period
    if near.sum() < FEWEST:
        return result
    poses = poses.copy()
    poses[:, :3, 3] += poses[:, :3, :3] @ points.mean(axis=0)  # the board's middle, not its corner
    steps = invert_pose(poses[:-1]) @ poses[1:]
    radius = float(np.linalg.norm(points - points.mean(axis=0), axis=1).max())
    motion = (
        np.concatenate([vector_from_rotation(steps[:, :3, :3]), steps[:, :3, 3] / radius], axis=1)
        * (period / gaps)[:, None]
    )
    size = np.linalg.norm(motion, axis=1)
    limit = CLIP * np.median(size[near])
    motion *= np.minimum(1, limit / np.maximum(size, 1e-12))[:, None]
    middle = (stamps[:-1] + stamps[1:]) / 2
    left = np.clip(np.searchsorted(stamps, grid, side="right") - 1, 0, len(near) - 1)
    inside = near[left] & (grid >= middle[0]) & (grid <= middle[-1])
    kernel = np.ones(SMOOTHING) / SMOOTHING
    for axis in range(6):
        smooth = np.convolve(np.interp(grid, middle, motion[:, axis]), kernel, mode="same")
        result[:, axis] = np.where(inside, smooth, np.nan)
    return result


def _best_lag(first: Array, second: Array) -> tuple[float, float]:
    """Return by how many samples the second signal is to be delayed to fit the first, and a weight.

    The weight is zero where the signals do not tell, or fit as they are.
    """
    known = np.isfinite(first[:, 0]), np.isfinite(second[:, 0])
    a, b = np.where(known[0][:, None], first, 0), np.where(known[1][:, None], second, 0)
    most = int(min(LARGEST_LAG * GRID, len(a) - 1))
    lags = np.arange(-most, most + 1)
    agreement, common = np.zeros(len(lags)), np.zeros(len(lags))
    for index, lag in enumerate(lags):
        here, there = (
            slice(max(lag, 0), len(a) + min(lag, 0)),
            slice(max(-lag, 0), len(a) + min(-lag, 0)),
        )
        both = (known[0][here] & known[1][there])[:, None]
        x, y = a[here], b[there]
        common[index] = both.sum()
        scale = np.sqrt((x**2 * both).sum() * (y**2 * both).sum())
        agreement[index] = (x * y).sum() / scale if scale > 0 else 0.0
    agreement[common < FEWEST * GRID] = 0.0
    best, now = int(agreement.argmax()), agreement[most]
    if agreement[best] < LEAST_AGREEMENT or 1 - agreement[best] > BETTER * (1 - now):
        told = now >= LEAST_AGREEMENT
        return 0.0, float(common[most] * now**2) if told else 0.0
    return float(lags[best]), float(common[best] * agreement[best] ** 2)
