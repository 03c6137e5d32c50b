"""DeepLabCut's detections: the .csv or .h5 of an analysed video, and Lightning Pose's .csv.

A file of several animals has a level of columns more. The .h5 is a pandas table, which PyTables
writes (`pip install "labcut3d[deeplabcut]"`); reading needs no PyTables.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.files import atomic_write
from labcut3d.errors import FileFormatError
from labcut3d.formats.deeplabcut_tables import (
    COORDS,
    LEVELS,
    Table,
    read_csv_table,
    read_h5_table,
)
from labcut3d.formats.exported import Export
from labcut3d.formats.extras import require
from labcut3d.formats.views import ViewDetections

__all__ = [
    "read_deeplabcut_csv",
    "read_deeplabcut_h5",
    "write_deeplabcut_csv",
    "write_deeplabcut_h5",
]

SCORER = "labcut3d"
KEY = "df_with_missing"  # where DeepLabCut looks in an .h5


def read_deeplabcut_csv(path: str | os.PathLike[str]) -> ViewDetections:
    """Read a DeepLabCut .csv; raises `FileFormatError` naming the file and what is wrong."""
    return _detections(read_csv_table(Path(path)))


def read_deeplabcut_h5(path: str | os.PathLike[str]) -> ViewDetections:
    """Read a DeepLabCut .h5; raises `FileFormatError` naming the file and what is wrong."""
    return _detections(read_h5_table(Path(path)))


def write_deeplabcut_csv(export: Export, path: str | os.PathLike[str]) -> None:
    """Write one view of detections; covariances and the frame rate are left out."""
    table = _table(export)
    with atomic_write(path) as temporary:
        table.to_csv(temporary)


def write_deeplabcut_h5(export: Export, path: str | os.PathLike[str]) -> None:
    """Write one view of detections; covariances and the frame rate are left out."""
    require("tables", "deeplabcut", "DeepLabCut's .h5 files")
    table = _table(export)
    with atomic_write(path) as temporary:
        table.to_hdf(temporary, key=KEY, format="table", mode="w")


def _table(export: Export) -> pd.DataFrame:
    """Return one view of detections as DeepLabCut's table: a row for each frame."""
    view = export.dataset.isel(view=0)
    order = ("time", "individual", "keypoint")
    values = np.concatenate(
        [
            view["position"].transpose(*order, "space").values,
            view["confidence"].transpose(*order).values[..., None],
        ],
        axis=-1,
        dtype=float,
    )
    single = len(export.individuals) == 1
    names = [[SCORER], export.individuals, export.keypoints, COORDS]
    if single:
        del names[1]
    columns = pd.MultiIndex.from_product(names, names=LEVELS[0] if single else LEVELS[1])
    return pd.DataFrame(
        values.reshape(len(values), -1), columns=columns, index=view["frame"].values
    )


def _detections(table: Table) -> ViewDetections:
    """Return the rows of an analysed video as detections."""
    if table.of_images:
        raise FileFormatError(
            f"{table.path}: the rows are images, so these are labels and no detections; give the "
            "analysed video's .csv or .h5, or take labels with: labcut3d import-labels"
        )
    return ViewDetections(
        path=table.path,
        keypoints=table.keypoints,
        individuals=table.individuals,
        position=table.values[..., :2],
        confidence=table.values[..., 2],
    )
