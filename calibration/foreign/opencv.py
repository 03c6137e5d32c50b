"""OpenCV's own files (YAML, XML, JSON): one camera, or a stereo pair as cv2.stereoCalibrate has it.

OpenCV prescribes no names; those of its samples and the usual ones of others are known. A stereo
file holds the second camera relative to the first, which is the world's frame: x2 = R x1 + T.
What OpenCV has no name for (names, unit, the first camera's own pose) is written beside as fields
of ours, which other programs do not look at.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from calibration.camera import Camera
from calibration.errors import FileFormatError, RigError
from calibration.foreign.filestorage import read_storage, write_storage
from calibration.foreign.parts import (
    Given,
    lens_of,
    numbers,
    opencv_coefficients,
    refuse_skew,
    rotation_of,
)
from calibration.geometry import Array, invert_pose, make_pose
from calibration.rig import Rig

__all__ = ["holds_opencv", "load_opencv", "save_opencv"]

# {} is "" for a single camera, "1" and "2" for a pair.
MATRIX = ("camera_matrix{}", "cameraMatrix{}", "Camera_Matrix{}", "M{}", "K{}", "mtx{}")
DISTORTION = (
    *("distortion_coefficients{}", "dist_coeffs{}", "distCoeffs{}", "Distortion_Coefficients{}"),
    *("dist_coeff{}", "distortion{}", "D{}", "dist{}"),
)
WIDTH = ("image_width", "image_Width", "imageWidth", "width")
HEIGHT = ("image_height", "image_Height", "imageHeight", "height")
SIZE = ("image_size", "imageSize", "size")
ROTATION = ("R", "rotation", "rotation_matrix", "rvec")
TRANSLATION = ("T", "t", "translation", "translation_vector", "tvec")
FISHEYE = ("fisheye_model", "fisheye")
EXTRINSICS = "extrinsics"  # OpenCV's stereo sample writes R and T to a file of this name beside


def holds_opencv(values: Mapping[str, Any]) -> bool:
    """Tell whether a FileStorage holds one camera or two."""
    return any(_find(values, MATRIX, suffix) is not None for suffix in ("", "1"))


def load_opencv(path: str | os.PathLike[str], given: Given) -> Rig:
    """Read one camera, or a stereo pair, from OpenCV's YAML, XML or JSON."""
    path = Path(path)
    values = read_storage(path)
    if not holds_opencv(values):
        held = ", ".join(sorted(values)[:8]) or "nothing"
        raise FileFormatError(
            f"{path}: holds no camera (it has {held}); expected camera_matrix, or M1, D1, M2, D2, "
            "R and T of a stereo pair"
        )
    unit = values.get("unit")
    if _find(values, MATRIX, "1") is None:
        poses, suffixes = [_single_pose(values, path)], [""]
        names = [str(values.get("camera_name") or path.stem)]
    else:
        first = _pose(values, ("world_R",), ("world_T",), str(path))
        second_from_first, unit = _stereo_pose(values, path, unit)
        poses = [first, second_from_first @ first]
        suffixes, names = ["1", "2"], values.get("names", ["left", "right"])
    if not isinstance(names, list) or len(names) != len(poses):
        raise FileFormatError(f"{path}: names = {names}; {len(poses)} cameras need as many")
    size = given.agree_on_size(_image_size(values), str(path))
    try:
        return Rig(
            cameras=tuple(
                _camera(values, suffix, str(name), size, pose)
                for suffix, name, pose in zip(suffixes, names, poses, strict=True)
            ),
            unit=given.agree_on_unit(unit, "the file"),
        )
    except (RigError, FileFormatError) as error:
        raise type(error)(f"{path}: {error}") from error


