"""Starting the app: a socket, an address with a token that works once, and the browser."""

import socket
import webbrowser
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

import uvicorn

from labcut3d.app.access import Access
from labcut3d.app.server import create_app
from labcut3d.app.workspace import AppSettings, Workspace
from labcut3d.errors import ProjectError

__all__ = ["Launch", "prepare"]

PATIENCE = 2  # s that requests get to end when the app is stopped
FIRST_PORT, PORTS = 20_000, 10_000  # below what systems hand out by themselves
BROWSER_AFTER = 0.5  # s; the server listens already, so the page waits where it is slower


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """An app that is ready to serve on a socket that listens already."""

    workspace: Workspace
    access: Access
    listener: socket.socket

    @property
    def port(self) -> int:
        """The port that is listened to."""
        return self.listener.getsockname()[1]

    @property
    def address(self) -> str:
        """The address that lets one browser in."""
        host = self.workspace.settings.host
        shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
        shown = f"[{shown}]" if ":" in shown else shown
        return f"http://{shown}:{self.port}/login?token={self.access.token}"

    def serve(self, *, browser: bool) -> None:
        """Serve until the terminal stops it; with `browser`, open the address there."""
        app = create_app(self.workspace, self.access)
        # The access log would hold the token, and a line for every picture.
        config = uvicorn.Config(
            app, access_log=False, log_level="warning", timeout_graceful_shutdown=PATIENCE
        )
        if browser:
            timer = Timer(BROWSER_AFTER, webbrowser.open, [self.address])
            timer.daemon = True
            timer.start()
        uvicorn.Server(config).run(sockets=[self.listener])


def prepare(settings: AppSettings, project: Path | None, port: int) -> Launch:
    """Open the project and the socket; port 0 takes the project's usual one, or else a free one.

    Raises `ProjectError` where there is no project, or the port is taken.
    """
    workspace = Workspace(settings, project)
    return Launch(workspace=workspace, access=Access(), listener=_listen(settings, project, port))


def _listen(settings: AppSettings, project: Path | None, port: int) -> socket.socket:
    """Return a socket that listens, at a port that is the same each time where it can be.

    Browsers keep what pages stored, such as clicks that could not be saved, by address and port.
    """
    if port == 0:
        with suppress(OSError):  # another program listens there
            return _bound(settings, _usual_port(project))
    try:
        return _bound(settings, port)
    except OSError as error:
        raise ProjectError(
            f"cannot listen to {settings.host}:{port} ({error.strerror}); leave --port out to take "
            "a free one"
        ) from error


def _bound(settings: AppSettings, port: int) -> socket.socket:
    """Return a socket that listens at a port; raises `OSError` where that is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _usual_port(project: Path | None) -> int:
    """Return the port of a project's folder, among those that no system hands out by itself."""
    name = "" if project is None else str(project.resolve())
    return FIRST_PORT + zlib.crc32(name.encode()) % PORTS
