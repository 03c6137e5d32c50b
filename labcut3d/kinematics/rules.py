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

    enter_sd: float | None = None
    """Where the signal is quiet, a smaller change is enough: this many of its standard deviations
    at rest. `enter` and `leave` are then smaller in proportion. With the baseline "rest" only."""

    enter_least: float = 0.0
    """But not less than this."""

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

    unless: tuple[str, ...] = ()
    """Events during which it is none, such as egg-laying, in which the body sways on the spot."""

    place: str | None = None
    """The keypoint whose place, at the peak, is the event's; by default events have none."""

    enabled: bool = True
    """Whether the event is looked for at all."""

    def __post_init__(self) -> None:
        """Refuse values that no signal can meet."""
        for name in ("enter", "leave", "enter_least"):
            if not math.isfinite(getattr(self, name)):
                raise ProjectError(f"{name} is {getattr(self, name)}; give a finite number")
        for name in ("min_s", "min_pause_s", "max_gap_s", "smooth_s"):
            if not 0 <= getattr(self, name) <= MOST_S:
                raise ProjectError(f"{name} is {getattr(self, name)}; it must be 0 s or more")
        if not 0 < self.rest_quantile < 1:
            raise ProjectError(f"rest_quantile is {self.rest_quantile}; it must be in (0, 1)")
        from_rest = self.baseline == "rest"
        rises = self.side == "above" or from_rest
        if (self.leave > self.enter) if rises else (self.leave < self.enter):
            raise ProjectError(
                f"leave ({self.leave:g}) must not lie beyond enter ({self.enter:g}): an event "
                f"that is {self.side} begins at enter and lasts until leave"
            )
        if from_rest and not 0 <= self.leave <= self.enter > 0:
            raise ProjectError(
                f"enter is {self.enter:g}, leave {self.leave:g}; distances from rest are positive"
            )
        if self.enter_sd is not None and not (from_rest and 0 < self.enter_sd < math.inf):
            raise ProjectError(
                f"enter_sd is {self.enter_sd:g}; it must be positive, and goes with baseline = "
                "'rest'"
            )
        if not 0 <= self.enter_least <= max(self.enter, 0):
            raise ProjectError(
                f"enter_least is {self.enter_least:g}; it must lie between 0 and enter "
                f"({self.enter:g})"
            )
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
            enter_sd=self.enter_sd,
            enter_least=self.enter_least * factor,
            onsets=self.edges == "onset",
            min_samples=max(1, round(self.min_s * fps)),
            min_pause=max(1, round(self.min_pause_s * fps)),
            max_gap=round(self.max_gap_s * fps),
            smooth=round(self.smooth_s * fps),
        )
