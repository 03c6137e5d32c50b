"""How fast something repeats: power spectra and dominant frequencies of any signal.

A signal is cut into stretches of `stretch_s` seconds without a missing value, each freed of its
mean and tapered (Hann); their periodograms are averaged (Bartlett, 1948). Stretches do not overlap,
so that errors of the signal that are independent from moment to moment propagate exactly to first
order. That is the measurement's part: how much a spectrum would differ in another hour of the same
behaviour, it does not tell.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import xarray as xr

from calibration.geometry import Array
from labcut3d.errors import DatasetError
from labcut3d.kinematics.arrays import described, require, square, unit_of

__all__ = [
    "STRETCH_S",
    "compute_dominant_frequency",
    "compute_dominant_frequency_variance",
    "compute_spectrum",
    "compute_spectrum_variance",
    "require_even_times",
    "stretch_length",
]

STRETCH_S = 4.0  # s; tells frequencies apart that differ by 1/4 Hz
LEAST_SAMPLES = 8  # in a stretch
UNEVEN = 0.1  # of a frame by which frames may differ in length; beyond, frequencies are wrong
STEPS = 8  # of Newton's method towards a summit


def compute_spectrum(signal: xr.DataArray, *, stretch_s: float = STRETCH_S) -> xr.DataArray:
    """Return the power spectral density over `frequency` (Hz) instead of `time`, units^2/Hz.

    One-sided; its integral is the signal's variance. NaN where no stretch is whole. The times must
    be even.
    """
    rate, length = _sampling(signal, stretch_s)

    def find(values: Array) -> Array:
        """Return the spectrum of values (..., time)."""
        pieces = _stretches(values, length)
        return _mean((np.abs(_transform(pieces)) ** 2) * _scale(length, rate))

    found = xr.apply_ufunc(
        find, signal, input_core_dims=[["time"]], output_core_dims=[["frequency"]]
    )
    units = f"{square(unit_of(signal))}/Hz"
    return described(_labelled(found, rate, length), units, "power spectral density")


def compute_spectrum_variance(
    signal: xr.DataArray, variance: xr.DataArray, *, stretch_s: float = STRETCH_S
) -> xr.DataArray:
    """Return the variance of `compute_spectrum` that the signal's `variance` (..., time) makes."""
    rate, length = _sampling(signal, stretch_s)

    def find(values: Array, variances: Array) -> Array:
        """Return the variance of the spectrum of values (..., time)."""
        pieces = _stretches(values, length)
        noise = _stretches(np.broadcast_to(variances, values.shape), length)
        part = _mean(_piece_variances(pieces, noise) * _scale(length, rate) ** 2)
        whole = np.isfinite(pieces + noise).all(axis=-1).sum(axis=-1)
        return part / np.where(whole > 0, whole, np.nan)[..., None]

    found = xr.apply_ufunc(
        find,
        signal,
        variance,
        input_core_dims=[["time"], ["time"]],
        output_core_dims=[["frequency"]],
    )
    units = square(f"{square(unit_of(signal))}/Hz")
    return described(
        _labelled(found, rate, length), units, "variance of the power spectral density"
    )


def compute_dominant_frequency(
    signal: xr.DataArray, *, stretch_s: float = STRETCH_S
) -> xr.DataArray:
    """Return the frequency, Hz, at the summit of the spectrum, finer than the spectrum's steps.

    Above one turn a stretch, so that slow drifts do not count. NaN where there is no summit.
    """
    found = _of_summits(lambda summit: summit.frequency, signal, xr.zeros_like(signal), stretch_s)
    return described(found, "Hz", "dominant frequency")


def compute_dominant_frequency_variance(
    signal: xr.DataArray, variance: xr.DataArray, *, stretch_s: float = STRETCH_S
) -> xr.DataArray:
    """Return the variance of `compute_dominant_frequency`, Hz^2, that the signal's makes.

    Of where the summit lies, not of which summit is the highest.
    """
    found = _of_summits(lambda summit: summit.variance(), signal, variance, stretch_s)
    return described(found, "Hz^2", "variance of the dominant frequency")


