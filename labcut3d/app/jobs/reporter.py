"""A reporter that writes what it hears as JSON lines, for another process to read."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from labcut3d.progress import Progress

if TYPE_CHECKING:
    from calibration.checks.findings import Finding

__all__ = ["LineReporter", "is_line"]

EVERY = 0.2  # s between two lines of progress; the first and last of a task are always told

KINDS = {
    "task": ("title",),
    "progress": ("done", "total", "note"),
    "note": ("text",),
    "finding": ("level", "text"),
    "error": ("text",),
}


class LineReporter:
    """Writes a line for each task, its progress, each note and each finding.

    Every line is an object with `kind` ("task", "progress", "note", "finding" or "error") and
    `time`, seconds since 1970.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def task(self, title: str) -> Iterator[Progress]:
        """Tell that a task begins, and how it goes on."""
        self._write(kind="task", title=title)
        told = -EVERY

        def advance(done: int, total: int, note: str = "") -> None:
            """Tell how far it is, unless that was told a moment ago."""
            nonlocal told
            now = time.monotonic()
            if now - told >= EVERY or done >= total:
                told = now
                self._write(kind="progress", done=done, total=total, note=note)

        yield advance

    def note(self, message: str) -> None:
        """Tell a message."""
        self._write(kind="note", text=message)

    def findings(self, title: str, findings: "Iterable[Finding]") -> None:
        """Tell what was judged, a line each."""
        for one in findings:
            text = f"{title}: {one.reason} {one.remedy}".rstrip()
            self._write(kind="finding", level=one.level, text=text)

    def error(self, message: str) -> None:
        """Tell why the work cannot be done."""
        self._write(kind="error", text=message)

    def _write(self, **line: Any) -> None:
        """Write one line at once."""
        self._stream.write(json.dumps({"time": round(time.time(), 3), **line}) + "\n")
        self._stream.flush()


def is_line(line: object) -> bool:
    """Tell whether a value is a line that a worker tells."""
    if not isinstance(line, dict) or not isinstance(line.get("time"), int | float):
        return False
    kind = line.get("kind")
    return kind in KINDS and all(name in line for name in KINDS[kind])
