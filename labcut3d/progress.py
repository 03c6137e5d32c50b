"""How long work tells what it is doing, without knowing who listens."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

__all__ = ["SILENT", "Progress", "Reporter", "Silent"]


class Progress(Protocol):
    """Called as work goes on: `done` of `total` steps, and a short note such as the loss."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Report that `done` of `total` steps are finished."""
        ...


class Reporter(Protocol):
    """The listener of a pipeline: one progress bar a task, and notes in between."""

    def task(self, title: str) -> AbstractContextManager[Progress]:
        """Open a progress bar for one task."""
        ...

    def note(self, message: str) -> None:
        """Tell something the user should see, such as a result or a warning."""
        ...


class Silent:
    """A reporter that says nothing: the default in Python."""

    @contextmanager
    def task(self, title: str) -> Iterator[Progress]:
        """Yield a progress callback that does nothing."""

        def ignore(done: int, total: int, note: str = "") -> None:
            """Say nothing."""

        yield ignore

    def note(self, message: str) -> None:
        """Say nothing."""


SILENT = Silent()
