"""What is open in the app: the project, the folders that the browser may see, and their limits.

There is one `Workspace` a server; all tabs share it, so that they agree with each other.
"""

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request

from labcut3d.app.confine import inside_any
from labcut3d.app.jobs.process import WorkerProcess
from labcut3d.app.jobs.queue import JobQueue, Start
from labcut3d.errors import ProjectError
from labcut3d.project import Project, load_project

__all__ = ["AppSettings", "Desk", "NoProject", "OpenProject", "Workspace"]

LARGEST_UPLOAD = 32 * 2**30  # bytes of one file: an hour of video of a fast camera


class NoProject(ProjectError):
    """A page that needs a project was asked for while none is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """How the app was started.

    `folders` are those that may be browsed, and in which projects may lie; `host` is the address
    that is listened to; `largest_upload` is in bytes, of one file.
    """

    folders: tuple[Path, ...] = field(default_factory=lambda: (Path.home(),))
    host: str = "127.0.0.1"
    largest_upload: int = LARGEST_UPLOAD

    @property
    def public(self) -> bool:
        """Whether more than this machine can reach the app."""
        return self.host not in ("127.0.0.1", "::1", "localhost")


class Workspace:
    """The state of a running app that is not on disk: which project is open, and its jobs.

    `start` starts the worker of a job.
    """

    def __init__(
        self, settings: AppSettings, project: Path | None = None, start: Start = WorkerProcess
    ) -> None:
        self.settings = settings
        self._start = start
        self._root: Path | None = None
        self._queues: dict[Path, JobQueue] = {}
        self._lock = Lock()
        if project is not None:
            self.open(project.resolve())

    @property
    def root(self) -> Path | None:
        """The folder of the open project, None where none is open."""
        return self._root

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that may be browsed."""
        return self.settings.folders

    def open(self, root: Path) -> Project:
        """Open the project in a folder for all tabs; raises `ProjectError` where there is none."""
        project = load_project(root)
        with self._lock:
            if root not in self._queues:
                self._queues[root] = JobQueue(root, self._start)
            self._root = root
        return project

    def leave(self) -> None:
        """Leave the open project; its jobs go on."""
        with self._lock:
            self._root = None

    def open_chosen(self, path: str) -> Project:
        """Open the project in a folder that the browser named."""
        return self.open(inside_any(self.folders, path))

    def queue(self) -> JobQueue:
        """Return the jobs of the open project; raises `NoProject` where none is open."""
        return self._queues[self._open_root()]

    def close(self) -> None:
        """End all work; what was running counts as interrupted."""
        for queue in self._queues.values():
            queue.close()

    def project(self) -> Project:
        """Return the open project, read anew; raises `NoProject` where none is open."""
        return load_project(self._open_root())

    def _open_root(self) -> Path:
        """Return the folder of the open project, which another tab may leave at any moment."""
        root = self._root
        if root is None:
            raise NoProject("no project is open; open or make one on the first page")
        return root


def the_workspace(request: Request) -> Workspace:
    """Return the workspace of the app that a request came to."""
    return request.app.state.workspace


def the_project(request: Request) -> Project:
    """Return the open project."""
    return the_workspace(request).project()


Desk = Annotated[Workspace, Depends(the_workspace)]
"""The parameter of a route that needs the workspace."""
OpenProject = Annotated[Project, Depends(the_project)]
"""The parameter of a route that needs the open project."""
