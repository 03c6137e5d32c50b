"""Crops and their maps agree: what is cut out lies where the map says."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labcut3d.detection.crops import crop_matrix, cut, inverse, linear_scale, transform

number = st.floats(-500, 500)


@given(
    center=st.tuples(number, number),
    scale=st.floats(0.05, 5),
    angle=st.floats(-4, 4),
    mirrored=st.sampled_from([None, 0, 1]),
)
def test_maps_invert(center, scale, angle, mirrored):
    matrix = crop_matrix(center, scale, (64, 48), angle=angle, mirrored=mirrored)
    points = np.array([[0.0, 0.0], [640.0, 480.0], [-30.0, 17.5]])
    np.testing.assert_allclose(
        transform(inverse(matrix), transform(matrix, points)), points, atol=1e-6
    )
    np.testing.assert_allclose(transform(matrix, np.array(center)), [31.5, 23.5], atol=1e-6)
    assert linear_scale(matrix) == pytest.approx(scale)


@pytest.mark.parametrize("scale", [0.2, 0.45, 1.0, 2.5])
def test_the_image_moves_as_the_points_do(scale):
    image = np.zeros((240, 320, 3), dtype=np.uint8)
    cv2.circle(image, (190, 95), 8, (255, 255, 255), -1)
    matrix = crop_matrix((180.0, 100.0), scale, (160, 160), angle=0.4)
    crop = cut(image, matrix, (160, 160))[..., 0].astype(float)
    y, x = np.mgrid[:160, :160]
    middle = np.array([(crop * x).sum(), (crop * y).sum()]) / crop.sum()
    # 0.1 px: the disc's edge is rounded to whole pixels.
    np.testing.assert_allclose(middle, transform(matrix, np.array([190.0, 95.0])), atol=0.1)


def test_shrinking_averages_and_does_not_alias():
    stripes = np.zeros((400, 400, 3), dtype=np.uint8)
    stripes[:, ::2] = 200
    crop = cut(stripes, crop_matrix((199.5, 199.5), 0.1, (40, 40)), (40, 40))
    # Sampling alone would give grey levels from 0 to 200; nine columns hold four or five stripes.
    assert np.ptp(crop[2:-2, 2:-2].astype(int)) <= 25
