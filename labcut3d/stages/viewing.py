"""Stage 5: what was found in a recording -> viewer.html."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

import numpy as np
import xarray as xr

from calibration import Rig
from calibration.alignment import up_direction
from calibration.files import sha256_of, write_text
from labcut3d.dataset_pieces import thinned
from labcut3d.errors import DatasetError
from labcut3d.formats import read_dataset
from labcut3d.kinematics.event_tables import read_events
from labcut3d.kinematics.geometry import Plane
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import fingerprint, write_stamp
from labcut3d.reconstruction.identities import in_order_of
from labcut3d.schema import load_netcdf, open_lazily
from labcut3d.stages.common import is_current, of_calibrated, recording_rig, source_hashes
from labcut3d.stages.locking import exclusive
from labcut3d.version import __version__
from labcut3d.video import PLAYED_BY_BROWSERS, Frames
from labcut3d.viewers import Recording, dataset_page, trajectory_page
from labcut3d.viewers.recording import page_stride
from labcut3d.viewers.surroundings import Surroundings, chamber_surroundings

__all__ = ["open_recording", "recording_inputs", "view", "view_file"]

PARTS = ("detections.nc", "trajectories.nc", "events.csv", "events.nc")


@exclusive
def view(project: Project, recording: str, reporter: Reporter = SILENT) -> Path:
    """Write a recording's viewer -> viewer.html."""
    result = project.results(recording) / "viewer.html"
    inputs = recording_inputs(project, recording)
    if is_current(result, inputs, reporter):
        return result
    shown = open_recording(project, recording, page_stride)
    with reporter.task(f"Writing the viewer of {recording}") as progress:
        write_text(result, trajectory_page(shown, progress=progress))
    write_stamp(result, inputs)
    return result


def view_file(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    fps: float | None = None,
    unit: str | None = None,
) -> Path:
    """Write the viewer of one dataset or 3-D file, without rig and videos -> OUTPUT.

    `fps` and `unit` are for files of other programs that do not tell theirs.
    """
    dataset = read_dataset(path, fps=fps, unit=unit)
    write_text(output, dataset_page(dataset, title=Path(path).stem))
    return Path(output)


def recording_inputs(project: Project, recording: str) -> dict[str, str]:
    """Return the hashes of all that is shown of a recording, `DatasetError` where nothing is."""
    folder = project.results(recording)
    if not any((folder / name).exists() for name in ("detections.nc", "trajectories.nc")):
        raise DatasetError(
            f"{folder}: nothing to view yet; run: labcut3d reconstruct {project.root} {recording}"
        )
    return {
        **source_hashes(project.recording_sources(recording)),
        **{name: sha256_of(folder / name) for name in PARTS if (folder / name).exists()},
        "settings": fingerprint([asdict(project.skeleton), project.name, __version__]),
    }


def open_recording(
    project: Project, recording: str, stride_of: Callable[[xr.Dataset], int] = lambda _: 1
) -> Recording:
    """Return all that is known of a recording: datasets, rig, chamber, events and videos.

    `stride_of` tells, of its trajectories or else its detections, which are still on disk, to read
    only every n-th moment.
    """
    folder = project.results(recording)
    parts = {name: folder / name for name in PARTS if (folder / name).exists()}
    sources = project.recording_sources(recording)
    rig = recording_rig(project, recording)[0] if "trajectories.nc" in parts else None
    found = parts.get("detections.nc")
    with ExitStack() as files:
        trajectories, detections = (
            None if path is None else files.enter_context(open_lazily(path))
            for path in (parts.get("trajectories.nc"), found)
        )
        main = trajectories if trajectories is not None else detections
        assert main is not None
        moments, stride = main.sizes["time"], stride_of(main)
        if trajectories is not None:
            trajectories = thinned(trajectories, stride)
        if detections is not None:
            detections = thinned(of_calibrated(detections, rig), stride)
    if detections is not None and trajectories is not None:
        detections = in_order_of(detections, trajectories)
    return Recording(
        name=recording,
        project=project.name,
        trajectories=trajectories,
        detections=detections,
        rig=rig,
        skeleton=project.skeleton,
        surroundings=_surroundings(project, rig, parts.get("events.nc")),
        events=read_events(parts["events.csv"]) if "events.csv" in parts else None,
        videos=sources,
        links=_links(project, sources, folder),
        stride=stride,
        moments=moments,
    )


def _surroundings(project: Project, rig: Rig | None, events: Path | None) -> Surroundings:
    """Return the chamber, where it is known where it stands, and what the animal walks on."""
    substrate = None if events is None else _substrate(events)
    place = None if rig is None else rig.metadata.get("world_from_chamber")
    if project.chamber is None or place is None:
        return Surroundings(substrate=substrate)
    return chamber_surroundings(
        project.chamber.to_chamber(), np.array(place), up_direction(rig), substrate
    )


def _substrate(events: Path) -> Plane | None:
    """Return the plane that the events were judged by, where they tell it."""
    known = load_netcdf(events).attrs
    normal = np.asarray(known.get("substrate_normal", ()), dtype=float)
    if normal.shape != (3,):
        return None
    return Plane(normal=normal, distance=float(known["substrate_offset"]))


def _links(project: Project, sources: dict[str, Frames], folder: Path) -> dict[str, str]:
    """Return the addresses, as seen from `folder`, of whole videos that browsers play."""
    return {
        view: quote(os.path.relpath(frames.path, folder).replace(os.sep, "/"))
        for view, frames in sources.items()
        if frames.path.suffix.lower() in PLAYED_BY_BROWSERS
        and project.views[view].crop is None
        and not project.views[view].mirror
        and frames.fps
    }
