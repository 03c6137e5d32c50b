"""How long work tells what it is doing, without knowing who listens."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # brings numpy along
    from calibration.checks.findings import Finding

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

    def findings(self, title: str, findings: "Iterable[Finding]") -> None:
        """Tell what was judged: levels, reasons and next steps."""
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

    def findings(self, title: str, findings: "Iterable[Finding]") -> None:
        """Say nothing."""


SILENT = Silent()
