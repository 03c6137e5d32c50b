"""One calibrated camera: where it stands, and which pixel sees which ray.

OpenCV's conventions: x right, y down, z forward; the integer coordinate of a pixel is its centre.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from calibration.errors import RigError
from calibration.geometry import Array, make_pose, skew
from calibration.lens import Lens
from calibration.notebook import html_table
from calibration.refraction import WALL_PARAMETERS, Wall

__all__ = ["Camera"]

LARGEST = 1e15  # of any number of a camera in any unit, so that products stay finite
ROTATION_TOLERANCE = 1e-6  # how far R R' may be from the identity


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Camera:
    """A camera with its intrinsics, its lens and its pose in the world.

    `matrix` (3, 3) is upper triangular with focal lengths, skew and principal point, px;
    `rotation` (3, 3) is camera_from_world; `translation` (3,) is in the unit of the rig. `wall` is
    what the camera looks through, if anything: all that follows reckons with it, but `undistort`,
    which tells directions in the camera. `extra` holds fields that other programs wrote beside
    ours, kept when the rig is saved again.
    """

    name: str
    size: tuple[int, int]
    matrix: Array
    lens: Lens
    rotation: Array
    translation: Array
    wall: Wall | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise RigError(f"camera name = {self.name!r}: give every camera a name")
        if re.search(r"[\x00-\x1f\x7f]", self.name):
            raise RigError(f"camera name = {self.name!r}: leave out control characters")
        where = f"camera '{self.name}'"
        object.__setattr__(self, "size", _check_size(self.size, where))
        for name, shape in (("matrix", (3, 3)), ("rotation", (3, 3)), ("translation", (3,))):
            object.__setattr__(self, name, _check_array(getattr(self, name), shape, name, where))
        _check_matrix(self.matrix, where)
        _check_rotation(self.rotation, where)
        _check_wall(self.wall, self.center, where)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Camera)
            and (self.name, self.size, self.lens) == (other.name, other.size, other.lens)
            and np.array_equal(self.matrix, other.matrix)
            and np.array_equal(self.rotation, other.rotation)
            and np.array_equal(self.translation, other.translation)
            and self.wall == other.wall
            and dict(self.extra) == dict(other.extra)
        )

    def _repr_html_(self) -> str:
        rows = [
            ("image, px", f"{self.size[0]} x {self.size[1]}"),
            ("focal length, px", f"{self.matrix[0, 0]:.2f}, {self.matrix[1, 1]:.2f}"),
            ("principal point, px", f"{self.matrix[0, 2]:.2f}, {self.matrix[1, 2]:.2f}"),
            (f"lens ({self.lens.model})", ", ".join(f"{k:.4g}" for k in self.distortions) or "-"),
            ("stands at", ", ".join(f"{value:.4g}" for value in self.center)),
            ("looks along", ", ".join(f"{value:.3f}" for value in self.rotation[2])),
            ("through a wall of", "-" if self.wall is None else f"{self.wall.thickness:.4g}"),
        ]
        return html_table(f"Camera {self.name}", ("", ""), rows)

    @property
    def distortions(self) -> Array:
        """The distortion coefficients of the lens, in OpenCV's order."""
        return self.lens.distortions

    @property
    def center(self) -> Array:
        """The point (3,) of the world at which the camera stands."""
        return -self.rotation.T @ self.translation

    @property
    def camera_from_world(self) -> Array:
        """The rigid motion (4, 4) from the world frame to the camera frame."""
        return make_pose(self.rotation, self.translation)

    def project(self, points_world: ArrayLike) -> Array:
        """Return the pixels (..., 2) of points (..., 3); NaN for points behind the camera."""
        if self.wall is not None:
            points_world = self.wall.enter(self.center, points_world)
        return self._pixels(self.lens.distort(self._normalize(self._to_camera(points_world))))

    def project_jacobian(self, points_world: ArrayLike) -> Array:
        """Return d pixel / d point, (..., 2, 3), at points (..., 3); NaN behind the camera."""
        if self.wall is None:
            return self.camera_jacobian(self._to_camera(points_world)) @ self.rotation
        return self.linearize(points_world)[1]

    def linearize(self, points_world: ArrayLike) -> tuple[Array, Array]:
        """Return what `project` and `project_jacobian` do, for the price of one with a wall."""
        if self.wall is None:
            return self.project(points_world), self.project_jacobian(points_world)
        entry, by_point, _ = self.wall.enter_jacobians(self.center, points_world)
        in_camera = self._to_camera(entry)
        pixels = self._pixels(self.lens.distort(self._normalize(in_camera)))
        return pixels, self.camera_jacobian(in_camera) @ (self.rotation @ by_point)

    def camera_jacobian(self, points_camera: ArrayLike) -> Array:
        """Return d pixel / d point, (..., 2, 3), for points (..., 3) in the camera's own frame.

        That of the camera alone, without a wall.
        """
        points = np.asarray(points_camera, dtype=float)
        xy = self._normalize(points)
        depth = points[..., 2]
        perspective = np.zeros((*xy.shape[:-1], 2, 3))
        perspective[..., 0, 0] = perspective[..., 1, 1] = 1 / depth
        perspective[..., 2] = -xy / depth[..., None]
        return self.matrix[:2, :2] @ self.lens.jacobian(xy) @ perspective

    def parameter_jacobian(self, points_world: ArrayLike) -> Array:
        """Return d pixel / d parameter, (..., 2, n), at points (..., 3); NaN behind the camera.

        The parameters are fx, fy, cx, cy, the lens's coefficients, and a small turn and a shift
        of camera_from_world, which acts as `exp(turn) @ rotation`. A wall stays where it is.
        """
        points_world = np.asarray(points_world, dtype=float)
        entry = points_world if self.wall is None else self.wall.enter(self.center, points_world)
        turned = entry @ self.rotation.T
        in_camera = turned + self.translation
        normalized = self._normalize(in_camera)
        distorted = self.lens.distort(normalized)
        by_matrix = np.zeros((*normalized.shape, 4))
        by_matrix[..., 0, 0], by_matrix[..., 1, 1] = distorted[..., 0], distorted[..., 1]
        by_matrix[..., 0, 2] = by_matrix[..., 1, 3] = 1.0
        by_lens = self.matrix[:2, :2] @ self.lens.parameter_jacobian(normalized)
        by_point = self.camera_jacobian(in_camera)
        by_turn, by_shift = -by_point @ skew(turned), by_point
        if self.wall is not None:  # the way through the wall follows the camera's center
            _, _, by_center = self.wall.enter_jacobians(self.center, points_world)
            moved = by_point @ self.rotation @ by_center @ self.rotation.T
            by_turn, by_shift = by_turn - moved @ skew(self.translation), by_shift - moved
        return np.concatenate([by_matrix, by_lens, by_turn, by_shift], axis=-1)

    def wall_jacobian(self, points_world: ArrayLike) -> Array:
        """Return d pixel / d parameter of the wall, (..., 2, 8), at points (..., 3).

        The parameters are those of `Wall.parameter_jacobian`; zero without a wall.
        """
        points = np.asarray(points_world, dtype=float)
        if self.wall is None:
            return np.zeros((*points.shape[:-1], 2, WALL_PARAMETERS))
        entry = self.wall.enter(self.center, points)
        by_wall = self.wall.parameter_jacobian(self.center, points)
        return self.camera_jacobian(self._to_camera(entry)) @ self.rotation @ by_wall

    def undistort(self, pixels: ArrayLike) -> Array:
        """Return the ideal normalized coordinates (..., 2) of pixels (..., 2).

        NaN where the lens model images nothing (see `Lens.undistort`).
        """
        return self.lens.undistort(self._unpixel(np.asarray(pixels, dtype=float)))

    def rays(self, pixels: ArrayLike) -> tuple[Array, Array]:
        """Return origins and unit directions (..., 3), in the world, of pixels (..., 2).

        Behind a wall they are those behind it, from its far face on; NaN where light is totally
        reflected.
        """
        xy = self.undistort(pixels)
        directions = np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1) @ self.rotation
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        origins = np.broadcast_to(self.center, directions.shape).copy()
        return (
            (origins, directions) if self.wall is None else self.wall.refract(origins, directions)
        )

    def _to_camera(self, points_world: ArrayLike) -> Array:
        """Return points (..., 3) of the world in the camera's frame."""
        return np.asarray(points_world, dtype=float) @ self.rotation.T + self.translation

    def _normalize(self, points_camera: Array) -> Array:
        """Divide by depth; NaN where a point does not lie in front of the camera."""
        depth = points_camera[..., 2:]
        return points_camera[..., :2] / np.where(depth > 0, depth, np.nan)

    def _pixels(self, distorted: Array) -> Array:
        """Return the pixels of distorted normalized coordinates (..., 2)."""
        return distorted @ self.matrix[:2, :2].T + self.matrix[:2, 2]

    def _unpixel(self, pixels: Array) -> Array:
        """Return the distorted normalized coordinates of pixels (..., 2)."""
        y = (pixels[..., 1] - self.matrix[1, 2]) / self.matrix[1, 1]
        x = (pixels[..., 0] - self.matrix[0, 2] - self.matrix[0, 1] * y) / self.matrix[0, 0]
        return np.stack([x, y], axis=-1)


