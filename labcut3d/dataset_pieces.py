"""A long dataset written piece by piece: no more than a piece is ever in memory."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import netCDF4
import xarray as xr

from calibration.files import atomic_write
from labcut3d.errors import DatasetError
from labcut3d.schema import kind_of

__all__ = ["save_pieces"]

ROWS = 1024  # times of a variable that are compressed together


def save_pieces(pieces: Iterable[xr.Dataset], path: str | os.PathLike[str]) -> None:
    """Write datasets that follow each other in time as one netCDF-4 file, atomically.

    Read back, it is what `schema.save_dataset` writes of all together. The pieces are alike but for
    their times; the attributes are those of the first. Raises `DatasetError` where there is none.
    """
    rest = iter(pieces)
    first = next(rest, None)
    if first is None:
        raise DatasetError(f"{path}: there is nothing to write")
    kind_of(first)
    with atomic_write(path) as temporary:
        first.to_netcdf(
            temporary,
            engine="netcdf4",
            format="NETCDF4",
            unlimited_dims=["time"],
            encoding={name: _layout(first[name]) for name in first.variables if _long(first[name])},
        )
        _append(rest, temporary)


def _append(pieces: Iterable[xr.Dataset], path: Path) -> None:
    """Add the values of later pieces to a file that holds the first."""
    with netCDF4.Dataset(path, "a") as stored:
        for piece in pieces:
            start = len(stored.dimensions["time"])
            for name in piece.variables:
                if _long(piece[name]):
                    stored.variables[str(name)][start : start + piece.sizes["time"]] = piece[
                        name
                    ].values


def _long(variable: xr.DataArray) -> bool:
    """Tell whether a variable goes on from piece to piece."""
    return "time" in variable.dims


def _layout(variable: xr.DataArray) -> dict[str, Any]:
    """Return how a variable is laid out in the file: compressed, many times together."""
    sizes = [ROWS if dim == "time" else size for dim, size in variable.sizes.items()]
    return {"zlib": True, "complevel": 4, "shuffle": True, "chunksizes": sizes}
