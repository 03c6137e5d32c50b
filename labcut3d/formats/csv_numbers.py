"""Reading CSV files of numbers below some lines of names; every fault becomes one error."""

import csv
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.geometry import Array
from labcut3d.errors import FileFormatError

__all__ = ["NumberTable", "first_lines", "read_numbers"]

LONGEST = 2**20  # characters in the first lines that tell the formats apart
LARGEST = 2**31  # bytes of a .csv


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NumberTable:
    """A .csv: `header` lines of names, each as long as `values` (row, column) is wide."""

    path: Path
    header: tuple[tuple[str, ...], ...]
    values: Array


def first_lines(path: Path, count: int) -> list[list[str]]:
    """Return the cells of the first lines of a .csv; raises `FileFormatError` where it is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            text = stream.read(LONGEST).splitlines()
        return list(islice(csv.reader(text), count))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{path}: not a readable .csv ({error})") from error


def read_numbers(path: Path, kind: str, header_lines: int = 1) -> NumberTable:
    """Read a .csv of numbers below `header_lines` lines of names; an empty cell is NaN.

    `kind` says in messages what file was expected. Raises `FileFormatError` naming the file and
    what is wrong.
    """
    header = first_lines(path, header_lines)
    if len(header) < header_lines or len({len(line) for line in header}) != 1:
        raise FileFormatError(f"{path}: its first lines are no header of a {kind}; export it again")
    if path.stat().st_size > LARGEST:
        raise FileFormatError(f"{path}: larger than {LARGEST / 2**30:g} GiB; divide the recording")
    try:
        table = pd.read_csv(path, header=None, skiprows=header_lines, encoding="utf-8-sig")
        values = table.to_numpy(dtype=float)
    except pd.errors.EmptyDataError as error:
        raise FileFormatError(f"{path}: has names but no rows; this is an empty {kind}") from error
    except pd.errors.ParserError as error:
        raise FileFormatError(f"{path}: rows of unequal length ({error})") from error
    except (OSError, ValueError, OverflowError) as error:
        raise FileFormatError(f"{path}: a value is not a number ({error})") from error
    if values.shape[1] != len(header[0]):
        raise FileFormatError(
            f"{path}: {len(header[0])} names but {values.shape[1]} columns; export it again"
        )
    if np.isinf(values).any():
        raise FileFormatError(f"{path}: holds an infinite value; leave missing ones empty")
    return NumberTable(path=path, header=tuple(map(tuple, header)), values=values)
