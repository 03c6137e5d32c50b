"""A recording in windows: every moment in one, with what is around it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from labcut3d.windows import divided, stretches


@given(st.integers(1, 500), st.integers(1, 200), st.integers(0, 300))
def test_every_moment_is_in_one_window(moments: int, size: int, margin: int):
    own = [np.arange(moments)[window.own] for window in divided(moments, size, margin)]
    np.testing.assert_array_equal(np.concatenate(own), np.arange(moments))


@given(st.integers(1, 500), st.integers(1, 200), st.integers(0, 300))
def test_a_window_knows_its_surroundings(moments: int, size: int, margin: int):
    for window in divided(moments, size, margin):
        around = np.arange(moments)[window.around]
        np.testing.assert_array_equal(around[window.inside], np.arange(moments)[window.own])
        assert around[0] == max(window.own.start - margin, 0)
        assert around[-1] == min(window.own.stop + margin, moments) - 1


def test_short_recordings_teach_with_all_moments():
    np.testing.assert_array_equal(stretches(100, 100), np.arange(100))


def test_long_recordings_teach_with_stretches_from_end_to_end():
    chosen = stretches(10_000, 1600)
    assert len(chosen) == 1600
    assert chosen[0] == 0
    assert chosen[-1] == 9999
    assert (np.diff(chosen) > 0).all()
    assert (np.diff(chosen) == 1).sum() == 16 * 99
