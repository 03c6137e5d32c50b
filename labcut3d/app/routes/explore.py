"""Looking at results: the viewer, the table of events, and files for other programs."""

import tempfile
from pathlib import Path
from shutil import make_archive, rmtree
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from calibration.files import read_table
from labcut3d import pipeline
from labcut3d.app.confine import inside
from labcut3d.app.guard import FILMS
from labcut3d.app.pages import show_page
from labcut3d.app.workspace import OpenProject
from labcut3d.errors import Labcut3dError, ProjectError
from labcut3d.formats import FORMATS
from labcut3d.formats.format import Format
from labcut3d.project import Project

__all__ = ["router"]

router = APIRouter(prefix="/explore")

TRAJECTORIES, DETECTIONS, EVENTS = "trajectories.nc", "detections.nc", "events.csv"


@router.get("")
@router.get("/{recording}")
def explore(request: Request, project: OpenProject, recording: str = "") -> Response:
    """Show the results of a recording, by default of the first that has some."""
    names = [n for n in project.recordings() if (project.results(n) / "viewer.html").is_file()]
    chosen = recording or next(iter(names), "")
    if chosen and chosen not in names:
        raise ProjectError(
            f"recording {chosen[:40]!r} has nothing to look at; reconstruct it first"
        )
    return show_page(
        request,
        "explore.html",
        project=project,
        here="explore",
        names=names,
        chosen=chosen,
        events=_events(project, chosen) if chosen else [],
        formats=_formats(project, chosen) if chosen else [],
        viewer=f"{FILMS}{request.app.state.access.films}/results/{quote(chosen)}/viewer.html",
    )


@router.get("/{recording}/export/{name}")
def export(project: OpenProject, recording: str, name: str) -> Response:
    """Return the results in the format `name`, as a file to keep; several files come as a .zip."""
    (recording,) = project.choose_recordings([recording])
    if name not in {one.name for one in _formats(project, recording)}:
        raise ProjectError(f"{name[:40]!r}: no format that this recording can be written in")
    for result in (TRAJECTORIES, DETECTIONS):
        inside(project.root, f"results/{recording}/{result}")
    folder = Path(tempfile.mkdtemp(prefix="labcut3d-"))
    made = folder / "made" / f"{recording}{FORMATS[name].endings[0]}"
    made.parent.mkdir()
    try:
        path, *others = pipeline.export_recording(project, recording, to=name, output=made)
        if others:
            path = Path(make_archive(str(folder / f"{recording}-{name}"), "zip", made.parent))
    except (Labcut3dError, OSError):
        rmtree(folder)
        raise
    clean = BackgroundTask(rmtree, folder, ignore_errors=True)
    saved = f"{project.name}-{recording}-{name}{path.suffix}"
    return FileResponse(path, filename=saved, background=clean)


@router.get("/{recording}/events.csv")
def events(project: OpenProject, recording: str) -> Response:
    """Return the table of events, as a file to keep."""
    (recording,) = project.choose_recordings([recording])
    path = inside(project.root, f"results/{recording}/{EVENTS}")
    if not path.is_file():
        raise ProjectError(f"recording '{recording}' has no events yet; reconstruct it first")
    return FileResponse(path, filename=f"{project.name}-{recording}-events.csv")


def _formats(project: Project, recording: str) -> list[Format]:
    """Return the formats that a recording's results can be written in."""
    folder = project.results(recording)
    present = [
        is_3d
        for is_3d, name in ((True, TRAJECTORIES), (False, DETECTIONS))
        if (folder / name).is_file()
    ]
    return [one for one in FORMATS.values() if any(one.takes(is_3d) for is_3d in present)]


def _events(project: Project, recording: str) -> list[dict[str, str]]:
    """Return the rows of a recording's events, times in seconds; none where there are none."""
    path = project.results(recording) / EVENTS
    if not path.is_file():
        return []
    rows = [row for _, row in read_table(path, ("individual", "event", "start_s", "stop_s"))]
    return [{**row, "event": row["event"].replace("_", " ")} for row in rows]
