"""Pose2Sim's Calib_*.toml: a table a camera, named after it, lengths in metres.

The fields are Anipose's (a rotation vector and a translation of camera_from_world), sizes are
written as 1088.0, and lenses have OpenCV's first four coefficients, though Pose2Sim reads more.

Source: Pose2Sim/calibration.py, toml_write, and common.py, retrieve_calib_params.
"""

import os
from typing import Any

from calibration.errors import FileFormatError, RigError
from calibration.files import read_toml, write_text
from calibration.foreign.parts import Given, refuse_fisheye, refuse_skew
from calibration.foreign.tables import camera_of_table, table_of_camera
from calibration.rig import Rig

__all__ = ["holds_pose2sim", "load_pose2sim", "save_pose2sim"]

OTHER_TABLES = ("metadata", "capture_volume", "charuco", "checkerboard")


def holds_pose2sim(tables: dict[str, Any]) -> bool:
    """Tell whether a TOML file is Pose2Sim's and not Anipose's, which it resembles.

    Pose2Sim calls tables after the cameras and writes sizes as 1088.0; Anipose calls them cam_0,
    cam_1, ... and writes sizes as whole numbers.
    """
    cameras = {
        key: table
        for key, table in tables.items()
        if isinstance(table, dict) and {"matrix", "rotation", "size"} <= table.keys()
    }
    sizes = [t["size"] for t in cameras.values() if isinstance(t["size"], list)]
    fractional = any(isinstance(side, float) for size in sizes for side in size)
    return bool(cameras) and (fractional or not any(key.startswith("cam_") for key in cameras))


def load_pose2sim(path: str | os.PathLike[str], given: Given) -> Rig:
    """Read a Calib_*.toml; fields labcut3d does not have are kept in `Camera.extra`."""
    tables = read_toml(path)
    cameras = {
        key: table
        for key, table in tables.items()
        if key not in OTHER_TABLES and isinstance(table, dict)
    }
    if not cameras:
        raise FileFormatError(f"{path}: holds no camera; expected a table a camera, named after it")
    try:
        return Rig(
            cameras=tuple(
                camera_of_table(table, str(table.get("name", key)), f"[{key}]")
                for key, table in cameras.items()
            ),
            unit=given.agree_on_unit("m", "Pose2Sim"),
        )
    except (RigError, FileFormatError) as error:
        raise type(error)(f"{path}: {error}") from error


def save_pose2sim(rig: Rig, path: str | os.PathLike[str]) -> None:
    """Write a Calib_*.toml in metres, whatever the unit of the rig; refuses skew and fisheyes."""
    import tomlkit

    refuse_skew(rig, "Pose2Sim")
    refuse_fisheye(rig, "Pose2Sim")
    for camera in rig:
        if camera.name in OTHER_TABLES:
            raise RigError(
                f"camera '{camera.name}': Pose2Sim has a table of this name that is no camera; "
                "rename the camera"
            )
    tables: dict[str, Any] = {}
    for camera in rig:
        fields = table_of_camera(camera, rig.unit)
        sides = [float(side) for side in camera.size]
        tables[camera.name] = {**fields, "name": camera.name, "size": sides}
    write_text(path, tomlkit.dumps({**tables, "metadata": {"adjusted": False, "error": 0.0}}))
