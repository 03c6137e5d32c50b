"""DeepLabCut's detections: the .csv or .h5 that it writes for an analysed video.

Columns have three levels (scorer, bodyparts, coords) or, with several animals, four (scorer,
individuals, bodyparts, coords); coords are x, y and likelihood. A row is a frame. The .h5 is a
pandas table; its column names are read without unpickling anything.
"""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from calibration.geometry import Array
from labcut3d.errors import FileFormatError
from labcut3d.formats.hdf5 import LARGEST, open_hdf5
from labcut3d.formats.literals import Refused, parse_literal
from labcut3d.formats.views import ViewDetections

__all__ = ["read_deeplabcut_csv", "read_deeplabcut_h5"]

LEVELS = (("scorer", "bodyparts", "coords"), ("scorer", "individuals", "bodyparts", "coords"))
COORDS = ("x", "y", "likelihood")
ONLY = "animal"  # the individual of a file that names none
LABELS = "the rows are images, so these are labels and no detections; give the analysed video's"


def read_deeplabcut_csv(path: str | os.PathLike[str]) -> ViewDetections:
    """Read a DeepLabCut .csv; raises `FileFormatError` naming the file and what is wrong."""
    path = Path(path)
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            head = [row for row, _ in zip(csv.reader(stream), range(4), strict=False)]
        first = [row[0] if row else "" for row in head]
        levels = next((names for names in LEVELS if tuple(first[: len(names)]) == names), None)
        if levels is None:
            raise FileFormatError(
                f"{path}: begins with {first}; a DeepLabCut file begins with the lines "
                "scorer, (individuals,) bodyparts, coords"
            )
        table = pd.read_csv(path, skiprows=len(levels), header=None, index_col=0)
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: no such file; check the path") from error
    except (OSError, UnicodeDecodeError, csv.Error, pd.errors.EmptyDataError) as error:
        raise FileFormatError(f"{path}: not a readable DeepLabCut .csv ({error})") from error
    except pd.errors.ParserError as error:
        raise FileFormatError(f"{path}: rows of unequal length ({error})") from error
    if not pd.api.types.is_numeric_dtype(table.index):
        raise FileFormatError(f"{path}: {LABELS} .csv")
    width = len(head[0])
    if any(len(row) != width for row in head[: len(levels)]) or table.shape[1] != width - 1:
        raise FileFormatError(f"{path}: the header's lines and the rows differ in length")
    columns = list(zip(*(row[1:] for row in head[1 : len(levels)]), strict=True))
    try:
        values = table.to_numpy(dtype=float)
    except ValueError as error:
        raise FileFormatError(f"{path}: a value is not a number ({error})") from error
    return _arrange(path, columns, values)


def read_deeplabcut_h5(path: str | os.PathLike[str]) -> ViewDetections:
    """Read a DeepLabCut .h5; raises `FileFormatError` naming the file and what is wrong."""
    path = Path(path)
    with open_hdf5(path) as file:
        tables = [group for group in file.values() if isinstance(group, h5py.Group)]
        group = next((group for group in tables if "pandas_type" in group.attrs), None)
        table = None if group is None else group.get("table")
        if not isinstance(table, h5py.Dataset) or "index" not in (table.dtype.names or ()):
            raise FileFormatError(
                f"{path}: holds no pandas table as DeepLabCut writes it; give its .csv instead"
            )
        if table.dtype["index"].kind not in "iu":
            raise FileFormatError(f"{path}: {LABELS} .h5 or .csv")
        blocks = [name for name in table.dtype.names if name.startswith("values_block_")]
        if (
            int(table.size or 0) * sum(int(np.prod(table.dtype[name].shape)) for name in blocks)
            > LARGEST
        ):
            raise FileFormatError(f"{path}: claims {table.size} rows; the file is broken")
        rows = table[()]
        columns, values = [], []
        for name in blocks:
            columns += _column_names(path, table.attrs.get(f"{name}_kind"))
            values.append(np.asarray(rows[name], dtype=float).reshape(len(rows), -1))
    if not blocks or len(columns) != sum(block.shape[1] for block in values):
        raise FileFormatError(f"{path}: the columns have no names; give the .csv instead")
    return _arrange(path, columns, np.concatenate(values, axis=1))


def _column_names(path: Path, stored: object) -> list[tuple[str, ...]]:
    """Return the names of a block's columns, without the scorer."""
    try:
        names = parse_literal(bytes(stored)) if isinstance(stored, bytes) else None
    except Refused as error:
        raise FileFormatError(f"{path}: column names: {error}; give the .csv instead") from error
    good = isinstance(names, list) and all(
        isinstance(name, tuple) and all(isinstance(part, str) for part in name) for name in names
    )
    if not good:
        raise FileFormatError(f"{path}: the columns' names are not stored as such; give the .csv")
    return [tuple(name[1:]) for name in names or ()]


def _arrange(path: Path, columns: Sequence[tuple[str, ...]], values: Array) -> ViewDetections:
    """Return columns named (individual,) bodypart, coord as detections of one view."""
    named = [(ONLY, *column) if len(column) == 2 else column for column in columns]
    for column in named:
        if len(column) != 3 or column[2] not in COORDS:
            raise FileFormatError(
                f"{path}: column {column}; expected (individual,) bodypart and one of x, y, "
                "likelihood"
            )
    if len(set(named)) != len(named):
        raise FileFormatError(f"{path}: a column stands twice")
    individuals = tuple(dict.fromkeys(column[0] for column in named))
    keypoints = tuple(dict.fromkeys(column[1] for column in named))
    if not individuals:
        raise FileFormatError(f"{path}: holds no bodyparts")
    arranged = np.full((len(values), len(keypoints), len(individuals), 3), np.nan)
    for (individual, keypoint, coord), column in zip(named, values.T, strict=True):
        place = keypoints.index(keypoint), individuals.index(individual), COORDS.index(coord)
        arranged[(slice(None), *place)] = column
    return ViewDetections(
        path=path,
        keypoints=keypoints,
        individuals=individuals,
        position=arranged[..., :2],
        confidence=arranged[..., 2],
    )
