"""What a fly does, as rules over its signals; a project's [events.NAME] changes or adds to them.

Angles are rises above the animal's own rest, as is the extension of the proboscis, which is told
in head widths, so that anatomy and size do not matter. Lengths and speeds are those of *Drosophila
melanogaster*, whose body is 2.5 mm long.
"""

from collections.abc import Mapping
from types import MappingProxyType

from labcut3d.kinematics.rules import EventRule

__all__ = ["FLY_EVENTS"]


def _contact(keypoint: str) -> EventRule:
    """Return when a keypoint more likely than not touches, until that is most unlikely."""
    return EventRule(
        signal=f"contact:{keypoint}", enter=0.5, leave=0.25, min_pause_s=0.2, place=keypoint
    )


FLY_EVENTS: Mapping[str, EventRule] = MappingProxyType(
    {
        # Full bend is about 75 degrees above rest; a walking fly's abdomen sways by less than 15.
        "egg_laying": EventRule(
            signal="abdominal_bending",
            baseline="rest",
            enter=35.0,
            leave=15.0,
            unit="degree",
            edges="onset",
            min_s=0.5,
            place="ovipositor",
        ),
        "ovipositor_contact": _contact("ovipositor"),
        # A full extension is about 0.3 head widths; a detector that saw few of them places the tip
        # part of the way, but a head that is known well tells even that from rest.
        "proboscis_extension": EventRule(
            signal="proboscis_extension",
            baseline="rest",
            enter=0.13,
            leave=0.09,
            enter_sd=4.0,
            enter_least=0.05,
            edges="onset",
            min_s=0.2,
            place="proboscis",
        ),
        "proboscis_contact": _contact("proboscis"),
        # A walking fly covers a millimetre or more in a second; one that lays an egg sways.
        "walking": EventRule(
            signal="net_speed:scutellum",
            enter=0.5,
            leave=0.25,
            unit="mm/s",
            min_s=0.2,
            min_pause_s=0.2,
            unless=("egg_laying",),
        ),
        "resting": EventRule(
            signal="net_speed:scutellum",
            side="below",
            enter=0.15,
            leave=0.25,
            unit="mm/s",
            min_s=0.5,
            unless=("egg_laying",),
        ),
        # The hind knees of a fly that stands are about as high as it is; on a wall they are away.
        "on_substrate": EventRule(
            signal="distance_to_substrate:left_hind_knee,right_hind_knee",
            side="below",
            enter=1.5,
            leave=2.0,
            unit="mm",
            min_s=0.5,
            min_pause_s=0.2,
        ),
    }
)
"""The events that are looked for in every project whose skeleton has their keypoints."""
