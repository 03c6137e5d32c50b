"""What is kept of jobs on disk: results/.jobs/NAME.json, its record, and NAME.log, its lines.

NAME.err is what its process printed beside them.

A record is replaced as a whole. A log is only added to: of a process that was killed, its last line
may be cut off, and is not read.
"""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import pydantic

from calibration.files import read_text, write_text
from labcut3d.app.jobs.job import Job, require_job_name
from labcut3d.app.jobs.reporter import is_line
from labcut3d.errors import FileFormatError, ProjectError

__all__ = ["Journal"]

KEPT = 200  # jobs; older ones are forgotten
RECORD = pydantic.TypeAdapter(Job)


class Journal:
    """The records and logs of a project's jobs, which one server at a time may write."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "results" / ".jobs"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = filelock.FileLock(self.folder / "lock")
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise ProjectError(
                f"{root}: is open in another labcut3d app on this machine; go on there, or stop it "
                "first"
            ) from error

    def close(self) -> None:
        """Let another server write."""
        self._lock.release()

    def save(self, job: Job) -> None:
        """Write the record of a job."""
        record = json.dumps(dataclasses.asdict(job), indent=1)
        write_text(self.folder / f"{job.name}.json", record + "\n")

    def load(self) -> list[Job]:
        """Return all jobs, oldest first; forget those that are too many or cannot be read."""
        jobs = []
        files = sorted(self.folder.glob("*.json"))
        for file in files[-KEPT:]:
            try:
                jobs.append(RECORD.validate_json(read_text(file)))
            except (pydantic.ValidationError, FileFormatError, ProjectError):
                self._forget(file)
        for file in files[:-KEPT]:
            self._forget(file)
        return jobs

    def add_line(self, name: str, line: dict[str, Any]) -> None:
        """Add a line to the log of a job."""
        with self._log(name).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of a job's log that are whole."""
        path = self._log(name)
        return list(_whole_lines(path)) if path.is_file() else []

    def printed(self, name: str) -> Path:
        """Return the file for what a job's process prints."""
        return self.folder / f"{require_job_name(name)}.err"

    def _log(self, name: str) -> Path:
        """Return where the log of a job lies."""
        return self.folder / f"{require_job_name(name)}.log"

    def _forget(self, record: Path) -> None:
        """Delete a record and its log."""
        record.unlink(missing_ok=True)
        for ending in (".log", ".err"):
            record.with_suffix(ending).unlink(missing_ok=True)


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a log that can be read."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        for text in stream:
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if is_line(line):
                yield line
