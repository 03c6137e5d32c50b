"""Videos into a project: each is checked, then linked or copied to where its view belongs."""

import itertools
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from calibration.files import atomic_write
from labcut3d.errors import ProjectError
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.project_view import require_name
from labcut3d.video import Frames, open_frames, require_equal_lengths

__all__ = ["add_calibration", "add_recording", "check_recording", "check_videos"]


def check_recording(project: Project, videos: Mapping[str, Path]) -> dict[str, Frames]:
    """Open the videos or image folders of a recording by view, as they are where they lie.

    Raises what `check_videos` does, and `VideoError` where they have unequal numbers of frames.
    """
    sources = check_videos(project, videos)
    require_equal_lengths(sources, "the videos of the recording")
    return sources


def add_recording(
    project: Project, name: str, videos: Mapping[str, Path], reporter: Reporter = SILENT
) -> Path:
    """Put the videos of a recording, by view, into recordings/NAME; all of them, or none.

    A file is linked where it lies on the same disk, so that it takes no room twice, and else
    copied. Raises what `check_recording` does, and `ProjectError` where the recording exists.
    """
    require_name(name, "recording")
    folder = project.root / "recordings" / name
    if folder.exists():
        raise ProjectError(f"{folder}: a recording of this name exists; choose another name")
    check_recording(project, videos)
    with _whole_folder(folder) as temporary:
        _bring(project, videos, temporary, reporter)
    return folder


def add_calibration(
    project: Project, videos: Mapping[str, Path], reporter: Reporter = SILENT
) -> Path:
    """Put the board videos, by view, into calibration/.

    What was there before is kept in calibration-old-1 and so on. Raises what `check_videos` does.
    """
    check_videos(project, videos)
    folder = project.root / "calibration"
    with _whole_folder(folder) as temporary:
        _bring(project, videos, temporary, reporter)
    return folder


def check_videos(project: Project, videos: Mapping[str, Path]) -> dict[str, Frames]:
    """Open one video or image folder for each view of the project, as they are where they lie.

    Raises `ProjectError` where they are not the project's views, `VideoError` where one cannot be
    read.
    """
    files = {view: settings.file or view for view, settings in project.views.items()}
    if set(videos) != set(files):
        odd = sorted(set(videos) ^ set(files))
        raise ProjectError(
            f"give one video for each view of the project ({', '.join(files)}); "
            f"missing or unknown: {', '.join(odd)}"
        )
    shared: dict[str, set[Path]] = {}
    for view, path in videos.items():
        shared.setdefault(files[view], set()).add(path)
    for name, paths in shared.items():
        if len(paths) > 1:
            raise ProjectError(f"the views in file '{name}' must be given the same video")
    return {view: open_frames(path, project.region(view)) for view, path in videos.items()}


def _bring(project: Project, videos: Mapping[str, Path], folder: Path, reporter: Reporter) -> None:
    """Link or copy the videos into a folder, under the names that the project expects."""
    named = {(project.views[view].file or view): path for view, path in videos.items()}
    with reporter.task("Taking the videos in") as progress:
        for done, (name, path) in enumerate(named.items(), start=1):
            if path.is_dir():
                shutil.copytree(path, folder / name, copy_function=_link_or_copy)
            else:
                _link_or_copy(path, folder / f"{name}{path.suffix.lower()}")
            progress(done, len(named), path.name)


def _link_or_copy(source: str | Path, target: str | Path) -> None:
    """Link a file to a second place, or copy it where the system cannot."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        with atomic_write(target) as temporary:
            shutil.copyfile(source, temporary)


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `folder` once the block has succeeded.

    What was there before is kept beside it, as `folder-old-1` and so on.
    """
    temporary = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if folder.is_dir() and any(folder.iterdir()):
            folder.rename(_free_name(folder))
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _free_name(folder: Path) -> Path:
    """Return a name beside a folder that is not taken."""
    names = (folder.with_name(f"{folder.name}-old-{number}") for number in itertools.count(1))
    return next(name for name in names if not name.exists())
