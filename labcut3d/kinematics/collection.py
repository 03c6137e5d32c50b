"""Quantities of trajectories as they are computed, each with its variance or covariance.

In blocks of time or one keypoint at a time, so that memory does not grow beyond what is returned,
which is in single precision; blocks are computed side by side on all cores.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import xarray as xr

from labcut3d.compute import cores
from labcut3d.contract import KINEMATICS

__all__ = ["COVARIANCES", "Collection", "Quantity", "in_blocks"]

COVARIANCES = ("covariance", "covariance_calibration")
BLOCK = 20_000  # moments

Quantity = Callable[..., xr.DataArray]
"""Points, and for a variance their covariances -> what is computed of them."""


class Collection:
    """Variables as they are added: each value with its variance, where there is a covariance."""

    def __init__(self, position: xr.DataArray, trajectories: xr.Dataset) -> None:
        """Take positions, with the covariances of trajectories, if they have any."""
        covariances = [trajectories[name] for name in COVARIANCES if name in trajectories]
        self.points = (position, *covariances)
        self.variables: dict[str, xr.DataArray] = {}

    def add(
        self, name: str, value: Quantity, variance: Quantity | None, along: str = "time"
    ) -> None:
        """Add a quantity of the points, whose variance is that of the noise, block by block.

        The calibration's part is taken off each block anew: twice the memory would cost more.
        """

        def of_noise(points: xr.DataArray, covariance: xr.DataArray, *calibration) -> xr.DataArray:
            """Return the variance that the points' noise makes."""
            assert variance is not None
            for part in calibration:
                covariance = covariance - part
            return variance(points, covariance)

        self.add_of(self.points, name, value, of_noise if variance is not None else None, along)

    def add_of(
        self,
        arrays: tuple[xr.DataArray, ...],
        name: str,
        value: Quantity,
        variance: Quantity | None,
        along: str = "time",
    ) -> None:
        """Add a quantity of the first of `arrays`, whose variance is one of all of them."""
        self.keep(name, in_blocks(value, arrays[:1], along))
        if variance is not None and len(arrays) > 1:
            self.keep(_name_of_variance(name), in_blocks(variance, arrays, along))

    def with_variance(self, name: str) -> tuple[xr.DataArray, ...]:
        """Return a quantity that was added before, and its variance where there is one."""
        names = (name, _name_of_variance(name))
        return tuple(self.variables[each] for each in names if each in self.variables)

    def keep(self, name: str, array: xr.DataArray) -> None:
        """Keep a variable with the contract's dimensions and words."""
        variable = KINEMATICS.variables[name]
        array = array.astype(variable.dtype, copy=False).transpose(*variable.dims)
        units = variable.units.replace("unit", self.points[0].attrs["units"])
        array = array.copy(deep=False)
        array.attrs = {
            "units": array.attrs.get("units", units),
            "long_name": variable.long_name,
        }
        self.variables[name] = array

    def to_dataset(self) -> xr.Dataset:
        """Return the variables, each of which names its variance where there is one."""
        for name, variable in self.variables.items():
            if _name_of_variance(name) in self.variables:
                variable.attrs["ancillary_variables"] = _name_of_variance(name)
        return xr.Dataset(self.variables)


def in_blocks(quantity: Quantity, arrays: tuple[xr.DataArray, ...], along: str) -> xr.DataArray:
    """Return a quantity of arrays, computed in blocks of time or one by one along a dimension."""
    size, count = BLOCK if along == "time" else 1, arrays[0].sizes[along]

    def compute(start: int) -> xr.DataArray:
        """Return the block that begins at `start`."""
        return quantity(*(array.isel({along: slice(start, start + size)}) for array in arrays))

    first = compute(0)
    if count <= size:
        return first.astype(np.float32, copy=False)
    # Blocks are written where they belong, so that they never lie in memory twice.
    shape = {**first.sizes, along: count}
    coords = {name: first[name] for name in first.coords if along not in first[name].dims}
    if along in arrays[0].coords:
        coords[along] = arrays[0][along]
    whole = xr.DataArray(
        np.empty(tuple(shape.values()), dtype=np.float32),
        dims=tuple(shape),
        coords=coords,
        attrs=first.attrs,
    )

    def fill(start: int) -> None:
        """Put a block into its place."""
        block = compute(start) if start else first
        whole[{along: slice(start, start + size)}] = block.values

    with ThreadPoolExecutor(cores()) as threads:
        list(threads.map(fill, range(0, count, size)))
    return whole


def _name_of_variance(name: str) -> str:
    """Return what the variance of a quantity is called; a name that is none where it has none."""
    covariance = f"{name}_covariance"
    return covariance if covariance in KINEMATICS.variables else f"{name}_variance"
