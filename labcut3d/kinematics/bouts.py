"""Bouts of any signal: two thresholds, shortest durations, and edges where the change began.

Nothing here knows what the signal means. A bout is a stretch in which a smoothed signal rises
beyond `enter`, and not for a moment only, and stays beyond `leave` (hysteresis); thresholds are
values of the signal, or rises above its own rest. A threshold is crossed some time after the
change began, so an edge can be moved to where the flank, extended as a straight line, meets the
level that the signal had on that side. That level may differ from rest: animals drift.
"""

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from calibration.gaussian import MAD_TO_DEVIATION

__all__ = ["Bout", "BoutSettings", "bridge_gaps", "find_bouts", "smooth_signal"]

Array = npt.NDArray[np.float64]

FLANK = (0.15, 0.5)  # heights of a flank, parts of its rise, through which its line is laid
# From a quantile to its fifth part, in standard deviations: 0.9 where the animal is always at rest
# and that is the lowest 20 %, 1.15 where it is so half of the time.
REST_SPREAD = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class BoutSettings:
    """What makes a bout: thresholds in the signal's unit, durations in samples.

    `below`: a bout is a fall, and thresholds are undershot. `rest_quantile`: thresholds are
    distances from that quantile of the signal, its rest, instead of values. `enter_sd`: then a
    quiet signal has smaller thresholds, `enter` being so many standard deviations of the signal at
    rest, but at least `enter_least`, and `leave` in proportion. `onsets`: edges lie where the
    change began instead of where the signal crosses `leave`. `min_pause`: bouts with a shorter
    pause between them are one.
    """

    enter: float
    leave: float
    below: bool = False
    rest_quantile: float | None = None
    enter_sd: float | None = None
    enter_least: float = 0.0
    onsets: bool = False
    min_samples: int = 1
    min_pause: int = 1
    max_gap: int = 0
    smooth: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bout:
    """A stretch of a signal, both ends included.

    `start`, `stop` and `peak` are sample indices; `value` is the smoothed signal at the peak, and
    `level` how far its more extreme half goes in the direction of the bout, by the measure of the
    thresholds. `confidence` is the probability that `level` is beyond the threshold given the
    signal's noise, times the part of the bout that was observed.
    """

    start: int
    stop: int
    peak: int
    value: float
    level: float
    confidence: float


def find_bouts(
    signal: npt.ArrayLike,
    settings: BoutSettings,
    barred: npt.NDArray[np.bool_] | None = None,
) -> tuple[Bout, ...]:
    """Return the bouts of a signal (time,), in order and apart; NaN = missing.

    None lies where `barred` (time,) is true.
    """
    raw = np.asarray(signal, dtype=float)
    smooth = smooth_signal(bridge_gaps(raw, settings.max_gap), settings.smooth)
    if not np.isfinite(smooth).any():
        return ()
    above, limits = _upwards(smooth, settings)
    if barred is not None:
        above = np.where(barred, np.nan, above)
    noise = _noise(raw, smooth)
    spans = _spans(above, limits, settings.min_pause)
    found: list[Bout] = []
    for number, (start, stop) in enumerate(spans):
        if settings.onsets:
            first = found[-1].stop + 1 if found else 0
            last = spans[number + 1][0] - 1 if number + 1 < len(spans) else len(above) - 1
            start, stop = _outwards(above, (start, stop), (first, last), limits)
        bout = _describe(above, raw, (start, stop), noise, limits)
        # A peak of noise enters for a sample or two; a bout stays there.
        if stop - start + 1 >= settings.min_samples and bout.level > limits.enter:
            found.append(replace(bout, value=float(smooth[bout.peak])))
    return tuple(found)


def bridge_gaps(signal: npt.ArrayLike, max_gap: int) -> Array:
    """Return a signal (time,) with inner gaps of at most `max_gap` samples filled by lines."""
    filled = np.array(signal, dtype=float)
    known = np.flatnonzero(np.isfinite(filled))
    for start, stop in _runs(~np.isfinite(filled)):
        if start > 0 and stop < len(filled) and stop - start <= max_gap:
            filled[start:stop] = np.interp(np.arange(start, stop), known, filled[known])
        else:
            filled[start:stop] = np.nan
    return filled


