"""A dataset as a wide .csv: one row for each moment, a column for each coordinate of each point.

Columns are named `individual.keypoint.x_mm`, or `view.individual.keypoint.x_px` of detections.
Spreadsheets, MATLAB and Blender's scripts read it; `labcut3d` itself reads the tidy .csv.
"""

import os
from itertools import product

import pandas as pd

from calibration.files import atomic_write
from labcut3d.formats.exported import Export

__all__ = ["wide_table", "write_wide_csv"]


def wide_table(export: Export) -> pd.DataFrame:
    """Return positions and confidences, a row for each moment; covariances are left out."""
    dataset = export.dataset
    columns = {"time_s": dataset["time"].values}
    if export.is_3d:
        columns["frame"] = dataset["frame"].isel(view=0).values
        views, unit = [None], dataset.attrs["unit"]
    else:
        for view in dataset["view"].values:
            columns[f"{view}.frame"] = dataset["frame"].sel(view=view).values
        views, unit = list(dataset["view"].values), "px"
    space = [str(axis) for axis in dataset["space"].values]
    for view, individual, keypoint in product(views, export.individuals, export.keypoints):
        point = dataset.sel(individual=individual, keypoint=keypoint)
        point = point if view is None else point.sel(view=view)
        name = ".".join(part for part in (view, individual, keypoint) if part is not None)
        for axis in space:
            columns[f"{name}.{axis}_{unit}"] = point["position"].sel(space=axis).values
        columns[f"{name}.confidence"] = point["confidence"].values
    return pd.DataFrame(columns)


def write_wide_csv(export: Export, path: str | os.PathLike[str]) -> None:
    """Write a wide .csv, atomically, with nine digits; a missing value is an empty cell."""
    table = wide_table(export)
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.9g")
