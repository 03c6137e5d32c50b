"""How walls may move in an adjustment, and what is known of them beforehand.

What walls share, a plane, a material or one box, is told by a matrix: the parameters of all walls
are `root @ z`, with z of unit variance. So walls that are one stay one, walls of a box stay at
right angles and keep its size, and what is certain does not move.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.camera import Camera
from calibration.errors import CalibrationError
from calibration.geometry import Array, rotation_from_vector, skew
from calibration.refraction import WALL_PARAMETERS, Wall

__all__ = ["WallFreedom", "WallPriors"]

AIR = 1.0  # the index that is known, and the least there is
SQUARE = 0.05  # rad: walls farther from parallel and from right angles are not of one box


@dataclass(frozen=True, slots=True, kw_only=True)
class WallPriors:
    """How well walls are known beforehand: standard deviations, 0 for what is certain.

    `tilt` rad, about the middle of what is seen through the wall; `distance` and `thickness` in
    the rig's unit; `index` of the wall, and of what is behind it unless that is air.

    Equal walls are one wall, walls of equal thickness and indices of one material, and what is
    behind them one medium where its index is the same. With `box`
    they are also faces of one box, which turns by `tilt` and shifts by `distance` about each axis
    as a whole, and of which half of each length is known to `size`.
    """

    distance: float
    thickness: float
    tilt: float = 0.01
    index: float = 0.01
    box: bool = False
    size: float = 0.0

    def __post_init__(self) -> None:
        for name in ("distance", "thickness", "tilt", "index", "size"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise CalibrationError(f"prior of {name} = {value!r}: give a standard deviation")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WallFreedom:
    """The walls of a rig as they were, `walls` (view, 8), and the q directions they may move in.

    `root` (view, 8, q): a turn about `pivot` (3,), a shift along the turned normal, thickness and
    three indices, by z (q,), whose squares count with `weight` in the cost. Zero for views that
    have no wall.
    """

    walls: Array
    pivot: Array
    root: Array
    weight: float = 1.0

    @classmethod
    def of(cls, cameras: Sequence[Camera], priors: WallPriors, pivot: Array) -> "WallFreedom":
        """Return the freedom that priors leave the walls of cameras.

        Raises `CalibrationError` where no camera has a wall, or walls are not those of one box.
        """
        walls = [camera.wall for camera in cameras]
        planes = list(_distinct(walls))
        if not planes:
            raise CalibrationError(
                "no camera of the rig looks through a wall; there is none to refine"
            )
        motions = _box(planes, priors) if priors.box else _planes(planes, priors)
        motions += _materials(planes, priors)
        root = np.zeros((len(walls), WALL_PARAMETERS, len(motions)))
        for view, wall in enumerate(walls):
            if wall is not None:
                for column, motion in enumerate(motions):
                    root[view, :, column] = motion[planes.index(wall)]
        rows = [np.zeros(WALL_PARAMETERS) if wall is None else wall.parameters for wall in walls]
        return cls(walls=np.stack(rows), pivot=np.asarray(pivot, dtype=float), root=root)

    @property
    def size(self) -> int:
        """In how many directions the walls may move."""
        return self.root.shape[-1]

    def moved(self, z: Array) -> Array:
        """Return the walls (view, 8) at z. Neither thickness nor indices fall below what can be."""
        change = self.root @ z
        normals = (rotation_from_vector(change[:, :3]) @ self.walls[:, :3, None])[..., 0]
        nearer = (normals - self.walls[:, :3]) @ self.pivot
        moved = self.walls + np.concatenate([normals * 0, change[:, 3:]], axis=1)
        moved[:, :3] = normals
        moved[:, 3] += nearer
        moved[:, 4] = np.maximum(moved[:, 4], 0.0)
        there = self.walls[:, 5:] > 0
        moved[:, 5:] = np.where(there, np.maximum(moved[:, 5:], AIR), 0.0)
        return moved

    def slopes(self, z: Array) -> Array:
        """Return d walls / d z (view, 8, q) at z: turns about the world's origin, then the rest."""
        change, normals = self.root @ z, self.moved(z)[:, :3]
        cross = skew(change[:, :3])  # turns stay small: the left Jacobian, to third order
        turns = (np.eye(3) + cross / 2 + cross @ cross / 6) @ self.root[:, :3]
        result = np.concatenate([turns, self.root[:, 3:]], axis=1)
        result[:, 3] += np.einsum("vi,viq->vq", np.cross(normals, self.pivot), turns)
        stuck = self.walls[:, 4:] + change[:, 4:] < [0.0, AIR, AIR, AIR]
        result[:, 4:] = np.where(stuck[..., None], 0.0, result[:, 4:])
        return result