def smooth_signal(signal: npt.ArrayLike, width: int) -> Array:
    """Return a signal (time,) after a running median and a running mean of `width` samples.

    The median takes outliers away, the mean the rest of the noise; both ignore NaN, stay NaN
    where the sample itself is missing, and shorten at the ends without shifting the signal.
    """
    signal = np.asarray(signal, dtype=float)
    if width < 2 or len(signal) == 0:
        return signal.copy()
    known = np.isfinite(signal)
    series = pd.Series(signal)
    for reduce in ("median", "mean"):
        rolling = series.rolling(2 * (width // 2) + 1, center=True, min_periods=1)
        series = getattr(rolling, reduce)().where(known)
    return series.to_numpy(dtype=float)


def _upwards(smooth: Array, settings: BoutSettings) -> tuple[Array, BoutSettings]:
    """Return the signal turned so that bouts rise above zero-based thresholds, and these."""
    if settings.rest_quantile is not None:
        turned = -smooth if settings.below else smooth
        rest, low = np.nanquantile(turned, [settings.rest_quantile, settings.rest_quantile / 5])
        return turned - rest, _quieter(settings, float(rest - low) / REST_SPREAD)
    if settings.below:
        return -smooth, replace(settings, enter=-settings.enter, leave=-settings.leave)
    return smooth, settings


def _quieter(settings: BoutSettings, deviation: float) -> BoutSettings:
    """Return the settings for a signal with this standard deviation at rest."""
    if settings.enter_sd is None:
        return settings
    wanted = max(settings.enter_sd * deviation, settings.enter_least)
    part = min(wanted / settings.enter, 1.0)
    return replace(settings, enter=part * settings.enter, leave=part * settings.leave)


def _spans(above: Array, limits: BoutSettings, min_pause: int) -> list[tuple[int, int]]:
    """Return the stretches, both ends included, that stay above `leave` and enter at some time.

    A signal that stays above rest without ever entering is no bout: hysteresis.
    """
    spans = [
        (start, stop - 1)
        for start, stop in _runs(above > limits.leave)
        if above[start:stop].max() > limits.enter
    ]
    joined: list[tuple[int, int]] = []
    for start, stop in spans:
        if joined and start - joined[-1][1] - 1 < min_pause:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return joined


def _outwards(
    above: Array, span: tuple[int, int], room: tuple[int, int], limits: BoutSettings
) -> tuple[int, int]:
    """Return a span with its edges moved, within the room, to where the changes began."""
    end, length = len(above) - 1, span[1] - span[0] + 1
    start = _onset(above, span[0], length, room[0], limits)
    stop = end - _onset(above[::-1], end - span[1], length, end - room[1], limits)
    return start, stop


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the stretches [start, stop) in which a mask (time,) is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _onset(above: Array, crossing: int, length: int, first: int, settings: BoutSettings) -> int:
    """Return the sample, not before `first`, where the rise to a bout began.

    `crossing` is the first of `length` samples above the lower threshold; a signal that drifted
    above it earlier rises later.
    """
    if crossing == 0 or not np.isfinite(above[crossing - 1]):
        return crossing
    entered = crossing + int(np.argmax(above[crossing : crossing + length] > settings.enter))
    reach = max(2 * (entered - crossing + 1), 2 * settings.smooth)
    before = above[max(first, crossing - reach) : crossing]
    base = float(np.nanmedian(before)) if np.isfinite(before).any() else 0.0
    plateau = above[entered : entered + max(reach, settings.min_samples)]
    top = float(np.nanmax(plateau))
    low, high = (_crossing(above, base + part * (top - base), entered, top) for part in FLANK)
    slope = (FLANK[1] - FLANK[0]) / max(high - low, 1e-9)
    began = low - FLANK[0] / slope
    return int(np.clip(math.floor(began + 0.5), first, entered))


def _crossing(above: Array, level: float, inside: int, top: float) -> float:
    """Return the (fractional) sample last before the bout's inside that passes `level`."""
    while above[inside] < level and inside + 1 < len(above) and above[inside] < top:
        inside += 1
    while inside > 0 and above[inside - 1] > level:
        inside -= 1
    if inside == 0 or not np.isfinite(above[inside - 1]):
        return float(inside)
    below, over = above[inside - 1], above[inside]
    return inside - (over - level) / (over - below) if over > below else float(inside)


def _describe(
    above: Array, raw: Array, span: tuple[int, int], noise: float, limits: BoutSettings
) -> Bout:
    """Measure a bout between two samples, both included, but for its value."""
    start, stop = span
    inside = above[start : stop + 1]
    level = float(np.nanmedian(inside[inside >= np.nanmedian(inside)]))
    observed = float(np.isfinite(raw[start : stop + 1]).mean())
    excess = level - limits.enter
    certainty = NormalDist().cdf(excess / noise) if noise > 0 else float(excess > 0)
    return Bout(
        start=start,
        stop=stop,
        peak=start + int(np.nanargmax(inside)),
        value=np.nan,
        level=level,
        confidence=certainty * observed,
    )


def _noise(raw: Array, smooth: Array) -> float:
    """Return the robust standard deviation of one sample about the smoothed signal."""
    residual = (raw - smooth)[np.isfinite(raw)]
    return MAD_TO_DEVIATION * float(np.median(np.abs(residual))) if len(residual) else 0.0
