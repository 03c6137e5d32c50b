"""What looks through HDF5 files in a process of its own, which a damaged one may end.

`soundness` runs this file as a program: it reads requests, one JSON object a line, from its input
and answers each with a line of JSON: `{"fault": null}`, or what is wrong with the file. Nothing of
labcut3d is imported, so that it starts in a fifth of a second.

HDF5 trusts much of what a file says: a text that is longer than announced, or a type that does
not exist, spoils its memory. Where that only makes an error, one must not go on in that process:
it is told, and the file is not opened elsewhere.
"""

import faulthandler
import json
import math
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np

__all__ = ["main"]

FAULTS = (
    OSError, RuntimeError, KeyError, ValueError, TypeError, IndexError, AttributeError,
    OverflowError, MemoryError,
)  # fmt: skip
LONGEST = 10.0  # s for one file, and a second more for each MiB; more is an endless loop
DENSEST = 1032  # bytes that deflate makes of one byte, at most
ROWS = 256  # elements of text that are read at a time
STANDARD = {1, 2, 3}  # deflate, shuffle and fletcher32: HDF5's filters that are well tried


class _Fault(ValueError):
    """What is wrong with a file, in words."""


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the process that started it
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        request = json.loads(line)
        size = Path(request["path"]).stat().st_size
        faulthandler.dump_traceback_later(LONGEST + size / 2**20, exit=True)
        fault = _fault(**request)
        faulthandler.cancel_dump_traceback_later()
        sys.stdout.write(json.dumps({"fault": fault}) + "\n")
        sys.stdout.flush()


def _fault(path: str, largest: int, netcdf: bool) -> str | None:
    """Return what is wrong with a file of which no more than `largest` bytes may be in memory."""
    try:
        with h5py.File(path, "r") as file:
            datasets = _datasets(file)
            _require_small(datasets, largest)
            for dataset in datasets:
                _read(dataset, largest)
        if netcdf:
            with netCDF4.Dataset(path) as stored:
                _read_netcdf(stored)
    except _Fault as fault:
        return str(fault)
    except FAULTS as error:
        return f"not a readable HDF5 file, cut or damaged ({error}); write or copy it anew"
    return None


def _datasets(file: h5py.File) -> list[h5py.Dataset]:
    """Return all datasets, and read all that describes them and their groups."""
    found: list[h5py.Dataset] = []

    def look(_: str, one: Any) -> None:
        for name in one.attrs:
            one.attrs[name]
        if isinstance(one, h5py.Group):
            kinds = (one.get(name, getlink=True) for name in one)
            if any(isinstance(kind, h5py.ExternalLink) for kind in kinds):
                raise _Fault("parts of it lie in other files; copy all into one")
        elif isinstance(one, h5py.Dataset):
            found.append(one)

    look("/", file)
    file.visititems(look)
    return found


def _require_small(datasets: list[h5py.Dataset], largest: int) -> None:
    """Refuse what claims more than memory holds, or numbers that lie in other files."""
    claimed = sum(math.prod(one.shape or (0,)) * one.dtype.itemsize for one in datasets)
    if claimed > largest:
        raise _Fault(f"claims {claimed / 2**30:.0f} GiB; it is broken; write or copy it anew")
    if any(one.is_virtual or one.external for one in datasets):
        raise _Fault("parts of it lie in other files; copy all into one")


def _read(dataset: h5py.Dataset, largest: int) -> None:
    """Read a dataset: texts, and what is stored in an unusual way; else where its pieces lie."""
    size = dataset.file.id.get_filesize()
    if dataset.dtype.hasobject:
        if dataset.nbytes > size * DENSEST:
            raise _Fault(f"'{dataset.name}' claims more text than the file holds; it is broken")
        read = 0
        for block in _blocks(dataset):
            read += sum(map(sys.getsizeof, block.ravel().tolist()))
            if read > largest:
                raise _Fault(f"'{dataset.name}' claims too much text; it is broken")
    elif dataset.chunks is None:
        if dataset.id.get_create_plist().get_layout() == h5py.h5d.COMPACT:
            dataset[()]
    elif _filters(dataset) <= STANDARD:

        def look(piece: Any) -> None:
            if piece.byte_offset + piece.size > size:
                raise _Fault(f"is cut: '{dataset.name}' should go on behind its end; copy it anew")

        dataset.id.chunk_iter(look)
    else:
        for piece in dataset.iter_chunks():
            dataset[piece]


def _blocks(dataset: h5py.Dataset) -> Iterator[np.ndarray]:
    """Yield the elements of a dataset, some at a time."""
    if not dataset.shape:
        yield np.asarray(dataset[()], dtype=object)
        return
    rows = max(1, ROWS // max(1, math.prod(dataset.shape[1:])))
    for start in range(0, dataset.shape[0], rows):
        yield np.asarray(dataset[start : start + rows])


def _filters(dataset: h5py.Dataset) -> set[int]:
    """Return the numbers of the filters that a dataset went through."""
    how = dataset.id.get_create_plist()
    return {how.get_filter(index)[0] for index in range(how.get_nfilters())}


def _read_netcdf(group: Any) -> None:
    """Read with netCDF's own library what describes a group, and the texts in it."""
    for name in group.ncattrs():
        group.getncattr(name)
    for variable in group.variables.values():
        for name in variable.ncattrs():
            variable.getncattr(name)
        for described in (variable.filters, variable.chunking, variable.endian):
            described()
        if variable.dtype is str:
            variable[...]
    for child in group.groups.values():
        _read_netcdf(child)


if __name__ == "__main__":
    main()
