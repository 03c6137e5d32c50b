"""The browser: one local web app from videos to results, a thin caller of `labcut3d.pipeline`.

How the parts fit:

    launch.py       a socket, an address with a one-time token, uvicorn, the browser
    server.py       create_app(workspace): every router, and the guard around them
    guard.py        Host, Origin and cookie of every request; the headers of every answer
    access.py       the one-time token and the sessions that it opens
    workspace.py    what is open: the project, the folders that may be seen, the queue of jobs
    confine.py      paths that a browser names, kept inside the folders that it may see
    pages.py        templates with the navigation around them
    jobs/           long work in a process of its own: queue, worker, records on disk
    routes/         one file a page, a router each; templates/NAME.html, static/NAME.js beside it

To add a page, write `routes/NAME.py`:

    router = APIRouter()

    @router.get("/label")
    def label(request: Request, project: OpenProject) -> Response:
        return show_page(request, "label.html", project=project, here="label", other="values")

    @router.post("/label/click")
    def click(project: OpenProject, body: Click) -> dict[str, object]: ...

and include the router in `server.create_app`. `OpenProject` is the `Project` that is open, its
settings read anew; without one, pages lead to the start and data is refused. `Desk` is the whole
`Workspace`; `desk.queue().submit("suggest")` starts long work. Routes are plain functions, which
run in threads; errors of `Labcut3dError` become a page or `{"error": "..."}` with status 422 by
themselves. Bodies are pydantic models sent as JSON: `post(path, value)` of static/api.js does it,
shows the error, and returns the answer.

The template extends "base.html" and fills the blocks `title`, `content` and `scripts`; scripts
are modules (`<script type="module" src="/static/label.js">`), styles are files. Nothing is inline:
the content-security policy refuses scripts and styles in the page, and everything from elsewhere.
Values for a script stand in `data-` attributes or come by fetch. What holds scripts of its own,
such as a report, is served by `sandboxed()` of pages.py and shown in an iframe.

In tests, the fixture `client` (tests/labcut3d/app/conftest.py) is a browser that has logged in,
with the project of the fixture `project` open.
"""

from labcut3d.app.server import create_app
from labcut3d.app.workspace import AppSettings, Workspace

__all__ = ["AppSettings", "Workspace", "create_app"]
