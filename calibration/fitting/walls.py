"""Walls refined: from boards that cameras of a known rig see through them.

A wall is known from a ruler and a table of materials, which is less well than cameras see. The
cameras stay; board poses and walls move together, the walls within what was known of them before.
Gauss-Newton on a Huber loss, the boards eliminated (Schur complement).
"""

from dataclasses import dataclass, replace

import numpy as np

from calibration.alignment import rigid_alignment
from calibration.boards.board import Board
from calibration.corners.observations import FEWEST_CORNERS, Observations
from calibration.errors import CalibrationError
from calibration.fitting.heldout import in_order
from calibration.gaussian import MEDIAN_OF_DISTANCE
from calibration.geometry import Array, is_seen, make_pose, rotation_from_vector, skew, transform
from calibration.refraction import WALL_PARAMETERS, Wall
from calibration.rig import Rig
from calibration.triangulation import triangulate_points

__all__ = ["RefinedWalls", "WallPriors", "refine_walls"]

STEPS = 20
CONVERGED = 1e-4  # of a standard deviation known beforehand
HUBER = 2.0  # standard deviations of the noise
LEAST_NOISE = 1e-3  # px; corners are never better than that
AIR = 1.0  # the index that is known
PLANE, MATERIAL = 3, 3  # parameters: two tilts and the distance; thickness and two indices


