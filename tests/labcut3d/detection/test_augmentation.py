"""Keypoints move exactly with the image, and left and right change places in mirror images."""

import cv2
import numpy as np
import pytest

from labcut3d.detection.augmentation import Augmentation, occlude, relight, stretching
from labcut3d.detection.symmetry import Mirror, mirror_points

SIZE = (128, 128)
MIRRORED = (1, 0, 2)
KNOWN = np.array([True, False, True])
COLORS = np.array([[250, 30, 30], [30, 250, 30], [30, 30, 250]])


def _scene() -> tuple[np.ndarray, np.ndarray]:
    """Three discs of pure colours: left, right, tail."""
    image = np.zeros((200, 240, 3), dtype=np.uint8)
    points = np.array([[95.0, 80.0], [135.0, 84.0], [112.0, 125.0]])
    for point, color in zip(points, COLORS, strict=True):
        cv2.circle(image, tuple(map(int, point)), 6, tuple(map(int, color)), -1)
    return image, points


def _middle(crop: np.ndarray, channel: int) -> np.ndarray:
    """The centre of the disc of one colour."""
    weight = np.clip(crop[..., channel].astype(float) - crop.mean(-1) - 30, 0, None)
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]]
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


@pytest.mark.parametrize("seed", range(12))
def test_keypoints_move_with_the_image(seed):
    image, points = _scene()
    mirror = Mirror(direction=seed % 4 // 2, roles=MIRRORED) if seed % 2 else None
    augmentation = Augmentation(occlusion=0.0, mirror=mirror)
    crop, moved, known = augmentation.draw(
        np.random.default_rng(seed),
        image,
        points,
        KNOWN,
        center=(115.0, 100.0),
        scale=1.0,
        size=SIZE,
    )
    colors = np.stack([_middle(crop, c) for c in range(3)])
    # In a mirror image, the left keypoint is what was the right one.
    flipped = np.linalg.det(points[1:] - points[0]) * np.linalg.det(colors[1:] - colors[0])
    expected = colors[list(MIRRORED)] if flipped < 0 else colors
    assert mirror or flipped > 0
    np.testing.assert_array_equal(known, KNOWN[list(MIRRORED)] if flipped < 0 else KNOWN)
    np.testing.assert_allclose(moved, expected, atol=0.25)  # px; the discs are coarse


def test_stretching_keeps_areas_and_has_its_limit():
    rng = np.random.default_rng(0)
    lengths = np.array([np.linalg.svd(stretching(rng, 1.25))[1] for _ in range(200)])
    np.testing.assert_allclose(lengths.prod(axis=1), 1.0, rtol=1e-12)
    assert 1.2 < lengths.max() <= 1.25
    np.testing.assert_allclose(stretching(rng, 1.0), np.eye(2), atol=1e-15)


def test_mirror_images_come_half_the_time_and_swap_twice_to_nothing():
    points = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(mirror_points(mirror_points(points, MIRRORED), MIRRORED), points)
    np.testing.assert_array_equal(mirror_points(points, MIRRORED)[0], points[1])


def test_a_covered_keypoint_is_hidden_and_no_other():
    image = np.full((100, 100, 3), 128, dtype=np.uint8)
    y, x = np.mgrid[0:100:7, 0:100:7]
    points = np.stack([x.ravel(), y.ravel()], axis=-1).astype(float)
    for seed in range(20):
        covered, left = occlude(np.random.default_rng(seed), image, points)
        changed = (covered != 128).any(axis=-1)[points[:, 1].astype(int), points[:, 0].astype(int)]
        hidden = np.isnan(left).any(axis=-1)
        if covered.min() == covered.max() == 128:
            continue  # the bar was as grey as the ground
        np.testing.assert_array_equal(hidden, changed)
        np.testing.assert_array_equal(left[~hidden], points[~hidden])


def test_light_moves_nothing_and_stays_in_range():
    image, _ = _scene()
    lit = relight(np.random.default_rng(0), image)
    assert lit.dtype == np.uint8
    assert lit.shape == image.shape
    assert not np.array_equal(lit, image)


def test_the_same_seed_draws_the_same_crop():
    image, points = _scene()
    drawn = [
        Augmentation(mirror=Mirror(direction=0, roles=MIRRORED)).draw(
            np.random.default_rng(5),
            image,
            points,
            KNOWN,
            center=(115.0, 100.0),
            scale=0.8,
            size=SIZE,
        )
        for _ in range(2)
    ]
    np.testing.assert_array_equal(drawn[0][0], drawn[1][0])
    np.testing.assert_array_equal(drawn[0][1], drawn[1][1])
