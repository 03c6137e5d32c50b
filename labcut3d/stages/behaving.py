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
from labcut3d.kinematics.surroundings import find_surroundings
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import write_stamp
from labcut3d.schema import open_dataset
from labcut3d.stages.common import is_current, recording_rig, settings_hash, source_hashes
from labcut3d.stages.locking import exclusive

__all__ = ["events", "export_boris"]


@exclusive
def events(project: Project, recording: str, reporter: Reporter = SILENT) -> Path:
    """Find a recording's behavioural events -> events.csv, and all about them -> events.nc."""
    folder = project.results(recording)
    result, dataset = folder / "events.csv", folder / "events.nc"
    source = folder / "trajectories.nc"
    rig, rig_path = recording_rig(project, recording)
    trajectories = open_dataset(source)
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
    box = None if project.chamber is None else project.chamber.to_chamber()
    surroundings, told = find_surroundings(trajectories, rig, project.substrate, box)
    with reporter.task(f"Finding events in {recording}") as progress:
        found = find_events(
            trajectories,
            settings=project.events,
            surroundings=surroundings,
            rig=rig,
            sources=sources,
            progress=progress,
        )
    for note in (*told, *found.attrs["notes"]):
        reporter.note(f"{recording}: {note}")
    attrs = {name: trajectories.attrs[name] for name in ("fps", "unit")}
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
        made = min(frames.path.stat().st_mtime for frames in sources.values())
        observations.append(
            BorisObservation(
                name=name,
                events=table,
                fps=fps,
                duration_s=longest / fps,
                date=datetime.fromtimestamp(made).isoformat(timespec="seconds"),
                videos=[f.path for f in sources.values() if not f.path.is_dir()],
            )
        )
    write_boris(observations, path)
    return Path(path)


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
