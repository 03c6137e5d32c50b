"""Datasets that keep the `contract`: made, written and read."""

import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt
import xarray as xr

from calibration.files import atomic_write
from labcut3d.contract import DETECTIONS, KINEMATICS, TRAJECTORIES, Kind
from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.formats.soundness import require_sound
from labcut3d.validation import require_rate, source_of, validate
from labcut3d.version import __version__

__all__ = [
    "kind_of",
    "load_netcdf",
    "make_detections",
    "make_trajectories",
    "noise_covariance",
    "open_dataset",
    "open_lazily",
    "save_dataset",
    "small_cache",
    "validate_detections",
    "validate_kinematics",
    "validate_trajectories",
]

Array = npt.NDArray[Any]

CACHE = 2**21  # bytes that a variable of an open file keeps
UNREADABLE = (OSError, ValueError, RuntimeError, KeyError, IndexError, TypeError, MemoryError)


def make_detections(
    *,
    position: Array,
    confidence: Array,
    views: Sequence[str],
    keypoints: Sequence[str],
    individuals: Sequence[str],
    fps: float,
    covariance: Array | None = None,
    frame: Array | None = None,
    view_time: Array | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Return a validated detections dataset.

    `position` (time, view, 2, keypoint, individual) px; `confidence` (time, view, keypoint,
    individual); `covariance` (time, view, keypoint, individual, 2, 2) px^2. By default `frame`
    counts from 0 alike in all views, and `view_time` is frame / fps.
    """
    require_rate(fps, "detections")
    position = np.asarray(position)
    n_times = position.shape[0]
    if frame is None:
        frame = np.repeat(np.arange(n_times)[:, None], len(views), axis=1)
    if view_time is None:
        view_time = np.asarray(frame) / fps
    arrays = {
        "position": position,
        "confidence": confidence,
        "frame": frame,
        "view_time": view_time,
    }
    if covariance is not None:
        arrays["covariance"] = covariance
    coords = {
        "time": np.asarray(view_time, dtype=np.float64)[:, 0],
        "view": list(views),
        "keypoint": list(keypoints),
        "individual": list(individuals),
    }
    return _assemble(DETECTIONS, arrays, coords, {"fps": float(fps), **(attrs or {})})


def make_trajectories(
    *,
    position: Array,
    position_raw: Array,
    covariance: Array,
    reprojection_error: Array,
    view_used: Array,
    confidence: Array,
    like: xr.Dataset,
    unit: str,
    optional: Mapping[str, Array] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Return a validated trajectories dataset with the clocks and labels of the detections `like`.

    `position`, `position_raw` (time, 3, keypoint, individual) in `unit`, world frame of the rig;
    `covariance` (time, keypoint, individual, 3, 3) unit^2; `reprojection_error` and `confidence`
    (time, keypoint, individual), px and 0 to 1; `view_used` (time, view, keypoint, individual).
    `optional` are the variables that need not be there, as `TRAJECTORIES` describes them.
    The attributes of `like` are kept; `attrs` come on top.
    """
    arrays = {
        "position": position,
        "position_raw": position_raw,
        "covariance": covariance,
        "reprojection_error": reprojection_error,
        "view_used": view_used,
        "confidence": confidence,
        "frame": like["frame"].values,
        "view_time": like["view_time"].values,
        **(optional or {}),
    }
    coords = {name: like[name].values for name in ("time", "view", "keypoint", "individual")}
    inherited = {name: value for name, value in like.attrs.items() if name != "ds_type"}
    return _assemble(TRAJECTORIES, arrays, coords, {**inherited, "unit": unit, **(attrs or {})})


def validate_detections(dataset: xr.Dataset) -> xr.Dataset:
    """Return `dataset` unchanged, or raise `DatasetError` saying what is not as in `DETECTIONS`."""
    return validate(dataset, DETECTIONS)


def validate_trajectories(dataset: xr.Dataset) -> xr.Dataset:
    """Return `dataset` unchanged, or raise `DatasetError` where it is not as `TRAJECTORIES`."""
    return validate(dataset, TRAJECTORIES)


def validate_kinematics(dataset: xr.Dataset) -> xr.Dataset:
    """Return `dataset` unchanged, or raise `DatasetError` where it is not as `KINEMATICS`."""
    return validate(dataset, KINEMATICS)


def noise_covariance(trajectories: xr.Dataset) -> xr.DataArray:
    """Return the part of the covariance of trajectories that the detections' noise makes.

    It is what tells how far a reprojection may lie from detections, or one moment from another:
    the calibration errs alike in all of them.
    """
    if "covariance_calibration" not in trajectories:
        return trajectories["covariance"]
    return trajectories["covariance"] - trajectories["covariance_calibration"]


def kind_of(dataset: xr.Dataset) -> Kind:
    """Return the kind of a dataset, or raise `DatasetError`.

    Kinematics say so in `ds_type`; the others are told by their `space`.
    """
    if dataset.attrs.get("ds_type") == KINEMATICS.name:
        return KINEMATICS
    space = tuple(str(label) for label in dataset.coords.get("space", xr.DataArray([])).values)
    for kind in (DETECTIONS, TRAJECTORIES):
        if space == kind.space:
            return kind
    raise DatasetError(
        f"{source_of(dataset)}: coordinate 'space' is {space or 'missing'}; a labcut3d dataset has "
        "('x', 'y') for detections or ('x', 'y', 'z') for trajectories"
    )


def save_dataset(dataset: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write a validated dataset as netCDF-4, compressed and atomically.

    At zlib's level 1: level 4 takes a fifth longer, for one part in a hundred less.
    """
    validate(dataset, kind_of(dataset))
    encoding: dict[Hashable, Any] = {
        name: {"zlib": True, "complevel": 1, "shuffle": True} for name in dataset.data_vars
    }
    with atomic_write(path) as temporary:
        dataset.to_netcdf(temporary, engine="netcdf4", format="NETCDF4", encoding=encoding)


def open_dataset(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a file of any kind wholly into memory and validate it.

    Raises `DatasetError` naming the file where it is missing, is not netCDF-4, or holds
    something else.
    """
    dataset = load_netcdf(path)
    return validate(dataset, kind_of(dataset))


@contextmanager
def open_lazily(path: str | os.PathLike[str], chunk: int | None = None) -> Iterator[xr.Dataset]:
    """Open a file of any kind, validated, whose variables stay on disk until they are asked for.

    Of long recordings ask for some moments after the other, as in `isel(time=slice(0, 4096))`. With
    `chunk`, variables are dask arrays of so many moments, for which dask must be installed. Raises
    `DatasetError` as `open_dataset` does.
    """
    with ExitStack() as files:
        with _faults_told(path):
            stored = files.enter_context(_stored(path))
            validate(stored, kind_of(stored))
        yield stored if chunk is None else stored.chunk(time=chunk)


def load_netcdf(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a netCDF-4 file wholly into memory, without asking what it holds.

    Raises `DatasetError` naming the file where it is missing, is not netCDF-4, is damaged, or
    claims more than memory holds.
    """
    with _faults_told(path), _stored(path) as stored:
        dataset = stored.load()
    dataset.encoding["source"] = str(path)
    return dataset


@contextmanager
def _stored(path: str | os.PathLike[str]) -> Iterator[xr.Dataset]:
    """Open a netCDF-4 file whose variables stay on disk."""
    if not Path(path).is_file():
        raise DatasetError(f"{path}: no such file; run the stage that writes it first")
    require_sound(path, netcdf=True)
    with small_cache():
        opened = xr.open_dataset(path, engine="netcdf4", decode_times=False, cache=False)
    with opened as stored:
        stored.encoding["source"] = str(path)
        yield stored


@contextmanager
def small_cache() -> Iterator[None]:
    """Let variables of netCDF-4 files that are opened meanwhile keep little of what was read.

    By default each keeps 64 MiB, although what is read moment after moment is read once.
    """
    before = netCDF4.get_chunk_cache()
    netCDF4.set_chunk_cache(CACHE, *before[1:])
    try:
        yield
    finally:
        netCDF4.set_chunk_cache(*before)


@contextmanager
def _faults_told(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file in every error of reading it."""
    try:
        yield
    except FileFormatError as error:
        raise DatasetError(str(error)) from error
    except UNREADABLE as error:
        raise DatasetError(f"{path}: not a readable netCDF-4 file ({error})") from error


def _assemble(
    kind: Kind, arrays: Mapping[str, Array], coords: Mapping[str, Any], attrs: Mapping[str, Any]
) -> xr.Dataset:
    """Build a dataset of `kind`, giving each variable its dtype, unit and long name."""
    variables = {}
    for name, array in arrays.items():
        variable = kind.variables[name]
        try:
            units = variable.units.replace("unit", str(attrs.get("unit", "unit")))
            values = np.asarray(array, dtype=variable.dtype)
            described = {"units": units, "long_name": variable.long_name}
            variables[name] = xr.Variable(variable.dims, values, described)
        except ValueError as error:
            raise DatasetError(
                f"{kind.name}: '{name}' has shape {np.shape(array)}, expected dimensions "
                f"{variable.dims}"
            ) from error
    try:
        dataset = xr.Dataset(variables, {"space": list(kind.space), **coords})
    except ValueError as error:
        raise DatasetError(f"{kind.name}: shapes contradict each other: {error}") from error
    if "covariance" in variables:
        dataset = dataset.assign_coords(space_=list(kind.space))
    dataset["time"].attrs.update(units="s", long_name="time")
    dataset.attrs = {
        "Conventions": "CF-1.10",
        "ds_type": kind.name,
        "time_unit": "seconds",
        "source_software": "labcut3d",
        "labcut3d_version": __version__,
        **attrs,
    }
    return validate(dataset, kind)
