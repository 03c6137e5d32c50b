"""Reading HDF5 files that somebody else wrote: every fault becomes one error naming the file."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from labcut3d.errors import FileFormatError
from labcut3d.formats.soundness import require_sound

__all__ = ["MAGIC", "dataset_in", "names_in", "open_hdf5", "read_in"]

MAGIC = b"\x89HDF\r\n\x1a\n"
LARGEST = 2**30  # numbers in one dataset: 100 hours of 20 keypoints; more is a broken header


@contextmanager
def open_hdf5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Open a file that is sound for reading; faults while it is open become `FileFormatError`."""
    path = Path(path)
    if not path.is_file():
        raise FileFormatError(f"{path}: no such file; check the path")
    require_sound(path)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileFormatError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        raise FileFormatError(f"{path}: not a readable HDF5 file ({error})") from error


def dataset_in(file: h5py.File, name: str, kind: str) -> h5py.Dataset:
    """Return the dataset called `name`; `kind` says in a message what file was expected."""
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise FileFormatError(f"{file.filename}: no dataset '{name}'; this is no {kind}")
    if math.prod(dataset.shape or (0,)) > LARGEST:
        raise FileFormatError(f"{file.filename}: '{name}' claims shape {dataset.shape}; broken?")
    return dataset


def read_in(file: h5py.File, name: str, kind: str) -> np.ndarray:
    """Return the numbers of the dataset called `name` as floats."""
    dataset = dataset_in(file, name, kind)
    if dataset.dtype.kind not in "fiu":
        raise FileFormatError(
            f"{file.filename}: '{name}' holds {dataset.dtype}, not numbers; this is no {kind}"
        )
    return np.asarray(dataset[()], dtype=float)


def names_in(file: h5py.File, name: str, kind: str) -> tuple[str, ...]:
    """Return the strings of the one-dimensional dataset called `name`."""
    dataset = dataset_in(file, name, kind)
    if dataset.dtype.kind not in "SO" or dataset.ndim != 1:
        raise FileFormatError(f"{file.filename}: '{name}' is no list of names; this is no {kind}")
    return tuple(
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for value in dataset[()]
    )
