"""Cameras and board poses adjusted to corners: the way from arrays of corners to the solver."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.camera import Camera
from calibration.geometry import Array, is_seen, make_pose
from calibration.solver.arrays import Bodies, Robust, Sights
from calibration.solver.bundle import FINE, Problem, Solution, residuals, solve
from calibration.solver.lens_kernels import Prior
from calibration.solver.parameters import Layout, from_arrays, to_arrays
from calibration.solver.wall_freedom import WallFreedom

__all__ = [
    "HUBER",
    "Adjusted",
    "adjust",
    "bodies_of",
    "residuals_at",
    "sights_of",
    "spread_residuals",
]

HUBER = 1.5  # standard deviations: 95 % as efficient as least squares on Gaussian noise in a plane


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adjusted:
    """What an adjustment found.

    `boards` world_from_board (frame, 4, 4), NaN where no image was used; `residuals` (view,
    frame, corner, 2) px, predicted minus seen, NaN where not used; `problem` and `solution` are
    the solver's own view of it.
    """

    cameras: tuple[Camera, ...]
    boards: Array
    residuals: Array
    problem: Problem
    solution: Solution


def adjust(
    cameras: Sequence[Camera],
    boards: Array,
    corners: Array,
    points: Array,
    *,
    free: Sequence[Collection[str]],
    posed: Sequence[bool],
    sigma: float,
    prior: Prior | None = None,
    walls: WallFreedom | None = None,
    tolerance: float = FINE,
) -> Adjusted:
    """Return the cameras and boards of least robust cost.

    `corners` (view, frame, corner, 2) px; `points` (corner, 3) of the board; `free` and `posed`
    as for `Layout.of`; `sigma` px the noise; `prior` and `walls` as for `Problem`. An image in
    which the start puts a corner behind the camera is not used, nor a frame whose board is NaN.
    """
    start = residuals_at(cameras, boards, corners, points)
    behind = np.any(is_seen(corners) & ~is_seen(start), axis=-1, keepdims=True)
    used = np.where(behind[..., None], np.nan, corners)
    known = np.flatnonzero(is_seen(used).any(axis=(0, 2)))
    problem = Problem(
        sights=sights_of(used[:, known], points),
        layout=Layout.of(cameras, free, posed=posed, walls=walls is not None),
        robust=Robust(sigma, HUBER),
        dof=6,
        prior=prior,
        walls=walls,
    )
    found = solve(problem, to_arrays(cameras, walls), bodies_of(boards[known]), tolerance=tolerance)
    poses, residual = np.full(boards.shape, np.nan), np.full(corners.shape, np.nan)
    poses[known] = make_pose(found.bodies.rotations, found.bodies.translations)
    final = residuals(problem, found.cameras, found.bodies)
    residual[:, known] = spread_residuals(final, used[:, known])
    return Adjusted(
        cameras=from_arrays(found.cameras, cameras),
        boards=poses,
        residuals=residual,
        problem=problem,
        solution=found,
    )


def residuals_at(cameras: Sequence[Camera], boards: Array, corners: Array, points: Array) -> Array:
    """Return predicted minus seen corners (view, frame, corner, 2) px.

    NaN where a corner was not seen, its board's pose is not known, or it lies behind the camera.
    """
    known = np.flatnonzero(np.isfinite(boards[:, 0, 0]) & is_seen(corners).any(axis=(0, 2)))
    problem = Problem(
        sights=sights_of(corners[:, known], points),
        layout=Layout.of(cameras, [()] * len(cameras), posed=[False] * len(cameras)),
        robust=Robust(1.0, np.inf),
        dof=6,
    )
    result = np.full(corners.shape, np.nan)
    flat = residuals(problem, to_arrays(cameras), bodies_of(boards[known]))
    result[:, known] = spread_residuals(flat, corners[:, known])
    return result


def sights_of(corners: Array, points: Array) -> Sights:
    """Return what the solver calls sights: corners (view, frame, corner, 2) sorted by frame.

    Every frame must have at least one corner.
    """
    by_frame = np.ascontiguousarray(np.swapaxes(corners, 0, 1))
    seen = is_seen(by_frame)
    body, view = np.nonzero(seen.any(axis=-1))
    counts = seen[body, view].sum(axis=-1)
    rows = np.flatnonzero(seen)
    return Sights(
        points=np.ascontiguousarray(points, dtype=float),
        camera=view,
        body=body,
        start=np.concatenate([[0], np.cumsum(counts)]),
        first=np.searchsorted(body, np.arange(len(by_frame) + 1)),
        point=rows % seen.shape[-1],
        pixels=by_frame.reshape(-1, 2)[rows],
    )


def spread_residuals(flat: Array, corners: Array) -> Array:
    """Return the solver's residuals (n, 2) in the shape of corners (view, frame, corner, 2)."""
    by_frame = np.full((corners.shape[1], corners.shape[0], *corners.shape[2:]), np.nan)
    by_frame.reshape(-1, 2)[np.flatnonzero(is_seen(np.swapaxes(corners, 0, 1)))] = flat
    return np.swapaxes(by_frame, 0, 1)


def bodies_of(poses: Array) -> Bodies:
    """Return poses world_from_body (body, 4, 4) as the solver wants them."""
    return Bodies(np.ascontiguousarray(poses[:, :3, :3]), np.ascontiguousarray(poses[:, :3, 3]))
