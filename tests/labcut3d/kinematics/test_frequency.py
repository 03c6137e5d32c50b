"""Spectra and dominant frequencies of signals whose content is known."""

import numpy as np
import pytest
import xarray as xr
from scipy.signal import welch

from labcut3d.errors import DatasetError
from labcut3d.kinematics import (
    compute_dominant_frequency,
    compute_dominant_frequency_variance,
    compute_spectrum,
    compute_spectrum_variance,
)

RATE = 50.0


def signal(values) -> xr.DataArray:
    values = np.asarray(values, dtype=float)
    return xr.DataArray(
        values,
        dims=("draw", "time")[-values.ndim :],
        coords={"time": np.arange(values.shape[-1]) / RATE},
        attrs={"units": "rad"},
    )


def wave(frequency: float, moments: int = 1000) -> np.ndarray:
    seconds = np.arange(moments) / RATE
    return np.sin(2 * np.pi * frequency * seconds + 0.3) + 0.2 * np.sin(2 * np.pi * 9 * seconds)


def test_the_spectrum_is_that_of_scipy_and_adds_up_to_the_variance():
    values = np.random.default_rng(0).normal(size=1000)
    spectrum = compute_spectrum(signal(values))
    frequency, expected = welch(values, RATE, nperseg=200, noverlap=0, detrend="constant")
    np.testing.assert_allclose(spectrum["frequency"].values, frequency)
    np.testing.assert_allclose(spectrum.values, expected, rtol=1e-10)
    assert spectrum.attrs["units"] == "rad^2/Hz"
    # 5 stretches of 200 samples tell a variance to some 7 %.
    assert float(spectrum.sum()) * 0.25 == pytest.approx(values.var(), rel=0.2)


@pytest.mark.parametrize("frequency", [1.0, 1.13, 7.77])
def test_the_dominant_frequency_lies_between_bins(frequency):
    found = compute_dominant_frequency(signal(wave(frequency)))
    # The other wave leaks a little into the summit; bins are 0.25 Hz apart.
    assert float(found) == pytest.approx(frequency, abs=2e-3)
    assert found.attrs["units"] == "Hz"


def test_stretches_with_gaps_are_left_out_and_nothing_whole_is_nothing():
    values = wave(2.0)
    values[[30, 999]] = np.nan
    whole = compute_spectrum(signal(values[200:800]))
    np.testing.assert_allclose(compute_spectrum(signal(values)).values, whole.values)
    values[::100] = np.nan
    assert compute_spectrum(signal(values)).isnull().all()
    assert np.isnan(float(compute_dominant_frequency(signal(values))))
    assert np.isnan(float(compute_dominant_frequency(signal(np.ones(400)))))


def test_variances_are_those_of_draws():
    rng = np.random.default_rng(1)
    clean = wave(2.1, 400)
    deviation = rng.uniform(0.005, 0.02, 400)
    drawn = signal(clean + deviation * rng.normal(size=(3000, 400)))
    variance = signal(deviation**2)
    stated = compute_spectrum_variance(signal(clean), variance).values
    found = compute_spectrum(drawn).var("draw", ddof=1).values
    # To first order: where the power is far above the noise.
    strong = compute_spectrum(signal(clean)).values > 1e-3
    assert strong.sum() > 3
    np.testing.assert_allclose(found[strong], stated[strong], rtol=0.15)
    stated = float(compute_dominant_frequency_variance(signal(clean), variance))
    assert float(compute_dominant_frequency(drawn).var(ddof=1)) == pytest.approx(stated, rel=0.12)


def test_slopes_of_the_spectrum_are_those_of_finite_differences():
    """Every bin, the mean's too: an error of one sample moves the spectrum as it says."""
    values = np.random.default_rng(2).normal(size=24)
    for sample in (0, 5, 12):
        step = np.zeros(24)
        step[sample] = 1e-5
        ends = [compute_spectrum(signal(values + sign * step)).values for sign in (1, -1)]
        expected = ((ends[0] - ends[1]) / 2) ** 2
        found = compute_spectrum_variance(signal(values), signal(step**2)).values
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-18)


def test_uneven_or_too_few_times_are_refused():
    uneven = signal(wave(2.0)).assign_coords(time=np.arange(1000) ** 1.1)
    with pytest.raises(DatasetError, match="even times"):
        compute_spectrum(uneven)
    with pytest.raises(DatasetError, match="takes 8"):
        compute_spectrum(signal(np.ones(7)))
    with pytest.raises(DatasetError, match="stretch_s"):
        compute_spectrum(signal(wave(2.0)), stretch_s=0)
