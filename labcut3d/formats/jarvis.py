"""JARVIS's 3-D points, data3D.csv: a line of the keypoints' names, one of x, y, z (confidence).

Files of older versions have no line of names where no skeleton was chosen. A moment that was not
found is NaN in all columns. Frames count from the first that JARVIS was told to predict.

Source: JARVIS-HybridNet, jarvis/prediction/predict3D.py.
"""

import os
from pathlib import Path

from labcut3d.errors import FileFormatError
from labcut3d.formats.csv_numbers import first_lines, read_numbers
from labcut3d.formats.deeplabcut_tables import ONLY
from labcut3d.formats.points import Points3d

__all__ = ["is_jarvis", "read_jarvis"]

KIND = "data3D.csv of JARVIS"
COORDS = (("x", "y", "z", "confidence"), ("x", "y", "z"))


def is_jarvis(lines: list[list[str]]) -> bool:
    """Tell whether the first lines of a .csv are those of JARVIS."""
    return any(_coords(line) is not None for line in lines[:2])


def read_jarvis(path: str | os.PathLike[str]) -> Points3d:
    """Read the points, and their confidences where they are told.

    Raises `FileFormatError` naming the file and what is wrong.
    """
    path = Path(path)
    lines = first_lines(path, 2)
    named = bool(lines) and _coords(lines[0]) is None
    coords = _coords(lines[-1] if named else lines[0]) if lines else None
    if coords is None:
        raise FileFormatError(f"{path}: no line of x, y, z; this is no {KIND}")
    table = read_numbers(path, KIND, header_lines=1 + named)
    values = table.values.reshape(len(table.values), -1, len(coords))
    keypoints = tuple(f"keypoint_{index}" for index in range(values.shape[1]))
    if named:
        names = table.header[0]
        keypoints = names[:: len(coords)]
        if names != tuple(name for name in keypoints for _ in coords):
            raise FileFormatError(f"{path}: the names do not fit x, y, z; this is no {KIND}")
    return Points3d(
        path=path,
        program="JARVIS",
        keypoints=keypoints,
        individuals=(ONLY,),
        position=values[:, :, None, :3],
        confidence=values[:, :, None, 3] if len(coords) > len("xyz") else None,
    )


def _coords(line: list[str]) -> tuple[str, ...] | None:
    """Return the coordinates that a line repeats for each keypoint, or None."""
    for coords in COORDS:
        count, rest = divmod(len(line), len(coords))
        if count and not rest and tuple(line) == coords * count:
            return coords
    return None
