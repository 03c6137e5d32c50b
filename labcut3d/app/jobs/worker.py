"""The process that does a job: python -m labcut3d.app.jobs.worker PROJECT TASK [RECORDING]

It tells what it does as JSON lines on its standard output; what libraries print goes to its
standard error. It ends, with all that it started, when its standard input is closed: then whoever
started it is gone, be it by a power cut of the server's terminal.
"""

import os
import signal
import sys
from pathlib import Path
from threading import Thread
from typing import TextIO

from labcut3d.app.jobs.job import Task
from labcut3d.app.jobs.reporter import LineReporter
from labcut3d.errors import Labcut3dError
from labcut3d.progress import Reporter

__all__ = ["do", "main"]


def do(root: Path, task: Task, recording: str | None, reporter: Reporter) -> None:
    """Do a task of the project in `root`."""
    from labcut3d import pipeline
    from labcut3d.project import load_project

    project = load_project(root)
    recordings = [] if recording is None else [recording]
    match task:
        case "calibrate":
            pipeline.calibrate_project(project, reporter=reporter)
        case "chamber":
            pipeline.place_chamber(project, reporter)
        case "suggest":
            pipeline.suggest(project, recordings, reporter=reporter)
        case "train":
            pipeline.train(project, reporter)
        case "evaluate":
            pipeline.evaluate(project, reporter)
        case "refine":
            pipeline.refine(project, recordings, reporter=reporter)
        case "reconstruct":
            pipeline.reconstruct(project, recordings, reporter)
        case "drift":
            for name in project.choose_recordings(recordings, ["detections.nc"]):
                pipeline.drift(project, name, reporter)
        case "summary":
            pipeline.summary(project, reporter)


def main() -> int:
    """Do what the arguments say; return 0, or 1 where the input is at fault."""
    root, task, *rest = sys.argv[1:]
    reporter = LineReporter(_own_output())
    Thread(target=_end_with_the_server, daemon=True).start()
    try:
        do(Path(root), task, rest[0] if rest else None, reporter)  # type: ignore[arg-type]
    except (Labcut3dError, OSError) as error:
        reporter.error(str(error))
        return 1
    return 0


def _own_output() -> TextIO:
    """Return the standard output for our lines, and lead all other printing to the error output."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return lines


def _end_with_the_server() -> None:
    """Wait until the standard input is closed, then end this process and what it started."""
    while os.read(0, 1024):
        pass
    if os.name == "posix":
        os.killpg(os.getpgid(0), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
