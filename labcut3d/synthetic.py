"""Scenes with known truth: cameras, a moving board, a moving animal, and what the cameras see.

Everything random comes from the `numpy.random.Generator` that is passed in, so the same seed gives
the same scene. `make_scene` builds a whole one; the functions below it build its parts. Cameras are
made in `synthetic_rig`, pictures of boards in `synthetic_images`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from calibration.boards.board import Board, CharucoBoard
from calibration.corners.observations import Observations
from calibration.geometry import make_pose, rotation_from_vector, transform
from calibration.rig import Rig
from labcut3d.schema import make_detections
from labcut3d.skeleton import Skeleton
from labcut3d.synthetic_rig import make_rig

__all__ = [
    "BOARD",
    "Blemishes",
    "Scene",
    "detect_animal",
    "make_animal",
    "make_board_motion",
    "make_scene",
    "observe_board",
    "observed_skeleton",
]

Array = npt.NDArray[np.float64]
Generator = np.random.Generator

BOARD = CharucoBoard(
    squares_x=7,
    squares_y=6,
    square_length=8.0,
    marker_length=6.0,
    dictionary="DICT_4X4_50",
    unit="mm",
)
"""The board of `make_scene`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blemishes:
    """How detections differ from the truth.

    `noise` is the standard deviation in px; `missing` and `outliers` are the parts, 0 to 1, of the
    points that are lost, and that lie anywhere within `outlier_reach` px of the truth.
    """

    noise: float = 0.3
    missing: float = 0.0
    outliers: float = 0.0
    outlier_reach: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A synthetic recording and all that is true about it.

    `board_poses` (frame, 4, 4) world_from_board; `position` (time, keypoint, 3) world;
    `observations` and `detections` are what the cameras saw of board and animal.
    """

    rig: Rig
    board: Board
    board_poses: Array
    observations: Observations
    skeleton: Skeleton
    position: Array
    detections: xr.Dataset


def make_scene(
    seed: int,
    *,
    n_cameras: int = 4,
    n_boards: int = 30,
    n_times: int = 100,
    blemishes: Blemishes | None = None,
) -> Scene:
    """Return a rig around a volume of 60 mm, a board that moves in it, and an animal.

    The same `seed` gives the same scene.
    """
    blemishes = blemishes or Blemishes()
    rng = np.random.default_rng(seed)
    rig = make_rig(n_cameras, rng)
    poses = make_board_motion(rig, BOARD, n_boards, rng)
    skeleton = observed_skeleton()
    position = make_animal(rig, skeleton, n_times, rng)
    return Scene(
        rig=rig,
        board=BOARD,
        board_poses=poses,
        observations=observe_board(rig, BOARD, poses, rng, blemishes),
        skeleton=skeleton,
        position=position,
        detections=detect_animal(rig, skeleton, position, rng, blemishes),
    )


def make_board_motion(rig: Rig, board: Board, n_frames: int, rng: Generator) -> Array:
    """Return poses (frame, 4, 4) world_from_board: a wander that shows every camera the board.

    Most frames are turned towards one camera after another, tilted by up to about 35 degrees, so
    that neighbouring cameras share views and no one view is always seen face on.
    """
    centers = np.stack([camera.center for camera in rig])
    middle = _middle(rig)
    reach = 0.06 * np.linalg.norm(centers - middle, axis=-1).mean()
    phase = np.linspace(0, len(rig), n_frames, endpoint=False)
    near = np.floor(phase).astype(int)
    blend = (phase - near)[:, None]
    aim = (1 - blend) * centers[near] + blend * centers[(near + 1) % len(rig)] - middle
    rotations = np.stack([_facing(direction, _up(rig)) for direction in aim])
    wobble = _smooth(rng, n_frames, 3, np.deg2rad(18))
    rotations = rotations @ rotation_from_vector(wobble)
    center = middle + _smooth(rng, n_frames, 3, reach)
    return make_pose(rotations, center - (rotations @ board.points.mean(axis=0)))


def observe_board(
    rig: Rig, board: Board, poses: Array, rng: Generator, blemishes: Blemishes
) -> Observations:
    """Return the corners that each camera sees of a board at `poses` (frame, 4, 4).

    A camera sees a board only from its front, up to 70 degrees, and only inside its image.
    """
    points = transform(poses, board.points)  # (frame, corner, 3)
    pixels = rig.project(points)
    for view, camera in enumerate(rig):
        ray = points.mean(axis=1) - camera.center
        facing = np.einsum("fi,fi->f", ray, poses[:, :3, 2]) / np.linalg.norm(ray, axis=-1)
        pixels[view, facing < np.cos(np.deg2rad(70))] = np.nan
    return Observations(
        views=rig.names,
        sizes=tuple(camera.size for camera in rig),
        frames=np.arange(len(poses)),
        corners=_blemish(pixels, rig, rng, blemishes),
    )


def observed_skeleton() -> Skeleton:
    """Return a small animal: two ears, a nose, a spine of three and a tail."""
    return Skeleton(
        name="synthetic",
        keypoints=("nose", "left_ear", "right_ear", "neck", "back", "rump", "tail"),
        bones=(
            ("nose", "left_ear"),
            ("nose", "right_ear"),
            ("nose", "neck"),
            ("neck", "back"),
            ("back", "rump"),
            ("rump", "tail"),
        ),
        left_right=(("left_ear", "right_ear"),),
    )


def make_animal(rig: Rig, skeleton: Skeleton, n_times: int, rng: Generator) -> Array:
    """Return positions (time, keypoint, 3) of a body that walks, turns and bends, in the world.

    Its points lie scattered along a body axis in the order of the keypoints, left and right ones
    on their sides; bones keep their lengths but for a gentle bend. It stays within the volume that
    all cameras see.
    """
    size = 0.05 * np.linalg.norm(np.stack([c.center for c in rig]) - _middle(rig), axis=-1).mean()
    n = len(skeleton.keypoints)
    body = np.zeros((n, 3))
    body[:, 0] = size * np.linspace(0.5, -0.5, n)
    body[:, 2] = 0.06 * size * rng.standard_normal(n)
    for left, right in skeleton.left_right:
        a, b = skeleton.keypoints.index(left), skeleton.keypoints.index(right)
        body[[a, b], 0] = body[[a, b], 0].mean()
        body[[a, b], 1] = 0.2 * size, -0.2 * size
    heading = np.cumsum(_smooth(rng, n_times, 1, 0.06), axis=0)
    turn = rotation_from_vector(np.concatenate([np.zeros((n_times, 2)), heading], axis=1))
    bend = 0.15 * size * np.sin(np.linspace(0, 6 * np.pi, n_times))[:, None]
    moved = np.repeat(body[None], n_times, axis=0)
    moved[..., 2] += bend * (body[:, 0] / size) ** 2
    place = _smooth(rng, n_times, 3, size) * [1, 1, 0.2]
    floor = moved @ np.swapaxes(turn, -1, -2) + place[:, None]
    world_from_floor = _facing(-_up(rig), rig.cameras[0].rotation[2])  # its z is up
    return floor @ world_from_floor.T + _middle(rig)


def detect_animal(
    rig: Rig,
    skeleton: Skeleton,
    position: Array,
    rng: Generator,
    blemishes: Blemishes,
    *,
    fps: float = 30.0,
) -> xr.Dataset:
    """Return the detections dataset of an animal at `position` (time, keypoint, 3) world.

    Confidence is high for good points, low for outliers and 0 where nothing was detected.
    """
    true = rig.project(position)  # (view, time, keypoint, 2)
    seen = _blemish(true, rig, rng, blemishes)
    error = np.linalg.norm(seen - true, axis=-1)
    confidence = np.where(
        np.isnan(error), 0.0, np.exp(-error / 20) * rng.uniform(0.9, 1, error.shape)
    )
    return make_detections(
        position=np.moveaxis(seen, 0, 1).swapaxes(-1, -2)[..., None],
        confidence=np.moveaxis(confidence, 0, 1)[..., None],
        views=rig.names,
        keypoints=skeleton.keypoints,
        individuals=("animal",),
        fps=fps,
    )


def _blemish(pixels: Array, rig: Rig, rng: Generator, blemishes: Blemishes) -> Array:
    """Return pixels (view, ..., 2) with noise, outliers, gaps, and none outside the images."""
    noisy = pixels + blemishes.noise * rng.standard_normal(pixels.shape)
    wild = rng.random(pixels.shape[:-1]) < blemishes.outliers
    reach = rng.uniform(-1, 1, pixels.shape) * blemishes.outlier_reach
    noisy = np.where(wild[..., None], pixels + reach, noisy)
    lost = rng.random(pixels.shape[:-1]) < blemishes.missing
    sizes = np.array([camera.size for camera in rig]).reshape(len(rig), *[1] * (pixels.ndim - 2), 2)
    with np.errstate(invalid="ignore"):
        lost |= ((noisy < 0) | (noisy > sizes - 1)).any(axis=-1)
    return np.where(lost[..., None], np.nan, noisy)


def _smooth(rng: Generator, n: int, columns: int, amplitude: float) -> Array:
    """Return n x columns numbers that wander slowly: three random sines of the given amplitude."""
    time = np.linspace(0, 2 * np.pi, max(n, 2))[:n, None]
    waves = [
        np.sin(rng.uniform(k, k + 1, columns) * time + rng.uniform(0, 2 * np.pi, columns))
        for k in (1, 2, 4)
    ]
    return amplitude * np.sum(waves, axis=0) / np.sqrt(1.5)


def _facing(direction: Array, hint: Array) -> Array:
    """Return the rotation whose third column is -direction, with `hint` near minus its second."""
    z = -direction / np.linalg.norm(direction)
    x = np.cross(-hint, z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=-1)


def _up(rig: Rig) -> Array:
    """Return the mean direction (3,) of the tops of the images, in the world."""
    up = -np.mean([camera.rotation[1] for camera in rig], axis=0)
    return up / np.linalg.norm(up)


def _middle(rig: Rig) -> Array:
    """Return the point (3,) nearest to all optical axes, where the cameras look."""
    axes = np.stack([camera.rotation[2] for camera in rig])
    centers = np.stack([camera.center for camera in rig])
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    return np.linalg.lstsq(across.sum(0), np.einsum("nij,nj->i", across, centers), rcond=None)[0]
