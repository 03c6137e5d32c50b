"""Clocks of cameras: when an image was really taken, by the time of the first camera."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from calibration.errors import CalibrationError
from calibration.geometry import Array

__all__ = ["Clock", "clock_table"]

SIGNIFICANT = 4.0  # standard deviations below which an offset or a drift may be chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How a view's time stamps relate to the first view's.

    An image stamped t, s, was taken at `t + offset + drift * (t - origin)` of the first view's
    time. `offset_sigma`, s, and `drift_sigma`, s/s, are standard deviations, NaN where nothing was
    estimated; `dropped` are the numbers of frames that the view did not record. `corrected` tells
    that the view's corners were brought to the first view's times. `jitter`, s, is the standard
    deviation of single images about all this, zero where they are evenly timed.
    """

    view: str
    offset: float = 0.0
    drift: float = 0.0
    origin: float = 0.0
    offset_sigma: float = np.nan
    drift_sigma: float = np.nan
    dropped: tuple[int, ...] = ()
    corrected: bool = False
    jitter: float = 0.0

    def __post_init__(self) -> None:
        for name in ("offset", "drift", "origin"):
            if not np.isfinite(getattr(self, name)):
                raise CalibrationError(
                    f"clock of view '{self.view}': {name} = {getattr(self, name)} is not finite"
                )

    @property
    def is_significant(self) -> bool:
        """Whether offset or drift are more than four standard deviations from none."""
        return bool(
            abs(self.offset) > SIGNIFICANT * self.offset_sigma
            or abs(self.drift) > SIGNIFICANT * self.drift_sigma
        )

    def correct(self, stamps: ArrayLike) -> Array:
        """Return when images stamped `stamps` (...), s, were taken, by the first view's time."""
        stamps = np.asarray(stamps, dtype=float)
        return stamps + self.offset + self.drift * (stamps - self.origin)


def clock_table(clocks: Sequence[Clock]) -> dict[str, dict[str, float]]:
    """Return the clocks as the table [metadata.clocks] of a rig's file; empty if none is corrected.

    Lengths of time are in seconds.
    """
    if not any(clock.corrected for clock in clocks):
        return {}
    return {
        clock.view: {
            "offset": clock.offset,
            "drift": clock.drift,
            "origin": clock.origin,
            "jitter": clock.jitter,
        }
        for clock in clocks
    }
