"""Cameras: projection, rays, derivatives, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.camera import Camera
from calibration.errors import RigError
from calibration.geometry import rotation_from_vector, vector_from_rotation
from calibration.lens import Lens


@pytest.fixture
def camera() -> Camera:
    return Camera(
        name="cam0",
        size=(640, 480),
        matrix=np.array([[800.0, 1.5, 310.0], [0, 790.0, 250.0], [0, 0, 1]]),
        lens=Lens(distortions=np.array([-0.2, 0.1, 0.001, -0.002, 0.01])),
        rotation=rotation_from_vector([0.3, -0.5, 0.2]),
        translation=np.array([1.0, -2.0, 30.0]),
    )


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(1).uniform(-5, 5, (3, 7, 3))


def test_rays_pass_through_the_points_projected(camera, points):
    origins, directions = camera.rays(camera.project(points))
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1, atol=1e-12)
    np.testing.assert_allclose(origins, np.broadcast_to(camera.center, points.shape))
    off = np.cross(points - origins, directions)
    assert np.abs(off).max() < 1e-8  # of a length of 5: Newton's tolerance


def test_jacobian_matches_finite_differences(camera, points):
    step = 1e-5
    numeric = [
        (camera.project(points + d) - camera.project(points - d)) / (2 * step)
        for d in np.eye(3) * step
    ]
    analytic = camera.project_jacobian(points)
    np.testing.assert_allclose(analytic, np.stack(numeric, axis=-1), atol=1e-5)  # px a unit


def test_points_behind_the_camera_and_missing_ones_are_nan(camera):
    forward = camera.rotation[2]
    behind = camera.center - 3 * forward
    assert np.isnan(camera.project(behind)).all()
    assert np.isnan(camera.project_jacobian(behind)).all()
    assert np.isnan(camera.project([np.nan, 0, 0])).all()
    assert np.isfinite(camera.project(camera.center + 3 * forward)).all()
    assert np.isnan(camera.undistort([np.nan, 3.0])).all()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", " ", "name"),
        ("size", (640.5, 480), "whole pixels"),
        ("size", (0, 480), "whole pixels"),
        ("matrix", np.eye(4), "shape"),
        ("matrix", np.array([[800.0, 0, 0], [0, 800, 0], [320, 240, 1]]), "transposed"),
        ("matrix", np.diag([-800.0, 800, 1]), "positive"),
        ("rotation", 2 * np.eye(3), "not a rotation"),
        ("rotation", np.diag([1.0, 1, -1]), "not a rotation"),
        ("translation", [0, np.nan, 0], "finite"),
        ("translation", ["a", 0, 0], "numbers"),
    ],
)
def test_impossible_cameras_are_refused(camera, field, value, words):
    with pytest.raises(RigError, match=words):
        replace(camera, **{field: value})


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, 1.0, 3.0, np.pi - 1e-9])
def test_rotation_vectors_survive_the_round_trip(angle):
    vector = angle * np.array([[2.0, -1.0, 2.0], [0, 0, 3.0], [-3.0, 0, 0]]) / 3
    found = vector_from_rotation(rotation_from_vector(vector))
    np.testing.assert_allclose(found, vector, atol=1e-12)  # rad
