"""When a signal is an event: one rule an event, as a table [events.NAME] of project.toml tells it.

    [events.grooming]
    signal = "distance:left_hind_knee,abdomen_a5"
    side = "below"        # the event is a low signal
    enter = 0.2           # it begins in earnest here ...
    leave = 0.3           # ... and lasts until here
    unit = "mm"
    min_s = 0.5

What signals there are, `labcut3d.kinematics.signals` says.
"""

import math
from dataclasses import dataclass
from typing import Literal

from calibration.units import METRES
from labcut3d.errors import ProjectError
from labcut3d.kinematics.bouts import BoutSettings

__all__ = ["EventRule"]

MOST_S = 1e6  # s; a longer duration is a mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """A bout: a signal beyond `enter`, until it is back at `leave`."""

    signal: str
    """Its name, and after a colon the keypoints that it is of: "speed:scutellum"."""

    enter: float
    """The value beyond which the signal must go, and not only for a moment."""

    leave: float
    """The value at which the event is over; between it and `enter`, it goes on."""

    unit: str | None = None
    """The unit of `enter` and `leave`: of length ("mm"), of speed ("mm/s"), or the signal's own."""

    side: Literal["above", "below"] = "above"
    """Whether the event is a high signal or a low one."""

    baseline: Literal["zero", "rest"] = "zero"
    """Whether `enter` and `leave` are values of the signal or distances from its own rest."""

    rest_quantile: float = 0.2
    """The part of the recording in which the signal is at most, on its low side, as at rest."""

    edges: Literal["crossing", "onset"] = "crossing"
    """Whether the event begins and ends where `leave` is crossed or where the change began."""

    min_s: float = 0.1
    """Shorter events are noise, s."""

    min_pause_s: float = 0.0
    """Events with a shorter pause between them are one, s."""

    max_gap_s: float = 0.5
    """Missing stretches up to this are bridged, s; a longer one ends an event."""

    smooth_s: float = 0.25
    """Width of the window that smooths the signal, s."""

    place: str | None = None
    """The keypoint whose place, at the peak, is the event's; by default events have none."""

    enabled: bool = True
    """Whether the event is looked for at all."""

    def __post_init__(self) -> None:
        """Refuse values that no signal can meet."""
        for name in ("enter", "leave", "min_s", "min_pause_s", "max_gap_s", "smooth_s"):
            value = getattr(self, name)
            if not math.isfinite(value):
                raise ProjectError(f"{name} is {value}; it must be a finite number")
            if name.endswith("_s") and not 0 <= value <= MOST_S:
                raise ProjectError(f"{name} is {value}; it must be 0 s or more")
        if not 0 < self.rest_quantile < 1:
            raise ProjectError(f"rest_quantile is {self.rest_quantile}; it must be in (0, 1)")
        rises = self.side == "above" or self.baseline == "rest"
        if (self.leave > self.enter) if rises else (self.leave < self.enter):
            raise ProjectError(
                f"leave ({self.leave:g}) must not lie beyond enter ({self.enter:g}): an event "
                f"that is {self.side} begins at enter and lasts until leave"
            )
        if self.baseline == "rest" and self.leave < 0:
            raise ProjectError(f"leave is {self.leave:g}; a distance from rest is 0 or more")
        if self.unit is not None and self.unit.removesuffix("/s") not in (*METRES, "degree", "1"):
            raise ProjectError(
                f"unit is '{self.unit}'; give one of length ({', '.join(METRES)}), of speed such "
                "as 'mm/s', 'degree', or leave it out for the signal's own"
            )

    def settings(self, fps: float, factor: float = 1.0) -> BoutSettings:
        """Return what makes a bout of samples taken `fps` a second.

        `factor` takes a value in the rule's unit to the signal's.
        """
        return BoutSettings(
            enter=self.enter * factor,
            leave=self.leave * factor,
            below=self.side == "below",
            rest_quantile=self.rest_quantile if self.baseline == "rest" else None,
            onsets=self.edges == "onset",
            min_samples=max(1, round(self.min_s * fps)),
            min_pause=max(1, round(self.min_pause_s * fps)),
            max_gap=round(self.max_gap_s * fps),
            smooth=round(self.smooth_s * fps),
        )
