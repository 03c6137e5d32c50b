"""The bundle adjustment's model: what the cameras should see, and how that depends on everything.

A state is every camera and every board pose. A camera has 15 parameters: fx, fy, cx, cy, five
distortion coefficients, a small turn and a shift of camera_from_world; a board pose has six, a
small turn and a shift of world_from_board. Turns act from the left, `exp(turn) @ rotation`, so
that they have no singularity.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from calibration.camera import Camera
from calibration.geometry import Array, make_pose, rotation_from_vector, skew, transform
from calibration.lens import DISTORTION_NAMES, Lens

__all__ = ["BOARD_SIZE", "CAMERA_PARAMETERS", "Images", "State", "linearize", "predict", "step"]

N_DISTORTIONS = 5
CAMERA_PARAMETERS = (
    *("fx", "fy", "cx", "cy"),
    *DISTORTION_NAMES[:N_DISTORTIONS],
    *("rotation_x", "rotation_y", "rotation_z"),
    *("translation_x", "translation_y", "translation_z"),
)
BOARD_SIZE = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """All cameras and the board's poses world_from_board (frame, 4, 4)."""

    cameras: tuple[Camera, ...]
    boards: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """The images of the board that are used, one row for each pair of a view and a frame.

    `view`, `frame` (image,) int, sorted by view; `corners` (image, corner, 2) px, NaN where not
    seen; `points` (corner, 3) of the board.
    """

    view: np.ndarray
    frame: np.ndarray
    corners: Array
    points: Array

    @classmethod
    def of(cls, corners: Array, usable: np.ndarray, points: Array) -> "Images":
        """Return the `usable` (view, frame) images of corners (view, frame, corner, 2)."""
        view, frame = np.nonzero(usable)
        return cls(view=view, frame=frame, corners=corners[view, frame], points=points)

    def rows(self, n_views: int) -> Sequence[slice]:
        """Return the rows of each view."""
        ends = np.searchsorted(self.view, np.arange(n_views + 1))
        return [slice(a, b) for a, b in pairwise(ends)]


def predict(state: State, images: Images) -> Array:
    """Return the pixels (image, corner, 2) at which the state puts all corners."""
    points_world = transform(state.boards, images.points)
    pixels = np.empty((len(images.view), len(images.points), 2))
    for camera, rows in zip(state.cameras, images.rows(len(state.cameras)), strict=True):
        pixels[rows] = camera.project(points_world[images.frame[rows]])
    return pixels


def linearize(state: State, images: Images) -> tuple[Array, Array]:
    """Return d pixel / d camera (image, corner, 2, 15) and d pixel / d board (image, corner, 2, 6).

    Chain rule: the board's point turns with the board, then with the camera, then is imaged.
    """
    turned = images.points @ np.swapaxes(state.boards[:, :3, :3], -1, -2)
    points_world = turned + state.boards[:, None, :3, 3]
    shape = (len(images.view), len(images.points), 2)
    by_camera, by_board = np.empty((*shape, len(CAMERA_PARAMETERS))), np.empty((*shape, BOARD_SIZE))
    for camera, rows in zip(state.cameras, images.rows(len(state.cameras)), strict=True):
        frames = images.frame[rows]
        rotated = points_world[frames] @ camera.rotation.T
        by_point = camera.camera_jacobian(rotated + camera.translation)
        by_camera[rows, ..., :9] = _intrinsic_jacobian(camera, rotated + camera.translation)
        by_camera[rows, ..., 9:12] = -by_point @ skew(rotated)
        by_camera[rows, ..., 12:] = by_point
        by_world = by_point @ camera.rotation
        by_board[rows, ..., :3] = -by_world @ skew(turned[frames])
        by_board[rows, ..., 3:] = by_world
    return by_camera, by_board


def step(state: State, camera_steps: Array, board_steps: Array) -> State:
    """Return the state moved by steps (view, 15) and (frame, 6) of its parameters."""
    cameras = tuple(
        _move(camera, change) for camera, change in zip(state.cameras, camera_steps, strict=True)
    )
    rotation = rotation_from_vector(board_steps[:, :3]) @ state.boards[:, :3, :3]
    return State(
        cameras=cameras,
        boards=make_pose(rotation, state.boards[:, :3, 3] + board_steps[:, 3:]),
    )


def _intrinsic_jacobian(camera: Camera, points_camera: Array) -> Array:
    """Return d pixel / d (fx, fy, cx, cy, distortions), (..., 2, 9)."""
    normalized = points_camera[..., :2] / points_camera[..., 2:]
    distorted = camera.lens.distort(normalized)
    result = np.zeros((*normalized.shape, 9))
    result[..., 0, 0], result[..., 1, 1] = distorted[..., 0], distorted[..., 1]
    result[..., 0, 2] = result[..., 1, 3] = 1.0
    result[..., 4:] = camera.matrix[:2, :2] @ camera.lens.parameter_jacobian(normalized)
    return result


def _move(camera: Camera, change: Array) -> Camera:
    """Return a camera moved by a step (15,) of its parameters."""
    matrix = camera.matrix.copy()
    matrix[0, 0] += change[0]
    matrix[1, 1] += change[1]
    matrix[:2, 2] += change[2:4]
    rotation = rotation_from_vector(change[9:12]) @ camera.rotation
    left, _, right = np.linalg.svd(rotation)  # back onto the rotations, against rounding
    return replace(
        camera,
        matrix=matrix,
        lens=Lens(distortions=camera.distortions + change[4:9]),
        rotation=left @ right,
        translation=camera.translation + change[12:],
    )
