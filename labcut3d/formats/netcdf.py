"""netCDF-4: labcut3d's own datasets, and those of the `movement` package.

Both have the dimensions time, space, keypoint and individual, a `position` and a `confidence`.
What `movement` leaves out of ours (frames, views, covariances) is missing where its files are read;
what is written for it is our whole dataset with the attributes that it looks at. Files of
`movement` before 0.17 name their dimensions in the plural.

Source: movement/validators/datasets.py and movement/napari/loader_widgets.py, version 0.17.
"""

import os
from pathlib import Path

import numpy as np
import xarray as xr

from calibration.geometry import Array
from labcut3d.contract import DETECTIONS, TRAJECTORIES
from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.formats.exported import Export
from labcut3d.formats.points import Points3d
from labcut3d.formats.views import ViewDetections, combine_views
from labcut3d.schema import load_netcdf, open_dataset, save_dataset

__all__ = ["read_netcdf", "write_movement", "write_netcdf"]

PLURALS = {"keypoints": "keypoint", "individuals": "individual"}
DIMENSIONS = ("time", "keypoint", "individual")
ONLY_VIEW = "view"


def write_netcdf(export: Export, path: str | os.PathLike[str]) -> None:
    """Write a dataset as labcut3d's own netCDF-4, with CF attributes."""
    save_dataset(export.dataset, path)


def write_movement(export: Export, path: str | os.PathLike[str]) -> None:
    """Write a dataset as `movement` expects it, which labcut3d still reads as its own."""
    save_dataset(export.dataset.assign_attrs(ds_type="poses", time_unit="seconds"), path)


def read_netcdf(
    path: str | os.PathLike[str], *, fps: float | None = None, unit: str | None = None
) -> xr.Dataset:
    """Read a dataset of labcut3d or `movement`, detections or trajectories.

    `fps` and `unit` are for files of `movement` that do not tell them. Raises `DatasetError` or
    `FileFormatError` naming the file and what is wrong.
    """
    path = Path(path)
    stored = load_netcdf(path)
    if "view_time" in stored:
        dataset = open_dataset(path)
        for name, given in (("fps", fps), ("unit", unit)):
            told = dataset.attrs.get(name)
            if given is not None and given != told:
                raise DatasetError(
                    f"{path}: has {name} = {told}, but {given} was given; leave it out"
                )
        return dataset
    stored = stored.rename({old: new for old, new in PLURALS.items() if old in stored.dims})
    return _from_movement(path, stored, fps, unit)


def _from_movement(
    path: Path, stored: xr.Dataset, fps: float | None, unit: str | None
) -> xr.Dataset:
    """Return a dataset of `movement` as ours."""
    if "position" not in stored or not {*DIMENSIONS, "space"} <= set(stored["position"].dims):
        raise FileFormatError(
            f"{path}: has {', '.join(map(str, stored.data_vars)) or 'no variables'}; datasets of "
            "labcut3d and movement have 'position' along time, space, keypoint and individual"
        )
    space = tuple(str(axis) for axis in stored["space"].values)
    told = stored.attrs.get("fps")
    rate = float(told) if isinstance(told, int | float | np.number) else None
    if space == TRAJECTORIES.space:
        points = Points3d(
            path=path,
            program="movement",
            keypoints=_names(path, stored, "keypoint"),
            individuals=_names(path, stored, "individual"),
            position=_ordered(path, stored, "position", (*DIMENSIONS, "space")),
            confidence=_ordered(path, stored, "confidence", DIMENSIONS),
            fps=rate,
            unit=stored.attrs.get("space_unit"),
        )
        return points.to_trajectories(fps=fps, unit=unit)
    if space != DETECTIONS.space:
        raise FileFormatError(f"{path}: 'space' is {space}, neither x, y nor x, y, z")
    fps = rate if fps is None else fps
    if fps is None:
        raise DatasetError(f"{path}: does not tell its fps: give it (in the terminal --fps 30)")
    names = _names(path, stored, "view") if "view" in stored["position"].dims else (ONLY_VIEW,)
    each = {name: stored.sel(view=name) if "view" in stored.dims else stored for name in names}
    return combine_views({name: _view(path, one) for name, one in each.items()}, fps=fps)


def _view(path: Path, stored: xr.Dataset) -> ViewDetections:
    """Return one view of a 2-D dataset of `movement`."""
    return ViewDetections(
        path=path,
        keypoints=_names(path, stored, "keypoint"),
        individuals=_names(path, stored, "individual"),
        position=_ordered(path, stored, "position", (*DIMENSIONS, "space")),
        confidence=_ordered(path, stored, "confidence", DIMENSIONS),
    )


def _names(path: Path, stored: xr.Dataset, dimension: str) -> tuple[str, ...]:
    """Return the labels along a dimension."""
    if dimension not in stored.coords:
        raise FileFormatError(f"{path}: no names of its dimension '{dimension}'")
    return tuple(str(name) for name in stored[dimension].values)


def _ordered(path: Path, stored: xr.Dataset, name: str, dims: tuple[str, ...]) -> Array:
    """Return a variable as floats with these dimensions; NaN where it is absent.

    A confidence of whole individuals stands for each of their keypoints.
    """
    if name not in stored:
        return np.full([stored.sizes[dim] for dim in dims], np.nan)
    values = stored[name]
    if values.dtype.kind not in "fiu" or not set(values.dims) <= set(dims):
        raise FileFormatError(f"{path}: '{name}' has dimensions {values.dims}, {values.dtype}")
    like = stored["position"] if "space" in dims else stored["position"].isel(space=0, drop=True)
    return values.broadcast_like(like).transpose(*dims).values.astype(float)
