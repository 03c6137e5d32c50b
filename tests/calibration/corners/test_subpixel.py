"""Corners on drawn pictures of known truth: exact, unbiased, and refused where they are none."""

import cv2
import numpy as np
import pytest

from calibration.corners.cornerfit import fit_corners
from calibration.corners.subpixel import refine
from calibration.geometry import Array

CROSSING = np.array([[31.3, 28.7]])
AXES = np.array([[[22.0, -6.0], [4.0, 19.0]]])  # columns: a square's sides in px


def draw_corner(
    crossing: Array, axes: Array, *, softness: float = 1.0, marker: float | None = None
) -> np.ndarray:
    """Return a picture of four squares, the light ones with a dark block beyond `marker`."""
    steps = (np.arange(5) + 0.5) / 5 - 0.5
    axis = (np.arange(60)[:, None] + steps).ravel()
    pixels = np.stack(np.meshgrid(axis, axis), axis=-1) - crossing
    board = pixels @ np.linalg.inv(axes).T
    light = board[..., 0] * board[..., 1] > 0
    if marker is not None:
        light &= ~(np.abs(board) > marker).all(axis=-1)
    fine = np.where(light, 200.0, 40.0)
    fine = cv2.GaussianBlur(fine, (0, 0), 5 * softness)
    return np.rint(fine.reshape(60, 5, 60, 5).mean(axis=(1, 3))).astype(np.uint8)


@pytest.mark.parametrize("softness", [0.5, 1.0, 2.0])
def test_a_corner_is_found_to_a_hundredth_of_a_pixel(softness):
    image = draw_corner(CROSSING[0], AXES[0], softness=softness)
    found = refine(image, CROSSING + np.array([0.6, -0.4]), AXES, 0.4)
    np.testing.assert_allclose(found.corners, CROSSING, atol=0.01)  # px; grey values are whole
    true_blur = np.hypot(softness, 12**-0.5)  # the pixel's own width widens the edge
    np.testing.assert_allclose(found.blur, true_blur, rtol=0.15)


def test_markers_do_not_pull_the_corner():
    image = draw_corner(CROSSING[0], AXES[0], marker=0.15)
    found = refine(image, CROSSING + 0.4, AXES, 0.15)
    np.testing.assert_allclose(found.corners, CROSSING, atol=0.03)  # px; the marker's blur remains


def test_the_deviation_predicts_the_scatter():
    rng = np.random.default_rng(0)
    clean = draw_corner(CROSSING[0], AXES[0]).astype(float)
    errors, deviations = [], []
    for _ in range(60):
        noisy = np.clip(clean + rng.normal(scale=8.0, size=clean.shape), 0, 255).astype(np.uint8)
        found = refine(noisy, CROSSING, AXES, 0.4)
        errors.append(found.corners[0] - CROSSING[0])
        deviations.append(found.deviations[0])
    scatter = np.std(errors, axis=0).max()
    assert 0.7 < scatter / np.mean(deviations) < 1.4  # 60 draws know a deviation to 9 %, thrice


def test_what_is_no_corner_is_refused():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (60, 60)).astype(np.uint8)
    edge = np.where(np.arange(60) > 31, 200, 40)[None].repeat(60, axis=0).astype(np.uint8)
    for image in (noise, edge, np.full((60, 60), 128, np.uint8)):
        assert np.isnan(refine(image, CROSSING, AXES, 0.4).corners).all()


@pytest.mark.parametrize(
    ("corner", "axes"),
    [
        ([1.0, 30.0], AXES[0]),  # at the image's edge
        ([-500.0, 1e9], AXES[0]),
        ([np.nan, 30.0], AXES[0]),
        ([31.3, 28.7], np.zeros((2, 2))),
        ([31.3, 28.7], [[20.0, 20.0], [1.0, 1.0]]),  # both sides along one line
        ([31.3, 28.7], [[3.0, 0.0], [0.0, 3.0]]),  # squares too small to tell edges apart
        ([31.3, 28.7], np.full((2, 2), np.nan)),
    ],
)
def test_impossible_places_are_not_seen(corner, axes):
    image = draw_corner(CROSSING[0], AXES[0])
    found = refine(image, np.array([corner]), np.array([axes], dtype=float), 0.4)
    assert np.isnan(found.corners).all()
    assert np.isnan(found.blur).all()


def test_a_far_start_is_centred_again():
    image = draw_corner(CROSSING[0], AXES[0], marker=0.25)
    fits = fit_corners(image, CROSSING + np.array([1.2, 0.8]), AXES, 0.2, 0.5, False)
    np.testing.assert_allclose(fits[:, :2], CROSSING, atol=0.02)  # px
