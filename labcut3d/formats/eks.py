"""Ensemble Kalman smoother's files: DeepLabCut's .csv with more columns, variances among them.

Of one camera, `x`, `y`, `likelihood` and `x_posterior_var`, `y_posterior_var` px^2 are kept; what
the ensemble's members said (`x_ens_median`, `x_ens_var`, ...) is not. multicam_3d_results.csv has
`x`, `y`, `z` and their variances, in the unit of the calibration. Of the covariance the file knows
the diagonal.

Source: eks/singlecam_smoother.py and eks/multicam_smoother.py.
"""

import os
from pathlib import Path

import numpy as np

from calibration.geometry import Array
from labcut3d.errors import FileFormatError
from labcut3d.formats.deeplabcut_tables import COORDS, Table, read_csv_table
from labcut3d.formats.points import Points3d, diagonal
from labcut3d.formats.views import ViewDetections

__all__ = ["is_eks", "read_eks", "read_eks_3d"]

VARIANCE = "_posterior_var"
PLANE = tuple(f"{axis}{VARIANCE}" for axis in "xy")
SPACE = tuple(f"{axis}{VARIANCE}" for axis in "xyz")
ENSEMBLE = ("x_ens_median", "y_ens_median", "x_ens_var", "y_ens_var", "zscore", "nll")


def is_eks(coords: list[str]) -> bool:
    """Tell whether the line "coords" of a .csv is that of the ensemble Kalman smoother."""
    return set(PLANE) <= set(coords)


def read_eks(path: str | os.PathLike[str]) -> ViewDetections:
    """Read one camera's file; raises `FileFormatError` naming the file and what is wrong."""
    table = read_csv_table(Path(path), (*COORDS, *PLANE, *ENSEMBLE))
    _require_frames(table)
    return ViewDetections(
        path=table.path,
        keypoints=table.keypoints,
        individuals=table.individuals,
        position=table.values[..., :2],
        confidence=table.values[..., 2],
        covariance=diagonal(_variances(table, table.values[..., 3:5])),
    )


def read_eks_3d(path: str | os.PathLike[str]) -> Points3d:
    """Read multicam_3d_results.csv; raises `FileFormatError` naming the file and what is wrong."""
    table = read_csv_table(Path(path), ("x", "y", "z", *SPACE))
    _require_frames(table)
    return Points3d(
        path=table.path,
        program="EKS",
        keypoints=table.keypoints,
        individuals=table.individuals,
        position=table.values[..., :3],
        covariance=diagonal(_variances(table, table.values[..., 3:])),
    )


def _require_frames(table: Table) -> None:
    """Refuse rows that are no frames, and a file without any number."""
    if table.of_images or not np.isfinite(table.values[..., :2]).any():
        raise FileFormatError(f"{table.path}: no frames of a video with points; export it again")


def _variances(table: Table, variances: Array) -> Array:
    """Return variances, which cannot be negative."""
    if (variances < 0).any():
        raise FileFormatError(f"{table.path}: a variance is negative; the file is broken")
    return variances