@dataclass(frozen=True, slots=True, kw_only=True)
class WallPriors:
    """How well walls are known beforehand: standard deviations, 0 for what is certain.

    `tilt` rad, about the middle of what is seen through the wall; `distance` and `thickness` in
    the rig's unit; `index` of the wall, and of what is behind it unless that is air.
    """

    distance: float
    thickness: float
    tilt: float = 0.01
    index: float = 0.01

    def __post_init__(self) -> None:
        for name in ("distance", "thickness", "tilt", "index"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise CalibrationError(f"prior of {name} = {value!r}: give a standard deviation")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RefinedWalls:
    """A rig whose walls were refined.

    `board_poses` world_from_board (frame, 4, 4), NaN for frames without enough corners; `before`
    and `after` are the root mean square distances of the corners, px, with the best board poses.
    """

    rig: Rig
    board_poses: Array
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Freedom:
    """The walls as they were, each once; the parameters by which they move, and about where.

    For each of `walls` two tilts and the distance, then for each of `materials` its thickness and
    two indices; `deviations` are their standard deviations, 0 where held.
    """

    walls: tuple[Wall, ...]
    materials: tuple[tuple[float, tuple[float, float, float]], ...]
    pivot: Array
    deviations: Array

    @classmethod
    def of(cls, rig: Rig, priors: WallPriors, pivot: Array) -> "_Freedom":
        """Return the freedom of a rig's walls: equal walls are one, equal materials too."""
        walls: list[Wall] = []
        for camera in rig:
            if camera.wall is not None and camera.wall not in walls:
                walls.append(camera.wall)
        materials = tuple(dict.fromkeys((wall.thickness, wall.indices) for wall in walls))
        known = [[priors.tilt, priors.tilt, priors.distance] for _ in walls]
        for thickness, indices in materials:
            solid = thickness > 0
            behind = priors.index * (indices[2] != AIR)
            known.append([priors.thickness * solid, priors.index * solid, behind])
        deviations = np.concatenate(known)
        return cls(walls=tuple(walls), materials=materials, pivot=pivot, deviations=deviations)

    def slopes(self, wall: Wall, now: Wall) -> Array:
        """Return d parameters of a wall / d free parameters, (8, n), where it now stands."""
        plane, material = self._places(wall)
        result = np.zeros((WALL_PARAMETERS, len(self.deviations)))
        tilts = _sides(wall)
        result[:3, plane : plane + 2] = tilts.T
        result[3, plane : plane + 2] = tilts @ np.cross(now.normal, self.pivot)
        result[3, plane + 2] = 1.0
        result[[4, 6, 7], [material, material + 1, material + 2]] = 1.0
        return result

    def moved(self, wall: Wall, offset: Array) -> Wall:
        """Return a wall moved by the free parameters (n,)."""
        plane, material = self._places(wall)
        tilt = offset[plane : plane + 2] @ _sides(wall)
        normal = rotation_from_vector(tilt) @ wall.normal
        before, inside, behind = wall.indices
        thickness, inside_more, behind_more = offset[material : material + MATERIAL]
        return Wall(
            normal=normal,
            distance=wall.distance + (normal - wall.normal) @ self.pivot + offset[plane + 2],
            thickness=max(wall.thickness + thickness, 0.0),
            indices=(before, max(inside + inside_more, AIR), max(behind + behind_more, AIR)),
        )

    def moved_rig(self, rig: Rig, offset: Array) -> Rig:
        """Return a rig with its walls moved."""
        cameras = (replace(c, wall=c.wall and self.moved(c.wall, offset)) for c in rig)
        return replace(rig, cameras=tuple(cameras))

    def _places(self, wall: Wall) -> tuple[int, int]:
        """Return where a wall's plane and its material begin among the parameters."""
        material = self.materials.index((wall.thickness, wall.indices))
        return PLANE * self.walls.index(wall), PLANE * len(self.walls) + MATERIAL * material


def refine_walls(
    rig: Rig, board: Board, observations: Observations, priors: WallPriors
) -> RefinedWalls:
    """Return the rig with the walls that agree best with boards seen through them.

    Walls that are equal in `rig` are one wall and stay one; walls of equal thickness and indices
    are of one material and stay so. Raises `CalibrationError` where no camera has a wall, or no
    board is seen by two cameras.
    """
    if all(camera.wall is None for camera in rig):
        raise CalibrationError("no camera of the rig looks through a wall; there is none to refine")
    corners = in_order(rig, observations)
    poses = _first_poses(rig, board, corners)
    used = np.flatnonzero(np.isfinite(poses[:, 0, 0]))
    if not len(used):
        raise CalibrationError(
            f"no board shows {FEWEST_CORNERS} corners to two cameras; show it to several at once"
        )
    pivot = transform(poses[used], board.points).reshape(-1, 3).mean(axis=0)
    scene, certain = (
        (board.points, corners[:, used]),
        WallPriors(distance=0, thickness=0, tilt=0, index=0),
    )
    held, start, before = _descend(rig, scene, poses[used], _Freedom.of(rig, certain, pivot))
    found, boards, after = _descend(held, scene, start, _Freedom.of(rig, priors, pivot))
    poses[used] = boards
    return RefinedWalls(rig=found, board_poses=poses, before=before, after=after)


def _first_poses(rig: Rig, board: Board, corners: Array) -> Array:
    """Return world_from_board (frame, 4, 4) from triangulated corners; NaN where too few."""
    places = triangulate_points(rig, corners).points
    poses = np.full((len(places), 4, 4), np.nan)
    for frame, found in enumerate(places):
        if np.isfinite(found[:, 0]).sum() >= FEWEST_CORNERS:
            poses[frame] = make_pose(*rigid_alignment(board.points, found))
    return poses


def _descend(
    rig: Rig, scene: tuple[Array, Array], poses: Array, freedom: _Freedom
) -> tuple[Rig, Array, float]:
    """Return the rig, board poses (frame, 4, 4) and root mean square distance of least cost."""
    first, offset = rig, np.zeros(len(freedom.deviations))
    for _ in range(STEPS):
        residual, by_board, by_wall = _linearize(first, rig, scene, poses, freedom)
        step, moves = _step(residual, (by_board, by_wall), offset, freedom.deviations)
        offset = offset + step
        turn = rotation_from_vector(moves[:, :3])
        poses = make_pose(turn @ poses[:, :3, :3], poses[:, :3, 3] + moves[:, 3:])
        rig = freedom.moved_rig(first, offset)
        still = np.abs(step) <= CONVERGED * freedom.deviations
        if still.all() and np.abs(moves[:, :3]).max() < CONVERGED**2:
            break
    residual, *_ = _linearize(first, rig, scene, poses, freedom)
    distances = np.linalg.norm(residual[is_seen(scene[1])], axis=-1)
    return rig, poses, float(np.sqrt(np.mean(distances**2)))


def _linearize(
    first: Rig, rig: Rig, scene: tuple[Array, Array], poses: Array, freedom: _Freedom
) -> tuple[Array, Array, Array]:
    """Return seen less predicted (view, frame, corner, 2), and d predicted / d boards and walls.

    Zero where nothing was seen.
    """
    points, corners = scene
    world = transform(poses, points)
    lever = skew(world - poses[:, None, :3, 3])
    residual, by_board, by_wall = [], [], []
    for before, camera, seen in zip(first, rig, corners, strict=True):
        predicted, by_point = camera.linearize(world)
        away = seen - predicted
        there = is_seen(away)[..., None]
        residual.append(np.where(there, away, 0.0))
        slopes = np.concatenate([-by_point @ lever, by_point], axis=-1)
        by_board.append(np.where(there[..., None], slopes, 0.0))
        slopes = np.zeros((*away.shape, len(freedom.deviations)))
        if before.wall is not None and camera.wall is not None:
            slopes = camera.wall_jacobian(world) @ freedom.slopes(before.wall, camera.wall)
        by_wall.append(np.where(there[..., None], slopes, 0.0))
    return np.stack(residual), np.stack(by_board), np.stack(by_wall)


def _step(
    residual: Array, slopes: tuple[Array, Array], offset: Array, deviations: Array
) -> tuple[Array, Array]:
    """Return Gauss-Newton's step of the walls (n,) and of the boards (frame, 6).

    The noise is what the residuals themselves say, robustly.
    """
    by_board, by_wall = slopes
    size = np.linalg.norm(residual, axis=-1)
    noise = max(float(np.median(size[size > 0])) / MEDIAN_OF_DISTANCE, LEAST_NOISE)
    weight = np.minimum(1.0, HUBER * noise / np.maximum(size, 1e-300)) / noise**2
    free = deviations > 0
    by_wall = by_wall[..., free]
    weighted = weight[..., None, None] * by_board
    own = np.einsum("vfcri,vfcrj->fij", weighted, by_board)
    mixed = np.einsum("vfcri,vfcrj->fij", weighted, by_wall)
    side = np.einsum("vfcri,vfcr->fi", weighted, residual)
    weighted = weight[..., None, None] * by_wall
    system = np.einsum("vfcri,vfcrj->ij", weighted, by_wall) + np.diag(deviations[free] ** -2)
    pull = np.einsum("vfcri,vfcr->i", weighted, residual) - offset[free] / deviations[free] ** 2
    sides = np.concatenate([mixed, side[..., None]], axis=-1)
    solved = np.asarray(np.linalg.solve(own, sides), dtype=float)
    system -= np.einsum("fki,fkj->ij", mixed, solved[..., :-1])
    pull -= np.einsum("fki,fk->i", mixed, solved[..., -1])
    step = np.zeros(len(deviations))
    step[free] = np.asarray(np.linalg.solve(system, pull), dtype=float)
    return step, solved[..., -1] - solved[..., :-1] @ step[free]


def _sides(wall: Wall) -> Array:
    """Return two unit vectors (2, 3) along a wall, at right angles."""
    one = np.cross(wall.normal, np.eye(3)[np.argmin(np.abs(wall.normal))])
    one /= np.linalg.norm(one)
    return np.asarray([one, np.cross(wall.normal, one)], dtype=float)
