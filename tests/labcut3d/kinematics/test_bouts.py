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


PLAIN = BoutSettings(enter=10.0, leave=5.0, min_samples=3)


def test_thresholds_without_a_baseline_are_values_and_edges_are_crossings():
    signal = hill(200, 50, 100, 20, 10) + 3.0
    (bout,) = find_bouts(signal, PLAIN)
    over = np.flatnonzero(signal > 5.0)
    assert (bout.start, bout.stop) == (over[0], over[-1])
    assert bout.value == pytest.approx(23.0)
    assert find_bouts(signal - 14.0, PLAIN) == ()  # at most 9, whatever its rest


@pytest.mark.parametrize("baseline", [None, 0.2])
def test_a_fall_is_the_rise_of_the_signal_turned_over(baseline):
    rises = dataclasses.replace(PLAIN, rest_quantile=baseline)
    falls = dataclasses.replace(rises, below=True)
    if baseline is None:
        falls = dataclasses.replace(falls, enter=-10.0, leave=-5.0)
    signal = hill(200, 50, 100, 20, 10)
    (up,), (down,) = find_bouts(signal, rises), find_bouts(-signal, falls)
    assert (up.start, up.stop, up.level) == (down.start, down.stop, down.level)
    assert down.value == -up.value


@pytest.mark.parametrize(("pause", "bouts"), [(9, 1), (30, 2)])
def test_short_pauses_join_bouts(pause, bouts):
    signal = np.zeros(200)
    signal[50:80] = signal[80 + pause : 110 + pause] = 20.0
    assert len(find_bouts(signal, dataclasses.replace(PLAIN, min_pause=10))) == bouts
    assert len(find_bouts(signal, PLAIN)) == 2


def test_a_quiet_signal_needs_a_smaller_rise_but_never_less_than_the_least():
    rng = np.random.default_rng(4)
    quiet = {"rest_quantile": 0.2, "enter_sd": 5.0, "enter_least": 0.4, "smooth": 5}
    settings = dataclasses.replace(PLAIN, min_samples=8, **quiet)
    small = hill(400, 150, 220, 2.0, 10)
    assert find_bouts(small, dataclasses.replace(settings, enter_sd=None)) == ()
    (bout,) = find_bouts(small + rng.normal(0, 0.2, 400), settings)
    assert abs(bout.start - 150) < 10
    assert find_bouts(0.5 * small + rng.normal(0, 2.0, 400), settings) == ()
    assert find_bouts(0.15 * small, settings) == ()  # 0.3 high, and no noise at all
    # A noisy signal keeps its threshold: it does not grow.
    high = find_bouts(hill(400, 150, 220, 20, 10) + rng.normal(0, 1.5, 400), settings)
    assert len(high) == 1


def test_no_bout_lies_where_it_is_barred():
    signal = np.full(200, 20.0)
    barred = np.zeros(200, dtype=bool)
    barred[60:120] = True
    found = find_bouts(signal, PLAIN, barred)
    assert [(bout.start, bout.stop) for bout in found] == [(0, 59), (120, 199)]
    assert find_bouts(signal, PLAIN, np.ones(200, dtype=bool)) == ()
