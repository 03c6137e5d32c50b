"""Stage 1: board videos -> results/rig.toml and results/calibration.html."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from calibration.boards.board import Board
from calibration.calibrating import Calibration
from calibration.corners.detection import observe
from calibration.corners.observations import require_droppable
from calibration.files import sha256_of, write_text
from calibration.timing.synchronization import calibrate_in_time
from calibration.timing.timestamps import Timeline, pair_by_time, read_timestamps, with_times
from labcut3d.errors import CalibrationError, ProjectError
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import fingerprint, write_stamp
from labcut3d.stages.common import is_current, source_hashes
from labcut3d.stages.locking import exclusive
from labcut3d.video import Frames, require_equal_lengths
from labcut3d.viewers import calibration_page, judge_calibration

__all__ = ["calibrate_project", "calibrate_sources"]

STAMPS = "timestamps.csv"


@exclusive
def calibrate_project(
    project: Project,
    drop_cameras: Sequence[str] = (),
    reporter: Reporter = SILENT,
    lens: str | None = None,
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
        **_stamp_hashes(sources),
        "board": fingerprint(project.board),
        "drop_cameras": fingerprint(list(drop_cameras)),
        **({} if lens is None else {"lens": lens}),
    }
    if is_current(project.rig_path, inputs, reporter):
        return project.rig_path
    calibrate_sources(project.board, sources, project.rig_path.parent, drop_cameras, reporter, lens)
    write_stamp(project.rig_path, inputs)
    return project.rig_path


def calibrate_sources(
    board: Board,
    sources: Mapping[str, Frames],
    out: str | os.PathLike[str],
    drop_cameras: Sequence[str] = (),
    reporter: Reporter = SILENT,
    lens: str | None = None,
) -> Calibration:
    """Calibrate from board videos or image folders -> OUT/rig.toml and OUT/calibration.html.

    Images are matched by their numbers; videos by a timestamps.csv beside them, or else by their
    own time stamps (see calibration/timing/timestamps.py), and their clocks are set right. `lens`
    as for `calibrate`.
    """
    out = Path(out)
    require_droppable(drop_cameras, sources)
    timelines = _timelines(sources)
    numbers = {view: frames.numbers.tolist() for view, frames in sources.items()}
    numbers |= {view: line.numbers.tolist() for view, line in timelines.items()}
    with reporter.task("Looking for the board") as progress:
        printed, observations = observe(board, sources, numbers=numbers, progress=progress)
    if timelines:
        observations = with_times(observations, timelines)
    with reporter.task("Calibrating the cameras") as progress:
        calibration = calibrate_in_time(
            printed, observations, drop_cameras=drop_cameras, lens=lens, progress=progress
        )
    verdict = judge_calibration(calibration)
    write_text(out / "calibration.html", calibration_page(calibration, verdict))
    metadata = {
        **calibration.rig.metadata,
        "dropped_cameras": list(drop_cameras),
        "verdict": verdict.level,
    }
    rig = replace(calibration.rig, metadata=metadata)
    rig.save(out / "rig.toml", calibration.covariance)
    reporter.findings("Verdict", verdict.told)
    return calibration


def _timelines(sources: Mapping[str, Frames]) -> dict[str, Timeline]:
    """Return when the frames of videos were taken; nothing where a view is a folder of images."""
    times = {view: frames.times for view, frames in sources.items()}
    known = {view: stamps for view, stamps in times.items() if stamps is not None}
    if len(known) < len(times):
        videos = {view: frames for view, frames in sources.items() if view in known}
        require_equal_lengths(videos, "the board videos")
        return {}
    file = _stamp_file(sources)
    if file is None:
        return pair_by_time(known)
    return read_timestamps(file, {view: len(frames) for view, frames in sources.items()})


def _stamp_file(sources: Mapping[str, Frames]) -> Path | None:
    """Return the timestamps.csv beside the videos, where they have one in common."""
    files = {frames.path.parent / STAMPS for frames in sources.values()}
    found = sorted(str(file) for file in files if file.is_file())
    if found and len(files) > 1:
        raise CalibrationError(
            f"{found[0]}: is beside some of the videos only; put all videos into its folder, or "
            "remove it to pair frames by the videos' own time stamps"
        )
    return files.pop() if found else None


def _stamp_hashes(sources: Mapping[str, Frames]) -> dict[str, str]:
    """Return the hash of the timestamps.csv beside the videos, where there is one."""
    file = _stamp_file(sources)
    return {} if file is None else {STAMPS: sha256_of(file)}
