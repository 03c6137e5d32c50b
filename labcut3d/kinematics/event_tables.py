"""Tables of events, and the files that hold them: events.csv and events.nc.

events.csv has the columns `COLUMNS`, and no others ever: programs of its users read it. events.nc
holds all there is, as an xarray dataset over `event`: the variables of `EVENT_VARIABLES`, each with
its unit, and `position (event, space)`.
"""

import csv
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from calibration.files import atomic_write
from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.schema import load_netcdf
from labcut3d.version import __version__

__all__ = [
    "COLUMNS",
    "EVENT_VARIABLES",
    "EVERYTHING",
    "events_dataset",
    "events_table",
    "open_events",
    "read_events",
    "save_events",
    "typed_table",
    "write_events",
]

COLUMNS = (
    "individual", "event", "start_frame", "stop_frame", "start_s", "stop_s", "confidence",
    "x", "y", "z",
)  # fmt: skip
EVERYTHING = (*COLUMNS, "peak_frame", "peak_s", "value", "signal", "units", "cut")
TEXTS = ("individual", "event", "signal", "units")
FRAMES = ("start_frame", "stop_frame", "peak_frame")
PLACE = ("x", "y", "z")

EVENT_VARIABLES: Mapping[str, tuple[str, str, str]] = {
    "individual": ("individual", "", "animal"),
    "event_type": ("event", "", "what happened"),
    "start_frame": ("start_frame", "1", "first frame, of the first view's video"),
    "stop_frame": ("stop_frame", "1", "last frame, which belongs to the event"),
    "peak_frame": ("peak_frame", "1", "frame of the peak"),
    "start": ("start_s", "s", "time of the first frame"),
    "stop": ("stop_s", "s", "time of the last frame"),
    "peak": ("peak_s", "s", "time of the peak"),
    "peak_value": ("value", "", "smoothed signal at the peak, in peak_units"),
    "peak_units": ("units", "", "unit of the signal"),
    "signal": ("signal", "", "signal that the event was told by"),
    "confidence": ("confidence", "1", "probability that it is one, 0 to 1"),
    "cut": ("cut", "1", "whether the recording begins or ends within the event"),
}
"""The variables of events.nc: the column of the table, its unit, its long name."""


def typed_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of events with the types of its columns; those it lacks are not added."""
    kinds = dict.fromkeys(table.columns, "float64")
    kinds |= dict.fromkeys(TEXTS, "object") | dict.fromkeys(FRAMES, "int64") | {"cut": "bool"}
    return table.astype({name: kinds[name] for name in table.columns})


def write_events(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table of events as CSV, atomically; NaN becomes an empty field."""
    _require_columns(table, str(path))
    with atomic_write(path) as temporary:
        table[list(COLUMNS)].to_csv(
            temporary, index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL
        )


def read_events(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table of events with the columns `COLUMNS`.

    Raises `FileFormatError` naming the file where it is missing or is no such table.
    """
    path = Path(path)
    try:
        # An individual may be called NA: only an empty field of a number is a missing value.
        table = pd.read_csv(
            path,
            dtype={"individual": str, "event": str},
            keep_default_na=False,
            na_values={name: [""] for name in COLUMNS if name not in TEXTS},
            encoding="utf-8",
        )
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: no such file; run `labcut3d events` first") from error
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise FileFormatError(f"{path}: not a table of events ({error})") from error
    _require_columns(table, str(path))
    try:
        return typed_table(table.loc[:, list(COLUMNS)])
    except (TypeError, ValueError, OverflowError) as error:
        raise FileFormatError(
            f"{path}: frames must be whole numbers, times and places numbers ({error})"
        ) from error


def events_dataset(table: pd.DataFrame, attrs: Mapping[str, object]) -> xr.Dataset:
    """Return a table of `find_events` as a dataset over `event`; `attrs` must tell `unit`, `fps`.

    Raises `DatasetError` where a column or an attribute is missing.
    """
    for name in EVERYTHING:
        if name not in table.columns:
            raise DatasetError(f"events: no column '{name}'; give a table of find_events")
    for name in ("unit", "fps"):
        if name not in attrs:
            raise DatasetError(f"events: attribute '{name}' is missing")
    variables = {
        name: ("event", _values(table, column), {"units": units, "long_name": words})
        for name, (column, units, words) in EVENT_VARIABLES.items()
    }
    described = {"units": str(attrs["unit"]), "long_name": "place, NaN where there is none"}
    position = table[list(PLACE)].to_numpy(dtype=float)
    dataset = xr.Dataset(
        {**variables, "position": (("event", "space"), position, described)},
        {"event": np.arange(len(table)), "space": list(PLACE)},
    )
    fixed = {
        "Conventions": "CF-1.10",
        "ds_type": "events",
        "source_software": "labcut3d",
        "labcut3d_version": __version__,
    }
    return dataset.assign_attrs({**fixed, **attrs})


def events_table(dataset: xr.Dataset) -> pd.DataFrame:
    """Return the table that `events_dataset` was made of; raises `DatasetError` for another."""
    where = dataset.encoding.get("source", "dataset")
    missing = [name for name in (*EVENT_VARIABLES, "position") if name not in dataset]
    if missing:
        raise DatasetError(f"{where}: events need a variable '{missing[0]}'")
    try:
        columns = {column: dataset[name].values for name, (column, *_) in EVENT_VARIABLES.items()}
        places = dataset["position"].transpose("event", "space").sel(space=list(PLACE)).values
        columns |= dict(zip(PLACE, places.T, strict=True))
        return typed_table(pd.DataFrame(columns).loc[:, list(EVERYTHING)])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DatasetError(f"{where}: not as labcut3d writes events ({error})") from error


def save_events(dataset: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write a dataset of events as netCDF-4, atomically."""
    events_table(dataset)  # refuses what is none
    with atomic_write(path) as temporary:
        dataset.to_netcdf(temporary, engine="netcdf4", format="NETCDF4")


def open_events(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a dataset of events wholly into memory.

    Raises `DatasetError` naming the file where it is missing or holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise DatasetError(f"{path}: no such file; run `labcut3d events` first")
    dataset = load_netcdf(path)
    events_table(dataset)
    return dataset


def _values(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column as netCDF can hold it: truths as bytes, text as text."""
    dtype = object if column in TEXTS else np.int8 if column == "cut" else None
    return table[column].to_numpy(dtype=dtype)


def _require_columns(table: pd.DataFrame, where: str) -> None:
    """Raise `FileFormatError` where a column is missing."""
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise FileFormatError(
            f"{where}: no column {', '.join(missing)}; a table of events has {', '.join(COLUMNS)}"
        )
