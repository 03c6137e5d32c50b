"""The cameras of a recording as NWB's devices: calibrated ones of ndx-pose where there is a rig."""

from types import ModuleType
from typing import Any

import numpy as np

from calibration.camera import Camera
from calibration.units import METRES
from labcut3d.formats.exported import Export

__all__ = ["camera_devices"]


def camera_devices(export: Export, pynwb: ModuleType, pose: ModuleType) -> dict[str, Any]:
    """Return a device for each camera of the rig and each view of the data, by its name.

    Translations are in metres, as NWB has it.
    """
    rig, datasets = export.rig, [export.dataset, export.detections]
    views = {str(v) for one in datasets if one is not None for v in one["view"].values}
    devices: dict[str, Any] = {}
    metres = 1.0 if rig is None else METRES[rig.unit]
    for camera in () if rig is None else rig:
        devices[camera.name] = pose.CalibratedCamera(
            name=camera.name,
            description=_describe(camera),
            intrinsic_matrix=camera.matrix,
            rotation_matrix=camera.rotation,
            translation_vector=camera.translation * metres,
            distortion_coefficients=np.asarray(camera.distortions, dtype=float),
        )
    for view in sorted(views - devices.keys()):
        devices[view] = pynwb.device.Device(name=view, description=f"the camera of view {view}")
    return devices


def _describe(camera: Camera) -> str:
    """Return the rest of what is known of a camera: lens model, size, wall."""
    model = "fisheye" if camera.lens.model == "fisheye" else "radial, tangential"
    wall = "" if camera.wall is None else f"; looks through a flat wall: {camera.wall}"
    return (
        f"images of {camera.size[0]}x{camera.size[1]} px; OpenCV's {model} distortion "
        f"({', '.join(camera.lens.names)}); rotation and translation take world points to the "
        f"camera, x right, y down, z forward{wall}"
    )
