"""Stage 4: trajectories.nc, videos -> events.csv and events.nc, and these for BORIS."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from calibration.files import sha256_of
from labcut3d.formats.boris import BorisObservation, write_boris
from labcut3d.kinematics.event_tables import (
    events_dataset,
    read_events,
    save_events,
    write_events,
)
from labcut3d.kinematics.events import find_events
from labcut3d.kinematics.surfaces import Surroundings
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import write_stamp
from labcut3d.schema import open_lazily
from labcut3d.stages.common import (
    filmed_at,
    is_current,
    recording_rig,
    settings_hash,
    source_hashes,
    surroundings_of,
)
from labcut3d.stages.locking import exclusive

__all__ = ["events", "export_boris"]


@exclusive
def events(project: Project, recording: str, reporter: Reporter = SILENT) -> Path:
    """Find a recording's behavioural events -> events.csv, and all about them -> events.nc."""
    folder = project.results(recording)
    result, dataset = folder / "events.csv", folder / "events.nc"
    source = folder / "trajectories.nc"
    rig, rig_path = recording_rig(project, recording)
    sources = project.recording_sources(recording)
    inputs = {
        **source_hashes(sources),
        "trajectories": sha256_of(source),
        "rig": sha256_of(rig_path),
        "events settings": settings_hash(project, project.events),
        "substrate settings": settings_hash(project, project.substrate),
    }
    if dataset.exists() and is_current(result, inputs, reporter):
        return result
    with (
        open_lazily(source) as trajectories,
        reporter.task(f"Finding events in {recording}") as progress,
    ):
        surroundings, told = surroundings_of(project, trajectories, rig)
        found = find_events(
            trajectories,
            settings=project.events,
            surroundings=surroundings,
            rig=rig,
            sources=sources,
            progress=progress,
        )
        attrs = {name: trajectories.attrs[name] for name in ("fps", "unit")}
    for note in (*told, *found.attrs["notes"]):
        reporter.note(f"{recording}: {note}")
    attrs |= {"recording": recording, **_place(surroundings)}
    save_events(events_dataset(found, attrs), dataset)
    write_events(found, result)
    write_stamp(result, inputs)
    return result


def export_boris(
    project: Project,
    recordings: Sequence[str],
    path: str | os.PathLike[str],
    reporter: Reporter = SILENT,
) -> Path:
    """Write the events of `recordings`, by default all that have any, for BORIS -> PATH.

    A .boris project, or the .xlsx table of one recording. Events are brought up to date first.
    """
    observations = []
    for name in project.choose_recordings(recordings, ["trajectories.nc"]):
        table = read_events(events(project, name, reporter))
        sources = project.recording_sources(name)
        fps = project.frame_rate(sources)
        longest = max(len(frames) for frames in sources.values())
        observations.append(
            BorisObservation(
                name=name,
                events=table,
                fps=fps,
                duration_s=longest / fps,
                date=_local(filmed_at(project, name, sources)),
                videos=[f.path for f in sources.values() if not f.path.is_dir()],
            )
        )
    write_boris(observations, path)
    return Path(path)


def _local(moment: datetime) -> str:
    """Return a moment as BORIS has it: by the clock where it was filmed, without a time zone."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")


def _place(surroundings: Surroundings) -> dict[str, Any]:
    """Return the substrate as attributes that netCDF can hold; none where it is not known."""
    surface = surroundings.substrate
    if surface is None:
        return {}
    return {
        "substrate_normal": surface.normal,
        "substrate_offset": surface.offset,
        "substrate_deviation": surface.deviation,
        "substrate_how": surface.how,
        "contact_distance": surroundings.contact,
    }
