"""One simulated calibration: drawn by a seed, solved, and compared with the truth."""

from dataclasses import dataclass

import numpy as np

from calibration import Camera, Lens, Rig, adjust_boards
from calibration.geometry import Array, make_pose, rotation_from_vector, transform

__all__ = ["Trial", "simulate"]

SIZE = (1280, 960)
NOISE = 0.3  # px
N_VIEWS, N_BOARDS = 3, 12
COLUMNS, ROWS, SQUARE = 8, 6, 45.0  # corners of the board, mm: it fills a third of an image


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The `squared` Mahalanobis error of all `count` camera parameters together."""

    squared: float
    count: int


def simulate(seed: int) -> Trial:
    """Return the trial of a seed."""
    random = np.random.default_rng(seed)
    truth = _draw_rig(random)
    row, column = np.mgrid[0:ROWS, 0:COLUMNS]
    points = np.stack([column, row, 0 * row], axis=-1).reshape(-1, 3) * SQUARE
    poses = _draw_boards(random, points.mean(axis=0))
    corners = truth.project(transform(poses, points))
    corners += random.normal(0, NOISE, corners.shape)
    corners[((corners < 0) | (corners > np.array(SIZE) - 1)).any(axis=-1)] = np.nan
    few = np.isfinite(corners[..., 0]).sum(axis=-1) < 8
    corners[few] = np.nan
    shown = ~few.all(axis=0)
    found = adjust_boards(truth, points, poses[shown], corners[:, shown], huber=None)
    return _compare(found.rig, truth, found.covariance.names, found.covariance.matrix)


def _draw_rig(random: np.random.Generator) -> Rig:
    """Return cameras 0.9 m from the origin, 50 degrees apart."""
    cameras = []
    for view in range(N_VIEWS):
        turn = np.array([0.0, np.radians(50.0) * (view - 1), 0.0]) + random.normal(0, 0.05, 3)
        rotation = rotation_from_vector(turn)
        focal = random.uniform(1100, 1300) * np.array([1.0, random.uniform(0.995, 1.005)])
        middle = np.array(SIZE) / 2 + random.normal(0, 10, 2)
        cameras.append(
            Camera(
                name=f"cam{view}",
                size=SIZE,
                matrix=np.array([[focal[0], 0, middle[0]], [0, focal[1], middle[1]], [0, 0, 1]]),
                lens=Lens(
                    distortions=np.array(
                        [
                            random.uniform(-0.2, 0),
                            random.uniform(0, 0.1),
                            *random.normal(0, 1e-3, 2),
                        ]
                    )
                ),
                rotation=rotation,
                translation=np.array([0.0, 0.0, 900.0]) + random.normal(0, 20, 3),
            )
        )
    return Rig(cameras=tuple(cameras), unit="mm")


def _draw_boards(random: np.random.Generator, centre: Array) -> Array:
    """Return poses (frame, 4, 4) of boards about the origin, tilted every way."""
    turns = rotation_from_vector(random.normal(0, 0.45, (N_BOARDS, 3)))
    middles = random.uniform(-160, 160, (N_BOARDS, 3))
    return make_pose(turns, middles - turns @ centre)


def _compare(rig: Rig, truth: Rig, names: tuple[str, ...], matrix: Array) -> Trial:
    """Return the squared Mahalanobis error of a rig whose first pose was held at the truth."""
    values = {}
    for camera, true in zip(rig, truth, strict=True):
        turn = camera.rotation @ true.rotation.T
        turn = 0.5 * (turn - turn.T)[[2, 0, 1], [1, 2, 0]]
        parts = {
            **dict(zip(("fx", "fy"), np.diag(camera.matrix - true.matrix)[:2], strict=True)),
            **dict(zip(("cx", "cy"), (camera.matrix - true.matrix)[:2, 2], strict=True)),
            **dict(
                zip(("k1", "k2", "p1", "p2"), camera.distortions - true.distortions, strict=True)
            ),
            **{f"rotation_{c}": v for c, v in zip("xyz", turn, strict=True)},
            **{
                f"translation_{c}": v
                for c, v in zip("xyz", camera.translation - true.translation, strict=True)
            },
        }
        values |= {f"{camera.name}.{name}": value for name, value in parts.items()}
    free = np.flatnonzero(np.diag(matrix) > 0)
    error = np.array([values[names[i]] for i in free])
    squared = error @ np.linalg.solve(matrix[np.ix_(free, free)], error)
    return Trial(squared=float(squared), count=len(free))
