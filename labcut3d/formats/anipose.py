"""Anipose's 3-D points: a .csv with columns NAME_x, _y, _z, _error, _ncams and _score.

`M_00` to `M_22` and `center_0` to `center_2` say how Anipose turned and shifted the points, as
points M^T - center, into axes of the animal's. M need not be a rotation: Anipose scales its rows to
length 1 without making them square to each other. Reading undoes it, so that points are where the
rig of the calibration.toml sees them, and lengths are lengths.

Source: anipose/triangulate.py.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.files import atomic_write
from calibration.geometry import Array
from labcut3d.errors import FileFormatError
from labcut3d.formats.csv_numbers import NumberTable, read_numbers
from labcut3d.formats.deeplabcut_tables import ONLY
from labcut3d.formats.exported import Export
from labcut3d.formats.points import Points3d

__all__ = ["is_anipose", "read_anipose", "write_anipose"]

KIND = "3-D .csv of Anipose"
PARTS = ("x", "y", "z", "error", "ncams", "score")
SINGULAR = 1e-6  # determinant of M below which axes lie in a plane


def is_anipose(header: list[str]) -> bool:
    """Tell whether the first line of a .csv is Anipose's."""
    ends = {name.rpartition("_")[2] for name in header}
    return "fnum" in header and set(PARTS[:4]) <= ends


def read_anipose(path: str | os.PathLike[str]) -> Points3d:
    """Read the points with their errors, scores and numbers of cameras.

    Raises `FileFormatError` naming the file and what is wrong.
    """
    table = read_numbers(Path(path), KIND)
    header = table.header[0]
    keypoints = tuple(name.removesuffix("_error") for name in header if name.endswith("_error"))
    if not keypoints or len(set(header)) != len(header):
        raise FileFormatError(f"{path}: no column NAME_error, or one twice; this is no {KIND}")
    columns = {
        part: np.stack([_column(table, f"{name}_{part}") for name in keypoints], axis=1)
        for part in PARTS
    }
    position = np.stack([columns[axis] for axis in "xyz"], axis=-1)
    counts = columns["ncams"]
    return Points3d(
        path=table.path,
        program="Anipose",
        keypoints=keypoints,
        individuals=(ONLY,),
        position=_in_rig(table, position)[:, :, None],
        error=columns["error"][..., None],
        confidence=columns["score"][..., None],
        view_count=np.where(np.isnan(counts), 0.0, counts)[..., None],
        frame=_column(table, "fnum"),
    )


def write_anipose(export: Export, path: str | os.PathLike[str]) -> None:
    """Write the points of one individual as Anipose does; covariances are left out.

    The axes are the rig's: M is the identity, and center 0.
    """
    points = export.only_individual().dataset.isel(individual=0)
    count = points["view_used"].sum("view") if "view_count" not in points else points["view_count"]
    count = count.where(points["position"].notnull().all("space"))
    columns: dict[str, Array | float | int] = {}
    for name in points["keypoint"].values:
        one = {"keypoint": name}
        for axis in "xyz":
            columns[f"{name}_{axis}"] = points["position"].sel(space=axis, **one).values
        for part, values in {
            "error": points["reprojection_error"],
            "ncams": count,
            "score": points["confidence"],
        }.items():
            columns[f"{name}_{part}"] = values.sel(one).values
    columns |= {f"M_{i}{j}": float(i == j) for i in range(3) for j in range(3)}
    columns |= {f"center_{i}": 0.0 for i in range(3)}
    columns["fnum"] = points["frame"].isel(view=0).values
    with atomic_write(path) as temporary:
        pd.DataFrame(columns).to_csv(temporary, index=False)


def _column(table: NumberTable, name: str) -> Array:
    """Return the column called `name`."""
    if name not in table.header[0]:
        raise FileFormatError(f"{table.path}: no column '{name}'; this is no {KIND}")
    return table.values[:, table.header[0].index(name)]


def _in_rig(table: NumberTable, position: Array) -> Array:
    """Return points (..., 3) of the axes that M and center tell in the rig's axes."""
    if "M_00" not in table.header[0]:
        return position
    matrix = np.array([[_column(table, f"M_{i}{j}")[0] for j in range(3)] for i in range(3)])
    center = np.array([_column(table, f"center_{i}")[0] for i in range(3)])
    if not (np.isfinite(matrix).all() and np.isfinite(center).all()):
        raise FileFormatError(f"{table.path}: M or center has no value; export it again")
    if abs(np.linalg.det(matrix)) < SINGULAR:
        raise FileFormatError(
            f"{table.path}: its axes M lie in a plane, so the points cannot be taken back to the "
            "rig; triangulate again with other axes in Anipose's config.toml"
        )
    return (position + center) @ np.linalg.inv(matrix).T
