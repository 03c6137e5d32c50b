"""The names of a camera's parameters, which of them may move, and their way to the solver and back.

A camera has fx, fy, cx, cy, the coefficients of its lens, and a small turn and shift of
camera_from_world.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.camera import Camera
from calibration.geometry import Array
from calibration.lens import Lens
from calibration.refraction import WALL_PARAMETERS, Wall
from calibration.solver.arrays import POSE_SIZE, Cameras
from calibration.solver.elimination import gather_blocks
from calibration.solver.kernels import move_poses
from calibration.solver.lens_kernels import SKEW
from calibration.solver.wall_freedom import WallFreedom

__all__ = [
    "INTRINSICS",
    "POSE",
    "Layout",
    "from_arrays",
    "moved",
    "parameter_names",
    "size_slope",
    "to_arrays",
]

INTRINSICS = ("fx", "fy", "cx", "cy")
POSE = (
    *("rotation_x", "rotation_y", "rotation_z"),
    *("translation_x", "translation_y", "translation_z"),
)


def parameter_names(camera: Camera) -> tuple[str, ...]:
    """Return the names of a camera's parameters: intrinsics, lens, pose."""
    return (*INTRINSICS, *camera.lens.names, *POSE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Which parameters are free, and where each stands among all that are.

    `active` (view, m) int are the free intrinsics of each view as columns of
    `Cameras.intrinsics`, padded with -1, and `counts` (view,) how many they are; `index`
    (view, 6 + m) is the place of pose and free intrinsics among the `n_free` free parameters, -1
    where held. Views that share a parameter have the same place for it.

    Of views that look through walls eight more follow, `walls` (view, 8): the places of their
    walls' parameters among all `n_places`, after those of the cameras, -1 where held.
    """

    active: np.ndarray
    counts: np.ndarray
    index: np.ndarray
    n_free: int
    walls: np.ndarray
    n_places: int

    @classmethod
    def of(
        cls,
        cameras: Sequence[Camera],
        free: Sequence[Collection[str]],
        *,
        posed: Sequence[bool],
        shared: bool = False,
        walls: bool = False,
    ) -> "Layout":
        """Return the layout in which each camera's intrinsics named in `free` may move.

        `posed` tells whose pose may move; `shared` makes equal intrinsics of all cameras one;
        `walls` tells whether walls may move.
        """
        terms = [
            [i for i, name in enumerate((*INTRINSICS, *camera.lens.names)) if name in names]
            for camera, names in zip(cameras, free, strict=True)
        ]
        counts = np.array([len(columns) for columns in terms])
        active = np.full((len(terms), counts.max()), -1)
        walled = np.array([camera.wall is not None for camera in cameras])
        room = counts.max() + (WALL_PARAMETERS if walled.any() else 0)
        index = np.full((len(terms), POSE_SIZE + room), -1)
        n_free, common = 0, dict[int, int]()
        for view, columns in enumerate(terms):
            active[view, : len(columns)] = columns
            if posed[view]:
                index[view, :POSE_SIZE] = np.arange(n_free, n_free + POSE_SIZE)
                n_free += POSE_SIZE
            for place, column in enumerate(columns):
                if not shared or column not in common:
                    common[column] = n_free
                    n_free += 1
                index[view, POSE_SIZE + place] = common[column]
        places, n_places = np.full((len(terms), WALL_PARAMETERS), -1), n_free
        for view in np.flatnonzero(walled) if walls else ():
            places[view] = np.arange(n_places, n_places + WALL_PARAMETERS)
            n_places += WALL_PARAMETERS
            index[view, POSE_SIZE + counts[view] :][:WALL_PARAMETERS] = places[view]
        return cls(
            active=active,
            counts=counts,
            index=index,
            n_free=n_free,
            walls=places,
            n_places=n_places,
        )

    def spread(self, step: Array) -> tuple[Array, Array]:
        """Return steps of poses (view, 6) and intrinsics (view, 17) from one (n_free or more,)."""
        index = np.where(self.index < self.n_free, self.index, -1)
        local = np.append(step[: self.n_free], 0.0)[index]
        intrinsics = np.zeros((len(self.counts), SKEW + 1))
        for view, count in enumerate(self.counts):
            columns = self.active[view, :count]
            intrinsics[view, columns] = local[view, POSE_SIZE : POSE_SIZE + count]
        return local[:, :POSE_SIZE], intrinsics

    def gather(self, own: Array, own_side: Array) -> tuple[Array, Array]:
        """Return the system (n_places, n_places) and right-hand side of the cameras' blocks."""
        return gather_blocks(self.index, own, own_side, self.n_places)

    def local(self, pull: Array, information: Array) -> tuple[Array, Array]:
        """Return blocks (view, s, s) and sides (view, s) of terms on intrinsics (view, 17)."""
        blocks = np.zeros((len(self.counts), self.index.shape[1], self.index.shape[1]))
        sides = np.zeros(self.index.shape)
        for view, count in enumerate(self.counts):
            columns, at = self.active[view, :count], slice(POSE_SIZE, POSE_SIZE + count)
            blocks[view, at, at] = information[view][np.ix_(columns, columns)]
            sides[view, at] = pull[view, columns]
        return blocks, sides

    def places(self, view: int, names: Sequence[str]) -> np.ndarray:
        """Return the places of a camera's parameters, in the order of `names`; -1 where held."""
        places = np.full(len(names), -1)
        places[-POSE_SIZE:] = self.index[view, :POSE_SIZE]
        count = self.counts[view]
        places[self.active[view, :count]] = self.index[view, POSE_SIZE : POSE_SIZE + count]
        return places


def to_arrays(cameras: Sequence[Camera], freedom: WallFreedom | None = None) -> Cameras:
    """Return cameras as the arrays that the solver works on, with walls that have not moved yet."""
    intrinsics = np.zeros((len(cameras), SKEW + 1))
    for row, camera in zip(intrinsics, cameras, strict=True):
        row[:4] = camera.matrix[[0, 1, 0, 1], [0, 1, 2, 2]]
        row[4 : 4 + len(camera.distortions)] = camera.distortions
        row[SKEW] = camera.matrix[0, 1]
    walls = np.zeros((len(cameras), WALL_PARAMETERS))
    for row, camera in zip(walls, cameras, strict=True):
        if camera.wall is not None:
            row[:] = camera.wall.parameters
    return Cameras(
        intrinsics=intrinsics,
        fisheye=np.array([camera.lens.model == "fisheye" for camera in cameras]),
        rotations=np.stack([camera.rotation for camera in cameras]),
        translations=np.stack([camera.translation for camera in cameras]),
        walls=walls,
        walled=np.array([camera.wall is not None for camera in cameras]),
        offset=np.zeros(0 if freedom is None else freedom.size),
    )


def from_arrays(arrays: Cameras, cameras: Sequence[Camera]) -> tuple[Camera, ...]:
    """Return `cameras` with the parameters that the solver's arrays hold."""
    left, _, right = np.linalg.svd(arrays.rotations)  # onto the rotations, against rounding
    return tuple(
        replace(
            camera,
            matrix=[[row[0], row[SKEW], row[2]], [0.0, row[1], row[3]], [0.0, 0.0, 1.0]],
            wall=camera.wall and _wall_of(wall, camera.wall),
            lens=Lens(distortions=row[4 : 4 + len(camera.distortions)], model=camera.lens.model),
            rotation=rotation,
            translation=translation,
        )
        for camera, row, rotation, translation, wall in zip(
            cameras, arrays.intrinsics, left @ right, arrays.translations, arrays.walls, strict=True
        )
    )


def _wall_of(numbers: Array, before: Wall) -> Wall:
    """Return the wall of such parameters (8,), the very one there was where it did not move."""
    if np.array_equal(numbers, before.parameters):
        return before
    return Wall.from_parameters(numbers)


def size_slope(layout: Layout, cameras: Cameras) -> Array:
    """Return the derivative (n_free,) of the mean distance from the first camera."""
    rotations, shifts = cameras.rotations, cameras.translations
    centers = -np.einsum("vji,vj->vi", rotations, shifts)
    away = centers[1:] - centers[0]
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-300)
    turned = np.einsum("vij,vj->vi", rotations[1:], away)
    slope = np.zeros(layout.n_free)
    slope[layout.index[1:, :6]] = np.hstack([np.cross(shifts[1:], turned), -turned])
    return slope


def moved(arrays: Cameras, poses: Array, intrinsics: Array) -> Cameras:
    """Return cameras moved by steps of poses (view, 6) and of intrinsics (view, 17)."""
    turned = move_poses(arrays.rotations, arrays.translations, poses)
    rotations, translations = turned
    return arrays._replace(
        intrinsics=arrays.intrinsics + intrinsics, rotations=rotations, translations=translations
    )
