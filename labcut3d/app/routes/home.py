"""The first page: the open project with all its steps, or how to open one."""

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from labcut3d.app.confine import inside_any, plain_name
from labcut3d.app.forms import BOARD_FIELDS, CHAMBER_FIELDS, board_values, chamber_values
from labcut3d.app.pages import show_page
from labcut3d.app.videos import video_table
from labcut3d.app.workspace import Desk
from labcut3d.demo import make_demo

__all__ = ["router"]

router = APIRouter()


class Place(BaseModel):
    """A folder that is chosen."""

    path: str


class NewPlace(BaseModel):
    """A folder that is to be made in another one."""

    folder: str
    name: str


@router.get("/")
def home(request: Request, desk: Desk) -> Response:
    """Show the open project, or how to open one."""
    if desk.root is None:
        return show_page(request, "start.html", project=None, here="", folders=desk.folders)
    project = desk.project()
    return show_page(
        request,
        "project.html",
        project=project,
        here="project",
        table=video_table(project),
        board=None if project.board is None else project.board.describe(),
        board_values=board_values(project.board),
        chamber_values=chamber_values(project.chamber),
        board_fields=BOARD_FIELDS,
        chamber_fields=CHAMBER_FIELDS,
    )


@router.post("/open")
def open_project(desk: Desk, place: Place) -> dict[str, str]:
    """Open a project for all tabs."""
    return {"name": desk.open_chosen(place.path).name}


@router.post("/close")
def close_project(desk: Desk) -> dict[str, str]:
    """Go back to the start; work that runs goes on."""
    desk.leave()
    return {}


@router.post("/demo")
def demo(desk: Desk, place: NewPlace) -> dict[str, str]:
    """Make the example project and open it."""
    folder = inside_any(desk.folders, place.folder) / plain_name(place.name)
    return {"name": desk.open(make_demo(folder).root).name}
