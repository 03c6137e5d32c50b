"""A board that waves smoothly before cameras whose clocks differ: the truth for tests of time."""

import numpy as np

from calibration import Board, CharucoBoard, Rig
from calibration.corners.observations import Observations
from calibration.geometry import make_pose, rotation_from_vector, transform
from labcut3d.synthetic import make_board_motion, make_scene

FPS = 30.0


class MovingBoard:
    """A rig, a board, and where the board is at any time."""

    def __init__(self, *, n_views: int = 3, seed: int = 0) -> None:
        scene = make_scene(1, n_boards=3)
        self.rig = Rig(cameras=scene.rig.cameras[:n_views], unit=scene.rig.unit)
        self.board: Board = CharucoBoard(
            squares_x=6,
            squares_y=5,
            square_length=4.0,
            marker_length=3.0,
            dictionary="DICT_4X4_50",
            unit=scene.rig.unit,
        )
        rng = np.random.default_rng(seed)
        self._middle = make_board_motion(self.rig, self.board, 1, rng)[0]
        self._size = np.ptp(self.board.points, axis=0).max()
        self._amplitude = rng.normal(size=(6, 4))
        self._phase = rng.uniform(0, 2 * np.pi, (6, 4))
        self._rate = rng.uniform(0.3, 1.2, (6, 4))

    def poses(self, times: np.ndarray) -> np.ndarray:
        """Return world_from_board (time, 4, 4) at times, s."""
        angle = 2 * np.pi * self._rate * times[:, None, None] + self._phase
        wave = (self._amplitude * np.sin(angle)).sum(axis=-1)
        turn = rotation_from_vector(0.18 * wave[:, :3]) @ self._middle[:3, :3]
        return make_pose(turn, self._middle[:3, 3] + 0.25 * self._size * wave[:, 3:])

    def filmed(
        self,
        n_frames: int,
        *,
        offsets: list[float],
        drifts: list[float] | None = None,
        stray: float = 0.0,
        noise: float = 0.15,
        seed: int = 1,
    ) -> Observations:
        """Return what cameras see that are late by `offsets`, frames, and `drifts`, s/s.

        Single images stray by `stray` frames, a standard deviation, which time stamps do not tell.
        """
        rng = np.random.default_rng(seed)
        stamps = np.arange(n_frames) / FPS
        corners = []
        for view, camera in enumerate(self.rig):
            drift = drifts[view] if drifts else 0.0
            taken = stamps + offsets[view] / FPS + drift * (stamps - stamps.mean())
            taken = taken + stray / FPS * rng.normal(size=n_frames)
            pixels = camera.project(transform(self.poses(taken), self.board.points))
            pixels += rng.normal(size=pixels.shape) * noise
            outside = (pixels < 0) | (pixels > np.array(camera.size) - 1)
            pixels[outside.any(axis=-1)] = np.nan
            corners.append(pixels)
        return Observations(
            views=self.rig.names,
            sizes=tuple(camera.size for camera in self.rig),
            frames=np.arange(n_frames),
            corners=np.stack(corners),
            times=np.broadcast_to(stamps, (len(self.rig), n_frames)),
        )
