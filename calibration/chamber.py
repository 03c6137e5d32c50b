"""A box with flat walls, which of them each camera of a rig looks through, and boards on them."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, get_args

import numpy as np

from calibration.boards.board import Board
from calibration.errors import CalibrationError, RigError
from calibration.geometry import Array, invert_pose, make_pose, transform
from calibration.refraction import Wall
from calibration.rig import Rig

__all__ = ["FACES", "BoardSpot", "Chamber", "Face", "axis_of"]

Face = Literal["-x", "+x", "-y", "+y", "-z", "+z"]
FACES: tuple[Face, ...] = get_args(Face)
NOT_RIGID = 1e-6  # how far R R' may be from the identity
CORNER = re.compile(r"(inner|outer) *([+-])x *([+-])y *([+-])z")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chamber:
    """A box whose frame has its origin in its middle and its axes along its edges.

    `inner` (3,) are its lengths inside and `thickness` that of its walls, in the rig's unit;
    `indices` of refraction outside, of the walls, and inside; `open` the faces without a wall, of
    "-x" to "+z": a camera sees straight through them, or through the surface of what fills the box
    to the brim.
    """

    inner: Array
    thickness: float
    indices: tuple[float, float, float]
    open: Collection[str] = ()

    def __post_init__(self) -> None:
        inner = np.array(self.inner, dtype=float)
        if inner.shape != (3,) or not ((inner > 0) & np.isfinite(inner)).all():
            raise RigError(f"chamber: inner = {inner.tolist()}; give three positive lengths")
        unknown = [face for face in self.open if face not in FACES]
        if unknown:
            raise RigError(f"chamber: no face '{unknown[0]}'; there are {', '.join(FACES)}")
        inner.flags.writeable = False
        object.__setattr__(self, "inner", inner)
        try:
            Wall(normal=np.eye(3)[2], distance=0.0, thickness=self.thickness, indices=self.indices)
        except RigError as error:
            raise RigError(f"chamber: its {error}") from error

    def corner(self, name: str) -> Array:
        """Return the corner (3,) called such as "inner -x+y-z" or "outer +x+y+z", in its frame."""
        found = CORNER.fullmatch(name.strip())
        if found is None:
            raise RigError(
                f"chamber: no corner '{name}'; corners are called such as 'inner -x-y-z' (where "
                "the surfaces inside meet) or 'outer +x-y+z'"
            )
        kind, *signs = found.groups()
        reach = self.inner / 2 + (self.thickness if kind == "outer" else 0.0)
        return reach * [1.0 if sign == "+" else -1.0 for sign in signs]

    def corners(self, kind: str) -> Array:
        """Return all "inner" or "outer" corners (2, 2, 2, 3): by x, y and z, minus before plus."""
        names = [f"{kind} {x}x{y}y{z}z" for x, y, z in product("-+", repeat=3)]
        return np.stack([self.corner(name) for name in names]).reshape(2, 2, 2, 3)

    def faces(self, rig: Rig, world_from_chamber: Array) -> tuple[Face, ...]:
        """Return the face through which each camera sees the box's middle.

        Raises `RigError` for a camera that stands inside the box.
        """
        faces = []
        for camera in rig:
            center = transform(invert_pose(world_from_chamber), camera.center[None])[0]
            place = center / self.inner
            axis = int(np.argmax(np.abs(place)))
            if (np.abs(center) < self.inner / 2).all():
                raise RigError(
                    f"camera '{camera.name}' stands inside the chamber of "
                    f"{' x '.join(f'{length:g}' for length in self.inner)} {rig.unit}, "
                    f"{np.linalg.norm(center):.4g} {rig.unit} from its middle; give the chamber's "
                    f"lengths in {rig.unit}, the rig's unit, and check where it stands"
                )
            faces.append(FACES[2 * axis + int(place[axis] > 0)])
        return tuple(faces)

    def around(
        self, rig: Rig, world_from_chamber: Array, faces: Sequence[Face] | None = None
    ) -> Rig:
        """Return the rig with each camera behind the face that it sees the box's middle through.

        `faces`, one a camera, are what they look through instead. Raises `RigError` for a camera
        that does not stand before its face.
        """
        pose = np.asarray(world_from_chamber, dtype=float)
        turn = pose[:3, :3] if pose.shape == (4, 4) else np.zeros((3, 3))  # which is no rotation
        off = np.abs(turn @ turn.T - np.eye(3)).max()
        if not off < NOT_RIGID or np.linalg.det(turn) < 0:
            raise RigError("world_from_chamber is not a rigid motion (4, 4)")
        cameras = []
        for camera, face in zip(rig, faces or self.faces(rig, pose), strict=True):
            try:
                cameras.append(replace(camera, wall=self._wall(pose, face)))
            except RigError as error:
                raise RigError(f"face '{face}' of the chamber: {error}") from error
        return replace(rig, cameras=tuple(cameras))

    def _wall(self, pose: Array, face: Face) -> Wall | None:
        """Return one wall of the box, as cameras outside see it; None where nothing bends light."""
        normal, axis = -pose[:3, :3] @ axis_of(face), FACES.index(face) // 2
        outside, _, inside = self.indices
        thickness, indices = self.thickness, self.indices
        if face in self.open:
            if inside == outside:
                return None
            thickness, indices = 0.0, (outside, inside, inside)
        place = pose[:3, 3] - normal * (self.inner[axis] / 2 + thickness)
        return Wall(
            normal=normal / np.linalg.norm(normal),
            distance=float(normal @ place),
            thickness=thickness,
            indices=indices,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSpot:
    """How a board lies flat on a wall of a box.

    On `face`, `inside` the box or outside. Its print looks away from the wall, `height` (the
    board's thickness) off its surface; or, `face_down`, at the wall, to be seen through it. Its
    columns count along `columns`, an axis of the box, and the middle of its printed corners lies
    `middle` from the middle of the face, along the two axes of the face in the order x, y, z.
    """

    face: Face
    columns: Face
    inside: bool = True
    face_down: bool = False
    height: float = 0.0
    middle: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        for name in ("face", "columns"):
            if getattr(self, name) not in FACES:
                raise CalibrationError(
                    f"board: {name} = {getattr(self, name)!r}; give one of {', '.join(FACES)}"
                )
        if self.columns[1] == self.face[1]:
            raise CalibrationError(
                f"board: columns = '{self.columns}' on face '{self.face}': the columns of a board "
                "that lies flat run along one of the two other axes"
            )
        if len(self.middle) != 2 or not np.isfinite([self.height, *self.middle]).all():
            raise CalibrationError(
                f"board: height = {self.height}, middle = {list(self.middle)}: give a finite "
                "height, and two finite numbers for the middle"
            )

    def chamber_from_board(self, chamber: Chamber, board: Board) -> Array:
        """Return the pose (4, 4) of the board in the box's frame."""
        out, columns = axis_of(self.face), axis_of(self.columns)
        away = -out if self.inside else out  # from the wall's surface
        into_board = away if self.face_down else -away
        rotation = np.stack([columns, np.cross(into_board, columns), into_board], axis=-1)
        half = chamber.inner / 2 + (0.0 if self.inside else chamber.thickness)
        place = half * out + self.height * away
        place[np.flatnonzero(out == 0)] += self.middle
        points = board.points
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        return make_pose(rotation, place - rotation @ middle)


def axis_of(face: Face) -> Array:
    """Return the unit vector (3,) that a face is called after."""
    return np.eye(3)[FACES.index(face) // 2] * (1.0 if face[0] == "+" else -1.0)
