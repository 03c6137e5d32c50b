"""Pages: a template with the navigation around it, and reports in a sandbox of their own."""

from functools import cache
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.templating import Jinja2Templates

from labcut3d import pipeline
from labcut3d.app.confine import inside
from labcut3d.errors import ProjectError
from labcut3d.project import Project
from labcut3d.version import __version__

__all__ = ["SANDBOX", "sandboxed", "show_error", "show_page"]

# A report draws itself with scripts of its own; it may do that, and nothing else.
SANDBOX = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; "
    "script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data: blob:; worker-src blob:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)


def show_page(
    request: Request,
    template: str,
    *,
    project: Project | None,
    here: str,
    status_code: int = 200,
    **values: Any,
) -> HTMLResponse:
    """Return the page that `template` makes of `values`.

    `here` is the key of the step that the page belongs to, which the navigation marks. The template
    also sees `project`, `steps` (see `labcut3d.pipeline.status`) and `version`.
    """
    steps = () if project is None else pipeline.status(project)
    context = {"project": project, "here": here, "steps": steps, "version": __version__}
    return _templates().TemplateResponse(
        request, template, {**context, **values}, status_code=status_code
    )


def show_error(request: Request, message: str, status_code: int) -> HTMLResponse:
    """Return a page that says what went wrong."""
    return show_page(
        request,
        "error.html",
        project=None,
        here="",
        message=message,
        status_code=status_code,
    )


def sandboxed(project: Project, relative: str, policy: str = SANDBOX) -> Response:
    """Return a report of a project so that its scripts can do nothing but draw it."""
    path = inside(project.root, relative)
    if not path.is_file():
        raise ProjectError(f"{relative}: not made yet")
    return FileResponse(path, media_type="text/html", headers={"content-security-policy": policy})


@cache
def _templates() -> Jinja2Templates:
    """Return the templates; a name that one misspells is an error."""
    environment = Environment(
        loader=PackageLoader("labcut3d.app"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return Jinja2Templates(env=environment)
