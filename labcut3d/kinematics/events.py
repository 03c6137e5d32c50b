"""The events of a recording: egg-laying bouts, eggs and proboscis extensions, as a table."""

import csv
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from calibration.files import atomic_write
from calibration.rig import Rig
from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.kinematics.bouts import Bout, BoutSettings, find_bouts
from labcut3d.kinematics.eggs import Contact, Source, find_egg
from labcut3d.kinematics.ethogram import (
    BENDING_KEYPOINTS,
    PROBOSCIS_KEYPOINTS,
    compute_abdominal_bending,
    compute_head_width,
    compute_proboscis_extension,
)
from labcut3d.kinematics.settings import EventSettings
from labcut3d.progress import Progress
from labcut3d.schema import validate_trajectories

__all__ = ["COLUMNS", "EVENTS", "find_events", "read_events", "write_events"]

EVENTS = ("egg_laying", "egg_deposited", "proboscis_extension")
COLUMNS = (
    "individual", "event", "start_frame", "stop_frame", "start_s", "stop_s", "confidence",
    "x", "y", "z",
)  # fmt: skip
AT_FULL_BEND = 0.8  # of a bout's bending; from here the ovipositor is at the substrate
LOOKS_WITHIN, LOOKS_BESIDE = 200, 40  # most frames looked at in a bout, and on either side of it
STRAY = 3.0  # head widths from the other points of contact; farther is a mistaken position
SETTLING_S = 0.5  # s; how long a place must be seen after a bout, or else at its end

Array = npt.NDArray[np.float64]
Row = tuple[str, str, int, int, float, float, float, float, float, float]


