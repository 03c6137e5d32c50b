"""A small valid file of every format that labcut3d reads, and how it is read."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from random_datasets import random_detections, random_trajectories

from labcut3d.formats import FORMATS, Export, read_dataset, write_dataset

__all__ = ["READABLE", "file_of", "read_file"]

READABLE = tuple(one.name for one in FORMATS.values() if one.reader)
UNTOLD = ("anipose", "jarvis", "deepfly3d", "eks-3d")  # formats without fps and unit


def eks(*labels: str) -> bytes:
    """A file of the ensemble Kalman smoother with two keypoints."""
    names = pd.MultiIndex.from_product(
        [["ensemble-kalman_tracker"], ["nose", "paw"], labels],
        names=["scorer", "bodyparts", "coords"],
    )
    values = np.random.default_rng(0).random((6, len(names)))
    return pd.DataFrame(values, columns=names).to_csv().encode()


def deepfly3d() -> bytes:
    """An .npz of DeepFly3D."""
    stream = io.BytesIO()
    np.savez_compressed(stream, points3d=np.random.default_rng(0).normal(size=(3, 38, 3)))
    return stream.getvalue()


UNWRITTEN: dict[str, Callable[[], bytes]] = {
    "eks": lambda: eks("x", "y", "likelihood", "x_posterior_var", "y_posterior_var"),
    "eks-3d": lambda: eks("x", "y", "z", *(f"{axis}_posterior_var" for axis in "xyz")),
    "jarvis": lambda: b"a,a,a,b,b,b\nx,y,z,x,y,z\n1,2,3,4,5,6\nNaN,NaN,NaN,NaN,NaN,NaN\n",
    "deepfly3d": deepfly3d,
}


def file_of(name: str) -> tuple[str, bytes]:
    """Return the name and content of a good file of a format."""
    kind = FORMATS[name]
    if name in UNWRITTEN:
        return f"walk{kind.endings[0]}", UNWRITTEN[name]()
    walk = random_trajectories() if kind.takes(is_3d=True) else random_detections()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"walk{kind.endings[0]}"
        (written, *_) = write_dataset(Export.of(walk, "walk"), path, name)
        return path.name, written.read_bytes()


def read_file(name: str, path: Path) -> xr.Dataset:
    """Read a file of a format, telling what it does not tell."""
    if FORMATS[name].reads == "2-D":
        return read_dataset({"cam0": path}, fps=30.0)
    return read_dataset(path, fps=30.0, unit="mm") if name in UNTOLD else read_dataset(path)
