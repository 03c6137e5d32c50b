"""How long work tells what it is doing, without knowing who listens."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # brings numpy along
    from calibration.checks.findings import Finding

__all__ = ["SILENT", "Progress", "Recorder", "Reporter", "Silent", "part_of"]


class Progress(Protocol):
    """Called as work goes on: `done` of `total` steps, and a short note such as the loss."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Report that `done` of `total` steps are finished."""
        ...


def part_of(
    progress: Progress | None, before: int, whole: int, title: str = "", *, equal: bool = False
) -> Progress:
    """Return the progress of a part of some work, told to `progress` if there is a listener.

    `before` steps of `whole` come before it; of `equal` parts, which alone know how many steps they
    have, both count parts. `title` stands before the part's own notes.
    """

    def advance(done: int, total: int, note: str = "") -> None:
        """Tell how far the whole is."""
        steps = total if equal else 1
        if progress is not None:
            words = ": ".join(filter(None, (title, note)))
            progress(before * steps + done, whole * steps, words)

    return advance


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


class Recorder(Silent):
    """A reporter that keeps what it is told, for another process to tell."""

    def __init__(self) -> None:
        self._told: list[tuple[str, list[Finding] | None]] = []

    def note(self, message: str) -> None:
        """Keep a message."""
        self._told.append((message, None))

    def findings(self, title: str, findings: "Iterable[Finding]") -> None:
        """Keep what was judged."""
        self._told.append((title, list(findings)))

    def replay(self, reporter: Reporter) -> None:
        """Tell another reporter all that was told, in order."""
        for text, findings in self._told:
            if findings is None:
                reporter.note(text)
            else:
                reporter.findings(text, findings)
