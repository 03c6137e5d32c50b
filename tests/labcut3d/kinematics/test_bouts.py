"""Bouts of made signals, whose edges are known."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labcut3d.kinematics.bouts import BoutSettings, bridge_gaps, find_bouts, smooth_signal

SETTINGS = BoutSettings(
    enter=5.0, leave=2.0, rest_quantile=0.2, onsets=True, min_samples=8, max_gap=5, smooth=5
)
SIGNALS = hnp.arrays(
    float, st.integers(0, 120), elements=st.one_of(st.floats(-20, 20), st.just(np.nan))
)


def hill(n: int, start: int, stop: int, height: float, ramp: int) -> np.ndarray:
    """A plateau between smooth ramps whose first and last moving samples are start and stop."""
    time = np.arange(n, dtype=float)
    rise = np.clip((time - start) / ramp, 0, 1)
    fall = np.clip((stop - time) / ramp, 0, 1)
    part = np.minimum(rise, fall)
    return height * part**2 * (3 - 2 * part)


@given(SIGNALS)
@settings(max_examples=150, deadline=None)
def test_bouts_are_inside_apart_long_and_high(signal):
    found = find_bouts(signal, SETTINGS)
    for bout in found:
        assert 0 <= bout.start <= bout.peak <= bout.stop < len(signal)
        assert bout.stop - bout.start + 1 >= SETTINGS.min_samples
        assert bout.level > SETTINGS.enter
        assert 0 <= bout.confidence <= 1
    for bout, following in itertools.pairwise(found):
        assert bout.stop < following.start


@given(SIGNALS, st.floats(-1000, 1000))
@settings(max_examples=80, deadline=None)
def test_an_offset_of_the_signal_changes_nothing(signal, offset):
    signal = np.round(signal * 4) / 4  # multiples that an offset does not round away
    found = find_bouts(signal, SETTINGS)
    moved = find_bouts(signal + round(offset), SETTINGS)
    assert [(b.start, b.stop) for b in found] == [(b.start, b.stop) for b in moved]


@given(
    start=st.integers(45, 90),
    length=st.integers(45, 90),
    ramp=st.integers(6, 20),
    height=st.floats(20, 80),
)
@settings(max_examples=80, deadline=None)
def test_edges_are_where_the_change_began(start, length, ramp, height):
    signal = hill(300, start, start + length, height, ramp)
    (bout,) = find_bouts(signal, SETTINGS)
    # A smooth ramp begins too slowly to be seen: an eighth of it, one sample of rounding and one
    # of smoothing.
    assert abs(bout.start - start) <= ramp / 8 + 2
    assert abs(bout.stop - (start + length)) <= ramp / 8 + 2


def test_a_bout_after_a_drift_starts_where_it_rose():
    drift = np.clip((np.arange(300) - 60) / 60, 0, 1) * 4  # more than `leave`, less than `enter`
    (bout,) = find_bouts(drift + hill(300, 180, 260, 40, 12), SETTINGS)
    assert abs(bout.start - 180) <= 4


def test_bouts_cut_by_the_ends_reach_them():
    signal = hill(300, -40, 60, 40, 12) + hill(300, 240, 400, 40, 12)
    first, last = find_bouts(signal, SETTINGS)
    assert first.start == 0
    assert last.stop == 299


def test_a_dip_between_the_thresholds_does_not_split_a_bout():
    signal = hill(300, 100, 200, 40, 10)
    signal[140:160] = 4.0
    assert len(find_bouts(signal, SETTINGS)) == 1
    signal[140:160] = 0.0
    assert len(find_bouts(signal, SETTINGS)) == 2


@pytest.mark.parametrize(("gap", "bouts"), [(5, 1), (15, 2)])
def test_only_short_gaps_are_bridged(gap, bouts):
    signal = hill(300, 100, 200, 40, 10)
    signal[140 : 140 + gap] = np.nan
    assert len(find_bouts(signal, SETTINGS)) == bouts


def test_outliers_and_short_peaks_are_no_bouts():
    signal = np.zeros(200)
    signal[[20, 60, 61, 100]] = 50.0
    assert find_bouts(signal, SETTINGS) == ()
    signal[140:146] = 50.0
    assert find_bouts(signal, dataclasses.replace(SETTINGS, min_samples=15)) == ()


def test_confidence_falls_with_missing_samples_and_with_noise():
    rng = np.random.default_rng(1)
    clear = hill(200, 60, 140, 7, 10)
    sure = find_bouts(clear, SETTINGS)[0].confidence
    noisy = find_bouts(clear + rng.normal(0, 1.5, 200), dataclasses.replace(SETTINGS, smooth=15))[
        0
    ].confidence
    gappy = clear.copy()
    gappy[80:120:2] = np.nan
    assert noisy < sure
    assert find_bouts(gappy, SETTINGS)[0].confidence == pytest.approx(sure * 0.75, rel=0.05)


def test_nothing_is_found_in_nothing():
    for signal in (np.empty(0), np.full(50, np.nan), np.full(50, 3.0)):
        assert find_bouts(signal, SETTINGS) == ()


def test_smoothing_keeps_lines_and_missing_samples():
    line = np.arange(50, dtype=float)
    line[20] = np.nan
    smooth = smooth_signal(line, 5)
    inner = np.r_[4:16, 26:46]
    np.testing.assert_allclose(smooth[inner], line[inner], atol=1e-12)
    assert np.isnan(smooth[20])
    np.testing.assert_allclose(bridge_gaps(line, 1), np.arange(50), atol=1e-12)
