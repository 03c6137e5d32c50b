"""C3D, the format of motion capture, through ezc3d: points, their unit and rate.

Coordinates are single precision. C3D knows mm, cm and m; other units become mm. A missing point has
the residual -1, which readers show as NaN. Axes are left as they are.

Source: the C3D file format user guide, www.c3d.org.
"""

import os

import numpy as np

from calibration.files import atomic_write
from labcut3d.errors import DatasetError
from labcut3d.formats.exported import Export
from labcut3d.formats.extras import require
from labcut3d.formats.trc import known_unit, marker_names

__all__ = ["write_c3d"]

MOST_POINTS = 255  # labels of one parameter
MOST_FRAMES = 65535  # in the header's sixteen bits


def write_c3d(export: Export, path: str | os.PathLike[str]) -> None:
    """Write positions; confidences and covariances are left out.

    Raises `DatasetError` for more points or frames than a C3D holds.
    """
    names = marker_names(export)
    unit, factor = known_unit(export)
    points = export.dataset["position"].transpose("space", "individual", "keypoint", "time")
    if len(names) > MOST_POINTS or points.sizes["time"] > MOST_FRAMES:
        raise DatasetError(
            f"{export.title}: {len(names)} points in {points.sizes['time']} frames; a C3D holds "
            f"{MOST_POINTS} points in {MOST_FRAMES} frames: write fewer, or another format"
        )
    file = require("ezc3d", "c3d", "C3D files").c3d()
    place = points.values.reshape(3, len(names), -1) * factor
    file["data"]["points"] = np.concatenate([place, np.ones_like(place[:1])])
    missing = np.isnan(place).any(axis=0)
    file["data"]["meta_points"]["residuals"] = np.where(missing, -1.0, 0.0)[None]
    parameters = file["parameters"]["POINT"]
    parameters["LABELS"]["value"] = tuple(names)
    parameters["DESCRIPTIONS"]["value"] = ("",) * len(names)
    parameters["UNITS"]["value"] = (unit,)
    parameters["RATE"]["value"] = (export.fps,)
    with atomic_write(path) as temporary:
        file.write(str(temporary))
