"""A rig about a box: four cameras, 300 mm away, that see three of its walls at up to 45 degrees."""

import numpy as np

from calibration import Camera, CharucoBoard, Lens, Rig, Wall
from labcut3d.synthetic_rig import look_at

BOARD = CharucoBoard(
    squares_x=7,
    squares_y=5,
    square_length=12.0,
    marker_length=9.0,
    dictionary="DICT_5X5_100",
    unit="mm",
)
MEDIA = {
    "acrylic": (3.0, (1.0, 1.49, 1.0)),
    "water": (3.0, (1.0, 1.52, 1.33)),
    "surface": (0.0, (1.0, 1.0, 1.34)),
}


def make_rig(thickness: float, indices: tuple[float, float, float]) -> Rig:
    """The rig of a box of 120 mm with walls of that thickness and indices."""
    faces = ([1.0, 0, 0], [0, 1.0, 0], [0, 1.0, 0], [-1.0, 0, 0])
    places = ([250, 60, 120], [-120, 240, 100], [150, 240, -80], [-230, -70, 200])
    cameras = []
    for number, (face, place) in enumerate(zip(faces, places, strict=True)):
        rotation, translation = look_at(np.array(place), np.zeros(3), np.array([0, 0, 1.0]))
        cameras.append(
            Camera(
                name=f"cam{number}",
                size=(1280, 1024),
                matrix=np.array([[2200.0, 0.5, 642], [0, 2210, 508], [0, 0, 1]]),
                lens=Lens(distortions=np.array([-0.2, 0.1, 1e-3, -5e-4, 0.0])),
                rotation=rotation,
                translation=translation,
                wall=Wall(
                    normal=-np.array(face),
                    distance=-60.0 - thickness,
                    thickness=thickness,
                    indices=indices,
                ),
            )
        )
    return Rig(cameras=tuple(cameras), unit="mm")
