"""JARVIS: a folder with one NAME.yaml a camera, in OpenCV's FileStorage.

JARVIS writes matrices for points that are rows: `intrinsicMatrix` and `R` are the transposes of
what OpenCV has, `T` and `distortionCoefficients` are OpenCV's. It does not say the size of the
images or the unit, which are written beside as fields of ours. JARVIS itself applies k1 and k2
alone, although its files hold five coefficients.

Source: the AcquisitionTool's CalibrationTool::saveCalibration and JARVIS-HybridNet's
utils/reprojection.py.
"""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from calibration.camera import Camera
from calibration.errors import FileFormatError, RigError
from calibration.foreign.filestorage import read_storage, write_storage
from calibration.foreign.parts import (
    OTHER_LENS,
    Given,
    lens_of,
    numbers,
    refuse_fisheye,
    refuse_skew,
    require_keys,
)
from calibration.lens import Lens
from calibration.rig import Rig

__all__ = ["JARVIS_KEY", "jarvis_cautions", "jarvis_files", "load_jarvis", "save_jarvis"]

JARVIS_KEY = "intrinsicMatrix"
KEYS = (JARVIS_KEY, "distortionCoefficients", "R", "T")
FIVE = 5  # distortion coefficients in a file of JARVIS
APPLIED = 2  # of these, that JARVIS's own projection applies
WORTH_SAYING = 0.01  # px
GRID = 33  # points along each side of the image at which lenses are compared


def jarvis_files(folder: Path) -> list[Path]:
    """Return the files of the cameras in a folder, sorted by name."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in (".yaml", ".yml"))


def load_jarvis(path: str | os.PathLike[str], given: Given) -> Rig:
    """Read a folder of JARVIS, or one camera's file; cameras are named after their files."""
    path = Path(path)
    files = jarvis_files(path) if path.is_dir() else [path]
    if not files:
        raise FileFormatError(f"{path}: no .yaml file in this folder")
    cameras, units = [], []
    for file in files:
        values = read_storage(file)
        if values.get("unit") not in units:  # a list of them: a spoilt file may hold any value
            units.append(values.get("unit"))
        try:
            cameras.append(_camera(values, file.stem, given))
        except (RigError, FileFormatError) as error:
            raise type(error)(f"{file}: {error}") from error
    if len(units) > 1:
        raise RigError(f"{path}: the cameras' units differ ({', '.join(map(str, units))})")
    return Rig(cameras=tuple(cameras), unit=given.agree_on_unit(units[0], str(path)))


def save_jarvis(rig: Rig, path: str | os.PathLike[str]) -> None:
    """Write one file a camera into the folder `path`; refuses lenses beyond five coefficients."""
    refuse_skew(rig, "JARVIS")
    refuse_fisheye(rig, "JARVIS")
    for camera in rig:
        if camera.distortions[FIVE:].any():
            raise RigError(
                f"camera '{camera.name}': JARVIS holds five distortion coefficients, and this lens "
                f"has {len(camera.distortions)}; {OTHER_LENS.format('k1 k2 p1 p2 k3')}"
            )
        if not re.fullmatch(r"[^/\\:\0]+", camera.name) or camera.name.startswith("."):
            raise RigError(f"camera '{camera.name}': JARVIS names files so; rename the camera")
    folder = Path(path)
    others = {p.stem for p in jarvis_files(folder)} - set(rig.names) if folder.is_dir() else ()
    if others:
        raise FileFormatError(
            f"{folder}: holds files of other cameras ({', '.join(sorted(others))}), which would be "
            "read as part of this rig; write to a new folder"
        )
    for camera in rig:
        coefficients = np.zeros((1, FIVE))
        kept = camera.distortions[:FIVE]
        coefficients[0, : len(kept)] = kept
        values: dict[str, Any] = {
            "intrinsicMatrix": camera.matrix.T.copy(),
            "distortionCoefficients": coefficients,
            "R": camera.rotation.T.copy(),
            "T": camera.translation[:, None].copy(),
            "image_width": camera.size[0],
            "image_height": camera.size[1],
            "unit": rig.unit,
        }
        write_storage(Path(path) / f"{camera.name}.yaml", values)


def jarvis_cautions(rig: Rig) -> tuple[str, ...]:
    """Return a sentence for each camera in which JARVIS will put points elsewhere than we do."""
    sentences = []
    for camera in rig:
        shift = _shift_in_jarvis(camera)
        if shift > WORTH_SAYING:
            sentences.append(
                f"camera '{camera.name}': JARVIS applies k1 and k2 alone, and so misplaces pixels "
                f"by up to {shift:.2f} px"
            )
    return tuple(sentences)


def _shift_in_jarvis(camera: Camera) -> float:
    """Return by how much, in px, the coefficients that JARVIS ignores move a pixel at most."""
    corner = np.array(camera.size) - 1.0
    grid = np.stack(np.meshgrid(*np.linspace(0, corner, GRID).T), axis=-1)
    ideal = camera.undistort(grid)
    applied = np.zeros(FIVE)
    applied[: len(camera.distortions[:APPLIED])] = camera.distortions[:APPLIED]
    difference = Lens(distortions=applied).distort(ideal) - camera.lens.distort(ideal)
    shift = np.linalg.norm(difference @ camera.matrix[:2, :2].T, axis=-1)
    return float(np.nanmax(shift, initial=0.0))


def _camera(values: dict[str, Any], name: str, given: Given) -> Camera:
    """Return the camera of one file."""
    require_keys(values, KEYS, "this is no file of JARVIS")
    size = [values[key] for key in ("image_width", "image_height") if key in values]
    return Camera(
        name=name,
        size=given.agree_on_size(size or None, f"camera '{name}'"),
        matrix=numbers(values[JARVIS_KEY], JARVIS_KEY).T,
        lens=lens_of(values["distortionCoefficients"], f"camera '{name}'"),
        rotation=numbers(values["R"], "R").T,
        translation=numbers(values["T"], "T").ravel(),
    )
