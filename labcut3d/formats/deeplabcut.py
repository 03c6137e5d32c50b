"""DeepLabCut's detections: the .csv or .h5 that it writes for an analysed video."""

import os
from pathlib import Path

from labcut3d.errors import FileFormatError
from labcut3d.formats.deeplabcut_tables import Table, read_csv_table, read_h5_table
from labcut3d.formats.views import ViewDetections

__all__ = ["read_deeplabcut_csv", "read_deeplabcut_h5"]


def read_deeplabcut_csv(path: str | os.PathLike[str]) -> ViewDetections:
    """Read a DeepLabCut .csv; raises `FileFormatError` naming the file and what is wrong."""
    return _detections(read_csv_table(Path(path)))


def read_deeplabcut_h5(path: str | os.PathLike[str]) -> ViewDetections:
    """Read a DeepLabCut .h5; raises `FileFormatError` naming the file and what is wrong."""
    return _detections(read_h5_table(Path(path)))


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
