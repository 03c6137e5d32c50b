"""The medians of noise in two dimensions."""

import pytest
from scipy.stats import chi2, rayleigh

from calibration.gaussian import MEDIAN_CHI_SQUARE, MEDIAN_OF_DISTANCE


def test_medians_are_those_of_scipy():
    assert pytest.approx(chi2.median(2)) == MEDIAN_CHI_SQUARE
    assert pytest.approx(rayleigh.median()) == MEDIAN_OF_DISTANCE
