"""Two synthetic bundle adjustments with known truth and a disturbed start, the same every time.

Cameras stand on a ring about the origin and look at it. Every camera has its own focal lengths,
principal point and OpenCV distortion k1 k2 p1 p2; pixels carry Gaussian noise and a few outliers.
"""

from dataclasses import dataclass, replace

import numpy as np

from calibration import Camera, Lens, Rig
from calibration.geometry import Array, make_pose, rotation_from_vector, transform

__all__ = ["BoardScene", "PointScene", "board_scene", "point_scene"]

SEED = 3
SIZE = (1280, 1024)
RADIUS = 1500.0  # mm, of the ring
NOISE = 0.3  # px
OUTLIERS = 0.01  # of the pixels
OUTLIER_NOISE = 8.0  # px
EDGE_ON = 0.235  # cosine of the angle between board normal and line of sight; less is unread
COLUMNS, ROWS, SQUARE = 7, 5, 30.0  # corners of the board, mm


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoardScene:
    """A board seen by a rig: start `rig` and `board_poses` (frame, 4, 4) world_from_board.

    `board_points` (point, 3) mm; `corners` (view, frame, point, 2) px, NaN where not seen.
    """

    rig: Rig
    board_points: Array
    board_poses: Array
    corners: Array
    true_rig: Rig

    @property
    def count(self) -> int:
        """How many corners were seen."""
        return int(np.isfinite(self.corners[..., 0]).sum())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointScene:
    """Free points seen by a rig: start `rig` and `points` (point, 3) mm.

    `pixels` (view, point, 2), NaN where not seen.
    """

    rig: Rig
    points: Array
    pixels: Array
    true_rig: Rig

    @property
    def count(self) -> int:
        """How many points were seen, summed over the views."""
        return int(np.isfinite(self.pixels[..., 0]).sum())


def board_scene(n_views: int = 6, n_frames: int = 194) -> BoardScene:
    """Return the scene of a waved board: 6 cameras, 194 boards, 33.5 thousand corners."""
    random = np.random.default_rng(SEED)
    true_rig = _ring(random, n_views)
    row, column = np.mgrid[0:ROWS, 0:COLUMNS]
    points = np.stack([column, row, 0 * row], axis=-1).reshape(-1, 3) * SQUARE
    centre = points.mean(axis=0)
    turns = _board_turns(random, n_frames)
    middles = random.uniform(-260, 260, (n_frames, 3)) * [1, 1, 0.6]
    poses = make_pose(turns, middles - turns @ centre)
    pixels = _photograph(random, true_rig, transform(poses, points))
    pixels[_is_edge_on(true_rig, poses)] = np.nan
    shifts = random.normal(0, 3.0, (n_frames, 3))
    start = make_pose(_small_turns(random, n_frames, 0.01) @ turns, poses[:, :3, 3] + shifts)
    return BoardScene(
        rig=_disturbed(random, true_rig),
        board_points=points,
        board_poses=start,
        corners=pixels,
        true_rig=true_rig,
    )


def point_scene(n_views: int = 8, n_points: int = 20_000) -> PointScene:
    """Return the scene of free points: 8 cameras, 20 thousand points, 128 thousand pixels."""
    random = np.random.default_rng(SEED)
    true_rig = _ring(random, n_views)
    points = random.uniform(-280, 280, (n_points, 3))
    pixels = _photograph(random, true_rig, points)
    pixels[random.random(pixels.shape[:2]) < 0.199] = np.nan  # occluded by what is measured
    pixels[:, np.isfinite(pixels[..., 0]).sum(axis=0) < 2] = np.nan
    return PointScene(
        rig=_disturbed(random, true_rig),
        points=points + random.normal(0, 5.0, points.shape),
        pixels=pixels,
        true_rig=true_rig,
    )


