"""Bundle adjustment for everybody: a rig and what it saw, points or boards, refined together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from calibration.camera import Camera
from calibration.covariance import RigCovariance
from calibration.errors import CalibrationError
from calibration.geometry import Array, is_seen, make_pose, transform
from calibration.rig import Rig
from calibration.solver.adjusting import bodies_of, sights_of, spread_residuals
from calibration.solver.arrays import Cameras, Robust
from calibration.solver.bundle import Problem, Solution, residuals, solve
from calibration.solver.options import (
    IntrinsicsChoice,
    Options,
    prior_about,
    with_common_intrinsics,
)
from calibration.solver.parameters import Layout, from_arrays, size_slope, to_arrays
from calibration.solver.uncertainty import parameter_covariance
from calibration.solver.wall_freedom import WallFreedom, WallPriors

__all__ = ["Adjustment", "IntrinsicsChoice", "adjust_boards", "bundle_adjust"]

EXACT = 1e-10  # relative change of the cost at which an adjustment is finished
NOT_RIGID = 1e-6  # how far R R' may be from the identity
BOARD_GAUGE = "the first camera's pose is fixed; the board's size sets the scale"
POINT_GAUGE = "the first camera's pose and the mean distance of the others from it are fixed"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adjustment:
    """A refined rig and what it was refined with.

    `points_world` (point, 3), of boards (frame, corner, 3); `board_poses` (frame, 4, 4)
    world_from_board, empty for points; `residuals` as the pixels, predicted minus seen, NaN where
    not seen; `cost` is half the sum of Huber's loss; `iterations` the steps that were tried.
    Walls that were refined are those of the cameras of `rig`.
    """

    rig: Rig
    points_world: Array
    board_poses: Array
    residuals: Array
    cost: float
    iterations: int
    covariance: RigCovariance


def bundle_adjust(
    rig: Rig,
    points_world: ArrayLike,
    pixels: ArrayLike,
    *,
    huber: float | None = 1.0,
    intrinsics: IntrinsicsChoice = "free",
    fixed: Collection[str] = (),
    priors: Mapping[str, float] | None = None,
    walls: WallPriors | None = None,
    tolerance: float = EXACT,
) -> Adjustment:
    """Return the rig and the points that agree best with what the cameras saw.

    `points_world` (point, 3) to start from, in the rig's unit (`triangulate_points` finds them);
    `pixels` (view, point, 2), NaN = not seen. Half the sum of Huber's loss of the reprojection
    distances is minimised, quadratic up to `huber` px and linear beyond; None is plain least
    squares. Pixels cannot tell the rig's size, place and direction: the first camera stays where
    it is, and so does the mean distance of the others from it.

    `intrinsics` of the cameras are "free", "fixed", or one set "shared" by all; `fixed` names
    single ones that stay, such as "k3"; `priors` gives standard deviations of intrinsics about
    the values in `rig`, such as {"fx": 5.0}. Deterministic.

    Cameras see through their walls. These stay where they are, or move as far as `walls` doubts
    them; like all priors, against pixels that err by 1 px.

    Raises `CalibrationError` where shapes do not fit, a point is seen by fewer than two cameras or
    lies behind one that sees it, or walls are to move and there are none.
    """
    points, pixels = np.asarray(points_world, dtype=float), np.asarray(pixels, dtype=float)
    shaped = points.ndim == 2 and points.shape[1] == 3 and len(points) > 0
    if not shaped or pixels.shape != (len(rig), len(points), 2):
        raise CalibrationError(
            f"points of shape {points.shape} and pixels of shape {pixels.shape}: give (point, 3) "
            f"and ({len(rig)}, point, 2), one row of pixels for each camera, and at least one point"
        )
    few = np.flatnonzero(is_seen(pixels).sum(axis=0) < 2)
    if few.size or not np.isfinite(points).all():
        raise CalibrationError(
            f"point {few[0]} is seen by fewer than two cameras"
            if few.size
            else "points_world holds values that are not finite; leave those points out"
        )
    poses = make_pose(np.broadcast_to(np.eye(3), (len(points), 3, 3)), points)
    options = Options(
        intrinsics=intrinsics,
        fixed=fixed,
        priors=priors or {},
        walls=walls,
        huber=huber,
        tolerance=tolerance,
    )
    found, cameras, flat, covariance = _run(
        rig, (np.zeros((1, 3)), poses, pixels[:, :, None]), options, 3
    )
    scale, center = _same_size(rig.cameras, cameras), rig.cameras[0].center
    cameras = tuple(_scaled(camera, scale, center) for camera in cameras)
    return Adjustment(
        rig=replace(rig, cameras=cameras),
        points_world=center + scale * (found.bodies.translations - center),
        board_poses=np.empty((0, 4, 4)),
        residuals=flat[:, :, 0],
        cost=found.cost,
        iterations=found.steps,
        covariance=covariance,
    )


def adjust_boards(
    rig: Rig,
    board_points: ArrayLike,
    board_poses: ArrayLike,
    corners: ArrayLike,
    *,
    huber: float | None = 1.0,
    intrinsics: IntrinsicsChoice = "free",
    fixed: Collection[str] = (),
    priors: Mapping[str, float] | None = None,
    walls: WallPriors | None = None,
    tolerance: float = EXACT,
) -> Adjustment:
    """Return the rig and the board poses that agree best with the corners that were seen.

    `board_points` (corner, 3) of one board; `board_poses` (frame, 4, 4) world_from_board to start
    from; `corners` (view, frame, corner, 2) px, NaN = not seen. The first camera stays where it
    is. All else is as for `bundle_adjust`.
    """
    points, poses = np.asarray(board_points, dtype=float), np.asarray(board_poses, dtype=float)
    corners = np.asarray(corners, dtype=float)
    _check_boards(rig, points, poses, corners)
    options = Options(
        intrinsics=intrinsics,
        fixed=fixed,
        priors=priors or {},
        walls=walls,
        huber=huber,
        tolerance=tolerance,
    )
    found, cameras, flat, covariance = _run(rig, (points, poses, corners), options, 6)
    poses = make_pose(found.bodies.rotations, found.bodies.translations)
    return Adjustment(
        rig=replace(rig, cameras=cameras),
        points_world=transform(poses, points),
        board_poses=poses,
        residuals=flat,
        cost=found.cost,
        iterations=found.steps,
        covariance=covariance,
    )


def _check_boards(rig: Rig, points: Array, poses: Array, corners: Array) -> None:
    """Refuse arrays that do not fit each other, boards without extent, and poses that are none."""
    if (
        points.ndim != 2
        or points.shape[1] != 3
        or poses.shape[1:] != (4, 4)
        or not len(poses)
        or corners.shape != (len(rig), len(poses), len(points), 2)
    ):
        raise CalibrationError(
            f"corners of shape {corners.shape}, board poses of shape {poses.shape} and board "
            f"points of shape {points.shape}: give ({len(rig)}, frame, corner, 2), (frame, 4, 4) "
            "and (corner, 3), and at least one frame"
        )
    if not np.isfinite(points).all() or np.linalg.matrix_rank(points - points.mean(axis=0)) < 2:
        raise CalibrationError("the points of the board lie on a line, or are no finite numbers")
    blank = np.flatnonzero(~is_seen(corners).any(axis=(0, 2)) | ~np.isfinite(poses).all((1, 2)))
    if blank.size:
        raise CalibrationError(
            f"frame {blank[0]} shows no corner or has no board pose; leave such frames out"
        )
    turns = poses[:, :3, :3]
    stretched = np.abs(turns @ np.swapaxes(turns, -1, -2) - np.eye(3)).max(axis=(1, 2)) > NOT_RIGID
    wrong = np.flatnonzero(stretched | (np.linalg.det(turns) < 0))
    if wrong.size:
        raise CalibrationError(
            f"the board pose of frame {wrong[0]} is not a rigid motion: its rotation is "
            f"{turns[wrong[0]].tolist()}"
        )


def _run(
    rig: Rig,
    scene: tuple[Array, Array, Array],
    options: Options,
    dof: int,
) -> tuple[Solution, tuple[Camera, ...], Array, RigCovariance]:
    """Return the solution, its cameras, residuals in the shape of the pixels, and the covariance.

    `scene` is the points of a body, the bodies' poses and what was seen of them.
    """
    points, poses, seen = scene
    cameras = rig.cameras if options.intrinsics != "shared" else with_common_intrinsics(rig)
    free = [options.free(camera) for camera in cameras]
    options.check_names(cameras)
    walled = any(camera.wall is not None for camera in cameras)
    freedom = None
    if options.walls is not None:
        middle = transform(poses, points).reshape(-1, 3).mean(axis=0)
        freedom = WallFreedom.of(cameras, options.walls, middle)
    problem = Problem(
        sights=sights_of(seen, points),
        layout=Layout.of(
            cameras,
            free,
            posed=[view > 0 for view in range(len(cameras))],
            shared=options.intrinsics == "shared",
            walls=freedom is not None,
        ),
        robust=Robust(1.0, np.inf if options.huber is None else options.huber),
        dof=dof,
        prior=prior_about(options, cameras) if options.priors else None,
        walls=freedom,
        sized=walled and dof == 3 and len(cameras) > 1,
    )
    unknown, known = problem.n_free + dof * len(poses), 2 * int(is_seen(seen).sum())
    if unknown - (dof == 3) > known and not options.priors and freedom is None:
        raise CalibrationError(
            f"{known} pixel coordinates cannot determine {unknown} parameters; give more "
            f'{"points" if dof == 3 else "frames"}, or fix intrinsics (intrinsics="fixed")'
        )
    start = to_arrays(cameras, freedom), bodies_of(poses)
    first = spread_residuals(residuals(problem, *start), seen)
    behind = np.argwhere(is_seen(seen) & ~is_seen(first))
    if behind.size:
        view, body, _ = behind[0]
        raise CalibrationError(
            f"at the start, {'point' if dof == 3 else 'a corner in frame'} {body} lies behind "
            f"camera '{rig.names[view]}', which sees it; start from better cameras or poses, or "
            "leave it out"
        )
    found = solve(problem, *start, tolerance=options.tolerance)
    flat = spread_residuals(residuals(problem, found.cameras, found.bodies), seen)
    covariance = parameter_covariance(
        problem,
        found,
        cameras,
        gauge=POINT_GAUGE if dof == 3 else BOARD_GAUGE,
        held=_held(problem, found.cameras),
    )
    return found, from_arrays(found.cameras, cameras), flat, covariance


def _same_size(before: Sequence[Camera], after: Sequence[Camera]) -> float:
    """Return the factor that gives the rig its old mean distance from the first camera.

    One where cameras look through walls, as the steps have kept it, and what is seen has a size.
    """
    if any(camera.wall is not None for camera in before):
        return 1.0
    sizes = [
        np.mean([np.linalg.norm(camera.center - cameras[0].center) for camera in cameras])
        for cameras in (before, after)
    ]
    return float(sizes[0] / sizes[1]) if sizes[1] > 0 else 1.0


def _held(problem: Problem, cameras: Cameras) -> Array | None:
    """Return the derivative (n_free,) of the rig's size, which free points do not determine.

    None where it is determined, or there is one camera alone. Walls do tell the size, though
    little of it; it is held all the same, by the steps themselves.
    """
    if problem.dof != 3 or problem.sized or len(cameras.fisheye) < 2:
        return None
    return size_slope(problem.layout, cameras)


def _scaled(camera: Camera, scale: float, origin: Array) -> Camera:
    """Return a camera moved to `scale` times its distance from `origin`."""
    center = origin + scale * (camera.center - origin)
    return replace(camera, translation=-camera.rotation @ center)
