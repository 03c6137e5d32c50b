"""The viewer of a recording and the videos that it plays, laid out as they are in the project.

A viewer that is too long to hold its videos links to them beside it, and plays them in a frame that
counts as another site: no cookie goes along. So what it asks for has an address that nobody can
guess, with the key of `Access.films` in it, which the guard lets through for this and nothing else.
"""

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from labcut3d.app.confine import inside_any
from labcut3d.app.guard import FILMS
from labcut3d.app.pages import SANDBOX, sandboxed
from labcut3d.app.workspace import Desk, OpenProject
from labcut3d.errors import ProjectError
from labcut3d.video import PLAYED_BY_BROWSERS

__all__ = ["router"]

FILM_HEADERS = {
    "content-security-policy": "sandbox; default-src 'none'; media-src 'self'; "
    "style-src 'unsafe-inline'; frame-ancestors 'self'",
    "cross-origin-resource-policy": "cross-origin",  # the frame is of no origin
}

router = APIRouter(prefix=FILMS + "{key}")


@router.get("/results/{recording}/viewer.html")
def viewer(request: Request, project: OpenProject, recording: str, key: str) -> Response:
    """Show the viewer of a recording, which may play that recording's videos."""
    (recording,) = project.choose_recordings([recording])
    films = f"{request.url.scheme}://{request.headers['host']}{FILMS}{key}/recordings/"
    policy = SANDBOX.replace("media-src", f"media-src {films}")
    return sandboxed(project, f"results/{recording}/viewer.html", policy)


@router.get("/recordings/{recording}/{name}")
def film(desk: Desk, project: OpenProject, recording: str, name: str) -> Response:
    """Return a video of a recording, or the part of it that the Range header asks for."""
    (recording,) = project.choose_recordings([recording])
    files = {path.name: path for path in project.recording_paths(recording).values()}
    path = files.get(name)
    if path is None or path.suffix.lower() not in PLAYED_BY_BROWSERS or not path.is_file():
        raise ProjectError(f"{name[:40]!r}: no video of recording '{recording}' that browsers play")
    inside_any([project.root, *desk.folders], str(path))
    return FileResponse(path, headers=FILM_HEADERS)
