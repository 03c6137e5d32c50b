"""Errors that corners of one frame share are noticed, and make the covariance honest."""

import numpy as np
import pytest

from calibration import adjust_boards
from calibration.solver.adjusting import adjust
from calibration.solver.clusters import cluster_factor
from labcut3d.synthetic import Blemishes, Scene, make_scene

NOISE = 0.1  # px


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(4, n_cameras=3, n_boards=40, blemishes=Blemishes(noise=0.0))


def factor_with(scene: Scene, noise: np.ndarray) -> float:
    """Return the factor where corners have this noise (view, frame, corner, 2) px."""
    cameras = scene.rig.cameras
    found = adjust(
        cameras,
        scene.board_poses,
        scene.observations.corners + noise,
        scene.board.points,
        free=[("fx", "fy", "cx", "cy", "k1", "k2")] * len(cameras),
        posed=[view > 0 for view in range(len(cameras))],
        sigma=NOISE,
    )
    return cluster_factor(found.problem, found.solution)


def test_independent_errors_change_nothing(scene):
    shape = scene.observations.corners.shape
    found = [
        factor_with(scene, np.random.default_rng(seed).normal(scale=NOISE, size=shape))
        for seed in range(20)
    ]
    assert np.median(found) == 1.0
    assert np.mean(found) < 1.05


def test_errors_that_a_frame_shares_are_found(scene):
    rng = np.random.default_rng(1)
    views, frames, corners, _ = scene.observations.corners.shape
    own = rng.normal(scale=0.8 * NOISE, size=(views, frames, corners, 2))
    # Each image is stretched a little, as by a shutter that rolls; a pose cannot explain that.
    middle = np.nanmean(scene.observations.corners, axis=(1, 2), keepdims=True)
    away = (scene.observations.corners - middle) / 100
    shared = rng.normal(scale=NOISE, size=(views, frames, 1, 2)) * away
    assert factor_with(scene, own + shared) > 2


def test_the_covariance_grows_by_it(scene):
    rng = np.random.default_rng(2)
    corners = scene.observations.corners
    plain = corners + rng.normal(scale=NOISE, size=corners.shape)
    stretch = 1 + rng.normal(scale=1e-3, size=(*corners.shape[:2], 1, 2))
    deviations = [
        adjust_boards(scene.rig, scene.board.points, scene.board_poses, seen).covariance.deviation(
            "cam1.fx"
        )
        for seen in (plain, plain + (stretch - 1) * (corners - 250))
    ]
    assert deviations[1] > 2 * deviations[0]
