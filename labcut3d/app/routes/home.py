"""The first page: the open project, or how to open one."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from labcut3d.app.pages import show_page
from labcut3d.app.workspace import Desk

__all__ = ["router"]

router = APIRouter()


@router.get("/")
def home(request: Request, desk: Desk) -> Response:
    """Show the open project, or how to open one."""
    project = None if desk.root is None else desk.project()
    return show_page(request, "home.html", project=project, here="project")
