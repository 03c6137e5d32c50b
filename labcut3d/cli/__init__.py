"""The command line: thin commands over `labcut3d.pipeline`, with progress and readable errors.

A group of commands has a file; what a command needs is imported when it runs, so that `--help`
answers at once.
"""

import atexit
import gc
import os
import sys

import typer
from rich.markup import escape

from labcut3d.cli import (
    browser,
    cameras,
    drifts,
    exchange,
    labels,
    projects,
    recordings,
    rigfiles,
    standing,
    viewing,
    worlds,
)
from labcut3d.cli.common import errors

__all__ = ["app", "main"]

app = typer.Typer(
    name="labcut3d",
    help="From board videos to calibrated 3-D kinematics, for any number of cameras.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

NAMES = {"import_detections": "import"}  # `import` is a word of Python's

for panel, commands in {
    "Begin": (
        browser.app,
        projects.demo,
        projects.new,
        projects.board,
        standing.status,
        projects.doctor,
    ),
    "Cameras": (
        cameras.calibrate,
        rigfiles.check,
        worlds.align,
        worlds.chamber,
        rigfiles.convert,
    ),
    "Labels": (labels.suggest, labels.import_labels, labels.export_labels),
    "Detectors": (recordings.train, recordings.evaluate, recordings.refine),
    "Recordings": (
        recordings.detect,
        drifts.drift,
        recordings.triangulate,
        recordings.kinematics,
        recordings.events,
        recordings.reconstruct,
        recordings.run,
        viewing.view,
        viewing.overlay,
        recordings.summary,
    ),
    "Other programs": (exchange.formats, exchange.import_detections, exchange.export),
}.items():
    for command in commands:
        name = NAMES.get(command.__name__)
        app.command(name, rich_help_panel=panel)(command)


def main() -> None:
    """Run the command line; one sentence instead of a traceback where the input is at fault."""
    # Threads that spin while they wait make training four times slower beside another busy program.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Libraries make a million objects that live to the end: to look through them for garbage, time
    # and again and once more on leaving, takes a tenth of a short command's time.
    gc.set_threshold(100_000)
    atexit.register(_leave)
    try:
        app()
    except _faults_of_input() as error:
        told = f"[bold red]Error:[/] {escape(str(error))}"
        errors.print(told, highlight=False, soft_wrap=True, emoji=False)
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("Stopped. What was finished is kept; run the same command to go on.")
        sys.exit(130)


def _leave() -> None:
    """Leave what libraries made to the system; torch's complain where they are not taken down."""
    if "torch" not in sys.modules:
        gc.freeze()


def _faults_of_input() -> tuple[type[Exception], ...]:
    """Return the exceptions that are the input's fault; imported only once something went wrong."""
    from labcut3d.errors import Labcut3dError

    return Labcut3dError, OSError
