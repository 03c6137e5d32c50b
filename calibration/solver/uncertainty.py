"""How well an adjustment knows its cameras, and what that means for points in space."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from calibration.camera import Camera
from calibration.covariance import RigCovariance
from calibration.errors import RigError
from calibration.geometry import Array
from calibration.rig import Rig
from calibration.solver.arrays import POSE_SIZE, Robust
from calibration.solver.blas import single_threaded
from calibration.solver.bundle import Normal, Problem, Solution, residuals
from calibration.solver.clusters import cluster_factor
from calibration.solver.parameters import parameter_names

__all__ = [
    "parameter_covariance",
    "point_slopes",
    "predict_uncertainty",
    "rig_parameters",
    "view_pulls",
]


def parameter_covariance(
    problem: Problem,
    solution: Solution,
    cameras: Sequence[Camera],
    *,
    gauge: str,
    held: Array | None = None,
) -> RigCovariance:
    """Return the covariance of all camera parameters at a solution; zero rows where held.

    `held` (n_free,) is the derivative of a quantity that nothing determines and that was kept
    as it was, such as the size of a rig that saw free points only. Walls that may
    move are doubted as far as they still are.

    It is that of an M-estimator: the inverse of the plain normal matrix, bodies eliminated, times
    the mean square of the pulls over the square of their mean slope (Huber, "Robust statistics",
    1981, section 7.6, with his correction for the number of parameters). It is larger where the
    corners of a frame err together (see `cluster_factor`).
    """
    layout = problem.layout
    plain = replace(problem, robust=Robust(problem.robust.sigma, np.inf))
    with single_threaded():
        normal = Normal.at(plain, solution.cameras, solution.bodies)
        system, _ = normal.reduced(0.0)
        inverse = _inverse(system, held) * _noise_factor(problem, solution)
        if problem.dof == POSE_SIZE and layout.n_free:  # a free point is one witness anyhow
            inverse *= cluster_factor(problem, solution)
        if normal.ties is not None:
            inverse = normal.ties @ inverse @ normal.ties.T
    padded = np.pad((inverse + inverse.T) / 2, (0, 1))  # place -1 is the zero row
    names, places = [], []
    for view, camera in enumerate(cameras):
        own = parameter_names(camera)
        names += [f"{camera.name}.{name}" for name in own]
        places.append(layout.places(view, own))
    where = np.concatenate(places)
    return RigCovariance(names=tuple(names), matrix=padded[np.ix_(where, where)], gauge=gauge)


def predict_uncertainty(
    rig: Rig, covariance: RigCovariance, points_world: ArrayLike, pixel_sigma: float
) -> Array:
    """Return the covariance (..., 3, 3), unit^2, of points (..., 3) triangulated with a rig.

    Two parts: the noise of the pixels, `pixel_sigma` px a coordinate in every view whose image
    holds the point, and the calibration's own uncertainty, which shifts neighbouring points
    together. To first order. NaN where fewer than two views see the point.
    """
    points = np.asarray(points_world, dtype=float)
    if points.shape[-1:] != (3,):
        raise RigError(f"points of shape {points.shape}: give (..., 3)")
    if not 0 <= pixel_sigma < np.inf:
        raise RigError(f"pixel_sigma = {pixel_sigma!r} px: give a number that is not negative")
    information, shifts, seen = point_slopes(rig, points.reshape(-1, 3))
    inverse = np.full(information.shape, np.nan)
    inverse[seen] = np.linalg.inv(information[seen])
    parameters = covariance.of(rig_parameters(rig))
    result = pixel_sigma**2 * inverse + shifts @ parameters @ np.swapaxes(shifts, -1, -2)
    return result.reshape(*points.shape, 3)


def rig_parameters(rig: Rig) -> tuple[str, ...]:
    """Return the names of all parameters of a rig, camera by camera, such as "cam0.fx"."""
    return tuple(f"{camera.name}.{name}" for camera in rig for name in parameter_names(camera))


def point_slopes(
    rig: Rig, points_world: Array, information: Array | None = None
) -> tuple[Array, Array, np.ndarray]:
    """Return how triangulated points (n, 3) follow pixels and cameras.

    The information (n, 3, 3) of the points; d point / d parameters (n, 3, p) in the order of
    `rig_parameters`, by the implicit function theorem, to first order; and which points (n,) two
    views or more tell. NaN elsewhere. `information` (view, n, 2, 2) px^-2 is that of the pixels,
    zero where they were not used; by default 1 px^-2 in every view whose image holds the point.
    """
    total, pulls = np.zeros((len(points_world), 3, 3)), []
    views = np.zeros(len(points_world), dtype=int)
    for view, camera in enumerate(rig):
        if information is None:
            weight = _is_inside(camera, points_world)[:, None, None] * np.eye(2)
        else:
            weight = information[view]
        known, pull = view_pulls(camera, points_world, weight)
        total += known
        pulls.append(pull)
        views += weight[:, 0, 0] > 0
    seen = (views >= 2) & (np.linalg.det(total) > 0)
    total[~seen] = np.eye(3)
    shifts: Array = -np.linalg.solve(total, np.concatenate(pulls, axis=-1)).astype(float)
    total[~seen], shifts[~seen] = np.nan, np.nan
    return total, shifts, seen


def view_pulls(camera: Camera, points_world: Array, weight: Array) -> tuple[Array, Array]:
    """Return a view's information J'WJ (n, 3, 3) on points, and its pull on them (n, 3, p).

    The pull is J'W d pixel / d parameters, those of `parameter_names`. `points_world` (n, 3);
    `weight` (n, 2, 2) px^-2, zero where the view was not used, which then has neither.
    """
    used = (weight[:, 0, 0] > 0)[:, None, None]
    by_point = np.where(used, camera.project_jacobian(points_world), 0.0)
    by_camera = np.where(used, camera.parameter_jacobian(points_world), 0.0)
    weighed = np.swapaxes(by_point, -1, -2) @ weight
    return weighed @ by_point, weighed @ by_camera


def _inverse(system: Array, held: Array | None) -> Array:
    """Return the inverse of a normal matrix, within the steps that leave a quantity as it was."""
    if not len(system):
        return system
    scale = 1 / np.sqrt(np.maximum(np.diag(system), 1e-300))
    basis = np.eye(len(system))
    if held is not None:
        basis = np.linalg.qr((held * scale)[:, None], mode="complete")[0][:, 1:]
    within = basis.T @ (system * np.outer(scale, scale)) @ basis
    inverse = basis @ np.linalg.pinv(within, hermitian=True) @ basis.T
    return inverse * np.outer(scale, scale)


def _is_inside(camera: Camera, points_world: Array) -> np.ndarray:
    """Return which points (n, 3) a camera images inside its frame."""
    pixels = camera.project(points_world)
    with np.errstate(invalid="ignore"):
        inside = (pixels > -0.5) & (pixels < np.array(camera.size) - 0.5)
    return np.asarray(inside.all(axis=-1))


def _noise_factor(problem: Problem, solution: Solution) -> float:
    """Return by what the inverse normal matrix is multiplied, from the residuals themselves."""
    sights, limit = problem.sights, problem.robust.limit
    found = residuals(problem, solution.cameras, solution.bodies)
    size = np.linalg.norm(found, axis=-1) / problem.robust.sigma
    beyond = size > limit
    pulls = np.where(beyond, limit, size) ** 2
    slopes = np.where(beyond, limit / np.maximum(2 * size, 1e-300), 1.0)
    n_bodies = len(sights.first) - 1
    if not len(size):
        return 1.0
    spare = 2 * len(size) - problem.n_free - problem.dof * n_bodies
    correction = 1 + (1 - spare / (2 * len(size))) * slopes.var() / slopes.mean() ** 2
    return float(correction**2 * pulls.sum() / max(spare, 1) / slopes.mean() ** 2)
