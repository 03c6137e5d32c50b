"""A dataset as a tidy table, one row for each point, and the table as a dataset again."""

from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from calibration.geometry import Array
from calibration.units import METRES
from labcut3d.contract import TRAJECTORIES
from labcut3d.errors import FileFormatError
from labcut3d.formats.points import Points3d
from labcut3d.schema import kind_of, validate_detections, validate_trajectories

__all__ = ["KEYS", "points_of", "tidy_table"]

KEYS = ("time_s", "frame", "individual", "keypoint")
ORDER = ("time", "individual", "keypoint")
RATE_DIGITS = 5  # of the frames a second, which times of nine digits tell
DENSEST = 64  # cells for each row, beyond which a table does not tell what its rows are


def tidy_table(dataset: xr.Dataset) -> pd.DataFrame:
    """Return a dataset as a table whose columns name their unit, such as `x_mm`.

    Of trajectories: `x`, `y`, `z` are refined, `raw_` triangulated from that moment alone, `sd_`
    the standard deviations and `cov_` the covariances; `frame` is the first view's; `views` counts
    the views used. Of detections: a row for each view, in px. NaN = missing.
    """
    if kind_of(dataset) is TRAJECTORIES:
        return _table_3d(validate_trajectories(dataset))
    validate_detections(dataset)
    views = [_table_2d(dataset.isel(view=v)) for v in range(dataset.sizes["view"])]
    return pd.concat(views, ignore_index=True)


def points_of(table: pd.DataFrame, path: Path) -> Points3d:
    """Return the points of a tidy table of trajectories; `path` names it in messages.

    Which views were used is not in it, only how many. Raises `FileFormatError` naming what is
    missing or stands twice.
    """
    unit = next((unit for unit in METRES if f"x_{unit}" in table.columns), None)
    missing = [name for name in KEYS if name not in table.columns]
    if missing or unit is None or not len(table):
        raise FileFormatError(
            f"{path}: no {', '.join(missing) or 'x with a unit, such as x_mm, or no rows'}; "
            "labcut3d reads tidy tables of trajectories as it writes them"
        )
    time, moments = np.unique(_numbers(table, "time_s", path), return_inverse=True)
    names = {key: table[key].astype(str) for key in ("individual", "keypoint")}
    codes = {key: pd.factorize(values) for key, values in names.items()}
    individuals, keypoints = (
        tuple(str(name) for name in codes[key][1]) for key in ("individual", "keypoint")
    )
    shape = (len(time), len(keypoints), len(individuals))
    if np.prod(shape, dtype=float) > DENSEST * len(table):
        raise FileFormatError(f"{path}: most moments lack most points; this is no tidy table")
    place = (moments, codes["keypoint"][0], codes["individual"][0])
    if len(np.unique(np.ravel_multi_index(place, shape))) != len(table):
        raise FileFormatError(f"{path}: a point stands twice in one moment")

    def grid(name: str) -> Array:
        """Return a column as (time, keypoint, individual)."""
        values = np.full(shape, np.nan)
        if name in table.columns:
            values[place] = _numbers(table, name, path)
        return values

    def space(prefix: str) -> Array:
        """Return three columns as (time, keypoint, individual, 3)."""
        return np.stack([grid(f"{prefix}{axis}_{unit}") for axis in "xyz"], axis=-1)

    frame = np.full(len(time), np.nan)
    frame[moments] = _numbers(table, "frame", path)
    return Points3d(
        path=path,
        program="labcut3d",
        keypoints=keypoints,
        individuals=individuals,
        position=space(""),
        position_raw=space("raw_"),
        covariance=_covariance(space("sd_"), grid, unit),
        error=grid("reprojection_error_px"),
        confidence=grid("confidence"),
        view_count=np.nan_to_num(grid("views")),
        frame=frame,
        time=time,
        fps=table.attrs.get("fps", _rate(frame, time)),
        unit=unit,
    )


def _table_3d(trajectories: xr.Dataset) -> pd.DataFrame:
    """Return trajectories as a table."""
    unit = trajectories.attrs["unit"]
    columns = _keys(trajectories.isel(view=0))
    for prefix, name in (("", "position"), ("raw_", "position_raw")):
        for axis in "xyz":
            columns[f"{prefix}{axis}_{unit}"] = _flat(trajectories, name, space=axis)
    for axis in "xyz":
        variance = _flat(trajectories, "covariance", space=axis, space_=axis)
        columns[f"sd_{axis}_{unit}"] = np.sqrt(variance)
    for a, b in combinations("xyz", 2):
        columns[f"cov_{a}{b}_{unit}2"] = _flat(trajectories, "covariance", space=a, space_=b)
    columns["reprojection_error_px"] = _flat(trajectories, "reprojection_error")
    columns["confidence"] = _flat(trajectories, "confidence")
    if "view_count" not in trajectories:
        count = trajectories["view_used"].astype(bool).sum("view")
        trajectories = trajectories.assign(view_count=count)
    columns["views"] = _flat(trajectories, "view_count")
    return pd.DataFrame(columns)


def _table_2d(view: xr.Dataset) -> pd.DataFrame:
    """Return one view of detections as a table."""
    columns = {"view": np.full(view["confidence"].size, view["view"].item()), **_keys(view)}
    columns |= {f"{axis}_px": _flat(view, "position", space=axis) for axis in "xy"}
    if "covariance" in view:
        for axis in "xy":
            variance = _flat(view, "covariance", space=axis, space_=axis)
            columns[f"sd_{axis}_px"] = np.sqrt(variance)
        columns["cov_xy_px2"] = _flat(view, "covariance", space="x", space_="y")
    columns["confidence"] = _flat(view, "confidence")
    return pd.DataFrame(columns)


def _keys(dataset: xr.Dataset) -> dict[str, Array]:
    """Return the columns that tell which point a row is."""
    named = {"time_s": "time", "frame": "frame", "individual": "individual", "keypoint": "keypoint"}
    return {column: _flat(dataset, name) for column, name in named.items()}


def _flat(dataset: xr.Dataset, name: str, **space: str) -> Array:
    """Return a variable, broadcast along the dimensions `ORDER`, as a column."""
    values = dataset[name].sel(space, drop=True)
    like = dataset["confidence"].transpose(*ORDER)
    return values.broadcast_like(like).transpose(*ORDER).values.ravel()


def _numbers(table: pd.DataFrame, name: str, path: Path) -> Array:
    """Return a column of numbers."""
    try:
        values = table[name].to_numpy(dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise FileFormatError(f"{path}: '{name}': a value is not a number ({error})") from error
    if np.isinf(values).any() or (name in KEYS and np.isnan(values).any()):
        raise FileFormatError(f"{path}: '{name}' has a value that is infinite or missing")
    return values


def _rate(frame: Array, time: Array) -> float | None:
    """Return the frames a second that frame numbers and times tell, or None where they do not."""
    frames, seconds = frame[-1] - frame[0], time[-1] - time[0]
    return round(float(frames / seconds), RATE_DIGITS) if frames > 0 and seconds > 0 else None


def _covariance(sd: Array, grid: Callable[[str], Array], unit: str) -> Array:
    """Return covariances (..., 3, 3) from standard deviations (..., 3) and the columns `cov_`."""
    covariance = np.full((*sd.shape, 3), np.nan)
    for i, j in product(range(3), repeat=2):
        if i == j:
            covariance[..., i, i] = sd[..., i] ** 2
        else:
            a, b = sorted("xyz"[k] for k in (i, j))
            covariance[..., i, j] = grid(f"cov_{a}{b}_{unit}2")
    return covariance
