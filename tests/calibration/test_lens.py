"""Lenses: distortion, its inverse and its derivatives."""

import cv2
import numpy as np
import pytest

from calibration.errors import RigError
from calibration.lens import Lens

COUNTS = [0, 4, 5, 8, 12]
TINY = 1e-6


def random_lens(count: int) -> Lens:
    return Lens(distortions=np.random.default_rng(count).normal(size=count) * 0.05)


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (100, 2))


@pytest.mark.parametrize("count", COUNTS[1:])
def test_distort_agrees_with_opencv(count, points):
    lens = random_lens(count)
    rays = np.concatenate([points, np.ones((100, 1))], axis=1)
    zero = np.zeros(3)
    expected = cv2.projectPoints(rays, zero, zero, np.eye(3), lens.distortions)[0][:, 0]
    np.testing.assert_allclose(lens.distort(points), expected, atol=1e-14)  # rounding


@pytest.mark.parametrize("count", COUNTS)
def test_undistort_inverts_distort(count, points):
    lens = random_lens(count)
    np.testing.assert_allclose(lens.undistort(lens.distort(points)), points, atol=1e-12)


@pytest.mark.parametrize("count", COUNTS)
def test_jacobians_match_finite_differences(count, points):
    lens = random_lens(count)
    by_point = [
        (lens.distort(points + d) - lens.distort(points - d)) / (2 * TINY) for d in np.eye(2) * TINY
    ]
    np.testing.assert_allclose(lens.jacobian(points), np.stack(by_point, axis=-1), atol=1e-8)
    for index, change in enumerate(np.eye(count) * TINY):
        more = Lens(distortions=lens.distortions + change).distort(points)
        less = Lens(distortions=lens.distortions - change).distort(points)
        column = lens.parameter_jacobian(points)[..., index]
        np.testing.assert_allclose(column, (more - less) / (2 * TINY), atol=1e-8)
    assert lens.parameter_jacobian(points).shape == (100, 2, count)


FISHEYES = [
    Lens(distortions=values, model="fisheye")
    for values in ([0.05, -0.02, 0.01, -0.003], [0.0] * 4, [-0.02, 0.004, 0, 0])
]


@pytest.mark.parametrize("lens", FISHEYES)
def test_a_fisheye_agrees_with_opencv(lens):
    wide = np.random.default_rng(1).uniform(-3, 3, (100, 2))  # up to 77 degrees from the axis
    wide[0] = 0.0
    rays = np.concatenate([wide, np.ones((100, 1))], axis=1)[:, None]
    zero = np.zeros(3)
    expected = cv2.fisheye.projectPoints(rays, zero, zero, np.eye(3), lens.distortions)[0][:, 0]
    np.testing.assert_allclose(lens.distort(wide), expected, atol=1e-12)
    np.testing.assert_allclose(lens.undistort(lens.distort(wide)), wide, atol=1e-9)


@pytest.mark.parametrize("lens", FISHEYES)
def test_jacobians_of_a_fisheye_match_finite_differences(lens):
    points = np.random.default_rng(1).uniform(-2, 2, (100, 2))
    points[0] = 0.0
    by_point = [
        (lens.distort(points + d) - lens.distort(points - d)) / (2 * TINY) for d in np.eye(2) * TINY
    ]
    np.testing.assert_allclose(lens.jacobian(points), np.stack(by_point, axis=-1), atol=1e-8)
    for index, change in enumerate(np.eye(4) * TINY):
        more = Lens(distortions=lens.distortions + change, model="fisheye").distort(points)
        less = Lens(distortions=lens.distortions - change, model="fisheye").distort(points)
        column = lens.parameter_jacobian(points)[..., index]
        np.testing.assert_allclose(column, (more - less) / (2 * TINY), atol=1e-8)


def test_a_fisheye_is_no_opencv_lens_and_has_four_coefficients():
    assert Lens(distortions=np.zeros(4)) != Lens(distortions=np.zeros(4), model="fisheye")
    assert FISHEYES[0].names == ("k1", "k2", "k3", "k4")
    with pytest.raises(RigError, match="fisheye' has 4 numbers"):
        Lens(distortions=np.zeros(5), model="fisheye")
    with pytest.raises(RigError, match="model"):
        Lens(distortions=np.zeros(5), model="pinhole")


def test_what_the_lens_cannot_image_is_nan():
    barrel = Lens(distortions=np.array([-0.3, 0, 0, 0]))  # folds at r = 1.05, images r <= 0.70
    undistorted = barrel.undistort([[0.5, 0.0], [0.9, 0.0], [np.nan, 0.0]])
    assert np.isfinite(undistorted[0]).all()
    assert np.isnan(undistorted[1:]).all(axis=-1).all()


@pytest.mark.parametrize("values", [[1.0], [0.0] * 6, [[0.0] * 4], [np.nan] * 4, [np.inf] * 5])
def test_bad_coefficients_are_refused(values):
    with pytest.raises(RigError, match="distortions"):
        Lens(distortions=np.array(values))
