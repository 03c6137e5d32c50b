"""Caliscope's camera_array.toml: a table [cameras.N] a camera, lengths in metres.

Rotations are matrices in older files and rotation vectors in newer ones; both are read, and
vectors written. Caliscope numbers its cameras: camera N is called cam_N here, as its videos are.

Source: caliscope/cameras/camera_array.py, CameraArray.from_toml and to_toml.
"""

import os
import re
from typing import Any

from calibration.camera import Camera
from calibration.errors import FileFormatError, RigError
from calibration.files import read_toml, write_text
from calibration.foreign.parts import (
    Given,
    in_metres,
    lens_of,
    numbers,
    opencv_coefficients,
    refuse_skew,
    require_keys,
    rotation_of,
    size_of,
)
from calibration.geometry import vector_from_rotation
from calibration.rig import Rig

__all__ = ["holds_caliscope", "load_caliscope", "save_caliscope"]

KEYS = ("size", "matrix", "distortions", "rotation", "translation")
OURS = (*KEYS, "fisheye", "cam_id")
LONGEST_LENS = 5  # coefficients that Caliscope's own windows can show


def holds_caliscope(tables: dict[str, Any]) -> bool:
    """Tell whether a TOML file is a camera array of Caliscope."""
    return isinstance(tables.get("cameras"), dict)


def load_caliscope(path: str | os.PathLike[str], given: Given) -> Rig:
    """Read a camera_array.toml; fields labcut3d does not have are kept in `Camera.extra`."""
    tables = read_toml(path).get("cameras")
    if not isinstance(tables, dict) or not tables:
        raise FileFormatError(f"{path}: holds no tables [cameras.N]; this is no camera array")
    try:
        keys = sorted(tables, key=_number)
        return Rig(
            cameras=tuple(_camera(tables[key], f"cam_{_number(key)}", key) for key in keys),
            unit=given.agree_on_unit("m", "Caliscope"),
        )
    except (RigError, FileFormatError) as error:
        raise type(error)(f"{path}: {error}") from error


def save_caliscope(rig: Rig, path: str | os.PathLike[str]) -> None:
    """Write a camera_array.toml in metres, whatever the unit of the rig.

    Raises `RigError` for cameras not called cam_N, and for lenses that Caliscope does not have.
    """
    import tomlkit

    refuse_skew(rig, "Caliscope")
    tables: dict[str, Any] = {}
    for camera in rig:
        match = re.fullmatch(r"cam_(0|[1-9]\d*)", camera.name)
        if match is None:
            raise RigError(
                f"camera '{camera.name}': Caliscope numbers its cameras; rename it to cam_0, "
                "cam_1, ... as Caliscope's videos are"
            )
        if len(camera.distortions) > LONGEST_LENS:
            raise RigError(
                f"camera '{camera.name}': its lens has {len(camera.distortions)} coefficients, and "
                f"Caliscope's have {LONGEST_LENS}; calibrate it with a smaller model"
            )
        tables[match.group(1)] = _table(camera, int(match.group(1)), rig.unit)
    write_text(path, tomlkit.dumps({"cameras": tables}))


def _number(key: str) -> int:
    """Return the number of a camera, by which Caliscope calls it."""
    if not re.fullmatch(r"\d{1,9}", key):
        raise FileFormatError(f"[cameras.{key}]: Caliscope's cameras are numbered, as [cameras.0]")
    return int(key)


def _camera(table: Any, name: str, key: str) -> Camera:
    """Return the camera of one table."""
    where = f"[cameras.{key}]"
    require_keys(table, KEYS, where)
    return Camera(
        name=name,
        size=size_of(table["size"], where),
        matrix=numbers(table["matrix"], f"{where}: matrix"),
        lens=lens_of(table["distortions"], where, fisheye=table.get("fisheye") is True),
        rotation=rotation_of(table["rotation"], where),
        translation=numbers(table["translation"], f"{where}: translation").ravel(),
        extra={name: value for name, value in table.items() if name not in OURS},
    )


def _table(camera: Camera, number: int, unit: str) -> dict[str, Any]:
    """Return the table that describes a camera to Caliscope."""
    return {
        **camera.extra,
        "cam_id": number,
        "size": list(camera.size),
        "matrix": camera.matrix.tolist(),
        "distortions": opencv_coefficients(camera.lens).tolist(),
        "rotation": vector_from_rotation(camera.rotation).tolist(),
        "translation": in_metres(camera, unit),
        "fisheye": camera.lens.model == "fisheye",
    }
