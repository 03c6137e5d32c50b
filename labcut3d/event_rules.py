"""The table [events] of project.toml: settings, and a table [events.NAME] for each event.

A table changes the event of that name which is there by default, key by key, or makes a new one.
By default there are the fly's events whose keypoints the skeleton has.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from calibration.files import suggest
from labcut3d.errors import FileFormatError, ProjectError
from labcut3d.kinematics.fly_events import FLY_EVENTS
from labcut3d.kinematics.rules import EventRule
from labcut3d.kinematics.settings import EventSettings
from labcut3d.kinematics.signals import parse_signal
from labcut3d.skeleton import Skeleton
from labcut3d.tables import parse_table

__all__ = ["parse_events"]

# Keys of versions before events were tables: the event, and its key.
FORMER = {
    "bend_enter_deg": ("egg_laying", "enter"),
    "bend_leave_deg": ("egg_laying", "leave"),
    "bend_min_s": ("egg_laying", "min_s"),
    "proboscis_enter": ("proboscis_extension", "enter"),
    "proboscis_leave": ("proboscis_extension", "leave"),
    "proboscis_min_s": ("proboscis_extension", "min_s"),
}


def parse_events(table: Mapping[str, Any], skeleton: Skeleton, where: str) -> EventSettings:
    """Return the settings that the table tells; `where` names the file and the table.

    Raises `FileFormatError` for an unknown key, signal or keypoint, with the nearest known one.
    """
    settings = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    _refuse_unknown(settings, where)
    rules = {
        name: rule
        for name, rule in FLY_EVENTS.items()
        if set(parse_signal(rule.signal)[1]) <= set(skeleton.keypoints)
    }
    for name, own in table.items():
        if isinstance(own, Mapping):
            rules[name] = _parse_rule(name, own, skeleton, where.replace("]", f".{name}]"))
    known = parse_table(EventSettings, settings, where)
    if "eggs_in" in settings and known.eggs_in not in rules:
        raise FileFormatError(
            f"{where}: eggs_in = '{known.eggs_in}' is no event; {suggest(known.eggs_in, rules)}"
        )
    try:
        return dataclasses.replace(known, rules=rules)
    except ProjectError as error:
        raise FileFormatError(f"{where}: {error}") from error


def _refuse_unknown(settings: Mapping[str, Any], where: str) -> None:
    """Raise `FileFormatError` for a key that is none, and say where one of a rule belongs."""
    known = [field.name for field in dataclasses.fields(EventSettings) if field.name != "rules"]
    of_rules = [field.name for field in dataclasses.fields(EventRule)]
    for key, value in settings.items():
        if key in known:
            continue
        if key in FORMER:
            event, own = FORMER[key]
            told = f"each event has a table of its own now: [events.{event}] {own} = {value!r}"
        elif key in of_rules:
            told = f"'{key}' is an event's: put it into a table, such as [events.egg_laying]"
        else:
            told = f"{suggest(key, known)}; an event is a table [events.NAME]"
        raise FileFormatError(f"{where}: unknown key '{key}'; {told}")


def _parse_rule(name: str, table: Mapping[str, Any], skeleton: Skeleton, where: str) -> EventRule:
    """Return the rule of one event."""
    if name in FLY_EVENTS:
        table = {**dataclasses.asdict(FLY_EVENTS[name]), **table}
    elif "signal" not in table:
        raise FileFormatError(
            f"{where}: there is no event '{name}' to change, and a new one needs signal, enter and "
            f"leave; {suggest(name, FLY_EVENTS)}"
        )
    rule = parse_table(EventRule, table, where)
    try:
        _, keypoints = parse_signal(rule.signal)
    except ProjectError as error:
        raise FileFormatError(f"{where}: {error}") from error
    for keypoint in (*keypoints, *([rule.place] if rule.place else [])):
        if keypoint not in skeleton.keypoints and name not in FLY_EVENTS:
            raise FileFormatError(
                f"{where}: the skeleton '{skeleton.name}' has no keypoint '{keypoint}'; "
                f"{suggest(keypoint, skeleton.keypoints)}"
            )
    return rule
