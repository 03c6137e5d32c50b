"""Which reader or writer a file needs: detections by their content, exports by their ending."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import h5py
import xarray as xr

from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.formats.deeplabcut import read_deeplabcut_csv, read_deeplabcut_h5
from labcut3d.formats.hdf5 import MAGIC, open_hdf5
from labcut3d.formats.sleap_analysis import read_sleap_analysis
from labcut3d.formats.tidy_csv import write_csv
from labcut3d.formats.views import ViewDetections, combine_views
from labcut3d.schema import open_dataset, save_dataset, validate_detections

__all__ = ["read_detections", "read_view", "write_trajectories"]

PathLike = str | os.PathLike[str]
Writer = Callable[[xr.Dataset, PathLike], None]

READABLE = "SLEAP .analysis.h5, DeepLabCut .csv or .h5, and labcut3d's detections.nc"
WRITERS: Mapping[str, Writer] = {".csv": write_csv, ".nc": save_dataset}


def read_detections(
    files: PathLike | Sequence[PathLike] | Mapping[str, PathLike], *, fps: float | None = None
) -> xr.Dataset:
    """Read detections of any known program as one dataset.

    `files` is one detections.nc, or other programs' files by view: a mapping, or a sequence of
    "VIEW=FILE"; those need `fps`. Raises `FileFormatError` or `DatasetError` naming the file and
    the fix.
    """
    if isinstance(files, str | os.PathLike):
        files = [files]
    if not isinstance(files, Mapping):
        if len(files) == 1 and Path(files[0]).suffix == ".nc":
            detections = validate_detections(open_dataset(files[0]))
            if fps is not None and fps != detections.attrs["fps"]:
                raise DatasetError(
                    f"{files[0]}: has {detections.attrs['fps']} frames a second, but fps = {fps} "
                    "was given; leave it out"
                )
            return detections
        files = _by_view(files)
    if fps is None:
        raise DatasetError(
            "these files do not tell their frame rate: give fps (in the terminal --fps 30)"
        )
    return combine_views({view: read_view(path) for view, path in files.items()}, fps=fps)


def read_view(path: PathLike) -> ViewDetections:
    """Read the detections of one view, choosing the reader by what the file holds."""
    path = Path(path)
    if not path.is_file():
        raise FileFormatError(f"{path}: no such file; check the path")
    with path.open("rb") as stream:
        start = stream.read(len(MAGIC))
    if start == MAGIC:
        with open_hdf5(path) as file:
            is_sleap = "tracks" in file
            is_pandas = any(
                "pandas_type" in group.attrs
                for group in file.values()
                if isinstance(group, h5py.Group)
            )
        if is_sleap:
            return read_sleap_analysis(path)
        if is_pandas:
            return read_deeplabcut_h5(path)
    elif path.suffix.lower() == ".csv":
        return read_deeplabcut_csv(path)
    raise FileFormatError(f"{path}: no detections of a known program; labcut3d reads {READABLE}")


def write_trajectories(trajectories: xr.Dataset, path: PathLike) -> None:
    """Write trajectories in the format that the ending of `path` names: .csv or .nc."""
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise FileFormatError(
            f"{path}: cannot write '{path.suffix}'; endings known: {', '.join(WRITERS)}"
        )
    writer(trajectories, path)


def _by_view(files: Sequence[PathLike]) -> dict[str, Path]:
    """Return VIEW=FILE arguments as a mapping."""
    views: dict[str, Path] = {}
    for file in files:
        argument = os.fspath(file)
        view, equals, path = argument.partition("=")
        if not (view and equals and path):
            raise DatasetError(f"'{argument}': say which view it is, as VIEW=FILE")
        if view in views:
            raise DatasetError(f"view '{view}' is given twice: {views[view]} and {path}")
        views[view] = Path(path)
    return views
