"""Flat walls that bend light: between a camera in air and what it sees in a box, water or agarose.

The way of light itself is compiled: `calibration.bending`.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.errors import RigError
from calibration.geometry import Array, skew

__all__ = ["WALL_PARAMETERS", "Wall"]

WALL_PARAMETERS = 8  # the normal, or a turn of it; the distance, the thickness, three indices

UNIT = 1e-6  # how far a normal's length may be from one
INDICES = (1.0, 5.0)  # of refraction, of anything that a camera looks through
LARGEST = 1e15  # of any length, as of a camera's


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wall:
    """A flat wall, without edges, through which a camera looks, or one surface between two media.

    `normal` (3,), a unit vector of the world, points away from the camera; the face that the
    camera sees is where `normal @ x = distance`, and behind it are `thickness` of wall, all in the
    rig's unit. A surface has no thickness. `indices` of refraction: before the wall, of it, and
    behind it: (1, 1.49, 1) for acrylic in air, (1, 1.52, 1.33) for the glass of a tank of water.
    """

    normal: Array
    distance: float
    thickness: float
    indices: tuple[float, float, float]

    def __post_init__(self) -> None:
        numbers = {}
        for name, shape in (
            ("normal", (3,)),
            ("distance", ()),
            ("thickness", ()),
            ("indices", (3,)),
        ):
            given = getattr(self, name)
            try:
                numbers[name] = np.array(given, dtype=float)
            except (TypeError, ValueError) as error:
                raise RigError(f"wall: {name} = {given!r} is not made of numbers") from error
            if numbers[name].shape != shape or not (np.abs(numbers[name]) <= LARGEST).all():
                kind = "three finite numbers" if shape else "a finite number"
                raise RigError(f"wall: {name} = {given!r}; give {kind}")
        normal, indices = numbers["normal"], numbers["indices"]
        length = float(np.linalg.norm(normal))
        if abs(length - 1) > UNIT:
            raise RigError(
                f"wall: normal = {normal.tolist()} has length {length:.6g}; give a unit vector, "
                "and the distance along it"
            )
        if numbers["thickness"] < 0:
            raise RigError(f"wall: thickness = {self.thickness!r}; it cannot be negative")
        if ((indices < INDICES[0]) | (indices > INDICES[1])).any():
            raise RigError(
                f"wall: indices = {indices.tolist()}; an index of refraction lies between "
                f"{INDICES[0]:g} (air) and {INDICES[1]:g}"
            )
        normal.flags.writeable = False
        object.__setattr__(self, "normal", normal)
        for name in ("distance", "thickness"):
            object.__setattr__(self, name, float(numbers[name]))
        object.__setattr__(self, "indices", tuple(indices.tolist()))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Wall)
            and np.array_equal(self.normal, other.normal)
            and (self.distance, self.thickness) == (other.distance, other.thickness)
            and self.indices == other.indices
        )

    @property
    def parameters(self) -> Array:
        """The normal, the distance, the thickness and the indices, (8,)."""
        return np.array([*self.normal, self.distance, self.thickness, *self.indices])

    @classmethod
    def from_parameters(cls, numbers: ArrayLike) -> "Wall":
        """Return the wall of such parameters (8,)."""
        normal, distance, thickness, indices = np.split(np.asarray(numbers, dtype=float), [3, 4, 5])
        return cls(
            normal=normal,
            distance=distance.item(),
            thickness=thickness.item(),
            indices=tuple(indices.tolist()),
        )

    def height(self, center: Array) -> float:
        """Return how far `center` (3,) stands before the wall; negative where it is behind."""
        return float(self.distance - self.normal @ center)

    def moved(self, motion: Array, scale: float) -> "Wall":
        """Return the wall in a world whose points are `motion @ (scale * point)`."""
        normal = motion[:3, :3] @ self.normal
        return replace(
            self,
            normal=normal,
            distance=scale * self.distance + float(normal @ motion[:3, 3]),
            thickness=scale * self.thickness,
        )

    def enter(self, center: Array, points: ArrayLike) -> Array:
        """Return where light from points (..., 3) to a camera at `center` (3,) leaves the wall.

        A camera sees a point exactly where it would see that place without the wall. Points before
        the wall are their own place. Exact: off by rounding alone, at any angle.
        """
        points = np.asarray(points, dtype=float)
        return self._entry(center, points, self._see(center, points))

    def enter_jacobians(self, center: Array, points: ArrayLike) -> tuple[Array, Array, Array]:
        """Return what `enter` does, and its derivatives by point and by center, both (..., 3, 3).

        By the implicit function theorem, as the places are found by iteration.
        """
        points = np.asarray(points, dtype=float)
        sight, height = self._see(center, points), self.height(center)
        by_point = height * sight.by_point
        # To shift the camera is to shift the world back, and the wall, which then is nearer, too.
        lower = sight.directions + height * sight.by_layer[..., 0]
        by_center = np.eye(3) - by_point - lower[..., :, None] * self.normal
        behind = sight.behind[..., None]
        return (
            self._entry(center, points, sight),
            np.where(behind[..., None], by_point, np.eye(3)),
            np.where(behind[..., None], by_center, 0.0),
        )

    def parameter_jacobian(self, center: Array, points: ArrayLike) -> Array:
        """Return the derivative of `enter` by the wall's parameters, (..., 3, 8).

        They are a small turn about the world's origin, the distance, the thickness (which a
        surface keeps, and is not moved by) and the three indices.
        """
        points = np.asarray(points, dtype=float)
        sight, height = self._see(center, points), self.height(center)
        by_distance = sight.directions + height * sight.by_layer[..., 0]
        # To turn the wall is to turn the world and the point back; both turns are about the center,
        # so that the wall turned about the world's origin also comes nearer.
        turned = -skew(sight.directions) + sight.by_point @ skew(points - center)
        nearer = -np.cross(self.normal, center)
        by_turn = height * turned + by_distance[..., :, None] * nearer
        by_rest = height * sight.by_layer[..., 1:]
        by_wall = np.concatenate([by_turn, by_distance[..., None], by_rest], axis=-1)
        return np.where(sight.behind[..., None, None], by_wall, 0.0)

    def refract(self, origins: Array, directions: Array) -> tuple[Array, Array]:
        """Return the rays, origins and unit directions (..., 3), as they go on behind the wall.

        They start on its far face. NaN where light is totally reflected; rays that never meet
        the wall stay as they are.
        """
        before, inside, behind = self.indices
        away = directions @ self.normal
        meets = away > 0
        with np.errstate(invalid="ignore", divide="ignore"):  # total reflection is NaN
            height = (self.distance - origins @ self.normal) / away
            places = origins + height[..., None] * directions
            across = before * (directions - away[..., None] * self.normal)
            if self.thickness > 0:
                within = self._direction(across / inside)
                places = places + (self.thickness / (within @ self.normal))[..., None] * within
            onward = self._direction(across / behind)
        places = np.where(np.isfinite(onward), places, np.nan)
        meets = (meets | ~np.isfinite(away))[..., None]
        return np.where(meets, places, origins), np.where(meets, onward, directions)

    def _direction(self, across: Array) -> Array:
        """Return the unit direction through the wall that has a part (..., 3) along it."""
        return across + np.sqrt(1 - (across**2).sum(axis=-1))[..., None] * self.normal

    def _entry(self, center: Array, points: Array, sight: "_Sight") -> Array:
        """Return where light from points (..., 3) meets the wall, or points before it."""
        entry = center + self.height(center) * sight.directions
        return np.where(sight.behind[..., None], entry, points)

    def _see(self, center: Array, points: Array) -> "_Sight":
        """Return how a camera sees points (..., 3)."""
        from calibration.bending import LAYERS, bend_all  # numba is slow to import, walls are rare

        shape = points.shape[:-1]
        sight = _Sight(
            directions=np.empty((*shape, 3)),
            by_point=np.empty((*shape, 3, 3)),
            by_layer=np.empty((*shape, 3, LAYERS)),
            behind=np.empty(shape, dtype=bool),
        )
        wall = *self.normal.tolist(), self.height(center), self.thickness, *self.indices
        bend_all(
            wall,
            np.ascontiguousarray(points.reshape(-1, 3) - center),
            sight.directions.reshape(-1, 3),
            sight.by_point.reshape(-1, 3, 3),
            sight.by_layer.reshape(-1, 3, LAYERS),
            sight.behind.reshape(-1),
        )
        return sight


class _Sight(NamedTuple):
    """How a camera sees points: `directions` (..., 3) as long as their part along the normal is 1.

    `by_point` (..., 3, 3) and `by_layer` (..., 3, 5) are their slopes (see `bend_all`); `behind`
    (...) tells which points lie behind the wall's face.
    """

    directions: Array
    by_point: Array
    by_layer: Array
    behind: NDArray[np.bool_]
