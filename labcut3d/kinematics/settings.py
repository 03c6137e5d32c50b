"""The settings of the search for events, each with its unit and its one default."""

import math
from dataclasses import dataclass, fields

from labcut3d.errors import ProjectError

__all__ = ["EventSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings:
    """When a signal of the fly is an event.

    Thresholds are rises above the animal's own rest, which is a low quantile of the recording.
    Angles are in degrees; lengths in head widths, the median distance between the eyes (0.47 mm
    in a female *Drosophila melanogaster*); times in seconds.
    """

    rest_quantile: float = 0.2
    """The part of the recording that is at most as bent or extended as rest."""

    bend_enter_deg: float = 35.0
    """Bending of the abdomen out of rest that makes an egg-laying bout; full bend is about 75."""

    bend_leave_deg: float = 15.0
    """Bending below which a bout is over; a walking fly's abdomen sways by less than this."""

    bend_min_s: float = 0.5
    """Shorter bends are no egg-laying bouts."""

    proboscis_enter: float = 0.13
    """Extension of the proboscis, in head widths, that makes an event; full is about 0.3."""

    proboscis_leave: float = 0.06
    """Extension, in head widths, below which the proboscis is in again."""

    proboscis_min_s: float = 0.2
    """Shorter extensions are noise."""

    smooth_s: float = 0.25
    """Width of the window that smooths the signals."""

    max_gap_s: float = 0.5
    """Missing stretches up to this are bridged; a longer one ends a bout."""

    egg_memory_s: float = 3.0
    """How long before and after a bout the substrate is looked at."""

    egg_reach: float = 0.6
    """Farthest distance of an egg's middle from where the ovipositor was, in head widths."""

    egg_contrast: float = 12.0
    """Least change of colour that counts as new, in grey levels of 255."""

    egg_min_length: float = 0.4
    """Least length of an egg in head widths (a real one is about 1.0)."""

    egg_max_length: float = 2.0
    """Greatest length of an egg in head widths."""

    egg_min_confidence: float = 0.3
    """Eggs less certain than this are not reported."""

    def __post_init__(self) -> None:
        """Refuse values that no signal can meet."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise ProjectError(f"events: {field.name} is {value}; it must be positive")
        for name in ("rest_quantile", "egg_min_confidence"):
            if getattr(self, name) >= 1:
                raise ProjectError(f"events: {name} is {getattr(self, name)}; it must be below 1")
        for name in ("bend", "proboscis"):
            suffix = "_deg" if name == "bend" else ""
            enter, leave = (getattr(self, f"{name}_{edge}{suffix}") for edge in ("enter", "leave"))
            if leave > enter:
                raise ProjectError(
                    f"events: {name}_leave{suffix} ({leave}) must not exceed "
                    f"{name}_enter{suffix} ({enter})"
                )
        if self.egg_min_length >= self.egg_max_length:
            raise ProjectError(
                f"events: egg_min_length ({self.egg_min_length}) must be below "
                f"egg_max_length ({self.egg_max_length})"
            )
