"""OpenSim's marker files (.trc): text, tab-separated, in the dataset's unit.

OpenSim knows mm, cm and m; other units become mm. A missing point is three empty cells. Axes are
left as they are: OpenSim's own models have y up.

Source: OpenSim's documentation of marker (.trc) files.
"""

import os
from pathlib import Path

import numpy as np

from calibration.files import write_text
from calibration.geometry import Array
from calibration.units import METRES
from labcut3d.errors import DatasetError
from labcut3d.formats.exported import Export

__all__ = ["known_unit", "marker_names", "write_trc"]

UNITS = ("mm", "cm", "m")  # that programs of movement analysis know


def write_trc(export: Export, path: str | os.PathLike[str]) -> None:
    """Write positions; confidences and covariances are left out.

    Raises `DatasetError` for names that hold a tab or a line break.
    """
    names = marker_names(export)
    unit, factor = known_unit(export)
    order = ("time", "individual", "keypoint", "space")
    points = export.dataset["position"].transpose(*order).values * factor
    count, rate = len(points), f"{export.fps:.9g}"
    markers = len(names)
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{Path(path).name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame"
        "\tOrigNumFrames",
        f"{rate}\t{rate}\t{count}\t{markers}\t{unit}\t{rate}\t1\t{count}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{m}" for m in range(1, markers + 1) for axis in "XYZ"),
        "",
        *_rows(export.dataset["time"].values, points.reshape(count, -1)),
    ]
    write_text(path, "\n".join(lines) + "\n")


def marker_names(export: Export) -> tuple[str, ...]:
    """Return the names of all points: keypoints, after their individual where there are several."""
    several = len(export.individuals) > 1
    names = tuple(
        f"{individual}:{keypoint}" if several else keypoint
        for individual in export.individuals
        for keypoint in export.keypoints
    )
    for name in names:
        if any(mark in name for mark in "\t\r\n"):
            raise DatasetError(f"{export.title}: the name {name!r} holds a tab or a line break")
    return names


def known_unit(export: Export) -> tuple[str, float]:
    """Return the dataset's unit and 1, or mm and the factor to it where it is none of `UNITS`."""
    unit = str(export.dataset.attrs["unit"])
    return (unit, 1.0) if unit in UNITS else ("mm", METRES[unit] / METRES["mm"])


def _rows(seconds: Array, values: Array) -> list[str]:
    """Return a line for each moment: its number from 1, its time, and the coordinates."""
    texts = np.char.mod("%.9g", values)
    texts[np.isnan(values)] = ""
    return [
        f"{number}\t{time:.9g}\t" + "\t".join(row)
        for number, (time, row) in enumerate(zip(seconds, texts.tolist(), strict=True), start=1)
    ]
