"""Detections of other programs into a project -> results/RECORDING/detections.nc."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from calibration.files import require_regular_file, sha256_of
from labcut3d.errors import DatasetError
from labcut3d.formats.registry import read_view
from labcut3d.formats.views import ViewDetections, combine_views
from labcut3d.keypoint_names import match_keypoints, require_view
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import made_from
from labcut3d.stages.common import IMPORTED, save_result
from labcut3d.stages.locking import exclusive
from labcut3d.video import Frames

__all__ = ["import_detections"]


@exclusive
def import_detections(
    project: Project,
    recording: str,
    files: Mapping[str, Path],
    *,
    rename: Mapping[str, str] | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Path:
    """Take detections of a recording, a file for each view, of any program that is known.

    Keypoints are brought into the skeleton's order, and points into the view where it is a part of
    its file's image. `rename` maps keypoints' names in the files to the project's, or to "" to
    leave them out; `overwrite` lets them take the place of detections that are there. Raises
    `DatasetError`, `LabelError` or `FileFormatError` naming the file, what does not fit and the
    fix.
    """
    sources = project.recording_sources(recording)
    result = project.results(recording) / "detections.nc"
    for view, file in files.items():
        require_view(project, view)
        require_regular_file(file)
    inputs = {f"{IMPORTED}{view}": sha256_of(file) for view, file in files.items()}
    if result.exists() and not overwrite and (made_from(result) or {}) != inputs:
        raise DatasetError(
            f"{result}: there are detections already; to put others in their place, add --replace"
        )
    views = {}
    for view, file in files.items():
        found = _in_skeleton(project, view, read_view(file), rename or {})
        views[view] = _in_view(project, view, found, sources[view])
    detections = combine_views(views, fps=project.frame_rate(sources))
    seen = detections["position"].notnull().all("space")
    reporter.note(
        f"{recording}: {int(seen.sum())} points in {detections.sizes['time']} frames of "
        f"{', '.join(views)}, {float(seen.mean()):.0%} of what could be seen"
    )
    return save_result([detections], result, inputs)


def _in_skeleton(
    project: Project, view: str, found: ViewDetections, rename: Mapping[str, str]
) -> ViewDetections:
    """Return detections with the skeleton's keypoints, in its order; absent ones are missing."""
    columns = match_keypoints(project, view, found.keypoints, rename, found.path)
    known = project.skeleton.keypoints
    if not columns:
        raise DatasetError(f"{found.path}: has none of the project's keypoints {', '.join(known)}")
    places = [known.index(name) for name in columns]

    def arranged(values: np.ndarray, missing: float) -> np.ndarray:
        """Return values (time, keypoint, ...) for all keypoints of the skeleton."""
        whole = np.full((len(values), len(known), *values.shape[2:]), missing)
        whole[:, places] = values[:, list(columns.values())]
        return whole

    return replace(
        found,
        keypoints=known,
        position=arranged(found.position, np.nan),
        confidence=arranged(found.confidence, 0.0),
        covariance=None if found.covariance is None else arranged(found.covariance, np.nan),
    )


def _in_view(project: Project, view: str, found: ViewDetections, source: Frames) -> ViewDetections:
    """Return detections in px of the view; they must be of as many frames as its video.

    SLEAP's files end at the last frame in which something was seen: the rest is missing.
    """
    lacking = len(source) - len(found.position)
    if lacking < 0 or (lacking > 0 and not found.may_end_early):
        raise DatasetError(
            f"{found.path}: has {len(found.position)} frames, but {source.path} has "
            f"{len(source)}; these are detections of another video"
        )
    if lacking:
        found = found.with_missing(lacking)
    region = project.region(view)
    covariance = found.covariance
    if region.mirror and covariance is not None:
        flip = np.diag([-1.0, 1.0])
        covariance = flip @ covariance @ flip
    position = region.to_view(found.position, source.size[0])
    return replace(found, position=position, covariance=covariance)
