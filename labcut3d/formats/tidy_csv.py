"""Trajectories as a tidy table: one row for each moment, individual and keypoint."""

import os

import numpy as np
import pandas as pd
import xarray as xr

from calibration.files import atomic_write
from labcut3d.schema import validate_trajectories

__all__ = ["tidy_table", "write_csv"]


def tidy_table(trajectories: xr.Dataset) -> pd.DataFrame:
    """Return trajectories as a table whose columns name their unit, such as `x_mm`.

    `x`, `y`, `z` are refined, `raw_` triangulated from that moment alone, `sd_` the standard
    deviations; `frame` is the first view's; `views` counts the views used. NaN = missing.
    """
    validate_trajectories(trajectories)
    unit = trajectories.attrs["unit"]
    order = ("time", "individual", "keypoint")

    def flat(values: xr.DataArray) -> np.ndarray:
        """Return values with some of the dimensions `order`, as a column."""
        return values.broadcast_like(template).transpose(*order).values.ravel()

    template = trajectories["confidence"]
    columns = {
        "time_s": flat(trajectories["time"]),
        "frame": flat(trajectories["frame"].isel(view=0, drop=True)),
        "individual": flat(trajectories["individual"]),
        "keypoint": flat(trajectories["keypoint"]),
    }
    for prefix, name in (("", "position"), ("raw_", "position_raw")):
        for axis in "xyz":
            position = trajectories[name].sel(space=axis, drop=True)
            columns[f"{prefix}{axis}_{unit}"] = flat(position)
    for axis in "xyz":
        variance = trajectories["covariance"].sel(space=axis, space_=axis, drop=True)
        columns[f"sd_{axis}_{unit}"] = np.sqrt(flat(variance))
    columns["reprojection_error_px"] = flat(trajectories["reprojection_error"])
    columns["confidence"] = flat(trajectories["confidence"])
    columns["views"] = flat(trajectories["view_used"].astype(bool).sum("view"))
    return pd.DataFrame(columns)


def write_csv(trajectories: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write trajectories as a tidy .csv, atomically; a missing value is an empty cell."""
    table = tidy_table(trajectories)
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.9g")
