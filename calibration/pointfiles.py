"""Named points in CSV files: where they were clicked in the views, and where they really are."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from calibration.errors import FileFormatError
from calibration.files import read_table
from calibration.geometry import Array

__all__ = ["read_clicks", "read_known_points"]

LARGEST = 1e12  # px, or the unit of length


def read_clicks(path: str | os.PathLike[str], views: Sequence[str]) -> dict[str, Array]:
    """Read clicks, columns `view,point,x,y` in px: point -> (view, 2), NaN = not clicked.

    `views` gives the order of the views. Raises `FileFormatError` naming the file and the line
    for an unknown view, a point clicked twice in a view, or something that is no number.
    """
    clicks: dict[str, Array] = {}
    for where, view, point, xy in _rows(path, ("view", "point", "x", "y")):
        if view not in views:
            raise FileFormatError(f"{where}: view '{view}' is not in the rig: {', '.join(views)}")
        pixels = clicks.setdefault(point, np.full((len(views), 2), np.nan))
        if np.isfinite(pixels[views.index(view)]).any():
            raise FileFormatError(f"{where}: point '{point}' is clicked twice in view '{view}'")
        pixels[views.index(view)] = xy
    if not clicks:
        raise FileFormatError(f"{Path(path)}: holds no clicks; give rows such as cam0,door,312,88")
    return clicks


def read_known_points(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Read known points, columns `point,x,y,z` in the rig's unit: point -> (3,).

    Raises `FileFormatError` naming the file and the line.
    """
    known: dict[str, Array] = {}
    for where, _, point, xyz in _rows(path, ("point", "x", "y", "z")):
        if point in known:
            raise FileFormatError(f"{where}: point '{point}' is there twice")
        known[point] = xyz
    if not known:
        raise FileFormatError(f"{Path(path)}: holds no points; give rows such as door,0,120.5,0")
    return known


def _rows(
    path: str | os.PathLike[str], columns: tuple[str, ...]
) -> Iterator[tuple[str, str, str, Array]]:
    """Yield (place in the file, view or "", point, numbers) of every row of a CSV file."""
    coordinates = [name for name in columns if name not in ("view", "point")]
    for line, row in read_table(path, columns):
        where = f"{Path(path)}, line {line}"
        try:
            numbers = np.array([float(row[name]) for name in coordinates])
        except ValueError as error:
            given = ", ".join(f"{name} = {row[name]!r}" for name in coordinates)
            raise FileFormatError(f"{where}: {given}; give numbers") from error
        if not (np.abs(numbers) <= LARGEST).all() or not row["point"]:
            raise FileFormatError(
                f"{where}: give a point's name and finite numbers, none beyond {LARGEST:g}"
            )
        yield where, row.get("view") or "", row["point"], numbers
