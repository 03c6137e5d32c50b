"""A worker's process: started in a group of its own, read line by line, ended as a whole."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labcut3d.app.jobs.job import Job
from labcut3d.app.jobs.reporter import is_line

__all__ = ["WorkerProcess"]

PATIENCE = 5.0  # s between asking a process to end and ending it
TAIL = 4000  # bytes of what a process that broke printed last


class WorkerProcess:
    """The process that does a job of the project in `root`; what it prints goes to `printed`."""

    def __init__(self, root: Path, job: Job, printed: Path) -> None:
        arguments = [str(root), job.task, *([job.recording] if job.recording else [])]
        self._printed = printed
        with printed.open("wb") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "labcut3d.app.jobs.worker", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},
                start_new_session=True,
            )

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what the process tells until it ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                told = json.loads(line)
            except ValueError:
                continue  # cut off where it was killed
            if is_line(told):
                yield told

    def wait(self) -> tuple[int, str]:
        """Return the exit status, and the end of what was printed, once the process has ended."""
        status = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        printed = self._printed.read_bytes()[-TAIL:]
        return status, printed.decode("utf-8", errors="replace").strip()

    def end(self) -> None:
        """End the process and all that it started; stages write whole files or none."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: int) -> None:
        """Send a signal to the whole group, where there are groups."""
        if self._process.poll() is not None:
            return
        if os.name == "posix":
            os.killpg(self._process.pid, number)
        else:
            self._process.terminate()
