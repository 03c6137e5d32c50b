"""DeepLabCut's tables, .csv or .h5, of detections and of labels alike.

Columns have three levels (scorer, bodyparts, coords) or, with several animals, four (scorer,
individuals, bodyparts, coords). A row is a frame of a video, or an image, which one column or
three ("labeled-data", video, image) name. The .h5 is a pandas table, of PyTables' format "table"
or "fixed"; nothing in it is unpickled.
"""

import csv
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from calibration.geometry import Array
from labcut3d.errors import FileFormatError
from labcut3d.formats.hdf5 import LARGEST, MAGIC, names_in, open_hdf5, read_in
from labcut3d.formats.literals import Refused, parse_literal

__all__ = ["ONLY", "Table", "read_csv_table", "read_h5_table", "read_table"]

LEVELS = (("scorer", "bodyparts", "coords"), ("scorer", "individuals", "bodyparts", "coords"))
COORDS = ("x", "y", "likelihood")
ONLY = "animal"  # the individual of a file that names none
IMAGE_LEVELS = 3  # columns that name an image, in newer files
KIND = "DeepLabCut .h5"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """The rows of a file: `values` (row, keypoint, individual, 3) x px, y px, likelihood, or NaN.

    Where other columns were asked for, the last axis has those in their order.
    `rows` are frame numbers as text, or the images' paths with "/"; `path` names the file.
    """

    path: Path
    rows: tuple[str, ...]
    keypoints: tuple[str, ...]
    individuals: tuple[str, ...]
    values: Array

    @property
    def of_images(self) -> bool:
        """Whether the rows are images, as in labels, and not the frames of a video."""
        return not all(row.replace(".", "", 1).isdigit() for row in self.rows)


def read_table(path: Path) -> Table:
    """Read a .csv or .h5; raises `FileFormatError` naming the file and what is wrong."""
    if not path.is_file():
        raise FileFormatError(f"{path}: no such file; check the path")
    with path.open("rb") as stream:
        is_hdf5 = stream.read(len(MAGIC)) == MAGIC
    return read_h5_table(path) if is_hdf5 else read_csv_table(path)


def read_csv_table(path: Path, coords: Sequence[str] = COORDS) -> Table:
    """Read a .csv whose line "coords" has some of `coords`.

    Raises `FileFormatError` naming the file and what is wrong.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            head = [row for row, _ in zip(csv.reader(stream), range(4), strict=False)]
        first = [row[0] if row else "" for row in head]
        levels = next((names for names in LEVELS if tuple(first[: len(names)]) == names), None)
        if levels is None:
            raise FileFormatError(
                f"{path}: begins with {first}; a DeepLabCut file begins with the lines "
                "scorer, (individuals,) bodyparts, coords"
            )
        named_by = IMAGE_LEVELS if head[0][1:IMAGE_LEVELS] == ["", ""] else 1
        text: dict[Hashable, type[str]] = dict.fromkeys(range(named_by), str)
        table = pd.read_csv(path, skiprows=len(levels), header=None, dtype=text)
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: no such file; check the path") from error
    except (OSError, UnicodeDecodeError, csv.Error, pd.errors.EmptyDataError) as error:
        raise FileFormatError(f"{path}: not a readable DeepLabCut .csv ({error})") from error
    except pd.errors.ParserError as error:
        raise FileFormatError(f"{path}: rows of unequal length ({error})") from error
    width = len(head[0])
    if any(len(row) != width for row in head[: len(levels)]) or table.shape[1] != width:
        raise FileFormatError(f"{path}: the header's lines and the rows differ in length")
    columns = list(zip(*(row[named_by:] for row in head[1 : len(levels)]), strict=True))
    try:
        values = table.iloc[:, named_by:].to_numpy(dtype=float)
    except (ValueError, OverflowError) as error:
        raise FileFormatError(f"{path}: a value is not a number ({error})") from error
    names = table.iloc[:, :named_by].fillna("").astype(str)
    return _arrange(path, ["/".join(row) for row in names.to_numpy()], columns, values, coords)


def read_h5_table(path: Path) -> Table:
    """Read an .h5; raises `FileFormatError` naming the file and what is wrong."""
    with open_hdf5(path) as file:
        groups = [group for group in file.values() if isinstance(group, h5py.Group)]
        group = next((group for group in groups if "pandas_type" in group.attrs), None)
        table = None if group is None else group.get("table")
        if isinstance(table, h5py.Dataset):
            return _read_table_format(path, table)
        if group is not None and "block0_values" in group:
            return _read_fixed_format(path, file, str(group.name))
    raise FileFormatError(
        f"{path}: holds no pandas table as DeepLabCut writes it; give its .csv instead"
    )


def _read_table_format(path: Path, table: h5py.Dataset) -> Table:
    """Read PyTables' format "table": records of an index and blocks of values."""
    fields = table.dtype.names or ()
    if "index" not in fields or table.dtype["index"].kind not in "iuS":
        raise FileFormatError(f"{path}: the rows have no names; give the .csv instead")
    blocks = [name for name in fields if name.startswith("values_block_")]
    width = sum(int(np.prod(table.dtype[name].shape)) for name in blocks)
    if int(table.size or 0) * width > LARGEST:
        raise FileFormatError(f"{path}: claims {table.size} rows; the file is broken")
    records = table[()]
    columns, values = [], []
    for name in blocks:
        columns += _column_names(path, table.attrs.get(f"{name}_kind"))
        values.append(np.asarray(records[name], dtype=float).reshape(len(records), -1))
    if not blocks or len(columns) != width:
        raise FileFormatError(f"{path}: the columns have no names; give the .csv instead")
    return _arrange(path, _texts(records["index"]), columns, np.concatenate(values, axis=1))