def _check_size(size: object, where: str) -> tuple[int, int]:
    """Return the image size as two positive integers."""
    values = np.asarray(size)
    if values.shape != (2,) or values.dtype.kind not in "iu" or (values <= 0).any():
        raise RigError(f"{where}: size = {size!r}; give [width, height] in whole pixels")
    return int(values[0]), int(values[1])


def _check_array(value: object, shape: tuple[int, ...], name: str, where: str) -> Array:
    """Return `value` as a read-only array of finite numbers of the given shape."""
    try:
        array = np.array(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise RigError(f"{where}: {name} is not an array of numbers ({error})") from error
    if array.shape != shape:
        raise RigError(f"{where}: {name} has shape {array.shape}; it must have {shape}")
    if not (np.abs(array) <= LARGEST).all():
        raise RigError(
            f"{where}: {name} = {array.tolist()} holds a value that is not finite, or beyond "
            f"{LARGEST:g}"
        )
    array.flags.writeable = False
    return array


def _check_matrix(matrix: Array, where: str) -> None:
    """Refuse a matrix that is no camera matrix; a transposed one is named as such."""
    lower_is_zero = matrix[1, 0] == matrix[2, 0] == matrix[2, 1] == 0
    if not lower_is_zero or matrix[2, 2] != 1:
        hint = "; it looks transposed (MATLAB writes it so)" if matrix[0, 2] == 0 else ""
        raise RigError(
            f"{where}: matrix = {matrix.tolist()} must be [[fx, skew, cx], [0, fy, cy], [0, 0, 1]]"
            + hint
        )
    if matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
        raise RigError(f"{where}: focal lengths {matrix[0, 0]}, {matrix[1, 1]} must be positive")


def _check_rotation(rotation: Array, where: str) -> None:
    """Refuse a matrix that shears, scales or mirrors."""
    error = np.abs(rotation @ rotation.T - np.eye(3)).max()
    if error > ROTATION_TOLERANCE or np.linalg.det(rotation) < 0:
        raise RigError(f"{where}: rotation = {rotation.tolist()} is not a rotation matrix")


def _check_wall(wall: Wall | None, center: Array, where: str) -> None:
    """Refuse a camera that does not stand before its wall."""
    if wall is not None and not wall.height(center) > 0:
        raise RigError(
            f"{where} stands {-wall.height(center):.6g} behind the face of its wall; the wall's "
            "normal must point away from the camera, and its distance be along the normal"
        )
