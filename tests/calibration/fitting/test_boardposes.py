"""Board poses from one image: flat boards in any plane have two, others one."""

import numpy as np
import pytest

from calibration.camera import Camera
from calibration.fitting.boardposes import pose_candidates
from calibration.geometry import Array, make_pose, rotation_from_vector, transform
from calibration.lens import Lens

CAMERA = Camera(
    name="cam0",
    size=(640, 480),
    matrix=np.array([[700.0, 0, 320], [0, 700, 240], [0, 0, 1]]),
    lens=Lens(distortions=np.array([-0.2, 0.05, 0.001, 0, 0])),
    rotation=np.eye(3),
    translation=np.zeros(3),
)
POSES = np.stack(
    [
        make_pose(rotation_from_vector(turn), [3.0, -4.0, 200.0 + 10 * i])
        for i, turn in enumerate([[0.4, -0.3, 0.2], [-0.5, 0.2, 2.0], [0.0, 0.6, -1.0]])
    ]
)
GRID = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0), [0.0]), axis=-1).reshape(-1, 3) * 10


@pytest.mark.parametrize("turn", [[0.0, 0, 0], [1.2, 0.3, 0], [0, np.pi / 2, 0], [np.pi, 0, 0]])
def test_a_flat_board_is_posed_in_whatever_plane_it_lies(turn):
    points = GRID @ rotation_from_vector(turn).T + [5.0, -7.0, 11.0]
    # Turn it back, so that the camera sees the same face whatever the board's own frame.
    back = make_pose(rotation_from_vector(turn).T, np.zeros(3))
    poses = POSES @ back
    found = pose_candidates(CAMERA, points, CAMERA.project(transform(poses, points)))
    assert np.abs(found[:, 0] - poses).max() < 1e-5  # unit; pixels are exact
    assert np.abs(found[:, 1] - poses).max(axis=(1, 2)).min() > 1e-3  # the other is another


def test_points_in_space_have_one_pose():
    rng = np.random.default_rng(0)
    points = GRID + rng.uniform(-8, 8, GRID.shape)
    pixels = CAMERA.project(transform(POSES, points))
    pixels[0, 7:] = np.nan  # seven points are enough
    found = pose_candidates(CAMERA, points, pixels)
    assert np.abs(found - POSES[:, None]).max() < 1e-4


def test_a_face_of_a_body_is_posed_as_the_plane_it_is():
    body = np.concatenate([GRID, GRID + np.array([0, 0, 5.0])])
    pixels = CAMERA.project(transform(POSES, body))
    pixels[:, : len(GRID)] = np.nan
    found = pose_candidates(CAMERA, body, pixels)
    assert np.abs(found[:, 0] - POSES).max() < 1e-5


def lines() -> list[Array]:
    """Return points from which no pose follows."""
    row = np.zeros((8, 3))
    row[:, 0] = np.arange(8) * 10
    return [row, row + 1e-6 * np.random.default_rng(0).normal(size=row.shape), np.zeros((8, 3))]


@pytest.mark.parametrize("points", lines())
def test_points_of_a_line_have_no_pose(points):
    pixels = CAMERA.project(transform(POSES, points))
    assert np.isnan(pose_candidates(CAMERA, points, pixels)).all()


def test_too_few_corners_have_no_pose():
    pixels = CAMERA.project(transform(POSES, GRID))
    pixels[:, 5:] = np.nan
    assert np.isnan(pose_candidates(CAMERA, GRID, pixels)).all()
