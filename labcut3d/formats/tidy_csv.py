"""A dataset as a tidy .csv: one row for each moment, individual and keypoint (and view)."""

import os
from collections.abc import Hashable
from pathlib import Path

import pandas as pd

from calibration.files import atomic_write
from labcut3d.errors import FileFormatError
from labcut3d.formats.csv_numbers import LARGEST, first_lines
from labcut3d.formats.exported import Export
from labcut3d.formats.points import Points3d
from labcut3d.formats.tidy_table import KEYS, points_of, tidy_table

__all__ = ["is_tidy", "read_csv", "write_csv"]


def write_csv(export: Export, path: str | os.PathLike[str]) -> None:
    """Write a tidy .csv, atomically, with nine digits; a missing value is an empty cell."""
    table = tidy_table(export.dataset)
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.9g")


def is_tidy(header: list[str]) -> bool:
    """Tell whether the first line of a .csv is that of tidy trajectories."""
    return set(KEYS) <= set(header) and "view" not in header


def read_csv(path: str | os.PathLike[str]) -> Points3d:
    """Read a tidy .csv of trajectories.

    Raises `FileFormatError` naming the file and what is wrong.
    """
    path = Path(path)
    text: dict[Hashable, type[str]] = {"individual": str, "keypoint": str}
    header = next(iter(first_lines(path, 1)), [])
    empty: dict[Hashable, list[str]] = {name: [""] for name in header if name not in text}
    try:
        if path.stat().st_size > LARGEST:
            raise FileFormatError(f"{path}: larger than {LARGEST / 2**30:g} GiB; give the .nc")
        table = pd.read_csv(
            path, dtype=text, keep_default_na=False, na_values=empty, encoding="utf-8-sig"
        )
    except FileFormatError:
        raise
    except (OSError, ValueError, OverflowError, pd.errors.ParserError) as error:
        raise FileFormatError(f"{path}: not a readable .csv ({error})") from error
    return points_of(table, path)
