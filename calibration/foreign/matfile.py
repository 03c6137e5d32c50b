"""MATLAB's .mat files, old (version 5 to 7) and new (7.3, which is HDF5), as plain Python.

Cells become lists, structs dictionaries, character arrays strings and matrices arrays as MATLAB
shows them. Nothing else is looked at: objects and functions of MATLAB are left out, and nothing
is ever unpickled.
"""

import math
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from calibration.errors import FileFormatError

__all__ = ["read_mat", "starts_like_mat"]

HDF5 = b"\x89HDF\r\n\x1a\n"
MATLAB = b"MATLAB "
NEW = b"MATLAB 7.3"
DEEPEST = 8  # a struct in a cell in a struct, and some more
LONGEST = 4096  # numbers of one array, or items of one cell; longer ones are no camera's


def starts_like_mat(start: bytes) -> bool:
    """Tell whether the first bytes of a file are those of a .mat file."""
    return start.startswith((HDF5, MATLAB))


def read_mat(path: str | os.PathLike[str], names: Sequence[str]) -> dict[str, Any]:
    """Return the variables called `names` that a file has.

    Raises `FileFormatError` naming the file where it is damaged.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            start = stream.read(len(NEW))
        read = _read_new if start.startswith((HDF5, NEW)) else _read_old
        return read(path, names)
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: no such file; check the path") from error
    except _faults() as error:
        raise FileFormatError(f"{path}: not a readable .mat file ({error})") from error


def _faults() -> tuple[type[Exception], ...]:
    """Return what scipy and h5py raise on damaged files."""
    from scipy.io.matlab import MatReadError, MatReadWarning

    return (
        *(MatReadError, MatReadWarning, OSError, zlib.error, struct.error, NotImplementedError),
        *(ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError),
        *(EOFError, OverflowError, MemoryError, UnicodeError),
    )


def _read_old(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Read a file of version 5 to 7 with scipy."""
    from scipy.io import loadmat

    values = loadmat(path, variable_names=list(names))
    plain = {name: _plain(values[name], 0) for name in names if name in values}
    return {name: value for name, value in plain.items() if value is not None}


def _plain(value: Any, depth: int) -> Any:
    """Return what scipy made of a variable as lists, dictionaries, strings and arrays."""
    if not isinstance(value, np.ndarray | np.void) or value.size > LONGEST or depth > DEEPEST:
        return None
    fields = value.dtype.names
    if isinstance(value, np.void):
        return {name: _plain(value[name], depth + 1) for name in fields or ()}
    if fields:
        records = [_plain(record, depth + 1) for record in value.ravel()]
        return records[0] if len(records) == 1 and depth else records
    if value.dtype.kind == "O":
        return [_plain(item, depth + 1) for item in value.ravel()]
    if value.dtype.kind == "U":
        return "".join(value.ravel())
    return value if value.dtype.kind in "fiub" else None


def _read_new(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Read a file of version 7.3, which stores every array transposed, with h5py."""
    import h5py

    with h5py.File(path, "r") as file:
        plain = {name: _plain_hdf5(file[name], 0) for name in names if name in file}
    return {name: value for name, value in plain.items() if value is not None}


def _plain_hdf5(item: Any, depth: int) -> Any:
    """Return a group or data set of HDF5 as lists, dictionaries, strings and arrays."""
    import h5py

    if depth > DEEPEST:
        return None
    if isinstance(item, h5py.Group):
        keys = list(item)[:LONGEST]
        return {key: _plain_hdf5(item[key], depth + 1) for key in keys}
    if not isinstance(item, h5py.Dataset) or not 0 < math.prod(item.shape or (0,)) <= LONGEST:
        return None
    if h5py.check_ref_dtype(item.dtype) is not None:
        cells = np.ravel(item[()].T)
        return [_plain_hdf5(item.file[cell], depth + 1) for cell in cells if cell]
    if item.dtype.kind not in "fiub":
        return None
    if item.attrs.get("MATLAB_class") == b"char":
        return "".join(map(chr, item[()].T.ravel()))
    return np.zeros((0, 0)) if "MATLAB_empty" in item.attrs else item[()].T
