"""MATLAB's .mat files, of version 5 to 7 and 7.3 (which is HDF5), as plain Python.

Cells become lists, structs dictionaries, character arrays strings and matrices arrays as MATLAB
shows them. Nothing else is looked at, and nothing is ever unpickled.
"""

import math
import os
import struct
import zlib
from collections.abc import Collection, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from calibration.errors import FileFormatError
from calibration.files import require_regular_file
from calibration.foreign.mat5 import DEEPEST, LONGEST, read_mat5

__all__ = ["read_mat", "starts_like_mat"]

HDF5 = b"\x89HDF\r\n\x1a\n"
MATLAB = b"MATLAB "
NEW = b"MATLAB 7.3"


def starts_like_mat(start: bytes) -> bool:
    """Tell whether the first bytes of a file are those of a .mat file."""
    return start.startswith((HDF5, MATLAB))


def read_mat(path: str | os.PathLike[str], names: Collection[str]) -> dict[str, Any]:
    """Return the variables called `names` that a file has and that are what a camera needs.

    Raises `FileFormatError` naming the file where it is damaged.
    """
    path = Path(path)
    try:
        with require_regular_file(path).open("rb") as stream:
            start = stream.read(len(NEW))
        read = _read_hdf5 if start.startswith((HDF5, NEW)) else read_mat5
        values = read(path, names)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise FileFormatError(f"{path}: not a readable .mat file: {error}") from error
    except (zlib.error, struct.error) as error:
        raise FileFormatError(f"{path}: a damaged .mat file: {error}") from error
    return {name: value for name, value in values.items() if value is not None}


def _read_hdf5(path: Path, names: Collection[str]) -> dict[str, Any]:
    """Read a file of version 7.3."""
    import h5py

    with h5py.File(path, "r") as file:
        budget = count(LONGEST, -1)
        return {name: _plain(file[name], 0, budget) for name in names if _is_own(file, name)}


def _is_own(group: Any, key: str) -> bool:
    """Tell whether a group of HDF5 holds something in this file itself."""
    import h5py

    return isinstance(group.get(key, getlink=True), h5py.HardLink)


def _plain(item: Any, depth: int, budget: Iterator[int]) -> Any:
    """Return a group or data set of HDF5, where arrays are stored transposed, as plain Python.

    `budget` counts down what may still be looked at: cells may refer to themselves.
    """
    import h5py

    if next(budget) < 0:
        raise ValueError("it holds too much for a calibration")
    if depth > DEEPEST:
        return None
    if isinstance(item, h5py.Group):
        keys = [key for key in list(item)[:LONGEST] if _is_own(item, key)]
        return {key: _plain(item[key], depth + 1, budget) for key in keys}
    if not isinstance(item, h5py.Dataset) or not 0 < math.prod(item.shape or (0,)) <= LONGEST:
        return None
    if h5py.check_ref_dtype(item.dtype) is not None:
        cells = np.ravel(item[()].T)
        return [_plain(item.file[cell], depth + 1, budget) for cell in cells if cell]
    if item.dtype.kind not in "fiub":
        return None
    if item.attrs.get("MATLAB_class") == b"char":
        return "".join(map(chr, item[()].T.ravel()))
    return np.zeros((0, 0)) if "MATLAB_empty" in item.attrs else item[()].T