class _Summit:
    """The highest summit of the spectrum of one signal, by Newton's method from its highest bin."""

    def __init__(self, pieces: Array, noise: Array, rate: float) -> None:
        """Take stretches (stretch, time) and their variances."""
        whole = np.isfinite(pieces).all(axis=-1) & np.isfinite(noise).all(axis=-1)
        self.noise, self.length = noise[whole], pieces.shape[-1]
        self.taper = np.hanning(self.length + 1)[:-1]
        known = pieces[whole]
        self.tapered = (known - known.mean(axis=-1, keepdims=True)) * self.taper
        self.seconds = (np.arange(self.length) - self.length / 2) / rate
        self.frequency = np.nan
        if len(known):
            self._climb(rate)

    def _climb(self, rate: float) -> None:
        """Find the summit near the highest bin that is higher than its neighbours, if any is."""
        power = (np.abs(np.fft.rfft(self.tapered, axis=-1)) ** 2).sum(axis=0)
        inner = power[1:-1]
        high = np.where((inner > power[:-2]) & (inner > power[2:]), inner, 0.0)
        high[0] = 0.0  # one turn a stretch: where drifts are
        if not high.any():
            return
        top = 1 + int(np.argmax(high))
        # A parabola through the logarithms comes near enough for Newton's method.
        before, at, after = np.log(np.maximum(power[top - 1 : top + 2], np.finfo(float).tiny))
        start = top + 0.5 * (before - after) / (before - 2 * at + after)
        turn = 2 * np.pi * start * rate / self.length
        for _ in range(STEPS):
            slope, curvature = self._slopes(turn)
            if not curvature < 0:
                return
            turn -= slope / curvature
        frequency = turn / (2 * np.pi)
        if abs(frequency * self.length / rate - top) <= 1:
            self.frequency = frequency

    def _amplitudes(self, turn: float) -> tuple[Array, Array, Array, Array]:
        """Return the waves (time,), and amplitudes (stretch,) with their first two derivatives."""
        wave = np.exp(-1j * turn * self.seconds)
        by_turn = -1j * self.seconds
        parts = (self.tapered @ (wave * by_turn**order) for order in range(3))
        return (wave, *parts)  # type: ignore[return-value]

    def _slopes(self, turn: float) -> tuple[float, float]:
        """Return slope and curvature of the power at an angular frequency."""
        _, amplitude, first, second = self._amplitudes(turn)
        slope = 2 * (np.conj(amplitude) * first).real.sum()
        curvature = 2 * (np.conj(amplitude) * second + np.conj(first) * first).real.sum()
        return float(slope), float(curvature)

    def variance(self) -> float:
        """Return the variance of the frequency: where the slope is zero, by implicit derivation."""
        if not np.isfinite(self.frequency):
            return np.nan
        turn = 2 * np.pi * self.frequency
        wave, amplitude, first, _ = self._amplitudes(turn)
        by_sample = np.conj(amplitude)[:, None] * (-1j * self.seconds * wave)
        by_sample = 2 * (by_sample + np.conj(wave) * first[:, None]).real * self.taper
        by_sample = by_sample - by_sample.mean(axis=-1, keepdims=True)  # the mean is taken out
        curvature = self._slopes(turn)[1]
        return float((by_sample**2 * self.noise).sum() / curvature**2 / (2 * np.pi) ** 2)


def _of_summits(
    quantity: Callable[[_Summit], float],
    signal: xr.DataArray,
    variance: xr.DataArray,
    stretch_s: float,
) -> xr.DataArray:
    """Return a quantity of the summit of each signal, one at a time: they are few, and long."""
    rate, length = _sampling(signal, stretch_s)

    def find(values: Array, variances: Array) -> Array:
        """Return the quantity of values (..., time)."""
        pieces = _stretches(values, length)
        noise = _stretches(np.broadcast_to(variances, values.shape), length)
        result = np.empty(values.shape[:-1])
        for index in np.ndindex(*result.shape):
            result[index] = quantity(_Summit(pieces[index], noise[index], rate))
        return result

    return xr.apply_ufunc(find, signal, variance, input_core_dims=[["time"]] * 2)


def require_even_times(signal: xr.DataArray, *, stretch_s: float = STRETCH_S) -> None:
    """Raise `DatasetError` where a signal's times are uneven, or too few for a spectrum."""
    _sampling(signal, stretch_s)


