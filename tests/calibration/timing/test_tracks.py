"""Corners between images: exact on polynomials, missing where the motion is not known."""

import numpy as np
import pytest

from calibration.timing.tracks import resample_track, velocities

PERIOD = 0.1
TIMES = np.arange(12) * PERIOD


def _track(degree: int) -> np.ndarray:
    """Return two corners that move as polynomials of time, (frame, corner, 2) px."""
    rates = np.array([[[3.0, -2.0], [1.0, 4.0]]])
    frames = np.arange(12)[:, None, None]
    return (
        100 + rates * frames + sum(0.01 * rates * frames**power for power in range(2, degree + 1))
    )


@pytest.mark.parametrize("shift", [0.0, 0.37, -0.5, 2.4])
def test_a_cubic_is_interpolated_exactly(shift):
    """Four images fix a cubic; the frame at each end that has no neighbours is left out."""
    taken = TIMES + shift * PERIOD
    found = resample_track(_track(3), taken, TIMES, PERIOD)
    frames = (np.arange(12) - shift)[:, None, None]
    rates = np.array([[[3.0, -2.0], [1.0, 4.0]]])
    exact = 100 + rates * frames + 0.01 * rates * (frames**2 + frames**3)
    bent = np.abs(0.03 * rates * frames).max(axis=(1, 2)) > 1  # px a frame^2, no smooth motion
    inside = (frames[:, 0, 0] >= 1) & (frames[:, 0, 0] <= 10) & ~bent
    np.testing.assert_allclose(found[inside], exact[inside], rtol=0, atol=1e-9)
    assert np.isnan(found[(frames[:, 0, 0] < 0) | (frames[:, 0, 0] > 11)]).all()


def test_nothing_is_made_up_across_a_gap_or_a_leap():
    """A dropped frame leaves the times around it unknown, and so does a jerk of 30 px."""
    taken = TIMES + 0.5 * PERIOD
    dropped, jerked = _track(1), _track(1)
    dropped[5] = np.nan
    jerked[6:] += 30
    # Frame k lies between images k - 1 and k.
    assert np.isnan(resample_track(dropped, taken, TIMES, PERIOD)[5:7]).all()
    assert np.isfinite(resample_track(dropped, taken, TIMES, PERIOD)[[4, 7]]).all()
    assert np.isnan(resample_track(jerked, taken, TIMES, PERIOD)[6]).all()
    missing = taken.copy()
    missing[5] = np.nan
    assert np.isnan(resample_track(_track(1), missing, TIMES, PERIOD)[5:7]).all()


def test_images_at_the_wanted_times_are_taken_as_they_are():
    """Without a shift not even a lone image is lost."""
    track = _track(2)
    track[[3, 5]] = np.nan
    found = resample_track(track, TIMES, TIMES, PERIOD)
    np.testing.assert_array_equal(found, track)


def test_velocities_are_exact_on_a_parabola_with_uneven_times():
    """x = 5 + 20 t + 3 t^2 moves at 20 + 6 t; ends and gaps are not known."""
    times = np.array([0.0, 0.1, 0.22, 0.3, 0.41, 0.8, 0.9])
    pixels = np.broadcast_to((5 + 20 * times + 3 * times**2)[None, :, None, None], (1, 7, 1, 2))
    found = velocities(pixels, times, PERIOD)[0, :, 0, 0]
    np.testing.assert_allclose(found[1:4], 20 + 6 * times[1:4], rtol=1e-12)
    assert np.isnan(found[[0, 4, 5, 6]]).all()
