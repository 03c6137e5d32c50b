"""A camera as a table of a TOML file, with Anipose's fields: as Caliscope and Pose2Sim have it.

Poses are camera_from_world, and lengths in metres whatever the unit of the rig.
"""

from typing import Any

from calibration.camera import Camera
from calibration.foreign.parts import (
    lens_of,
    numbers,
    opencv_coefficients,
    require_keys,
    rotation_of,
    size_of,
)
from calibration.geometry import vector_from_rotation
from calibration.units import METRES

__all__ = ["camera_of_table", "table_of_camera"]

KEYS = ("size", "matrix", "distortions", "rotation", "translation")
OURS = (*KEYS, "fisheye", "name", "cam_id")


def camera_of_table(table: Any, name: str, where: str) -> Camera:
    """Return the camera that a table describes; `where` names the table in messages.

    A rotation may be a vector or a matrix. Fields labcut3d does not have are kept in `extra`.
    """
    require_keys(table, KEYS, where)
    return Camera(
        name=name,
        size=size_of(table["size"], where),
        matrix=numbers(table["matrix"], f"{where}: matrix"),
        lens=lens_of(table["distortions"], where, fisheye=table.get("fisheye") is True),
        rotation=rotation_of(table["rotation"], where),
        translation=numbers(table["translation"], f"{where}: translation").ravel(),
        extra={key: value for key, value in table.items() if key not in OURS},
    )


def table_of_camera(camera: Camera, unit: str) -> dict[str, Any]:
    """Return the table that describes a camera of a rig in `unit`, with lengths in metres."""
    return {
        **camera.extra,
        "size": list(camera.size),
        "matrix": camera.matrix.tolist(),
        "distortions": opencv_coefficients(camera.lens).tolist(),
        "rotation": vector_from_rotation(camera.rotation).tolist(),
        "translation": (camera.translation * METRES[unit]).tolist(),
        "fisheye": camera.lens.model == "fisheye",
    }
