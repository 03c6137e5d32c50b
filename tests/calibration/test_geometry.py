"""What counts as known: covariances of pixels, and means of what is there."""

import numpy as np
import pytest

from calibration.geometry import is_covariance, mean_of_known

GOOD = np.array([[2.0, -0.5], [-0.5, 1.0]])


def test_covariances_are_told_from_other_matrices():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(3, 40, 2, 2))
    matrices = root @ np.swapaxes(root, -1, -2) - 0.4 * np.eye(2)
    expected = (np.linalg.eigvalsh(matrices) > 0).all(axis=-1)
    assert 0 < expected.sum() < expected.size
    np.testing.assert_array_equal(is_covariance(matrices), expected)


@pytest.mark.parametrize("entry", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_single_entry_that_is_not_finite_is_enough(entry, value):
    broken = GOOD.copy()
    broken[entry] = value
    np.testing.assert_array_equal(is_covariance([GOOD, broken]), [True, False])


def test_what_overflows_or_is_flat_is_none():
    assert not is_covariance([1e200 * np.eye(2), -GOOD, 0 * GOOD, np.ones((2, 2))]).any()


def test_the_mean_of_what_is_known_is_numpys_where_something_is():
    values = np.random.default_rng(1).normal(size=(5, 6, 3))
    values[values > 0.8] = np.nan
    values[2, :, 1] = np.nan
    means = mean_of_known(values, axis=1)
    assert np.isnan(means[2, 1])
    rest = np.delete(values, 2, axis=0)
    np.testing.assert_allclose(np.delete(means, 2, axis=0), np.nanmean(rest, axis=1), atol=1e-15)
    np.testing.assert_array_equal(mean_of_known(values, 1, keepdims=True)[:, 0], means)
