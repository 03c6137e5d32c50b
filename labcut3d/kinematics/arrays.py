"""What all quantities share: checks of their arrays, units, and covariances to first order.

A quantity is a plain function of points (..., space) and has a twin that returns its slopes, one
(..., space) for each point. Everything about dimensions and errors is here.
"""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from calibration.geometry import Array
from calibration.rig import Rig
from labcut3d.errors import DatasetError
from labcut3d.kinematics.kernels import quadratic_forms

__all__ = [
    "apply_to_points",
    "described",
    "direction",
    "norm",
    "propagate",
    "require",
    "require_unit_of",
    "square",
    "unit_of",
]

OLD_NAMES = {"keypoint": "keypoints", "individual": "individuals"}  # of movement before 0.17


def apply_to_points(function: Callable[..., Array], *points: xr.DataArray) -> xr.DataArray:
    """Return a function of points (..., space) -> (...), over all their other dimensions."""
    for point in points:
        require(point, "space")
    return xr.apply_ufunc(function, *points, input_core_dims=[["space"]] * len(points))


def propagate(
    slopes: Callable[..., Sequence[Array]],
    points: Sequence[xr.DataArray],
    covariances: Sequence[xr.DataArray],
) -> xr.DataArray:
    """Return the variance of a quantity of points with independent errors, to first order.

    `slopes` takes the points as (..., space) and returns the quantity's derivative by each, of
    that shape; `covariances` (..., space, space_) in the order of the points. NaN where a point or
    a covariance is missing.
    """
    count = len(points)
    for covariance in covariances:
        require(covariance, "space", "space_")

    def variance(*arrays: Array) -> Array:
        """Return the sum of the points' parts."""
        parts = zip(slopes(*arrays[:count]), arrays[count:], strict=True)
        return np.sum([quadratic_forms(slope, matrix) for slope, matrix in parts], axis=0)

    core = [["space"]] * count + [["space", "space_"]] * count
    return xr.apply_ufunc(variance, *points, *covariances, input_core_dims=core)


def require(array: xr.DataArray, *dims: str) -> None:
    """Raise `DatasetError` where a dimension is missing."""
    for dim in dims:
        if dim in array.dims:
            continue
        message = f"'{array.name or 'array'}' has dimensions {array.dims}; it needs '{dim}'"
        old = OLD_NAMES.get(dim)
        if old in array.dims:
            message += f": rename them, array.rename({old}='{dim}')"
        raise DatasetError(message)


def require_unit_of(rig: Rig, trajectories: xr.Dataset) -> None:
    """Raise `DatasetError` where trajectories are in another unit than a rig."""
    unit = trajectories.attrs["unit"]
    if unit != rig.unit:
        raise DatasetError(
            f"the trajectories are in {unit}, the rig in {rig.unit}; triangulate with this rig"
        )


def unit_of(array: xr.DataArray, per: str = "") -> str:
    """Return the unit of an array, per something where it says so: mm, mm/s."""
    return f"{array.attrs.get('units', '1')}{per}"


def described(array: xr.DataArray, units: str, long_name: str) -> xr.DataArray:
    """Return `array` with these attributes and the coordinates of its dimensions alone."""
    labels = [name for name in array.coords if name not in array.dims]
    array = array.drop_vars(labels)
    array.attrs = {"units": units, "long_name": long_name}
    return array


def square(units: str) -> str:
    """Return the unit of a variance of what has `units`: mm^2, (mm/s)^2."""
    return f"({units})^2" if not units.isalpha() else f"{units}^2"


def norm(vectors: Array) -> Array:
    """Return the lengths (...) of vectors (..., space), NaN where a component is missing."""
    return np.sqrt(np.einsum("...i,...i->...", vectors, vectors))


def direction(vectors: Array) -> Array:
    """Return vectors (..., space) of length 1, NaN where they have none."""
    length = norm(vectors)[..., None]
    return vectors / np.where(length > 0, length, np.nan)
