"""Stages 3 to 5: detections -> trajectories.nc -> events.csv -> viewer.html."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import xarray as xr

from calibration import Rig, RigCovariance
from calibration.covariance import covariance_path, find_covariance
from calibration.files import sha256_of, write_text
from labcut3d.errors import DatasetError, VideoError
from labcut3d.formats import read_detections
from labcut3d.kinematics.events import find_events, read_events, write_events
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import fingerprint, write_stamp
from labcut3d.reconstruction import reconstruct
from labcut3d.reconstruction.identities import in_order_of
from labcut3d.reconstruction.report import describe
from labcut3d.schema import open_dataset, save_dataset
from labcut3d.stages.common import (
    is_current,
    open_detections,
    recording_rig,
    save_result,
    settings_hash,
    source_hashes,
)
from labcut3d.stages.locking import exclusive
from labcut3d.version import __version__
from labcut3d.viewers import Recording, dataset_page, trajectory_page

__all__ = ["events", "triangulate", "triangulate_files", "view", "view_file"]


@exclusive
def triangulate(project: Project, recording: str, reporter: Reporter = SILENT) -> Path:
    """Turn a recording's detections into 3-D trajectories -> trajectories.nc."""
    result = project.results(recording) / "trajectories.nc"
    source = project.results(recording) / "detections.nc"
    rig, rig_path = recording_rig(project, recording, reporter)
    detections = open_detections(source, rig)
    _require_sizes(project, recording, rig)
    inputs = {
        "detections": sha256_of(source),
        "rig": sha256_of(rig_path),
        "reconstruction settings": settings_hash(project, project.reconstruction),
    }
    if covariance_path(rig_path).is_file():
        inputs["rig covariance"] = sha256_of(covariance_path(rig_path))
    if is_current(result, inputs, reporter):
        return result
    with reporter.task(f"Triangulating {recording}") as progress:
        trajectories = reconstruct(
            detections,
            rig,
            project.reconstruction,
            skeleton=project.skeleton,
            rig_covariance=find_covariance(rig_path),
            progress=progress,
        )
    _tell(trajectories, reporter)
    if "repaired" in rig.metadata:
        camera = rig.metadata["repaired"]["camera"]
        trajectories = trajectories.assign_attrs(repaired_camera=camera)
    return save_result(trajectories, result, inputs)


@exclusive
def events(project: Project, recording: str, reporter: Reporter = SILENT) -> Path:
    """Find a recording's behavioural events -> events.csv."""
    result = project.results(recording) / "events.csv"
    source = project.results(recording) / "trajectories.nc"
    rig, rig_path = recording_rig(project, recording)
    trajectories = open_dataset(source)
    sources = project.recording_sources(recording)
    inputs = {
        **source_hashes(sources),
        "trajectories": sha256_of(source),
        "rig": sha256_of(rig_path),
        "events settings": settings_hash(project, project.events),
    }
    if is_current(result, inputs, reporter):
        return result
    with reporter.task(f"Finding events in {recording}") as progress:
        found = find_events(
            trajectories,
            settings=project.events,
            rig=rig,
            sources=sources,
            progress=progress,
        )
    write_events(found, result)
    write_stamp(result, inputs)
    return result


def triangulate_files(
    files: Sequence[str],
    rig: Rig,
    output: str | os.PathLike[str],
    *,
    fps: float | None = None,
    rig_covariance: RigCovariance | None = None,
    reporter: Reporter = SILENT,
) -> Path:
    """Triangulate detections of any program with a rig, without a project -> OUTPUT.

    `files` is one detections.nc, or one VIEW=FILE for each view; `fps` is needed for files that
    do not tell their frame rate. With `rig_covariance`, the covariance includes the calibration's.
    """
    detections = read_detections(files, fps=fps)
    with reporter.task("Triangulating") as progress:
        trajectories = reconstruct(
            detections, rig, rig_covariance=rig_covariance, progress=progress
        )
    _tell(trajectories, reporter)
    save_dataset(trajectories, output)
    return Path(output)


@exclusive
def view(project: Project, recording: str, reporter: Reporter = SILENT) -> Path:
    """Write a recording's viewer -> viewer.html."""
    folder = project.results(recording)
    result = folder / "viewer.html"
    names = ("detections.nc", "trajectories.nc", "events.csv")
    parts = {name: folder / name for name in names if (folder / name).exists()}
    if not parts.keys() & {"detections.nc", "trajectories.nc"}:
        raise DatasetError(
            f"{folder}: nothing to view yet; run: labcut3d reconstruct {project.root} {recording}"
        )
    sources = project.recording_sources(recording)
    inputs = {
        **source_hashes(sources),
        **{name: sha256_of(path) for name, path in parts.items()},
        "settings": fingerprint([asdict(project.skeleton), project.name, __version__]),
    }
    if is_current(result, inputs, reporter):
        return result
    rig = recording_rig(project, recording)[0] if "trajectories.nc" in parts else None
    found = parts.get("detections.nc")
    trajectories = open_dataset(parts["trajectories.nc"]) if rig is not None else None
    detections = open_detections(found, rig) if found is not None else None
    if detections is not None and trajectories is not None:
        detections = in_order_of(detections, trajectories)
    shown = Recording(
        name=recording,
        project=project.name,
        trajectories=trajectories,
        detections=detections,
        rig=rig,
        skeleton=project.skeleton,
        events=read_events(parts["events.csv"]) if "events.csv" in parts else None,
        videos=sources,
    )
    with reporter.task(f"Writing the viewer of {recording}") as progress:
        write_text(result, trajectory_page(shown, progress=progress))
    write_stamp(result, inputs)
    return result


def view_file(path: str | os.PathLike[str], output: str | os.PathLike[str]) -> Path:
    """Write the viewer of one dataset, without rig and videos -> OUTPUT."""
    write_text(output, dataset_page(open_dataset(path), title=Path(path).stem))
    return Path(output)


def _require_sizes(project: Project, recording: str, rig: Rig) -> None:
    """Refuse a recording whose images are not of the size that its camera was calibrated at."""
    for view, frames in project.recording_sources(recording).items():
        if view in rig.names and frames.size != rig[view].size:
            raise VideoError(
                f"{frames.path}: {frames.size[0]}x{frames.size[1]} px, but the camera was "
                f"calibrated at {rig[view].size[0]}x{rig[view].size[1]} px; calibrate and record "
                "at one size"
            )


def _tell(trajectories: xr.Dataset, reporter: Reporter) -> None:
    """Say what was reconstructed, rejected, filled and repaired; warn where nothing was found."""
    known = trajectories["position"].notnull().all("space")
    for line in describe(trajectories):
        reporter.note(line)
    if not known.any():
        reporter.note(
            "Warning: no keypoint was seen by two views that agree; check that the views are "
            "synchronous and that rig and detections belong together"
        )