def find_events(
    trajectories: xr.Dataset,
    *,
    settings: EventSettings | None = None,
    rig: Rig | None = None,
    sources: Mapping[str, Source] | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Return the events of trajectories as a table with the columns `COLUMNS`, sorted by start.

    Frames are those of the first view's video, both ends included; seconds are the dataset's
    `time`; `confidence` is 0 to 1; x, y, z is the place of an egg in the trajectories' unit and
    world frame, which must be the rig's, and NaN for other events. Eggs are looked for in the
    images, so they need `rig` and `sources` (view -> frames). Sentences about what could not be
    looked for, and why, are in `table.attrs["notes"]`.
    """
    validate_trajectories(trajectories)
    settings = settings or EventSettings()
    notes: list[str] = []
    rows: list[Row] = []
    contacts: list[tuple[str, Contact]] = []
    for individual in trajectories["individual"].values:
        fly = trajectories.sel(individual=[individual])
        if _has(fly, BENDING_KEYPOINTS, "egg-laying", notes):
            bouts = _bouts(compute_abdominal_bending(fly["position"]), fly, settings, "bend")
            rows += [_row(fly, "egg_laying", bout) for bout in bouts]
            contacts += [(str(individual), contact) for contact in _contacts(fly, bouts, settings)]
        if _has(fly, PROBOSCIS_KEYPOINTS, "proboscis extension", notes):
            bouts = _bouts(compute_proboscis_extension(fly["position"]), fly, settings, "proboscis")
            rows += [_row(fly, "proboscis_extension", bout) for bout in bouts]
    if contacts and (rig is None or sources is None):
        notes.append("eggs were not looked for: that needs the rig and the videos")
    elif rig is not None and sources is not None:
        _require_same_unit(trajectories, rig)
        for done, (individual, contact) in enumerate(contacts):
            egg = find_egg(contact, rig, sources, settings)
            if egg is not None:
                fly, span = trajectories.sel(individual=[individual]), (egg.sample, egg.sample)
                rows.append(_make_row(fly, "egg_deposited", span, egg.confidence, egg.place))
            if progress is not None:
                progress(done + 1, len(contacts), "looking for eggs")
    table = _table(rows)
    table.attrs["notes"] = tuple(dict.fromkeys(notes))
    return table


def write_events(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table of events as CSV, atomically; NaN becomes an empty field."""
    _require_columns(table, str(path))
    with atomic_write(path) as temporary:
        table[list(COLUMNS)].to_csv(
            temporary, index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL
        )


def read_events(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table of events.

    Raises `FileFormatError` naming the file where it is missing or is no such table.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, dtype={"individual": str, "event": str}, encoding="utf-8")
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: no such file; run `labcut3d events` first") from error
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise FileFormatError(f"{path}: not a table of events ({error})") from error
    _require_columns(table, str(path))
    try:
        return _typed(table.loc[:, list(COLUMNS)])
    except (TypeError, ValueError) as error:
        raise FileFormatError(
            f"{path}: frames must be whole numbers, times and places numbers ({error})"
        ) from error


def _has(fly: xr.Dataset, keypoints: tuple[str, ...], what: str, notes: list[str]) -> bool:
    """Tell whether the keypoints of an event are there, with a note where they are not."""
    present = set(fly["keypoint"].values.tolist())
    missing = [name for name in keypoints if name not in present]
    if missing:
        notes.append(f"{what} was not looked for: the skeleton has no {', '.join(missing)}")
    return not missing


def _bouts(
    signal: xr.DataArray, fly: xr.Dataset, settings: EventSettings, name: str
) -> tuple[Bout, ...]:
    """Return the bouts of one animal's signal by the settings that start with `name`."""
    fps = float(fly.attrs["fps"])
    suffix = "_deg" if name == "bend" else ""
    found = BoutSettings(
        enter=getattr(settings, f"{name}_enter{suffix}"),
        leave=getattr(settings, f"{name}_leave{suffix}"),
        min_samples=max(1, round(getattr(settings, f"{name}_min_s") * fps)),
        max_gap=round(settings.max_gap_s * fps),
        smooth=round(settings.smooth_s * fps),
        rest_quantile=settings.rest_quantile,
    )
    return find_bouts(signal.values.ravel(), found)


def _contacts(
    fly: xr.Dataset, bouts: tuple[Bout, ...], settings: EventSettings
) -> Iterator[Contact]:
    """Yield where and when the ovipositor touched the substrate in each bout of one animal."""
    fps, n_times = float(fly.attrs["fps"]), fly.sizes["time"]
    memory, settling = round(settings.egg_memory_s * fps), round(SETTLING_S * fps)
    scale = float(compute_head_width(fly["position"]).values[0])
    bending = compute_abdominal_bending(fly["position"]).values[:, 0]
    tip = fly["position"].sel(keypoint="ovipositor").isel(individual=0).values
    for number, bout in enumerate(bouts):
        bent = np.zeros(n_times, dtype=bool)
        bent[bout.start : bout.stop + 1] = np.isfinite(tip[bout.start : bout.stop + 1]).all(axis=1)
        bent &= np.isfinite(bending)
        if not bent.any():
            continue
        full = np.quantile(bending[bent], 0.9) - (1 - AT_FULL_BEND) * bout.level
        first = max(bouts[number - 1].stop + 1 if number else 0, bout.start - memory)
        end = min([n_times, bout.stop + 1 + memory, *(b.start for b in bouts[number + 1 :])])
        # Where the bout is cut by the end, its last moments must do.
        settled = bout.stop if end - bout.stop > settling else end - settling
        points = tip[bent & (bending >= full)]
        stray = np.linalg.norm(points - np.median(points, axis=0), axis=1)
        points = points[stray <= STRAY * scale]
        if not len(points):  # the tip jumps about, so it is not known where it touched
            continue
        samples = np.concatenate(
            [
                _thin(first, bout.start, LOOKS_BESIDE),
                _thin(bout.start, bout.stop + 1, LOOKS_WITHIN),
                _thin(bout.stop + 1, end, LOOKS_BESIDE),
            ]
        )
        yield Contact(
            points=points,
            scale=scale,
            samples=samples,
            start=bout.start,
            stop=bout.stop,
            settled=settled,
            frames={str(v): fly["frame"].sel(view=v).values[samples] for v in fly["view"].values},
        )


def _thin(first: int, end: int, most: int) -> npt.NDArray[np.int64]:
    """Return at most `most` samples of [first, end), evenly apart and with its last one."""
    step = max(1, -(-(end - first) // most))
    return np.arange(end - 1, first - 1, -step, dtype=np.int64)[::-1]


def _row(fly: xr.Dataset, event: str, bout: Bout) -> Row:
    """Return the row of a bout of one animal."""
    span = (bout.start, bout.stop)
    return _make_row(fly, event, span, bout.confidence, np.full(3, np.nan))


def _make_row(
    fly: xr.Dataset, event: str, span: tuple[int, int], confidence: float, place: Array
) -> Row:
    """Return a row from samples of a dataset with one individual."""
    start, stop = span
    frame, time = fly["frame"].values[:, 0], fly["time"].values
    individual = str(fly["individual"].values[0])
    x, y, z = (float(value) for value in place)
    return (
        individual, event, int(frame[start]), int(frame[stop]), float(time[start]),
        float(time[stop]), confidence, x, y, z,
    )  # fmt: skip


def _require_same_unit(trajectories: xr.Dataset, rig: Rig) -> None:
    """Raise `DatasetError` where places cannot be projected because the units differ."""
    unit = trajectories.attrs["unit"]
    if unit != rig.unit:
        raise DatasetError(
            f"the trajectories are in {unit}, the rig in {rig.unit}; triangulate with this rig"
        )


def _table(rows: list[Row]) -> pd.DataFrame:
    """Return rows as a table with the right types, sorted by start."""
    table = _typed(pd.DataFrame(rows, columns=list(COLUMNS)))
    return table.sort_values(["start_frame", "individual", "event"], ignore_index=True)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of events with the types of its columns."""
    names = {"individual": "object", "event": "object"}
    frames = {"start_frame": "int64", "stop_frame": "int64"}
    numbers = dict.fromkeys(COLUMNS[4:], "float64")
    return table.astype({**names, **frames, **numbers})


def _require_columns(table: pd.DataFrame, where: str) -> None:
    """Raise `FileFormatError` where a column is missing."""
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise FileFormatError(
            f"{where}: no column {', '.join(missing)}; a table of events has {', '.join(COLUMNS)}"
        )
