"""Label3D's and DANNCE's .mat: cameras as MATLAB's Computer Vision Toolbox has them.

`params` is a cell of structs with K, RDistort, TDistort, r and t, `camnames` a cell of names; or
a folder holds one NAME_params.mat a camera. MATLAB's points are rows, [X Y Z] r + t and then K, so
that K and r are the transposes of ours (skew is K[1, 0]), and its first pixel is 1, not 0: the
principal point is one larger than ours. The file says neither the unit nor the size of the
images: `unit`, and `ImageSize` (height, width) as MATLAB calls it, are written beside.

Source: MATLAB's cameraParameters; Label3D's helpers.loadAllParams; dannce/engine/io.py.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from calibration.camera import Camera
from calibration.errors import FileFormatError, RigError
from calibration.files import atomic_write
from calibration.foreign.matfile import read_mat
from calibration.foreign.parts import (
    OTHER_LENS,
    Given,
    lens_of,
    numbers,
    refuse_fisheye,
    require_keys,
)
from calibration.geometry import Array
from calibration.rig import Rig

__all__ = ["label3d_files", "load_label3d", "save_label3d"]

KEYS = ("K", "r", "t")
VARIABLES = ("params", "camParams", "camnames", "unit", *KEYS, "R", "RDistort", "TDistort")
FIRST_PIXEL = 1.0  # MATLAB counts from one
SUFFIX = "_params"
MOST_RADIAL = 3  # coefficients of MATLAB's lens model


def label3d_files(folder: Path) -> list[Path]:
    """Return the .mat files in a folder, sorted by name."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() == ".mat")


def load_label3d(path: str | os.PathLike[str], given: Given) -> Rig:
    """Read a .mat of Label3D or DANNCE, or a folder of NAME_params.mat."""
    path = Path(path)
    cameras: list[Camera] = []
    units = set()
    for file in label3d_files(path) if path.is_dir() else [path]:
        values = read_mat(file, (*VARIABLES, "ImageSize"))
        unit = values.get("unit")
        units.add(unit if isinstance(unit, str) else None)
        try:
            cameras += _cameras(values, file.stem.removesuffix(SUFFIX), given)
        except (RigError, FileFormatError) as error:
            raise type(error)(f"{file}: {error}") from error
    if not cameras:
        raise FileFormatError(f"{path}: no .mat file in this folder")
    if len(units) > 1:
        raise RigError(f"{path}: the cameras' units differ ({', '.join(map(str, units))})")
    return Rig(cameras=tuple(cameras), unit=given.agree_on_unit(units.pop(), str(path)))


def save_label3d(rig: Rig, path: str | os.PathLike[str]) -> None:
    """Write a .mat with `params` and `camnames`, which Label3D and DANNCE read.

    Keeps skew; raises `RigError` for lenses that MATLAB's model does not have.
    """
    from scipy.io import savemat

    refuse_fisheye(rig, "MATLAB's model")
    params = np.empty((len(rig), 1), dtype=object)
    names = np.empty((1, len(rig)), dtype=object)
    for index, camera in enumerate(rig):
        if len(camera.distortions) > MOST_RADIAL + 2:
            raise RigError(
                f"camera '{camera.name}': its lens has {len(camera.distortions)} coefficients, and "
                f"MATLAB's have {MOST_RADIAL + 2}; {OTHER_LENS.format('k1 k2 p1 p2 k3')}"
            )
        params[index, 0], names[0, index] = _struct(camera), camera.name
    path = Path(path)
    if path.suffix.lower() != ".mat":
        raise FileFormatError(f"{path}: MATLAB's files end in .mat, not '{path.suffix}'")
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        savemat(stream, {"params": params, "camnames": names, "unit": rig.unit})


def _cameras(values: Mapping[str, Any], stem: str, given: Given) -> list[Camera]:
    """Return the cameras of one file: those of `params`, or the one it holds itself."""
    params = values.get("params", values.get("camParams"))
    if params is None:
        return [_camera(values, stem, given)]
    params = [params] if isinstance(params, dict) else params
    if not isinstance(params, list) or not params:
        raise FileFormatError("'params' holds no cameras")
    names = values.get("camnames", [f"Camera{i}" for i in range(1, len(params) + 1)])
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or len(names) != len(params):
        raise FileFormatError(f"camnames = {names!r}, but 'params' holds {len(params)} cameras")
    return [_camera(p, str(name), given) for p, name in zip(params, names, strict=True)]


def _camera(values: object, name: str, given: Given) -> Camera:
    """Return the camera of one struct of MATLAB's."""
    where = f"camera '{name}'"
    if isinstance(values, Mapping) and "R" in values:
        values = {"r": values["R"], **values}
    require_keys(values, KEYS, where)
    assert isinstance(values, Mapping)
    matrix = numbers(values["K"], f"{where}: K").T.copy()
    if matrix.shape == (3, 3):
        matrix[:2, 2] -= FIRST_PIXEL
    size = values.get("ImageSize")
    if size is not None:
        size = numbers(size, f"{where}: ImageSize").ravel()[::-1]
    return Camera(
        name=name,
        size=given.agree_on_size(size, where),
        matrix=matrix,
        lens=lens_of(_coefficients(values, where), where),
        rotation=numbers(values["r"], f"{where}: r").T,
        translation=numbers(values["t"], f"{where}: t").ravel(),
    )


def _coefficients(values: Mapping[str, Any], where: str) -> Array:
    """Return k1, k2, p1, p2, k3 of MATLAB's radial and tangential distortion; absent is zero."""
    radial = numbers(values.get("RDistort", []), f"{where}: RDistort").ravel()
    tangential = numbers(values.get("TDistort", []), f"{where}: TDistort").ravel()
    if len(radial) > MOST_RADIAL or len(tangential) not in (0, 2):
        raise FileFormatError(
            f"{where}: RDistort has {len(radial)} and TDistort {len(tangential)} numbers; MATLAB "
            "has two or three, and two"
        )
    k1, k2, k3 = np.concatenate([radial, np.zeros(MOST_RADIAL - len(radial))])
    p1, p2 = tangential if len(tangential) else (0.0, 0.0)
    return np.array([k1, k2, p1, p2, k3])


def _struct(camera: Camera) -> dict[str, Array]:
    """Return the struct that describes a camera to MATLAB."""
    matrix = camera.matrix.T.copy()
    matrix[2, :2] += FIRST_PIXEL
    k1, k2, p1, p2, k3 = np.concatenate([camera.distortions, np.zeros(5)])[:5]
    return {
        "K": matrix,
        "RDistort": np.array([[k1, k2, k3]]),
        "TDistort": np.array([[p1, p2]]),
        "r": camera.rotation.T.copy(),
        "t": camera.translation[None].copy(),
        "ImageSize": np.array([camera.size[::-1]], dtype=float),
    }
