"""Flat walls that bend light: between a camera in air and what it sees in a box, water or agarose.

A ray crosses three layers: what is before the wall, the wall, and what is behind. Snell's law keeps
n sin(angle from the normal) the same in all of them, so that one number, the invariant p, is all
there is to find: from the camera, a ray comes as far across as

    r(p) = sum over the layers of  depth p / sqrt(n^2 - p^2),

and r is the distance of the point from the wall's normal through the camera. With u, the tangent
of the ray in the layer of least index, in place of p, r is increasing and concave, and linear in u
where it matters, at grazing rays: Newton's method from below comes to the root from below, from
anywhere, without a bracket.

Source: Agrawal, Ramalingam, Taguchi & Chari, "A theory of multi-layer flat refractive geometry",
CVPR 2012; Treibitz, Schechner, Kunz & Singh, "Flat refractive geometry", 2012.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from calibration.errors import RigError
from calibration.geometry import Array, skew

__all__ = ["WALL_PARAMETERS", "Wall"]

WALL_PARAMETERS = 8  # a turn, the distance, the thickness, three indices

UNIT = 1e-6  # how far a normal's length may be from one
INDICES = (1.0, 5.0)  # of refraction, of anything that a camera looks through
LARGEST = 1e15  # of any length, as of a camera's
NEWTON_STEPS = 60  # three or four are usual; a point that almost touches a wall of air needs more
CONVERGED = 1e-9  # of the tangent: a step that small leaves an error of its square


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
        path = self._path(center, points)
        gain = path.gain[..., None]
        entry = center + path.height * (self.normal + gain * path.across)
        return np.where(path.behind[..., None], entry, points)

    def enter_jacobians(self, center: Array, points: ArrayLike) -> tuple[Array, Array, Array]:
        """Return what `enter` does, and its derivatives by point and by center, both (..., 3, 3).

        By the implicit function theorem, as the places are found by iteration.
        """
        points = np.asarray(points, dtype=float)
        path = self._path(center, points)
        by_point, by_center = self._bent(path)
        entry = center + path.height * (self.normal + path.gain[..., None] * path.across)
        behind = path.behind[..., None]
        return (
            np.where(behind, entry, points),
            np.where(behind[..., None], by_point, np.eye(3)),
            np.where(behind[..., None], by_center, 0.0),
        )

    def parameter_jacobian(self, center: Array, points: ArrayLike) -> Array:
        """Return the derivative of `enter` by the wall's parameters, (..., 3, 8).

        They are a small turn about the world's origin, the distance, the thickness (which a
        surface keeps, and is not moved by) and the three indices.
        """
        points = np.asarray(points, dtype=float)
        path = self._path(center, points)
        by_point, by_center = self._bent(path)
        entry = center + path.height * (self.normal + path.gain[..., None] * path.across)
        # To turn or shift the wall is to turn or shift the world, and camera and point back.
        by_turn = by_center @ skew(center) + by_point @ skew(points) - skew(entry)
        by_distance = self.normal - (by_center + by_point) @ self.normal
        by_layers = self._by_layers(path)
        by_wall = np.concatenate([by_turn, by_distance[..., None], by_layers], axis=-1)
        return np.where(path.behind[..., None, None], by_wall, 0.0)

    def _bent(self, path: "_Path") -> tuple[Array, Array]:
        """Return the slopes (..., 3, 3) by point and center, behind the wall."""
        steep, last, outward = path.slopes()
        radial = outward[..., :, None] * outward[..., None, :]
        across = np.eye(3) - self.normal[:, None] * self.normal
        sideways = path.height * (
            steep[..., None, None] * radial + path.gain[..., None, None] * (across - radial)
        )
        deeper = outward[..., :, None] * self.normal
        by_point = sideways - (path.height * steep * last)[..., None, None] * deeper
        higher = path.invariant * path.weights[0] * (1 - path.height * steep)
        by_center = across - higher[..., None, None] * deeper - sideways
        return by_point, by_center

    def _by_layers(self, path: "_Path") -> Array:
        """Return the slopes (..., 3, 4) by thickness and indices, behind the wall."""
        steep, last, outward = path.slopes()
        p, (h, wall, rest), w, n = path.invariant, path.layers, path.weights, path.indices
        slopes = [np.where((rest > 0) & (wall > 0), steep * (last - p * w[1]), 0.0)]
        for layer, (d, m, v) in enumerate(zip((h, wall, rest), n, w, strict=True)):
            own = -p * m * v**3 if layer == 0 else 0.0
            slopes.append(own + steep * d * p * m * v**3)
        return path.height * outward[..., :, None] * np.stack(slopes, axis=-1)[..., None, :]

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

    def _path(self, center: Array, points: Array) -> "_Path":
        """Return the ways of light from points (..., 3), by Newton's method."""
        height, offset = self.height(center), points - center
        along = offset @ self.normal
        across = offset - along[..., None] * self.normal
        radius, depth = np.linalg.norm(across, axis=-1), along - height
        behind = ~(depth <= 0)  # a point that is NaN stays NaN
        within = np.clip(depth, 0, self.thickness)
        layers = np.full(along.shape, height), within, np.where(behind, depth - within, 0.0)
        given = self.indices
        # A layer that no light crosses has no say; it is given an index that is harmless.
        indices = (
            np.full(along.shape, given[0]),
            np.where(within > 0, given[1], given[0]),
            np.where(layers[2] > 0, given[2], given[0]),
        )
        least = np.minimum(np.minimum(*indices[:2]), indices[2])
        tangent = _tangent(radius, layers, indices, least)
        stretch = np.sqrt(1 + tangent**2)
        weights = tuple(stretch / _root(n, least, tangent) for n in indices)
        return _Path(
            height=height,
            behind=behind,
            across=across,
            radius=radius,
            layers=layers,
            indices=indices,
            weights=weights,
            invariant=least * tangent / stretch,
            gain=weights[0] / sum(d * w for d, w in zip(layers, weights, strict=True)),
        )