def save_opencv(rig: Rig, path: str | os.PathLike[str]) -> None:
    """Write a rig of one camera or two; the ending of `path` says in which of OpenCV's forms."""
    refuse_skew(rig, "OpenCV")
    first = rig.cameras[0]
    if len(rig) > 2:
        raise RigError(
            f"{path}: OpenCV's files hold one camera or a stereo pair, and this rig has "
            f"{len(rig)}; select two: rig.select({list(rig.names[:2])}), in the terminal "
            f"--views {','.join(rig.names[:2])}"
        )
    for camera in rig:
        if camera.size != first.size or camera.lens.model != first.lens.model:
            raise RigError(
                f"{path}: OpenCV's stereo files hold one image size and one kind of lens, but "
                f"cameras '{first.name}' and '{camera.name}' differ; save them one by one"
            )
    values: dict[str, Any] = {"image_width": first.size[0], "image_height": first.size[1]}
    values["fisheye_model"] = int(first.lens.model == "fisheye")
    if len(rig) == 1:
        values |= {"camera_name": first.name, "camera_matrix": np.array(first.matrix)}
        values["distortion_coefficients"] = opencv_coefficients(first.lens)[None]
        values |= {"R": np.array(first.rotation), "T": first.translation[:, None].copy()}
    else:
        for number, camera in enumerate(rig, start=1):
            values[f"M{number}"] = np.array(camera.matrix)
            values[f"D{number}"] = opencv_coefficients(camera.lens)[None]
        relative = rig.cameras[1].camera_from_world @ invert_pose(first.camera_from_world)
        values |= {"R": relative[:3, :3].copy(), "T": relative[:3, 3:].copy()}
        values |= {"names": list(rig.names), "world_R": np.array(first.rotation)}
        values["world_T"] = first.translation[:, None].copy()
    write_storage(path, {**values, "unit": rig.unit})


def _find(values: Mapping[str, Any], names: Iterable[str], suffix: str = "") -> Any:
    """Return the first value that goes by one of the names, or None."""
    return next((values[n] for name in names if (n := name.format(suffix)) in values), None)


def _image_size(values: Mapping[str, Any]) -> object:
    """Return the size of the images (width, height) as the file has it, or None."""
    width, height = _find(values, WIDTH), _find(values, HEIGHT)
    return _find(values, SIZE) if width is None or height is None else [width, height]


def _single_pose(values: Mapping[str, Any], path: Path) -> Array:
    """Return camera_from_world of a single camera: its own frame where the file has no pose."""
    if _find(values, ROTATION) is None and _find(values, TRANSLATION) is None:
        return np.eye(4)
    return _pose(values, ROTATION, TRANSLATION, str(path))


def _stereo_pose(values: Mapping[str, Any], path: Path, unit: str | None) -> tuple[Array, Any]:
    """Return second_from_first, and the unit, of a stereo file or of extrinsics.yml beside it."""
    if _find(values, ROTATION) is None:
        beside = path.with_name(f"{EXTRINSICS}{path.suffix}")
        if not beside.is_file():
            raise FileFormatError(
                f"{path}: has two cameras but not R and T between them; OpenCV's stereo sample "
                f"writes these to {beside.name}, which belongs beside it"
            )
        values, path = read_storage(beside), beside
        if _find(values, ROTATION) is None:
            raise FileFormatError(f"{path}: has no R and T of a stereo pair")
    return _pose(values, ROTATION, TRANSLATION, str(path)), values.get("unit", unit)


def _pose(
    values: Mapping[str, Any], rotations: Iterable[str], translations: Iterable[str], where: str
) -> Array:
    """Return the rigid motion of a rotation and a translation, the identity where not given."""
    rotation = _find(values, rotations)
    translation = _find(values, translations)
    turn = np.eye(3) if rotation is None else rotation_of(rotation, where)
    shift = np.zeros(3) if translation is None else numbers(translation, f"{where}: T").ravel()
    if shift.shape != (3,):
        raise FileFormatError(f"{where}: T has {shift.size} numbers; a translation has three")
    return make_pose(turn, shift)


def _camera(
    values: Mapping[str, Any], suffix: str, name: str, size: tuple[int, int], pose: Array
) -> Camera:
    """Return one camera of a file; `Camera` checks its numbers."""
    where = f"camera '{name}'"
    matrix, distortion = _find(values, MATRIX, suffix), _find(values, DISTORTION, suffix)
    if matrix is None or distortion is None:
        wanted = (MATRIX if matrix is None else DISTORTION)[0].format(suffix)
        raise FileFormatError(f"{where}: {wanted} is missing")
    return Camera(
        name=name,
        size=size,
        matrix=numbers(matrix, f"{where}: the matrix"),
        lens=lens_of(distortion, where, fisheye=bool(_find(values, FISHEYE))),
        rotation=pose[:3, :3],
        translation=pose[:3, 3],
    )
