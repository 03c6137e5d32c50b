"""A box with flat walls, and which of them each camera of a rig looks through."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from calibration.errors import RigError
from calibration.geometry import Array, invert_pose, transform
from calibration.refraction import Wall
from calibration.rig import Rig

__all__ = ["FACES", "Chamber"]

FACES = ("-x", "+x", "-y", "+y", "-z", "+z")
NOT_RIGID = 1e-6  # how far R R' may be from the identity


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chamber:
    """A box whose frame has its origin in its middle and its axes along its edges.

    `inner` (3,) are its lengths inside and `thickness` that of its walls, in the rig's unit;
    `indices` of refraction outside, of the walls, and inside; `open` the faces without a wall, of
    "-x" to "+z", through which a camera sees straight.
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

    def around(self, rig: Rig, world_from_chamber: Array) -> Rig:
        """Return the rig with each camera behind the face that it sees the box's middle through.

        Raises `RigError` for a camera that does not stand before that face.
        """
        pose = np.asarray(world_from_chamber, dtype=float)
        turn = pose[:3, :3]
        off = np.abs(turn @ turn.T - np.eye(3)).max() if pose.shape == (4, 4) else np.inf
        if not off < NOT_RIGID or np.linalg.det(turn) < 0:
            raise RigError("world_from_chamber is not a rigid motion (4, 4)")
        cameras = []
        for camera in rig:
            place = transform(invert_pose(pose), camera.center[None])[0] / self.inner
            axis = int(np.argmax(np.abs(place)))
            side = 1 if place[axis] > 0 else -1
            face = FACES[2 * axis + (side > 0)]
            wall = None if face in self.open else self._wall(pose, axis, side)
            try:
                cameras.append(replace(camera, wall=wall))
            except RigError as error:
                raise RigError(f"face '{face}' of the chamber: {error}") from error
        return replace(rig, cameras=tuple(cameras))

    def _wall(self, pose: Array, axis: int, side: int) -> Wall:
        """Return one wall of the box, as cameras outside see it."""
        normal = -side * pose[:3, axis]
        outside = pose[:3, 3] - normal * (self.inner[axis] / 2 + self.thickness)
        return Wall(
            normal=normal / np.linalg.norm(normal),
            distance=float(normal @ outside),
            thickness=self.thickness,
            indices=self.indices,
        )
