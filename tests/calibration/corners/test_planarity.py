"""Corners that misfit a flat board: found on whatever plane of the board's frame it lies."""

import numpy as np
import pytest

from calibration.camera import Camera
from calibration.corners.planarity import MisfitFinder
from calibration.geometry import make_pose, rotation_from_vector, transform
from calibration.lens import Lens

CAMERA = Camera(
    name="cam0",
    size=(640, 480),
    matrix=np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]),
    lens=Lens(distortions=np.array([-0.25, 0.08, 0, 0, 0])),
    rotation=np.eye(3),
    translation=np.zeros(3),
)
GRID = np.stack(np.meshgrid(np.arange(6.0), np.arange(5.0), [0.0]), axis=-1).reshape(-1, 3) * 10


@pytest.mark.parametrize("turn", [[0.0, 0, 0], [0, np.pi / 2, 0], [1.0, 0.4, 0]])
def test_wrong_corners_are_found(turn):
    rotation = rotation_from_vector(turn)
    points = GRID @ rotation.T + [0, 0, 4.0]
    pose = make_pose(rotation_from_vector([0.4, 0.3, 0.2]) @ rotation.T, [-20.0, -15.0, 110.0])
    pixels = CAMERA.project(transform(pose, points))
    pixels += np.random.default_rng(0).normal(scale=0.05, size=pixels.shape)
    finder = MisfitFinder(points)
    assert not finder.find(pixels, CAMERA.size).any()
    pixels[[4, 17]] += [9.0, -6.0]
    assert np.flatnonzero(finder.find(pixels, CAMERA.size)).tolist() == [4, 17]


def test_few_corners_are_left_alone():
    pixels = np.random.default_rng(0).uniform(0, 400, (30, 2))
    pixels[11:] = np.nan
    assert not MisfitFinder(GRID).find(pixels, CAMERA.size).any()
