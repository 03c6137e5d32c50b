"""A long dataset written piece by piece: no more than a piece is ever in memory."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr

from calibration.files import atomic_write
from labcut3d.errors import DatasetError
from labcut3d.schema import kind_of, small_cache

__all__ = ["at_moments", "in_pieces", "save_pieces", "share_known", "thinned"]

PIECE = 8192  # moments

ROWS = 1024  # times of a variable that are compressed together


def save_pieces(pieces: Iterable[xr.Dataset], path: str | os.PathLike[str]) -> None:
    """Write datasets that follow each other in time as one netCDF-4 file, atomically.

    Read back, it is what `schema.save_dataset` writes of all together. The pieces are alike but for
    their times; attributes, and what is not told of each moment, are those of the last, which knows
    all. Raises `DatasetError` where there is none.
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


def in_pieces(dataset: xr.Dataset, size: int = PIECE) -> Iterator[xr.Dataset]:
    """Yield a dataset, which may be open on disk, `size` moments after the other, in memory."""
    for start in range(0, dataset.sizes["time"], size):
        yield dataset.isel(time=slice(start, start + size)).load()


def share_known(trajectories: xr.Dataset) -> float:
    """Return the share of points that were reconstructed; the trajectories may be open on disk."""
    count = total = 0
    for piece in in_pieces(trajectories[["position"]]):
        known = piece["position"].notnull().all("space").values
        count, total = count + int(known.sum()), total + known.size
    return count / total


def thinned(dataset: xr.Dataset, stride: int) -> xr.Dataset:
    """Return every n-th moment of a dataset, which may be open on disk, in memory."""
    if stride == 1:
        return dataset.load()
    starts = range(0, dataset.sizes["time"], PIECE)
    kept = [
        piece.isel(time=slice(-start % stride, None, stride)).copy(deep=True)
        for start, piece in zip(starts, in_pieces(dataset, PIECE), strict=True)
    ]
    return xr.concat(kept, "time", data_vars="minimal", coords="minimal", compat="override")


def at_moments(array: xr.DataArray, moments: np.ndarray) -> np.ndarray:
    """Return the values (n, ...) of an array, which may be on disk, at moments (n,) by index."""
    array = array.transpose("time", ...)
    values = np.empty((len(moments), *array.shape[1:]), dtype=array.dtype)
    for piece in np.unique(moments // PIECE):
        chosen = moments // PIECE == piece
        inside = array.isel(time=slice(piece * PIECE, (piece + 1) * PIECE)).values
        values[chosen] = inside[moments[chosen] - piece * PIECE]
    return values


def _append(pieces: Iterable[xr.Dataset], path: Path) -> None:
    """Add the values of later pieces, and the last's attributes, to a file that holds the first."""
    last = None
    with small_cache(), netCDF4.Dataset(path, "a") as stored:
        for piece in pieces:
            last = piece
            start = len(stored.dimensions["time"])
            for name in piece.variables:
                if _long(piece[name]):
                    stored.variables[str(name)][start : start + piece.sizes["time"]] = piece[
                        name
                    ].values
        if last is not None:
            stored.setncatts(last.attrs)
            for name in last.data_vars:
                if not _long(last[name]):
                    stored.variables[str(name)][:] = last[name].values


def _long(variable: xr.DataArray) -> bool:
    """Tell whether a variable goes on from piece to piece."""
    return "time" in variable.dims


def _layout(variable: xr.DataArray) -> dict[str, Any]:
    """Return how a variable is laid out in the file: compressed, many times together."""
    sizes = [ROWS if dim == "time" else size for dim, size in variable.sizes.items()]
    return {"zlib": True, "complevel": 1, "shuffle": True, "chunksizes": sizes}
