"""Stage 1: board videos -> results/rig.toml and results/calibration.html."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from calibration.board import Board
from calibration.calibrating import Calibration, calibrate
from calibration.detection import observe
from calibration.files import write_text
from labcut3d.errors import ProjectError
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import fingerprint, write_stamp
from labcut3d.stages.common import is_current, source_hashes
from labcut3d.video import Frames, require_equal_lengths
from labcut3d.viewers import calibration_page, judge_calibration

__all__ = ["calibrate_project", "calibrate_sources"]


def calibrate_project(
    project: Project, drop_cameras: Sequence[str] = (), reporter: Reporter = SILENT
) -> Path:
    """Calibrate a project's cameras -> results/rig.toml and results/calibration.html."""
    if project.board is None:
        raise ProjectError(
            f"{project.root / 'project.toml'}: no [board]; describe the calibration board there "
            "(type, squares_x, squares_y, square_length, marker_length, dictionary, unit)"
        )
    sources = project.calibration_sources()
    inputs = {
        **source_hashes(sources),
        "board": fingerprint(project.board),
        "drop_cameras": fingerprint(list(drop_cameras)),
    }
    if is_current(project.rig_path, inputs, reporter):
        return project.rig_path
    calibrate_sources(project.board, sources, project.rig_path.parent, drop_cameras, reporter)
    write_stamp(project.rig_path, inputs)
    return project.rig_path


def calibrate_sources(
    board: Board,
    sources: Mapping[str, Frames],
    out: str | os.PathLike[str],
    drop_cameras: Sequence[str] = (),
    reporter: Reporter = SILENT,
) -> Calibration:
    """Calibrate from board videos or image folders -> OUT/rig.toml and OUT/calibration.html."""
    out = Path(out)
    # Images are matched by their numbers, videos frame by frame.
    videos = {view: frames for view, frames in sources.items() if frames.fps is not None}
    require_equal_lengths(videos, "the board videos")
    numbers = {view: frames.numbers.tolist() for view, frames in sources.items()}
    with reporter.task("Looking for the board") as progress:
        printed, observations = observe(board, sources, numbers=numbers, progress=progress)
    with reporter.task("Calibrating the cameras") as progress:
        calibration = calibrate(printed, observations, drop_cameras=drop_cameras, progress=progress)
    write_text(out / "calibration.html", calibration_page(calibration))
    metadata = {**calibration.rig.metadata, "dropped_cameras": list(drop_cameras)}
    rig = replace(calibration.rig, metadata=metadata)
    rig.save(out / "rig.toml", calibration.covariance)
    reporter.findings("Verdict", judge_calibration(calibration).told)
    return calibration
