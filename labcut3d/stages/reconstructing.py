"""Stage 3: detections -> trajectories.nc."""

import os
from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from calibration import Rig, RigCovariance
from calibration.covariance import covariance_path, find_covariance
from calibration.files import sha256_of
from labcut3d.dataset_pieces import share_known
from labcut3d.errors import VideoError
from labcut3d.formats import read_detections
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.reconstruction import reconstruct, reconstruct_pieces
from labcut3d.reconstruction.report import describe
from labcut3d.schema import open_lazily, save_dataset
from labcut3d.stages.common import (
    is_current,
    of_calibrated,
    recording_rig,
    save_result,
    settings_hash,
)
from labcut3d.stages.locking import exclusive

__all__ = ["triangulate", "triangulate_files"]


@exclusive
def triangulate(project: Project, recording: str, reporter: Reporter = SILENT) -> Path:
    """Turn a recording's detections into 3-D trajectories -> trajectories.nc."""
    result = project.results(recording) / "trajectories.nc"
    source = project.results(recording) / "detections.nc"
    rig, rig_path = recording_rig(project, recording, reporter)
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
    repaired = rig.metadata.get("repaired")
    attrs = {} if repaired is None else {"repaired_camera": repaired["camera"]}
    with open_lazily(source) as stored, reporter.task(f"Triangulating {recording}") as progress:
        pieces = reconstruct_pieces(
            of_calibrated(stored, rig),
            rig,
            project.reconstruction,
            skeleton=project.skeleton,
            rig_covariance=find_covariance(rig_path),
            progress=progress,
        )
        save_result((piece.assign_attrs(attrs) for piece in pieces), result, inputs)
    with open_lazily(result) as trajectories:
        _tell(trajectories, reporter)
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
    for line in describe(trajectories):
        reporter.note(line)
    if share_known(trajectories) == 0:
        reporter.note(
            "Warning: no keypoint was seen by two views that agree; check that the views are "
            "synchronous and that rig and detections belong together"
        )
