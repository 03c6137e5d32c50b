"""The application: all routers, and the guard around them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from labcut3d.app.access import Access
from labcut3d.app.confine import ForbiddenPath
from labcut3d.app.guard import Guard
from labcut3d.app.labelling import Labelling
from labcut3d.app.pages import show_error
from labcut3d.app.routes import (
    browse,
    explore,
    films,
    home,
    jobs,
    label,
    login,
    reports,
    settings,
    steps,
    uploads,
    wizard,
)
from labcut3d.app.workspace import NoProject, Workspace
from labcut3d.errors import Labcut3dError

__all__ = ["create_app"]

MEANINGS = {404: "There is no such page.", 413: "The file is too large to be taken in here."}
LARGEST_BODY = 2**20  # bytes of all requests but uploads
STYLED = ("labcut3d.app", "labcut3d.viewers")  # one look: page.css is that of the reports
ROUTERS = tuple(
    part.router
    for part in (login, home, wizard, settings, browse, steps, label, explore, films, jobs, reports)
)


def create_app(workspace: Workspace, access: Access | None = None) -> FastAPI:
    """Return the web application on a workspace.

    `access` holds the token of the first login; by default a new one.
    """
    access = access or Access()
    app = FastAPI(
        title="labcut3d",
        lifespan=_lifespan,
        max_body_size=LARGEST_BODY,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.workspace, app.state.access = workspace, access
    app.state.labelling = Labelling()
    app.mount("/static", StaticFiles(packages=[(name, "static") for name in STYLED]))
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(uploads.upload_router(workspace.settings.largest_upload))
    app.add_exception_handler(Labcut3dError, _tell)
    app.add_exception_handler(OSError, _tell)
    app.add_exception_handler(HTTPException, _tell_status)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    app.add_middleware(Guard, access=access, public=workspace.settings.public)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Serve, and end all work when the server ends."""
    uploads.clean(app.state.workspace)
    yield
    app.state.workspace.close()


def _tell(request: Request, error: Exception) -> Response:
    """Answer with what is wrong with the input, as a page or as data."""
    page = "text/html" in request.headers.get("accept", "")
    if isinstance(error, NoProject):
        if page and request.method == "GET":
            return RedirectResponse("/", status_code=303)
        return JSONResponse({"error": str(error)}, status_code=409)
    status = 403 if isinstance(error, ForbiddenPath) else 422
    if page:
        return show_error(request, str(error), status)
    return JSONResponse({"error": str(error)}, status_code=status)


def _tell_status(request: Request, error: Exception) -> Response:
    """Answer to a page that is not there, or a body that is too large."""
    assert isinstance(error, HTTPException)
    told = MEANINGS.get(error.status_code, error.detail)
    if "text/html" in request.headers.get("accept", ""):
        return show_error(request, told, error.status_code)
    return JSONResponse({"error": told}, status_code=error.status_code)


def _tell_invalid(request: Request, error: Exception) -> Response:
    """Answer to a body that is not of the form that a route takes."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse({"error": f"{place}: {first['msg']}"}, status_code=422)
