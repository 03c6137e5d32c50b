"""Looking at results: the viewer, the table of events, and files for other programs."""

import tempfile
from pathlib import Path
from shutil import rmtree

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from calibration.files import read_table
from labcut3d.app.confine import inside
from labcut3d.app.pages import show_page
from labcut3d.app.workspace import OpenProject
from labcut3d.errors import ProjectError
from labcut3d.formats import write_trajectories
from labcut3d.formats.registry import WRITERS
from labcut3d.project import Project
from labcut3d.schema import open_dataset

__all__ = ["router"]

router = APIRouter(prefix="/explore")

TRAJECTORIES, EVENTS = "trajectories.nc", "events.csv"


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
        endings=list(WRITERS) if chosen and _has(project, chosen, TRAJECTORIES) else [],
    )


@router.get("/{recording}/export/{ending}")
def export(project: OpenProject, recording: str, ending: str) -> Response:
    """Return the trajectories in another format, as a file to keep."""
    (recording,) = project.choose_recordings([recording], [TRAJECTORIES])
    if f".{ending}" not in WRITERS:
        raise ProjectError(f".{ending[:20]}: cannot be written; known are {', '.join(WRITERS)}")
    source = inside(project.root, f"results/{recording}/{TRAJECTORIES}")
    folder = Path(tempfile.mkdtemp(prefix="labcut3d-"))
    target = folder / f"{recording}.{ending}"
    write_trajectories(open_dataset(source), target)
    return FileResponse(
        target,
        filename=f"{project.name}-{target.name}",
        background=BackgroundTask(rmtree, folder, ignore_errors=True),
    )


@router.get("/{recording}/events.csv")
def events(project: OpenProject, recording: str) -> Response:
    """Return the table of events, as a file to keep."""
    (recording,) = project.choose_recordings([recording])
    path = inside(project.root, f"results/{recording}/{EVENTS}")
    if not path.is_file():
        raise ProjectError(f"recording '{recording}' has no events yet; reconstruct it first")
    return FileResponse(path, filename=f"{project.name}-{recording}-events.csv")


def _has(project: Project, recording: str, name: str) -> bool:
    """Tell whether a recording has a result."""
    return (project.results(recording) / name).is_file()


def _events(project: Project, recording: str) -> list[dict[str, str]]:
    """Return the rows of a recording's events, times in seconds; none where there are none."""
    path = project.results(recording) / EVENTS
    if not path.is_file():
        return []
    rows = [row for _, row in read_table(path, ("individual", "event", "start_s", "stop_s"))]
    return [{**row, "event": row["event"].replace("_", " ")} for row in rows]
