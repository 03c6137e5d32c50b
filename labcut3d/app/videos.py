"""Which videos a project has and lacks, as a table for a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labcut3d.app.confine import inside_any
from labcut3d.app.workspace import Workspace
from labcut3d.errors import VideoError
from labcut3d.project import Project
from labcut3d.video import find_source

__all__ = ["VideoRow", "chosen_videos", "video_table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRow:
    """The files of one recording, or of the board, by view; "" where one is missing."""

    title: str
    files: Mapping[str, str]
    trouble: str = ""


def video_table(project: Project) -> list[VideoRow]:
    """Return a row for the board videos and one for each recording."""
    rows = [_row(project, "Board videos", project.root / "calibration")]
    for name in project.recordings():
        rows.append(_row(project, name, project.root / "recordings" / name))
    return rows


def chosen_videos(desk: Workspace, videos: Mapping[str, str]) -> dict[str, Path]:
    """Return the files that a browser named, by view; raises `ForbiddenPath` for others."""
    return {view: inside_any(desk.folders, path) for view, path in videos.items()}


def _row(project: Project, title: str, folder: Path) -> VideoRow:
    """Return the files of a folder by view, and what is wrong with the first that is missing."""
    files, trouble = {}, ""
    for view, settings in project.views.items():
        try:
            files[view] = find_source(folder, settings.file or view).name
        except VideoError as error:
            files[view] = ""
            trouble = trouble or str(error)
    return VideoRow(title=title, files=files, trouble=trouble)
