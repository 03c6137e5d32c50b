"""Derivatives, distances and angles of keypoints: pure functions from DataArray to DataArray.

Each takes positions with a dimension `space`, keeps all other dimensions, gives the result its
`units` and `long_name`, and returns NaN where a point that it needs is missing.
"""

import numpy as np
import xarray as xr

from labcut3d.errors import DatasetError

__all__ = [
    "compute_distance",
    "compute_joint_angle",
    "compute_speed",
    "compute_turning_angle",
    "compute_velocity",
]


def compute_velocity(position: xr.DataArray) -> xr.DataArray:
    """Return the velocity by second-order finite differences over `time`, in units per second.

    Times may be uneven. A missing point makes its own and its neighbours' velocities missing.
    """
    _require(position, "space", "time")
    if position.sizes["time"] < 2:
        velocity = xr.full_like(position, np.nan, dtype=float)
    else:
        velocity = position.astype(float).differentiate("time").where(position.notnull())
    return _described(velocity, _per_second(position), "velocity")


def compute_speed(position: xr.DataArray) -> xr.DataArray:
    """Return the length of the velocity, in units per second."""
    return _described(
        _length(compute_velocity(position)), _per_second(position), "speed, length of the velocity"
    )


def compute_distance(start: xr.DataArray, stop: xr.DataArray) -> xr.DataArray:
    """Return the distance between two points, in their unit."""
    _require(start, "space")
    _require(stop, "space")
    return _described(_length(stop - start), str(start.attrs.get("units", "1")), "distance")


def compute_joint_angle(
    first: xr.DataArray, joint: xr.DataArray, last: xr.DataArray
) -> xr.DataArray:
    """Return the inner angle at `joint` between `first` and `last`, radians, 0 to pi (straight)."""
    return _described(_angle(first - joint, last - joint), "rad", "joint angle")


def compute_turning_angle(first: xr.DataArray, second: xr.DataArray) -> xr.DataArray:
    """Return the angle between two direction vectors, radians, 0 (same way) to pi (opposed)."""
    return _described(_angle(first, second), "rad", "angle between two directions")


def _angle(first: xr.DataArray, second: xr.DataArray) -> xr.DataArray:
    """Return the angle between vectors; NaN where one has no length.

    By the half-angle form of Kahan (2006), which keeps full precision near 0 and pi, where the
    arc cosine loses half of the digits.
    """
    _require(first, "space")
    _require(second, "space")
    a, b = _length(first), _length(second)
    unit_a, unit_b = first / a.where(a > 0), second / b.where(b > 0)
    apart, along = _length(unit_a - unit_b), _length(unit_a + unit_b)
    return 2 * xr.apply_ufunc(np.arctan2, apart, along)


def _length(vector: xr.DataArray) -> xr.DataArray:
    """Return the Euclidean length over `space`, NaN where a component is missing."""
    return (vector**2).sum("space", skipna=False) ** 0.5


def _require(array: xr.DataArray, *dims: str) -> None:
    """Raise `DatasetError` where a dimension is missing."""
    for dim in dims:
        if dim not in array.dims:
            raise DatasetError(
                f"'{array.name or 'array'}' has dimensions {array.dims}; it needs '{dim}'"
            )


def _per_second(position: xr.DataArray) -> str:
    """Return the unit of a velocity of positions."""
    return f"{position.attrs.get('units', '1')}/s"


def _described(array: xr.DataArray, units: str, long_name: str) -> xr.DataArray:
    """Return `array` with these attributes instead of inherited ones."""
    return array.assign_attrs(units=units, long_name=long_name).drop_vars(
        [name for name in array.coords if name not in array.dims]
    )
