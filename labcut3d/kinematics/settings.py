"""The settings of events and of the substrate, each with its unit and its one default."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from calibration.chamber import Face
from calibration.files import suggest
from calibration.units import check_unit
from labcut3d.errors import ProjectError
from labcut3d.kinematics.fly_events import FLY_EVENTS
from labcut3d.kinematics.rules import EventRule
from labcut3d.kinematics.surfaces import CONTACT_MM

__all__ = ["EventSettings", "SubstrateSettings"]

RESERVED = ("egg_deposited",)  # events that images tell, not a rule


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings:
    """Which signals are events, and what an egg looks like.

    Lengths of eggs are in head widths, the median distance between the eyes (0.47 mm in a female
    *Drosophila melanogaster*); times are in seconds.
    """

    rules: Mapping[str, EventRule] = field(default_factory=lambda: dict(FLY_EVENTS))
    """The events by name; those of the fly where nothing else is said."""

    eggs_in: str = "egg_laying"
    """The event in whose bouts eggs are looked for in the images."""

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
        """Refuse values that nothing can meet."""
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, float | int) and not (math.isfinite(value) and value > 0):
                raise ProjectError(f"events: {one.name} is {value}; it must be positive")
        if self.egg_min_confidence >= 1:
            raise ProjectError(
                f"events: egg_min_confidence is {self.egg_min_confidence}; it must be below 1"
            )
        if self.egg_min_length >= self.egg_max_length:
            raise ProjectError(
                f"events: egg_min_length ({self.egg_min_length}) must be below "
                f"egg_max_length ({self.egg_max_length})"
            )
        for name, rule in self.rules.items():
            for other in rule.unless:
                if other in self.rules and not self.rules[other].unless:
                    continue
                plain = [known for known, one in self.rules.items() if not one.unless]
                raise ProjectError(
                    f"events: '{name}' is none during '{other}', which is no event or itself "
                    f"depends on others; {suggest(other, plain)}"
                )
        for name in RESERVED:
            if name in self.rules:
                raise ProjectError(f"events: '{name}' is told by the images; choose another name")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubstrateSettings:
    """Where the plane is that the animals are on, and what touches it: [substrate]."""

    source: Literal["auto", "chamber", "board", "animal"] = "auto"
    """A face of the [chamber]; the board on the floor by which `labcut3d align` set the world; or
    the animal's own movement and lowest points. "auto": the first of these that there is."""

    face: Face | None = None
    """The face of the chamber; by default the lowest."""

    height: float = 0.0
    """How high a layer covers it, such as agarose on the chamber's floor."""

    contact: float = CONTACT_MM
    """From which distance on a keypoint touches; it lies within its body part, not on it."""

    unit: str = "mm"
    """The unit of `height` and `contact`."""

    def __post_init__(self) -> None:
        """Refuse lengths that can be none, and a face that is not asked for."""
        check_unit(self.unit, "substrate", ProjectError)
        if not (math.isfinite(self.contact) and self.contact > 0):
            raise ProjectError(f"substrate: contact is {self.contact}; it must be positive")
        if not math.isfinite(self.height):
            raise ProjectError(f"substrate: height is {self.height}; it must be a finite number")
        if self.face is not None and self.source not in ("auto", "chamber"):
            raise ProjectError(
                f"substrate: face = '{self.face}' goes with source = 'chamber', not with "
                f"'{self.source}'"
            )