def _distinct(walls: Sequence[Wall | None]) -> list[Wall]:
    """Return each wall once."""
    found: list[Wall] = []
    for wall in walls:
        if wall is not None and wall not in found:
            found.append(wall)
    return found


def _planes(planes: Sequence[Wall], priors: WallPriors) -> list[Array]:
    """Return the motions, each (wall, 8), of walls that stand by themselves."""
    motions = []
    for place, wall in enumerate(planes):
        for part, known in (
            *((side, priors.tilt) for side in _sides(wall)),
            (np.eye(WALL_PARAMETERS)[3], priors.distance),
        ):
            if known > 0:
                motion = np.zeros((len(planes), WALL_PARAMETERS))
                motion[place, : len(part)] = known * part
                motions.append(motion)
    return motions


def _box(planes: Sequence[Wall], priors: WallPriors) -> list[Array]:
    """Return the motions, each (wall, 8), of a box: it turns, shifts, and its lengths change."""
    normals = np.stack([wall.normal for wall in planes])
    alike = normals @ normals.T
    askew = np.minimum(np.arcsin(np.abs(alike).clip(max=1)), np.arccos(np.abs(alike).clip(max=1)))
    if (askew > SQUARE).any():
        raise CalibrationError(
            f"two walls stand {np.degrees(askew.max()):.1f} degrees off a right angle, and are not "
            "those of one box; refine them without box"
        )
    motions = []
    for axis in range(3) if priors.tilt > 0 else ():
        motion = np.zeros((len(planes), WALL_PARAMETERS))
        motion[:, axis] = priors.tilt
        motions.append(motion)
    for axis in range(3) if priors.distance > 0 else ():
        motion = np.zeros((len(planes), WALL_PARAMETERS))
        motion[:, 3] = priors.distance * normals[:, axis]
        motions.append(motion)
    opposite = np.abs(alike) > 0.5
    for row in np.unique(opposite, axis=0) if priors.size > 0 else ():
        motion = np.zeros((len(planes), WALL_PARAMETERS))
        motion[:, 3] = -priors.size * row
        motions.append(motion)
    return motions


def _materials(planes: Sequence[Wall], priors: WallPriors) -> list[Array]:
    """Return the motions, each (wall, 8), of the thickness and index of each material, and media.

    What is behind walls is one medium where its index is the same.
    """
    solid = [(wall.thickness, wall.indices) if wall.thickness > 0 else None for wall in planes]
    media = [wall.indices[2] if wall.indices[2] != AIR else None for wall in planes]
    motions = []
    for kinds, parameter, deviation in (
        (solid, 4, priors.thickness),
        (solid, 6, priors.index),
        (media, 7, priors.index),
    ):
        for kind in dict.fromkeys(kinds):
            if kind is not None and deviation > 0:
                motion = np.zeros((len(planes), WALL_PARAMETERS))
                motion[[other == kind for other in kinds], parameter] = deviation
                motions.append(motion)
    return motions


def _sides(wall: Wall) -> Array:
    """Return two unit vectors (2, 3) along a wall, at right angles."""
    one = np.cross(wall.normal, np.eye(3)[np.argmin(np.abs(wall.normal))])
    one /= np.linalg.norm(one)
    return np.asarray([one, np.cross(wall.normal, one)], dtype=float)
