"""The same bundle adjustments solved by Ceres, by way of pyceres and pycolmap's cost functions.

COLMAP's camera model "OPENCV" is ours with four coefficients (fx fy cx cy k1 k2 p1 p2); its image
origin lies at the corner of a pixel, which moves cx and cy by half a pixel and changes nothing
else, so pixels are passed as they are. Poses are unit quaternions (x y z w) and translations,
moved on their manifold. The first camera's pose is held fixed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np
import pyceres
import pycolmap
from pycolmap.cost_functions import ReprojErrorCost, RigReprojErrorCost
from scenes import BoardScene, PointScene
from scipy.spatial.transform import Rotation

from calibration import Rig
from calibration.geometry import Array

__all__ = ["CeresResult", "solve_boards", "solve_points"]

MODEL = pycolmap.CameraModelId.OPENCV
MOST_ITERATIONS = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CeresResult:
    """What Ceres found: `cost`, iterations, and seconds of wall and CPU of its solver alone.

    `built` is the time in seconds to build the problem in Python, not counted against Ceres.
    """

    cost: float
    first_cost: float
    iterations: int
    wall: float
    cpu: float
    built: float
    focal_lengths: Array


def solve_boards(scene: BoardScene, solver: str, threads: int, tolerance: float) -> CeresResult:
    """Solve for cameras and board poses with a linear solver such as "DENSE_SCHUR"."""
    begun = perf_counter()
    problem, loss = pyceres.Problem(), pyceres.HuberLoss(1.0)
    intrinsics, cameras = _camera_blocks(scene.rig)
    boards = _pose_blocks(scene.board_poses)
    points = [np.array(point) for point in scene.board_points]
    for view, frame, corner in np.argwhere(np.isfinite(scene.corners[..., 0])):
        cost = RigReprojErrorCost(MODEL, scene.corners[view, frame, corner])
        blocks = [*cameras[view], *boards[frame], points[corner], intrinsics[view]]
        problem.add_residual_block(cost, loss, blocks)
    _hold(problem, points)
    _keep_unit(problem, [*cameras, *boards])
    _hold(problem, cameras[0])
    return _solve(problem, solver, threads, tolerance, intrinsics, begun)


def solve_points(scene: PointScene, solver: str, threads: int, tolerance: float) -> CeresResult:
    """Solve for cameras and free points."""
    begun = perf_counter()
    problem, loss = pyceres.Problem(), pyceres.HuberLoss(1.0)
    intrinsics, cameras = _camera_blocks(scene.rig)
    points = [np.array(point) for point in scene.points]
    for view, index in np.argwhere(np.isfinite(scene.pixels[..., 0])):
        cost = ReprojErrorCost(MODEL, scene.pixels[view, index])
        problem.add_residual_block(cost, loss, [*cameras[view], points[index], intrinsics[view]])
    _keep_unit(problem, cameras)
    _hold(problem, cameras[0])
    shift = cameras[1][1]  # its largest entry is held too: free points leave the scale open
    problem.set_manifold(shift, pyceres.SubsetManifold(3, [int(np.abs(shift).argmax())]))
    return _solve(problem, solver, threads, tolerance, intrinsics, begun)


def _camera_blocks(rig: Rig) -> tuple[list[Array], list[tuple[Array, Array]]]:
    """Return the parameter blocks of intrinsics (8,) and of poses."""
    intrinsics = [
        np.array([*c.matrix[[0, 1], [0, 1]], *c.matrix[:2, 2], *c.distortions[:4]]) for c in rig
    ]
    return intrinsics, _pose_blocks(np.stack([c.camera_from_world for c in rig]))


def _pose_blocks(poses: Array) -> list[tuple[Array, Array]]:
    """Return the blocks, quaternion (4,) and translation (3,), of each pose (4, 4)."""
    quaternions = Rotation.from_matrix(poses[:, :3, :3]).as_quat()
    return [(q.copy(), pose[:3, 3].copy()) for q, pose in zip(quaternions, poses, strict=True)]


def _keep_unit(problem: pyceres.Problem, poses: list[tuple[Array, Array]]) -> None:
    """Keep the quaternions of poses at unit length."""
    for quaternion, _ in poses:
        if problem.has_parameter_block(quaternion):
            problem.set_manifold(quaternion, pyceres.EigenQuaternionManifold())


def _hold(problem: pyceres.Problem, blocks: Iterable[Array]) -> None:
    """Hold parameter blocks at their values."""
    for block in blocks:
        if problem.has_parameter_block(block):
            problem.set_parameter_block_constant(block)


def _solve(
    problem: pyceres.Problem,
    solver: str,
    threads: int,
    tolerance: float,
    intrinsics: list[Array],
    begun: float,
) -> CeresResult:
    """Run the solver and measure it."""
    options = pyceres.SolverOptions()
    options.linear_solver_type = getattr(pyceres.LinearSolverType, solver)
    options.num_threads = threads
    options.max_num_iterations = MOST_ITERATIONS
    options.function_tolerance = tolerance
    options.gradient_tolerance = options.parameter_tolerance = 0.0
    options.logging_type = pyceres.LoggingType.SILENT
    summary = pyceres.SolverSummary()
    start_wall, start_cpu = perf_counter(), process_time()
    pyceres.solve(options, problem, summary)
    wall, cpu = perf_counter() - start_wall, process_time() - start_cpu
    return CeresResult(
        cost=summary.final_cost,
        first_cost=summary.initial_cost,
        iterations=summary.num_successful_steps + summary.num_unsuccessful_steps,
        wall=wall,
        cpu=cpu,
        built=start_wall - begun,
        focal_lengths=np.stack(intrinsics)[:, :2],
    )