def stretch_length(signal: xr.DataArray, *, stretch_s: float = STRETCH_S) -> int:
    """Return how many moments of a signal a stretch has."""
    return _sampling(signal, stretch_s)[1]


def _sampling(signal: xr.DataArray, stretch_s: float) -> tuple[float, int]:
    """Return samples per second, and samples in a stretch, at most all there are."""
    require(signal, "time")
    time = np.asarray(signal["time"].values, dtype=float)
    steps = np.diff(time)
    step = float(steps.mean()) if len(steps) else np.inf
    if not (step > 0 and (np.abs(steps - step) <= UNEVEN * step).all()):
        raise DatasetError(
            f"'{signal.name or 'signal'}': spectra need even times, and these are not: the frames "
            f"last {steps.min():g} to {steps.max():g} s; interpolate the signal to even times first"
        )
    if not stretch_s > 0:
        raise DatasetError(f"stretch_s = {stretch_s}; give the length of a stretch in seconds")
    length = min(round(stretch_s / step), len(time))
    if length < LEAST_SAMPLES:
        raise DatasetError(
            f"'{signal.name or 'signal'}': a stretch of {stretch_s:g} s holds {length} of its "
            f"{len(time)} moments; a spectrum takes {LEAST_SAMPLES}"
        )
    return 1 / step, length


def _stretches(values: Array, length: int) -> Array:
    """Return the stretches (..., stretch, length) of values (..., time); the rest is left out."""
    count = values.shape[-1] // length
    return values[..., : count * length].reshape(*values.shape[:-1], count, length)


def _transform(pieces: Array) -> npt.NDArray[np.complex128]:
    """Return the Fourier transforms (..., stretch, frequency) of tapered stretches."""
    taper = np.hanning(pieces.shape[-1] + 1)[:-1]
    return np.fft.rfft((pieces - pieces.mean(axis=-1, keepdims=True)) * taper, axis=-1)


def _piece_variances(pieces: Array, noise: Array) -> Array:
    """Return the variances (..., stretch, frequency) of the squared amplitudes of stretches.

    The sum of (2 Re X* c)^2 times their variance, with c the slopes of an amplitude X by samples.
    """
    length = pieces.shape[-1]
    taper, bins = np.hanning(length + 1)[:-1], np.arange(length // 2 + 1)
    mean = np.fft.fft(taper)[bins] / length  # the mean is taken out before
    by_taper = np.fft.fft(taper * noise, axis=-1)[..., bins]
    squared_taper = np.fft.fft(taper**2 * noise, axis=-1)
    total = noise.sum(axis=-1, keepdims=True)
    size = squared_taper[..., :1].real - 2 * (np.conj(mean) * by_taper).real
    size = size + np.abs(mean) ** 2 * total
    turned = squared_taper[..., 2 * bins % length] - 2 * mean * by_taper + mean**2 * total
    amplitude = _transform(pieces)
    return 2 * (np.abs(amplitude) ** 2 * size + (np.conj(amplitude) ** 2 * turned).real)


def _scale(length: int, rate: float) -> Array:
    """Return what turns squared amplitudes (frequency,) into one-sided power densities."""
    scale = np.full(length // 2 + 1, 2 / (rate * (np.hanning(length + 1)[:-1] ** 2).sum()))
    scale[0] /= 2
    if length % 2 == 0:
        scale[-1] /= 2
    return scale


def _mean(pieces: Array) -> Array:
    """Return the mean over whole stretches (..., stretch, frequency)."""
    known = np.isfinite(pieces).all(axis=-1, keepdims=True)
    count = known.sum(axis=-2)
    return np.where(known, pieces, 0.0).sum(axis=-2) / np.where(count > 0, count, np.nan)


def _labelled(spectrum: xr.DataArray, rate: float, length: int) -> xr.DataArray:
    """Return a spectrum with its frequencies in Hz."""
    frequency = np.fft.rfftfreq(length, 1 / rate)
    return spectrum.assign_coords(
        frequency=("frequency", frequency, {"units": "Hz", "long_name": "frequency"})
    )
