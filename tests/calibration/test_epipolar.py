"""Two views: the epipolar constraint holds for what both see, and its error is in pixels."""

import cv2
import numpy as np
import pytest

from calibration import Camera, Lens, Rig
from calibration.epipolar import (
    baseline,
    epipolar_error,
    essential_matrix,
    fundamental_matrix,
    relative_pose,
)
from calibration.errors import RigError
from calibration.geometry import rotation_from_vector


@pytest.fixture(scope="module")
def rig():
    def camera(name, vector, translation, distortions):
        return Camera(
            name=name,
            size=(640, 480),
            matrix=np.array([[800.0, 1.5, 321], [0, 805, 238], [0, 0, 1]]),
            lens=Lens(distortions=np.array(distortions)),
            rotation=rotation_from_vector(vector),
            translation=np.array(translation, dtype=float),
        )

    left = camera("left", [0.1, 0.2, 0.3], [5, 6, 300], [-0.2, 0.05, 1e-3, 0])
    right = camera("right", [0.15, 0.6, 0.2], [-40, 3, 310], [-0.25, 0.06, 0, 1e-3])
    return Rig(cameras=(left, right), unit="mm")


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).normal(size=(100, 3)) * 30


def without_lens(rig, points):
    """Homogeneous pixels (view, n, 3) that ideal lenses would give."""
    seen = [points @ c.rotation.T + c.translation for c in rig]
    image = np.stack([s @ c.matrix.T for s, c in zip(seen, rig, strict=True)])
    return image / image[..., 2:]


def test_the_constraint_holds(rig, points):
    left, right = without_lens(rig, points)
    fundamental = fundamental_matrix(rig, "left", "right")
    assert np.abs(np.einsum("ni,ij,nj->n", right, fundamental, left)).max() < 1e-9
    essential = essential_matrix(rig, "left", "right")
    singular = np.linalg.svd(essential, compute_uv=False)
    # Two equal singular values, the baseline, and a zero: what makes a matrix essential.
    np.testing.assert_allclose(singular, [baseline(rig, "left", "right")] * 2 + [0], atol=1e-9)
    lines = cv2.computeCorrespondEpilines(left[:, None, :2], 1, fundamental)[:, 0]
    assert np.abs((lines * right).sum(axis=1)).max() < 1e-9  # px, by OpenCV's convention


def test_the_relative_pose_takes_points_from_left_to_right(rig, points):
    left, right = (points @ c.rotation.T + c.translation for c in rig)
    pose = relative_pose(rig, "left", "right")
    np.testing.assert_allclose(left @ pose[:3, :3].T + pose[:3, 3], right, atol=1e-10)
    assert baseline(rig, "left", "right") == pytest.approx(np.linalg.norm(pose[:3, 3]))


def test_perfect_pixels_have_no_error_and_missing_ones_none(rig, points):
    pixels = rig.project(points)
    pixels[1, 3] = np.nan
    error = epipolar_error(rig, "left", "right", pixels)
    assert error.shape == (100,)
    assert np.flatnonzero(np.isnan(error)).tolist() == [3]
    assert np.nanmax(error) < 1e-8
    stacked = epipolar_error(rig, "left", "right", pixels.reshape(2, 20, 5, 2))
    np.testing.assert_array_equal(stacked.ravel(), error)


def test_the_error_is_the_distance_to_the_line(rig, points):
    """One pixel across the line in one view: half a pixel there, and about as much in the other."""
    pixels = rig.project(points)
    fundamental = fundamental_matrix(rig, "left", "right")
    left, right = without_lens(rig, points)
    normal = (left @ fundamental.T)[:, :2]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    moved = right.copy()
    moved[:, :2] += normal
    camera = rig["right"]
    normalized = (moved @ np.linalg.inv(camera.matrix).T)[:, :2]
    pixels[1] = camera.lens.distort(normalized) @ camera.matrix[:2, :2].T + camera.matrix[:2, 2]
    error = epipolar_error(rig, "left", "right", pixels)
    lines = moved @ fundamental
    other = np.abs((lines * left).sum(axis=1)) / np.linalg.norm(lines[:, :2], axis=1)
    np.testing.assert_allclose(error, (1 + other) / 2, atol=1e-8)


def test_errors_along_the_line_are_not_seen(rig, points):
    """The right pixels of points moved along the left rays stay on the epipolar lines."""
    pixels = rig.project(points)
    center = rig["left"].center
    pixels[1] = rig["right"].project(center + 1.1 * (points - center))
    assert epipolar_error(rig, "left", "right", pixels).max() < 1e-8


def test_what_cannot_be_is_refused(rig):
    with pytest.raises(RigError, match=r"pixels have shape \(3, 2\)"):
        epipolar_error(rig, "left", "right", np.zeros((3, 2)))
    with pytest.raises(RigError, match="stand in one place"):
        essential_matrix(rig, "left", "left")
    with pytest.raises(RigError, match="no camera 'top'"):
        relative_pose(rig, "left", "top")
