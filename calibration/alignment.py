"""Moving worlds: one set of points laid onto another, and a rig taken to another world frame.

Motions are rigid: turned and moved, never mirrored or sheared. Only a measured distance may change
the scale, by one factor for all directions, which is recorded apart.

Source: Kabsch, "A solution for the best rotation to relate two sets of vectors", 1976.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from calibration.covariance import RigCovariance
from calibration.errors import CalibrationError, RigError
from calibration.geometry import Array, skew
from calibration.rig import Rig

__all__ = ["WorldChange", "rigid_alignment", "up_direction"]

ROTATION_TOLERANCE = 1e-9  # how far R R' may be from the identity
THINNEST = 1e-3  # width of a set of points as a part of its length; below, it is a line
AXES = "xyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldChange:
    """From an old world frame to a new one: point_new = motion @ (scale * point_old).

    `motion` (4, 4) is rigid, its rotation proper (checked); `scale` is positive; `how` tells in
    words how it was found, and is stored with the rig.
    """

    motion: Array = field(default_factory=lambda: np.eye(4))
    scale: float = 1.0
    how: str

    def __post_init__(self) -> None:
        motion = np.array(self.motion, dtype=float)
        if motion.shape != (4, 4) or not np.isfinite(motion).all():
            raise CalibrationError(f"motion = {motion.tolist()}: give a finite (4, 4) matrix")
        rotation = motion[:3, :3]
        if np.linalg.det(rotation) < 0:
            raise CalibrationError("the motion mirrors the world; a left-handed frame is refused")
        off = np.abs(rotation @ rotation.T - np.eye(3)).max()
        if off > ROTATION_TOLERANCE or motion[3].tolist() != [0, 0, 0, 1]:
            raise CalibrationError(
                f"the motion is not rigid: its rotation is off by {off:.2g}; scale is given apart"
            )
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise CalibrationError(f"scale = {self.scale}: it must be a positive number")
        motion.flags.writeable = False
        object.__setattr__(self, "motion", motion)

    def move_points(self, points: ArrayLike) -> Array:
        """Return points (..., 3) of the old world in the new one."""
        points = np.asarray(points, dtype=float)
        return self.scale * points @ self.motion[:3, :3].T + self.motion[:3, 3]

    def move_rig(self, rig: Rig) -> Rig:
        """Return the rig in the new world: every camera sees what it saw before.

        How the frame was set is kept in `metadata["world"]`; the product of all changes of scale,
        and where the last came from, in `metadata["world_scale"]` and `["world_scale_from"]`.
        Raises `RigError` where the metadata's `world_from_chamber`, which moves along, is no pose.
        """
        turn, shift = self.motion[:3, :3], self.motion[:3, 3]
        cameras = []
        for camera in rig:
            rotation = camera.rotation @ turn.T
            translation = self.scale * camera.translation - rotation @ shift
            wall = camera.wall and camera.wall.moved(self.motion, self.scale)
            pose = {"rotation": rotation, "translation": translation}
            cameras.append(replace(camera, **pose, wall=wall))
        metadata = dict(rig.metadata)
        if "world_from_chamber" in metadata:
            pose = _pose_of(metadata["world_from_chamber"])
            pose = self.motion @ np.vstack([np.c_[pose[:3, :3], self.scale * pose[:3, 3]], pose[3]])
            metadata["world_from_chamber"] = pose.tolist()
        if not np.array_equal(self.motion, np.eye(4)):
            metadata["world"] = self.how
        if self.scale != 1.0:
            metadata["world_scale"] = float(metadata.get("world_scale", 1.0)) * self.scale
            metadata["world_scale_from"] = self.how
        return replace(rig, cameras=tuple(cameras), metadata=metadata)

    def move_covariance(self, covariance: RigCovariance, rig: Rig) -> RigCovariance:
        """Return the covariance of `rig`, which is in the old world, for the rig in the new one.

        The change is taken as exact: it chooses the frame in which the same uncertainty is told
        (the gauge), and adds none. A camera's turn is in its own frame and stays; its translation
        t_new = scale t_old - R_new shift follows its turn.
        """
        jacobian = np.eye(len(covariance.names))
        index = {name: i for i, name in enumerate(covariance.names)}
        for camera in self.move_rig(rig):
            lever = skew(camera.rotation @ self.motion[:3, 3])
            for row, axis in enumerate(AXES):
                here = index.get(f"{camera.name}.translation_{axis}")
                if here is None:
                    continue
                jacobian[here, here] = self.scale
                for column, other in enumerate(AXES):
                    turn = index.get(f"{camera.name}.rotation_{other}")
                    if turn is not None:
                        jacobian[here, turn] = lever[row, column]
        return RigCovariance(
            names=covariance.names,
            matrix=jacobian @ covariance.matrix @ jacobian.T,
            gauge=f"{covariance.gauge}; then the world was set ({self.how}), taken as exact",
        )


def rigid_alignment(points_a: ArrayLike, points_b: ArrayLike) -> tuple[Array, Array]:
    """Return the rotation (3, 3) and translation (3,) that lay points a onto points b.

    `points_a`, `points_b` (..., 3) in one unit; a pair with a NaN is left out. The rotation is
    proper, never a mirror image, and `points_a @ rotation.T + translation` is as close to
    `points_b` as a rigid motion allows, in least squares. Raises `CalibrationError` where the
    pairs are fewer than three or lie on one line.
    """
    a, b = np.asarray(points_a, dtype=float), np.asarray(points_b, dtype=float)
    if a.shape != b.shape or a.shape[-1:] != (3,):
        raise CalibrationError(f"points of shapes {a.shape} and {b.shape}: give twice (..., 3)")
    known = np.isfinite(a).all(axis=-1) & np.isfinite(b).all(axis=-1)
    a, b = a[known], b[known]
    if len(a) < 3:
        raise CalibrationError(f"{len(a)} pairs of points; an alignment needs three or more")
    center_a, center_b = a.mean(axis=0), b.mean(axis=0)
    u, singular, vt = np.linalg.svd((b - center_b).T @ (a - center_a))
    if singular[1] <= THINNEST**2 * singular[0]:
        raise CalibrationError(
            "the points lie on one line: the turn about it is undetermined; "
            "give a point well beside it"
        )
    mirror = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ mirror @ vt
    return rotation, center_b - rotation @ center_a


def _pose_of(value: object) -> Array:
    """Return the pose (4, 4) of the chamber that a rig's metadata hold."""
    try:
        pose = np.array(value, dtype=float)
    except (TypeError, ValueError):
        pose = np.zeros(0)
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        raise RigError(
            f"the rig's world_from_chamber = {value!r}: give a matrix of 4 x 4 finite numbers, or "
            "delete it and place the chamber again"
        )
    return pose


def up_direction(rig: Rig | None) -> Array:
    """Return the unit vector (3,) that points up in the world, judged by the cameras.

    Where a world frame was set it is z; otherwise the mean direction of the tops of the images;
    without a rig, -y, the top of the image of the camera whose frame is the world.
    """
    if rig is None:
        return np.array([0.0, -1.0, 0.0])
    if "world" in rig.metadata:
        return np.array([0.0, 0.0, 1.0])
    up = -np.mean([camera.rotation[1] for camera in rig], axis=0)
    length = float(np.linalg.norm(up))
    return up / length if length > 1e-6 else np.array([0.0, -1.0, 0.0])