class _Path(NamedTuple):
    """The ways of light from points to a camera `height` before a wall; arrays (...).

    `across` (..., 3) is the point's offset along the wall and `radius` its length; `layers` the
    depths of the three layers, `indices` theirs; `invariant` is p = n sin(angle), `weights` are
    1 / sqrt(n^2 - p^2); `gain` is the tangent of the camera's ray divided by the radius.
    """

    height: float
    behind: np.ndarray
    across: Array
    radius: Array
    layers: tuple[Array, ...]
    indices: tuple[Array, ...]
    weights: tuple[Array, ...]
    invariant: Array
    gain: Array

    def slopes(self) -> tuple[Array, Array, Array]:
        """Return how steeply light turns with the radius, and in its last layer; and outward.

        d tangent / d radius (...); the tangent (...) in the layer that a deeper point lengthens;
        and the unit vector (..., 3) along the wall, from the camera's foot to the point.
        """
        w, n = self.weights, self.indices
        by_p = 1 / sum(d * (m * v) ** 2 * v for d, m, v in zip(self.layers, n, w, strict=True))
        last = self.invariant * np.where(self.layers[2] > 0, w[2], w[1])
        outward = self.across / np.maximum(self.radius, 1e-300)[..., None]
        return (n[0] * w[0]) ** 2 * w[0] * by_p, last, outward


def _root(index: Array, least: Array, tangent: Array) -> Array:
    """Return sqrt(n^2 - p^2) sqrt(1 + u^2) without the difference that cancels."""
    return np.sqrt(index**2 + (index**2 - least**2) * tangent**2)


def _tangent(
    radius: Array, layers: tuple[Array, ...], indices: tuple[Array, ...], least: Array
) -> Array:
    """Return the tangent u (...) of each ray, in the layer of least index, by Newton's method."""
    pairs = list(zip(layers, indices, strict=True))
    u = radius / (least * sum(d / n for d, n in pairs))  # r is concave: this is never too far
    for _ in range(NEWTON_STEPS):
        roots = [_root(n, least, u) for n in indices]
        reach = u * sum(d / root for d, root in zip(layers, roots, strict=True))
        slope = sum(d * (n / root) ** 2 / root for (d, n), root in zip(pairs, roots, strict=True))
        step = (radius / least - reach) / slope
        u = u + step
        if not (np.abs(step) > CONVERGED * u).any():
            break
    return u
