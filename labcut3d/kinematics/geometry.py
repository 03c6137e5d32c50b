"""Distances and angles of points: pure functions from DataArray to DataArray, each with a twin.

Each takes positions with a dimension `space`, keeps all other dimensions, gives the result its
`units` and `long_name`, and returns NaN where a point that it needs is missing. The twin,
`compute_..._variance`, takes the same arguments and then the points' covariances in the same order.
It is true to first order, for points whose errors have nothing to do with each other.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from calibration.geometry import Array
from labcut3d.errors import DatasetError
from labcut3d.kinematics.arrays import (
    apply_to_points,
    described,
    direction,
    norm,
    propagate,
    require,
    square,
    unit_of,
)

__all__ = [
    "Plane",
    "compute_distance",
    "compute_distance_variance",
    "compute_joint_angle",
    "compute_joint_angle_variance",
    "compute_middle",
    "compute_middle_covariance",
    "compute_plane_distance",
    "compute_plane_distance_variance",
    "compute_turning_angle",
    "compute_turning_angle_variance",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plane:
    """The points x with `normal . x = distance`, in a unit of length, as those of walls.

    `normal` (3,) is a vector of the world that points to the side where distances are positive;
    it is brought to length 1, and `distance` with it.
    """

    normal: Array
    distance: float

    def __post_init__(self) -> None:
        normal = np.array(self.normal, dtype=float)
        length = np.linalg.norm(normal)
        if normal.shape != (3,) or not (np.isfinite(length) and length > 0):
            raise DatasetError(f"plane: normal = {normal.tolist()}; give a direction of three")
        if not np.isfinite(self.distance):
            raise DatasetError(f"plane: distance = {self.distance}; give a number")
        normal /= length
        normal.flags.writeable = False
        object.__setattr__(self, "normal", normal)
        object.__setattr__(self, "distance", float(self.distance / length))


def compute_distance(start: xr.DataArray, stop: xr.DataArray) -> xr.DataArray:
    """Return the distance between two points, in their unit."""
    return described(apply_to_points(_distance, start, stop), unit_of(start), "distance")


def compute_distance_variance(
    start: xr.DataArray,
    stop: xr.DataArray,
    start_covariance: xr.DataArray,
    stop_covariance: xr.DataArray,
) -> xr.DataArray:
    """Return the variance of `compute_distance`, unit^2; NaN where the points coincide."""
    variance = propagate(_distance_slopes, (start, stop), (start_covariance, stop_covariance))
    return described(variance, square(unit_of(start)), "variance of the distance")


def compute_plane_distance(position: xr.DataArray, plane: Plane) -> xr.DataArray:
    """Return the signed distance from a plane in the points' unit, above it positive."""
    found = apply_to_points(lambda points: points @ plane.normal - plane.distance, position)
    return described(found, unit_of(position), "distance from the plane")


def compute_plane_distance_variance(
    position: xr.DataArray, plane: Plane, covariance: xr.DataArray
) -> xr.DataArray:
    """Return the variance of `compute_plane_distance`, unit^2, of a plane that is known exactly."""
    variance = propagate(
        lambda points: [np.broadcast_to(plane.normal, points.shape)], (position,), (covariance,)
    )
    return described(variance, square(unit_of(position)), "variance of the distance from the plane")


def compute_joint_angle(
    first: xr.DataArray, joint: xr.DataArray, last: xr.DataArray
) -> xr.DataArray:
    """Return the inner angle at `joint` between `first` and `last`, radians, 0 to pi (straight)."""
    return described(apply_to_points(_joint_angle, first, joint, last), "rad", "joint angle")


def compute_joint_angle_variance(
    first: xr.DataArray,
    joint: xr.DataArray,
    last: xr.DataArray,
    first_covariance: xr.DataArray,
    joint_covariance: xr.DataArray,
    last_covariance: xr.DataArray,
) -> xr.DataArray:
    """Return the variance of `compute_joint_angle`, rad^2.

    NaN for angles of exactly 0 or pi; within a standard deviation of them, angles are no longer
    distributed normally.
    """
    variance = propagate(
        _joint_angle_slopes,
        (first, joint, last),
        (first_covariance, joint_covariance, last_covariance),
    )
    return described(variance, "rad^2", "variance of the joint angle")


def compute_turning_angle(first: xr.DataArray, second: xr.DataArray) -> xr.DataArray:
    """Return the angle between two direction vectors, radians, 0 (same way) to pi (opposed)."""
    return described(apply_to_points(_angle, first, second), "rad", "angle between two directions")


def compute_turning_angle_variance(
    first: xr.DataArray,
    second: xr.DataArray,
    first_covariance: xr.DataArray,
    second_covariance: xr.DataArray,
) -> xr.DataArray:
    """Return the variance of `compute_turning_angle`, rad^2; NaN for exactly 0 or pi."""
    variance = propagate(_angle_slopes, (first, second), (first_covariance, second_covariance))
    return described(variance, "rad^2", "variance of the angle between two directions")


def compute_middle(position: xr.DataArray, keypoints: tuple[str, ...]) -> xr.DataArray:
    """Return the middle of several keypoints, missing where one of them is."""
    require(position, "space", "keypoint")
    return position.sel(keypoint=list(keypoints)).mean("keypoint", skipna=False, keep_attrs=True)


def compute_middle_covariance(covariance: xr.DataArray, keypoints: tuple[str, ...]) -> xr.DataArray:
    """Return the covariance of `compute_middle`."""
    require(covariance, "space", "space_", "keypoint")
    total = covariance.sel(keypoint=list(keypoints)).sum("keypoint", skipna=False, keep_attrs=True)
    return total / len(keypoints) ** 2


def _distance(start: Array, stop: Array) -> Array:
    """Return the distance of two points."""
    return norm(stop - start)


def _distance_slopes(start: Array, stop: Array) -> tuple[Array, Array]:
    """Return its derivatives by the two points."""
    way = direction(stop - start)
    return -way, way


def _angle(first: Array, second: Array) -> Array:
    """Return the angle between vectors; NaN where one has no length.

    By the half-angle form of Kahan (2006), which keeps full precision near 0 and pi, where the
    arc cosine loses half of the digits.
    """
    a, b = direction(first), direction(second)
    return 2 * np.arctan2(norm(a - b), norm(a + b))


def _angle_slopes(first: Array, second: Array) -> tuple[Array, Array]:
    """Return its derivatives by the two vectors: turning one away from the other widens it."""
    a, b = direction(first), direction(second)
    cosine = (a * b).sum(axis=-1, keepdims=True)
    return (
        -direction(b - cosine * a) / norm(first)[..., None],
        -direction(a - cosine * b) / norm(second)[..., None],
    )


def _joint_angle(first: Array, joint: Array, last: Array) -> Array:
    """Return the angle at the joint."""
    return _angle(first - joint, last - joint)


def _joint_angle_slopes(first: Array, joint: Array, last: Array) -> tuple[Array, Array, Array]:
    """Return its derivatives by the three points."""
    outward, onward = _angle_slopes(first - joint, last - joint)
    return outward, -outward - onward, onward
