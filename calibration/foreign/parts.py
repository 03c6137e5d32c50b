"""What the readers and writers of all foreign formats need: lenses, sizes, units and refusals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.camera import LARGEST
from calibration.errors import FileFormatError, RigError
from calibration.geometry import Array, rotation_from_vector
from calibration.lens import Lens
from calibration.rig import Rig

__all__ = [
    "OTHER_LENS",
    "Given",
    "lens_of",
    "numbers",
    "opencv_coefficients",
    "refuse_fisheye",
    "refuse_skew",
    "refuse_walls",
    "require_keys",
    "rotation_of",
    "size_of",
]

OTHER_LENS = 'calibrate with another lens: labcut3d calibrate --lens "{0}", calibrate(lens="{0}")'
TILTED = 14  # coefficients of OpenCV's longest model, whose last two tilt the sensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the caller says about a file that does not say it itself.

    `unit` of length and image `size` (width, height) px; None where the file must know.
    """

    unit: str | None = None
    size: tuple[int, int] | None = None

    def agree_on_unit(self, in_file: str | None, where: str) -> str:
        """Return the unit of the file, or the caller's; raise `RigError` if none or if they differ.

        A unit that does not exist is refused by `Rig`.
        """
        if in_file is None and self.unit is None:
            raise RigError(
                f'{where} does not say its unit of length; give it: load_rig(path, unit="mm"), '
                "in the terminal --unit mm"
            )
        if in_file is not None and self.unit not in (None, in_file):
            raise RigError(
                f"{where}: its lengths are in {in_file}, but unit = {self.unit!r} was asked for; "
                "leave the unit out"
            )
        return str(self.unit if in_file is None else in_file)

    def agree_on_size(self, in_file: object, where: str) -> tuple[int, int]:
        """Return the image size (width, height) of the file, or the caller's."""
        if in_file is None and self.size is None:
            raise RigError(
                f"{where}: the file does not tell the size of the images; give it: "
                "load_rig(path, size=(1280, 1024)), in the terminal --size 1280x1024"
            )
        return size_of(self.size if in_file is None else in_file, where)


def numbers(value: object, where: str) -> Array:
    """Return an array of finite floats, or raise `FileFormatError` naming the place."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{where} is no array of numbers ({error})") from error
    if array.dtype.kind not in "fiu":
        raise FileFormatError(f"{where} is no array of numbers")
    if not (np.abs(array) <= LARGEST).all():
        raise FileFormatError(f"{where} holds NaN, infinity or a number that no camera has")
    return array.astype(float)


def size_of(value: object, where: str) -> tuple[int, int]:
    """Return an image size as two whole numbers; programs write 1088.0 too."""
    size = numbers(value, f"{where}: size").ravel()
    if size.shape != (2,) or (size != np.round(size)).any():
        raise FileFormatError(f"{where}: size = {value!r}; it must be two whole numbers")
    return int(size[0]), int(size[1])


def lens_of(value: object, where: str, *, fisheye: bool = False) -> Lens:
    """Return the lens of coefficients in OpenCV's order, in whatever shape a file holds them.

    One to three numbers are k1, k2 and p1 alone; the 14 numbers of the tilted model are taken
    where they tilt nothing. Raises `RigError` for lenses that labcut3d does not have.
    """
    coefficients = numbers(value, f"{where}: the distortion").ravel()
    if fisheye:
        return Lens(distortions=coefficients, model="fisheye")
    if len(coefficients) == TILTED:
        if coefficients[12:].any():
            raise RigError(
                f"{where}: the sensor is tilted (the last two distortions are "
                f"{coefficients[12:].tolist()}), which labcut3d's lenses are not; calibrate again"
            )
        coefficients = coefficients[:12]
    if 0 < len(coefficients) < 4:
        coefficients = np.concatenate([coefficients, np.zeros(4 - len(coefficients))])
    return Lens(distortions=coefficients)


def rotation_of(value: object, where: str) -> Array:
    """Return the rotation (3, 3) of a matrix or a rotation vector; `Camera` checks matrices."""
    rotation = numbers(value, f"{where}: rotation")
    if rotation.shape == (3, 3):
        return rotation
    if rotation.size != 3:
        raise FileFormatError(
            f"{where}: rotation = {rotation.tolist()}; it must be three numbers (Rodrigues) or a "
            "3x3 matrix"
        )
    return rotation_from_vector(rotation.ravel())


def opencv_coefficients(lens: Lens) -> Array:
    """Return the distortions as OpenCV takes them: a lens without any has five zeros."""
    return lens.distortions if len(lens.distortions) else np.zeros(5)


def refuse_skew(rig: Rig, program: str) -> None:
    """Raise `RigError` for a camera whose skew `program` would drop."""
    for camera in rig:
        if camera.matrix[0, 1] != 0:
            raise RigError(
                f"camera '{camera.name}': skew = {camera.matrix[0, 1]:g} px, which {program} would "
                "ignore; save it as labcut3d or label3d"
            )


def refuse_walls(rig: Rig, program: str) -> None:
    """Raise `RigError` for a camera that looks through a wall, which no other program reckons with.

    It would see straight through.
    """
    for camera in rig:
        if camera.wall is not None:
            raise RigError(
                f"camera '{camera.name}' looks through a wall, which {program} would ignore; "
                "save it as labcut3d, or without its wall (dataclasses.replace(camera, wall=None))"
            )


def refuse_fisheye(rig: Rig, program: str) -> None:
    """Raise `RigError` for a camera with a fisheye lens, which `program` does not have."""
    for camera in rig:
        if camera.lens.model == "fisheye":
            raise RigError(
                f"camera '{camera.name}': {program} has no fisheye lenses; save it as labcut3d, "
                f"anipose, caliscope or opencv, or {OTHER_LENS.format('k1 k2 p1 p2')}"
            )


def require_keys(table: Any, keys: Sequence[str], where: str) -> None:
    """Raise `FileFormatError` for the first of `keys` that a table does not have."""
    if not isinstance(table, dict):
        raise FileFormatError(f"{where} must be a table")
    for key in keys:
        if key not in table:
            raise FileFormatError(f"{where}: '{key}' is missing")
