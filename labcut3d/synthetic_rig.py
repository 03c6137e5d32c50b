"""Cameras of known truth: where they stand, which way they look, and what their lenses do."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from calibration.camera import Camera
from calibration.lens import Lens
from calibration.rig import Rig

__all__ = ["look_at", "make_rig"]

Array = npt.NDArray[np.float64]


def look_at(center: Array, target: Array, up: Array) -> tuple[Array, Array]:
    """Return camera_from_world (rotation (3, 3), translation (3,)) of a camera at `center`.

    It looks at `target`, its image upright: `up` points to the top of the image.
    """
    forward = (target - center) / np.linalg.norm(target - center)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return rotation, -rotation @ center


def make_rig(
    n_cameras: int,
    rng: np.random.Generator,
    *,
    size: tuple[int, int] = (640, 480),
    distance: float = 300.0,
    unit: str = "mm",
) -> Rig:
    """Return cameras on a ring around a volume of a fifth of `distance`, in the first one's frame.

    They look down at 20 to 45 degrees; focal lengths, centres and lenses (radial and tangential
    distortion, 5 coefficients) differ from camera to camera.
    """
    cameras = []
    up = np.array([0.0, 0.0, 1.0])
    for index in range(n_cameras):
        angle = 2 * np.pi * index / max(n_cameras, 3) + rng.uniform(-0.15, 0.15)
        tilt = rng.uniform(np.deg2rad(20), np.deg2rad(45))
        away = [np.cos(tilt) * np.cos(angle), np.cos(tilt) * np.sin(angle), np.sin(tilt)]
        center = distance * rng.uniform(0.9, 1.1) * np.array(away)
        rotation, translation = look_at(center, np.zeros(3), up)
        focal = 2.2 * size[0] * rng.uniform(0.95, 1.05)
        middle = (np.array(size) - 1) / 2 + rng.uniform(-8, 8, 2)
        matrix = [
            [focal, 0, middle[0]],
            [0, focal * rng.uniform(0.998, 1.002), middle[1]],
            [0, 0, 1],
        ]
        coefficients = rng.uniform([-0.35, 0.0, -1e-3, -1e-3, 0.0], [-0.2, 0.2, 1e-3, 1e-3, 0.0])
        cameras.append(
            Camera(
                name=f"cam{index}",
                size=size,
                matrix=np.array(matrix),
                lens=Lens(distortions=coefficients),
                rotation=rotation,
                translation=translation,
            )
        )
    return _in_first_frame(Rig(cameras=tuple(cameras), unit=unit))


def _in_first_frame(rig: Rig) -> Rig:
    """Return the same rig with the first camera's own frame as the world."""
    first = rig.cameras[0]
    cameras: Sequence[Camera] = [
        Camera(
            name=camera.name,
            size=camera.size,
            matrix=camera.matrix,
            lens=camera.lens,
            rotation=camera.rotation @ first.rotation.T,
            translation=camera.translation - camera.rotation @ first.rotation.T @ first.translation,
        )
        for camera in rig
    ]
    return Rig(cameras=tuple(cameras), unit=rig.unit)