def _ring(random: np.random.Generator, n_views: int) -> Rig:
    """Return cameras on a ring, 20 to 40 degrees above its plane, that look at its middle."""
    cameras = []
    for view in range(n_views):
        azimuth = 2 * np.pi * view / n_views + random.normal(0, 0.05)
        height = np.radians(random.uniform(20, 40))
        centre = RADIUS * np.array(
            [np.cos(azimuth) * np.cos(height), np.sin(azimuth) * np.cos(height), np.sin(height)]
        )
        forward = -centre / np.linalg.norm(centre)
        right = np.cross(forward, [0, 0, 1])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        focal = random.uniform(1500, 1650) * np.array([1.0, random.uniform(0.997, 1.003)])
        middle = np.array(SIZE) / 2 + random.normal(0, 8, 2)
        k1, k2 = random.uniform(-0.25, -0.1), random.uniform(0.05, 0.2)
        p1, p2 = random.normal(0, 1e-3, 2)
        cameras.append(
            Camera(
                name=f"cam{view}",
                size=SIZE,
                matrix=np.array([[focal[0], 0, middle[0]], [0, focal[1], middle[1]], [0, 0, 1]]),
                lens=Lens(distortions=np.array([k1, k2, p1, p2])),
                rotation=rotation,
                translation=-rotation @ centre,
            )
        )
    return Rig(cameras=tuple(cameras), unit="mm")


def _disturbed(random: np.random.Generator, rig: Rig) -> Rig:
    """Return the rig as a first guess knows it; the first camera's pose, the gauge, stays true."""
    cameras = []
    for view, camera in enumerate(rig.cameras):
        matrix = camera.matrix.copy()
        matrix[[0, 1], [0, 1]] *= random.normal(1, 0.005, 2)
        matrix[:2, 2] += random.normal(0, 4, 2)
        turn = _small_turns(random, 1, 0.005)[0] if view else np.eye(3)
        shift = random.normal(0, 5.0, 3) if view else np.zeros(3)
        cameras.append(
            replace(
                camera,
                matrix=matrix,
                lens=Lens(distortions=camera.distortions * random.normal(1, 0.2, 4)),
                rotation=turn @ camera.rotation,
                translation=camera.translation + shift,
            )
        )
    return replace(rig, cameras=tuple(cameras))


def _photograph(random: np.random.Generator, rig: Rig, points_world: Array) -> Array:
    """Return noisy pixels (view, ..., 2); NaN for points outside an image."""
    pixels = rig.project(points_world)
    pixels += random.normal(0, NOISE, pixels.shape)
    wrong = random.random(pixels.shape[:-1]) < OUTLIERS
    pixels[wrong] += random.normal(0, OUTLIER_NOISE, (int(wrong.sum()), 2))
    inside = ((pixels > 0) & (pixels < np.array(SIZE) - 1)).all(axis=-1)
    pixels[~inside] = np.nan
    return pixels


def _is_edge_on(rig: Rig, poses: Array) -> np.ndarray:
    """Tell in which images (view, frame) the board is too oblique to be read."""
    centres = np.stack([camera.center for camera in rig.cameras])
    towards = centres[:, None] - poses[:, :3, 3]
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
    return np.einsum("vfi,fi->vf", towards, poses[:, :3, 2]) < EDGE_ON


def _board_turns(random: np.random.Generator, count: int) -> Array:
    """Return turns (count, 3, 3) of a board held face up, tilted every way."""
    tilt = random.normal(0, 0.3, (count, 2))
    spin = random.uniform(-np.pi, np.pi, count)
    zeros = np.zeros(count)
    lean = rotation_from_vector(np.column_stack([tilt, zeros]))
    return lean @ rotation_from_vector(np.column_stack([zeros, zeros, spin]))


def _small_turns(random: np.random.Generator, count: int, angle: float) -> Array:
    """Return random turns (count, 3, 3) of about `angle` rad about each axis."""
    return rotation_from_vector(random.normal(0, angle, (count, 3)))
