"""DeepFly3D's results in an .npz. Its own .pkl is refused: unpickling runs what a file asks for.

Where DeepFly3D runs, this makes one of the other, and keeps only arrays:

    import numpy, pickle
    found = pickle.load(open("df3d_result.pkl", "rb"))
    names = ("points3d_wo_procrustes", "points3d")
    numpy.savez("df3d_result.npz", **{name: found[name] for name in names if name in found})

`points3d_wo_procrustes` (time, 38, 3), where its cameras see the points, is taken before
`points3d`, which was fitted to a template. Which side of the fly comes first depends on the order
of the cameras, so the sides are called first and second.

Source: DeepFly3D's README and df3d/core.py.
"""

import os
import zipfile
from pathlib import Path

import numpy as np

from calibration.files import require_regular_file
from calibration.geometry import Array
from calibration.npz import read_npz
from labcut3d.errors import FileFormatError
from labcut3d.formats.points import Points3d

__all__ = ["read_deepfly3d"]

LEG = ("body_coxa", "coxa_femur", "femur_tibia", "tibia_tarsus", "tarsus_tip")
SIDE = (
    *(f"{leg}_{joint}" for leg in ("front", "middle", "hind") for joint in LEG),
    *("antenna", "stripe_1", "stripe_2", "stripe_3"),
)
KEYPOINTS = tuple(f"{side}_{joint}" for side in ("first", "second") for joint in SIDE)
NAMES = ("points3d_wo_procrustes", "points3d")
KIND = "an .npz of DeepFly3D, without pickles"
UNREADABLE = (OSError, ValueError, RuntimeError, zipfile.BadZipFile)
LARGEST = 2**30  # bytes of one array: 9 hours at 100 frames a second


def read_deepfly3d(path: str | os.PathLike[str]) -> Points3d:
    """Read the points; nothing is unpickled.

    Raises `FileFormatError` naming the file and what is wrong.
    """
    path = require_regular_file(path)
    points = _points(path)
    if points.ndim != 3 or points.shape[1:] != (len(KEYPOINTS), 3):
        raise FileFormatError(
            f"{path}: the points have shape {points.shape}; DeepFly3D's have (time, "
            f"{len(KEYPOINTS)}, 3)"
        )
    return Points3d(
        path=path,
        program="DeepFly3D",
        keypoints=KEYPOINTS,
        individuals=("fly",),
        position=np.asarray(points, dtype=float)[:, :, None],
    )


def _points(path: Path) -> Array:
    """Return the array of points in an .npz."""
    try:
        with zipfile.ZipFile(path) as archive:
            present = [name.removesuffix(".npy") for name in archive.namelist()]
    except UNREADABLE as error:
        raise FileFormatError(f"{path}: not {KIND} ({error})") from error
    name = next((name for name in NAMES if name in present), None)
    if name is None:
        raise FileFormatError(
            f"{path}: holds {', '.join(present) or 'nothing'}; {KIND} has {' or '.join(NAMES)}"
        )
    points = read_npz(path, [name], KIND, LARGEST)[name]
    if points.dtype.kind not in "fiu":
        raise FileFormatError(f"{path}: '{name}' holds {points.dtype}, not numbers")
    return points
