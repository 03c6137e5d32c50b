"""Which format a file has, told by its content, so that a wrong ending misleads nobody."""

from pathlib import Path

import h5py

from calibration.files import require_regular_file
from labcut3d.errors import FileFormatError
from labcut3d.formats.anipose import is_anipose
from labcut3d.formats.csv_numbers import first_lines
from labcut3d.formats.eks import is_eks
from labcut3d.formats.format import Format
from labcut3d.formats.hdf5 import MAGIC, open_hdf5
from labcut3d.formats.jarvis import is_jarvis
from labcut3d.formats.table import FORMATS
from labcut3d.formats.tidy_csv import is_tidy

__all__ = ["recognize"]

START = 64  # bytes that tell most formats
HEADER = 5  # lines of a .csv that tell the rest
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
NAMED = {
    b"PathFileType": "a marker file of OpenSim",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"MATLAB": "a .mat of MATLAB",
}


def recognize(path: Path) -> Format:
    """Return the format of a file that labcut3d reads.

    Raises `FileFormatError` saying what was found, and what can be read, for any other file.
    """
    path = require_regular_file(path)
    with path.open("rb") as stream:
        start = stream.read(START)
    if start.startswith(MAGIC):
        name, found = _of_hdf5(path)
    elif start.startswith(b"PK"):
        name, found = "deepfly3d", ""
    elif start.startswith(b"PAR1"):
        name, found = "parquet", ""
    elif start.startswith(PICKLES):
        name, found = "", "a Python pickle, which could run any program: export it again as .npz"
    elif b"\0" in start or any(start.startswith(mark) for mark in NAMED):
        kind = (what for mark, what in NAMED.items() if start.startswith(mark))
        name, found = "", next(kind, f"bytes that begin {start[:8]!r}")
    else:
        name, found = _of_text(path)
    if not name:
        readable = ", ".join(one.title for one in FORMATS.values() if one.reads)
        raise FileFormatError(f"{path}: holds {found}; labcut3d reads {readable}")
    return FORMATS[name]


def _of_hdf5(path: Path) -> tuple[str, str]:
    """Return the format's name of an HDF5 file, or "" and what it holds."""
    with open_hdf5(path) as file:
        names = list(file)
        groups = [one for one in file.values() if isinstance(one, h5py.Group)]
        is_pandas = any("pandas_type" in group.attrs for group in groups)
        is_nwb = "nwb_version" in file.attrs
    if is_nwb:
        return "", "NWB, which labcut3d only writes"
    if {"tracks", "node_names"} <= set(names):
        return "sleap-analysis", ""
    if "videos_json" in names or {"metadata", "frames"} <= set(names):
        return "sleap", ""
    if is_pandas:
        return "deeplabcut-h5", ""
    if "position" in names:
        return ("netcdf" if "view_time" in names else "movement"), ""
    return "", f"HDF5 with {', '.join(map(repr, names[:8])) or 'nothing'} in it"


def _of_text(path: Path) -> tuple[str, str]:
    """Return the format's name of a text file, or "" and what it begins with."""
    lines = first_lines(path, HEADER)
    lines = [line for line in lines if line]
    if not lines:
        return "", "nothing"
    if lines[0][0] == "scorer":
        coords = next((line for line in lines if line[0] == "coords"), [])
        if is_eks(coords):
            return ("eks-3d" if "z" in coords else "eks"), ""
        return "deeplabcut", ""
    for name, fits in (
        ("anipose", is_anipose(lines[0])),
        ("csv", is_tidy(lines[0])),
        ("jarvis", is_jarvis(lines)),
    ):
        if fits:
            return name, ""
    return "", f"text that begins {','.join(lines[0])[:60]!r}"
