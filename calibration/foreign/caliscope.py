"""Caliscope's camera_array.toml: a table [cameras.N] a camera, lengths in metres.

Rotations are matrices in older files and rotation vectors in newer ones; both are read, and
vectors written. Caliscope numbers its cameras: camera N is called cam_N here, as its videos are.
Other names are numbered by the number they end in, or in their order.

Source: caliscope/cameras/camera_array.py, CameraArray.from_toml and to_toml.
"""

import os
import re
from typing import Any

from calibration.camera import Camera
from calibration.errors import FileFormatError, RigError
from calibration.files import read_toml, write_text
from calibration.foreign.parts import OTHER_LENS, Given, refuse_skew
from calibration.foreign.tables import camera_of_table, table_of_camera
from calibration.rig import Rig

__all__ = ["caliscope_cautions", "holds_caliscope", "load_caliscope", "save_caliscope"]

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
            cameras=tuple(_camera(tables[key], _number(key)) for key in keys),
            unit=given.agree_on_unit("m", "Caliscope"),
        )
    except (RigError, FileFormatError) as error:
        raise type(error)(f"{path}: {error}") from error


def save_caliscope(rig: Rig, path: str | os.PathLike[str]) -> None:
    """Write a camera_array.toml in metres, whatever the unit of the rig.

    Raises `RigError` for names that cannot be numbered without confusion, and for lenses that
    Caliscope does not have.
    """
    import tomlkit

    refuse_skew(rig, "Caliscope")
    tables: dict[str, Any] = {}
    for camera, number in zip(rig, _numbers(rig), strict=True):
        if len(camera.distortions) > LONGEST_LENS:
            raise RigError(
                f"camera '{camera.name}': its lens has {len(camera.distortions)} coefficients, and "
                f"Caliscope's have {LONGEST_LENS}; {OTHER_LENS.format('k1 k2 p1 p2 k3')}"
            )
        fields = table_of_camera(camera, rig.unit)
        tables[str(number)] = {"cam_id": number, **fields}
    write_text(path, tomlkit.dumps({"cameras": tables}))


def caliscope_cautions(rig: Rig) -> tuple[str, ...]:
    """Return which number each camera has in Caliscope, where its name is another."""
    pairs = {name: f"cam_{n}" for name, n in zip(rig.names, _numbers(rig), strict=True)}
    if all(name == numbered for name, numbered in pairs.items()):
        return ()
    told = ", ".join(f"{name} is {numbered}" for name, numbered in pairs.items())
    return (f"Caliscope numbers its cameras: {told}; its videos must be called so",)


def _numbers(rig: Rig) -> list[int]:
    """Return the numbers of the cameras: those their names end in, or else their order."""
    matches = [re.fullmatch(r"(.*?)(\d{1,9})", name) for name in rig.names]
    stems = {match[1] for match in matches if match}
    numbers = [int(match[2]) for match in matches if match]
    if len(stems) == 1 and len(set(numbers)) == len(rig):
        return numbers
    for order, name in enumerate(rig.names):
        if re.fullmatch(r"cam_\d+", name) and name != f"cam_{order}":
            raise RigError(
                f"camera '{name}': Caliscope numbers its cameras, and this one would become "
                f"cam_{order}; rename all to cam_0, cam_1, ... as Caliscope's videos are"
            )
    return list(range(len(rig)))


def _number(key: str) -> int:
    """Return the number of a camera, by which Caliscope calls it."""
    if not re.fullmatch(r"\d{1,9}", key):
        raise FileFormatError(f"[cameras.{key}]: Caliscope's cameras are numbered, as [cameras.0]")
    return int(key)


def _camera(table: Any, number: int) -> Camera:
    """Return the camera of one table."""
    where = f"[cameras.{number}]"
    if isinstance(table, dict) and table.get("ignore") is True:
        raise RigError(
            f"{where}: ignore = true: Caliscope left this camera out, so that its pose may be old; "
            "remove the table, or this line if the pose is good"
        )
    return camera_of_table(table, f"cam_{number}", where)
