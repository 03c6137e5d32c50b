"""The events of a recording: bouts of signals by their rules, and the eggs that images show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from calibration.rig import Rig
from labcut3d.dataset_pieces import at_moments
from labcut3d.kinematics.arrays import require_unit_of
from labcut3d.kinematics.bouts import Bout, find_bouts
from labcut3d.kinematics.contacts import find_contacts
from labcut3d.kinematics.eggs import Contact, Egg, Source, find_egg
from labcut3d.kinematics.event_tables import EVERYTHING, typed_table
from labcut3d.kinematics.rules import EventRule
from labcut3d.kinematics.settings import EventSettings
from labcut3d.kinematics.signals import compute_signals, unit_factor
from labcut3d.kinematics.surfaces import Surroundings
from labcut3d.progress import Progress
from labcut3d.schema import validate_trajectories

__all__ = ["find_events"]

BENDING = "abdominal_bending"  # by which it is told when an egg may have been laid


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """The bouts of one event of one animal, and the signal that told them."""

    fly: xr.Dataset
    event: str
    rule: EventRule
    units: str
    bouts: tuple[Bout, ...]


def find_events(
    trajectories: xr.Dataset,
    *,
    settings: EventSettings | None = None,
    surroundings: Surroundings | None = None,
    rig: Rig | None = None,
    sources: Mapping[str, Source] | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Return the events of trajectories as a table with the columns `EVERYTHING`, by start.

    Its first columns are those of events.csv: frames are those of the first view's
    video, both ends included; seconds are the dataset's `time`; `confidence` is 0 to 1; x, y, z is
    the place in the trajectories' unit and world frame, NaN where an event has none. Each event has
    a peak: its frame, time, and value in the signal's units.

    Distances and contacts need `surroundings`; eggs are looked for in the images, so they need
    `rig` and `sources` (view -> frames). Sentences about what could not be looked for, and why, are
    in `table.attrs["notes"]`. Raises `DatasetError` where the rig has another unit than the
    trajectories, `ProjectError` for a rule that fits no signal.
    """
    validate_trajectories(trajectories)
    settings = settings or EventSettings()
    if rig is not None:
        require_unit_of(rig, trajectories)
    notes: list[str] = []
    tables = [pd.DataFrame(columns=list(EVERYTHING))]
    contacts: list[tuple[xr.Dataset, Contact]] = []
    texts = [rule.signal for rule in settings.rules.values() if rule.enabled]
    signals, reasons = compute_signals([*texts, BENDING], trajectories, surroundings)
    for number in range(trajectories.sizes["individual"]):
        own = slice(number, number + 1)
        fly = trajectories.isel(individual=own)  # a view, not a copy
        told = {text: signal.isel(individual=own) for text, signal in signals.items()}
        found = _find_all(fly, settings, (told, reasons), notes)
        tables += [_rows(one) for one in found.values() if one.bouts]
        if settings.eggs_in in found:
            bouts = found[settings.eggs_in].bouts
            if BENDING in told:
                bending = told[BENDING].values[:, 0]
                touched = find_contacts(fly, bending, bouts, settings)
                contacts += [(fly, contact) for contact in touched]
    if rig is not None and sources is not None:
        for done, (fly, contact) in enumerate(contacts, start=1):
            egg = find_egg(contact, rig, sources, settings)
            tables += [] if egg is None else [_egg_row(fly, egg)]
            if progress is not None:
                progress(done, len(contacts), "looking for eggs")
    elif contacts:
        notes.append("eggs were not looked for: that needs the rig and the videos")
    filled = tables[1:] or tables
    table = typed_table(pd.concat(filled, ignore_index=True).loc[:, list(EVERYTHING)])
    table = table.sort_values(["start_frame", "individual", "event"], ignore_index=True)
    table.attrs["notes"] = tuple(dict.fromkeys(notes))
    return table


def _find_all(
    fly: xr.Dataset,
    settings: EventSettings,
    told: tuple[Mapping[str, xr.DataArray], Mapping[str, str]],
    notes: list[str],
) -> dict[str, _Found]:
    """Return the bouts of all events of one animal; a note for those that cannot be told.

    `told` are its signals, and why others cannot be told, as `compute_signals` returns them.
    Events that are none during others come last, when these are known.
    """
    found: dict[str, _Found] = {}
    signals, reasons = told
    for event, rule in sorted(settings.rules.items(), key=lambda item: bool(item[1].unless)):
        if not rule.enabled:
            continue
        if rule.signal in reasons:
            notes.append(f"{event} was not looked for: {reasons[rule.signal]}")
            continue
        signal = signals[rule.signal]
        units = str(signal.attrs["units"])
        factor = unit_factor(rule.unit, units, f"event '{event}'")
        barred = np.zeros(fly.sizes["time"], dtype=bool)
        for other in rule.unless:
            for bout in found[other].bouts if other in found else ():
                barred[bout.start : bout.stop + 1] = True
        limits = rule.settings(float(fly.attrs["fps"]), factor)
        bouts = find_bouts(signal.values[:, 0], limits, barred)
        found[event] = _Found(fly=fly, event=event, rule=rule, units=units, bouts=bouts)
    return found


def _rows(found: _Found) -> pd.DataFrame:
    """Return a row for each bout of an event."""
    peaks = np.array([bout.peak for bout in found.bouts], dtype=int)
    place = np.full((len(peaks), 3), np.nan)
    if found.rule.place is not None and found.rule.place in found.fly["keypoint"].values:
        track = found.fly["position"].sel(keypoint=found.rule.place).isel(individual=0)
        place = at_moments(track.sel(space=["x", "y", "z"]), peaks)
    return _table(found.fly, found.event, found.bouts, place).assign(
        signal=found.rule.signal, units=found.units
    )


def _egg_row(fly: xr.Dataset, egg: Egg) -> pd.DataFrame:
    """Return the row of an egg; its signal is the images' word for it."""
    moment = Bout(
        start=egg.sample, stop=egg.sample, peak=egg.sample, value=egg.confidence, level=1.0,
        confidence=egg.confidence,
    )  # fmt: skip
    return _table(fly, "egg_deposited", (moment,), egg.place[None]).assign(
        signal="images", units="1"
    )


def _table(
    fly: xr.Dataset, event: str, bouts: Sequence[Bout], place: npt.NDArray[np.float64]
) -> pd.DataFrame:
    """Return rows from samples of a dataset with one individual, but for the signal's columns."""
    frame, time = fly["frame"].isel(view=0).values, fly["time"].values
    starts, stops, peaks = (
        np.array([getattr(bout, name) for bout in bouts], dtype=int)
        for name in ("start", "stop", "peak")
    )
    last = len(time) - 1
    return pd.DataFrame(
        {
            "individual": str(fly["individual"].values[0]),
            "event": event,
            "start_frame": frame[starts],
            "stop_frame": frame[stops],
            "start_s": time[starts],
            "stop_s": time[stops],
            "confidence": [bout.confidence for bout in bouts],
            **dict(zip("xyz", place.T, strict=True)),
            "peak_frame": frame[peaks],
            "peak_s": time[peaks],
            "value": [bout.value for bout in bouts],
            "cut": (stops > starts) & ((starts == 0) | (stops == last)),
        }
    )