def _read_fixed_format(path: Path, file: h5py.File, group: str) -> Table:
    """Read PyTables' format "fixed": blocks of values, each axis as levels and codes."""
    columns: list[tuple[str, ...]] = []
    values = []
    for block in range(int(file[group].attrs.get("nblocks", 1))):
        names = _axis_names(path, file, f"{group}/block{block}_items")
        columns += [tuple(name[1:]) for name in names]
        values.append(read_in(file, f"{group}/block{block}_values", KIND))
    rows = ["/".join(name) for name in _axis_names(path, file, f"{group}/axis1")]
    if any(block.ndim != 2 or len(block) != len(rows) for block in values):
        raise FileFormatError(f"{path}: rows and values differ in number; give the .csv instead")
    joined = np.concatenate(values, axis=1)
    if joined.shape[1] != len(columns):
        raise FileFormatError(f"{path}: the columns have no names; give the .csv instead")
    return _arrange(path, rows, columns, joined)


def _axis_names(path: Path, file: h5py.File, axis: str) -> list[tuple[str, ...]]:
    """Return the names along an axis, stored plainly or as levels and codes."""
    stored = file.get(axis)
    if isinstance(stored, h5py.Dataset) and stored.dtype.kind in "iuS" and stored.ndim == 1:
        return [(name,) for name in _texts(stored[()])]
    parts = []
    level = 0
    while f"{axis}_level{level}" in file:
        names = np.array(names_in(file, f"{axis}_level{level}", KIND), dtype=object)
        codes = read_in(file, f"{axis}_label{level}", KIND).astype(int)
        if codes.ndim != 1 or not len(names) or codes.min() < 0 or codes.max() >= len(names):
            raise FileFormatError(f"{path}: '{axis}' names nothing; give the .csv instead")
        parts.append(names[codes].tolist())
        level += 1
    if not parts or len({len(part) for part in parts}) > 1:
        raise FileFormatError(f"{path}: '{axis}' has no names; give the .csv instead")
    return list(zip(*parts, strict=True))


def _texts(stored: np.ndarray) -> list[str]:
    """Return the numbers or bytes of an index as text."""
    if stored.dtype.kind == "S":
        return [value.decode("utf-8", "replace") for value in stored.tolist()]
    return [str(value) for value in stored.tolist()]


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


def _arrange(
    path: Path,
    rows: Sequence[str],
    columns: Sequence[tuple[str, ...]],
    values: Array,
    coords: Sequence[str] = COORDS,
) -> Table:
    """Return columns named (individual,) bodypart, coord as a table."""
    named = [(ONLY, *column) if len(column) == 2 else column for column in columns]
    for column in named:
        if len(column) != 3 or column[2] not in coords:
            raise FileFormatError(
                f"{path}: column {column}; expected (individual,) bodypart and one of "
                f"{', '.join(coords)}"
            )
    if len(set(named)) != len(named):
        raise FileFormatError(f"{path}: a column stands twice")
    individuals = tuple(dict.fromkeys(column[0] for column in named))
    keypoints = tuple(dict.fromkeys(column[1] for column in named))
    if not individuals:
        raise FileFormatError(f"{path}: holds no bodyparts")
    arranged = np.full((len(values), len(keypoints), len(individuals), len(coords)), np.nan)
    for (individual, keypoint, coord), column in zip(named, values.T, strict=True):
        place = keypoints.index(keypoint), individuals.index(individual), coords.index(coord)
        arranged[(slice(None), *place)] = column
    return Table(
        path=path,
        rows=tuple(rows),
        keypoints=keypoints,
        individuals=individuals,
        values=arranged,
    )
