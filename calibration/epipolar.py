"""Two views of a rig: their relative pose, the epipolar constraint, and how well pixels obey it.

Through walls that bend light there is no epipolar line, and no matrix that makes one, but a curve.

Source: Hartley & Zisserman, "Multiple View Geometry", 2nd edition, chapter 9.
"""

import numpy as np
from numpy.typing import ArrayLike

from calibration.camera import Camera
from calibration.errors import RigError
from calibration.geometry import Array, invert_pose, skew
from calibration.rig import Rig

__all__ = [
    "baseline",
    "epipolar_curve",
    "epipolar_error",
    "essential_matrix",
    "fundamental_matrix",
    "relative_pose",
]

SAME_PLACE = 1e-9  # of the distance to the world's origin: cameras that stand in one point
NEAREST_STEPS = 3  # Newton's, to the point of a curve that is nearest to a pixel


def relative_pose(rig: Rig, left: str, right: str) -> Array:
    """Return the rigid motion (4, 4) right_from_left; its translation is in the rig's unit."""
    return rig[right].camera_from_world @ invert_pose(rig[left].camera_from_world)


def baseline(rig: Rig, left: str, right: str) -> float:
    """Return the distance between two cameras, in the unit of the rig."""
    return float(np.linalg.norm(rig[right].center - rig[left].center))


def essential_matrix(rig: Rig, left: str, right: str) -> Array:
    """Return E (3, 3) with `x_right @ E @ x_left = 0` for normalized homogeneous points.

    Its scale is the baseline's, as in cv2.stereoCalibrate. Raises `RigError` where both cameras
    stand in one place, so that there is no epipolar geometry, and where one looks through a wall.
    """
    for camera in (rig[left], rig[right]):
        if camera.wall is not None:
            raise RigError(
                f"camera '{camera.name}' looks through a wall, which bends epipolar lines: no "
                "matrix describes them; use epipolar_curve, and triangulation instead of "
                "rectified images"
            )
    pose = relative_pose(rig, left, right)
    scale = np.abs(np.stack([rig[left].center, rig[right].center])).max()
    if baseline(rig, left, right) <= SAME_PLACE * scale:
        raise RigError(
            f"cameras '{left}' and '{right}' stand in one place: there is no depth between them; "
            "choose two others, or calibrate again if they do not"
        )
    return skew(pose[:3, 3]) @ pose[:3, :3]


def fundamental_matrix(rig: Rig, left: str, right: str) -> Array:
    """Return F (3, 3) with `p_right @ F @ p_left = 0` for homogeneous pixels free of distortion."""
    essential = essential_matrix(rig, left, right)
    return np.linalg.inv(rig[right].matrix).T @ essential @ np.linalg.inv(rig[left].matrix)


def epipolar_curve(
    rig: Rig, left: str, right: str, pixels: ArrayLike, distances: ArrayLike
) -> Array:
    """Return where the right view images what pixels (..., 2) of the left may show, (..., m, 2) px.

    Along each ray of the left view points are taken at `distances` (m,), in the rig's unit, from
    the camera, or from the far face of its wall. Lenses and walls bend the curve. NaN behind the
    right camera.
    """
    origins, directions = rig[left].rays(pixels)
    away = np.asarray(distances, dtype=float)[:, None] * directions[..., None, :]
    return rig[right].project(origins[..., None, :] + away)


def epipolar_error(rig: Rig, left: str, right: str, pixels: ArrayLike) -> Array:
    """Return how far pixels (2, ..., 2) of one point in both views miss each other, (...) px.

    The mean distance of each pixel to the epipolar line of the other, after the distortion of
    the lenses is taken out; with a wall, to the curve that the line is then, in the image itself.
    NaN where a pixel is missing. It shows errors across the epipolar lines alone: those along them
    turn into errors of depth, which no two views can reveal.
    """
    pixels = np.asarray(pixels, dtype=float)
    if pixels.ndim < 2 or pixels.shape[0] != 2 or pixels.shape[-1] != 2:
        raise RigError(f"pixels have shape {pixels.shape}; two views need (2, ..., 2)")
    one, other = rig[left], rig[right]
    if one.wall is not None or other.wall is not None:
        to_right = _curve_distance(one, other, pixels)
        return (to_right + _curve_distance(other, one, pixels[::-1])) / 2
    in_left = _ideal(rig[left], pixels[0])
    in_right = _ideal(rig[right], pixels[1])
    fundamental = fundamental_matrix(rig, left, right)
    to_right = _distance(in_right, in_left @ fundamental.T)
    to_left = _distance(in_left, in_right @ fundamental)
    return (to_left + to_right) / 2


def _curve_distance(one: Camera, other: Camera, pixels: Array) -> Array:
    """Return how far (...) px pixels[1] lie from the epipolar curves of pixels[0] (..., 2)."""
    origins, directions = one.rays(pixels[0])
    starts, ways = other.rays(pixels[1])
    cosine = (directions * ways).sum(axis=-1)
    gap = starts - origins
    with np.errstate(divide="ignore", invalid="ignore"):  # parallel rays have no nearest points
        along = ((gap * directions).sum(-1) - cosine * (gap * ways).sum(-1)) / (1 - cosine**2)
    for step in range(NEAREST_STEPS):
        points = origins + along[..., None] * directions
        tangent = (other.project_jacobian(points) @ directions[..., None])[..., 0]
        offset = pixels[1] - other.project(points)
        if step < NEAREST_STEPS - 1:
            along = along + (offset * tangent).sum(axis=-1) / (tangent**2).sum(axis=-1)
    across = tangent[..., 0] * offset[..., 1] - tangent[..., 1] * offset[..., 0]
    return np.abs(across) / np.linalg.norm(tangent, axis=-1)


def _ideal(camera: Camera, pixels: Array) -> Array:
    """Return the homogeneous pixels (..., 3) that a lens without distortion would give."""
    normalized = camera.undistort(pixels)
    return np.concatenate([normalized, np.ones_like(normalized[..., :1])], -1) @ camera.matrix.T


def _distance(points: Array, lines: Array) -> Array:
    """Return the distances (...) of homogeneous points (..., 3) to lines (..., 3)."""
    offset = np.abs((points * lines).sum(axis=-1))
    return offset / np.linalg.norm(lines[..., :2], axis=-1)
