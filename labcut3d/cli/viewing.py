"""Commands that show what was found: pages for the browser, and videos with marks."""

from pathlib import Path
from typing import Annotated

import typer

from labcut3d.cli.common import ProjectPath, Recordings, Unit, console, open_project, show_files
from labcut3d.terminal import Terminal

__all__ = ["overlay", "view"]


def view(
    what: Annotated[
        Path,
        typer.Argument(
            help="A dataset, another program's 3-D file, or a project's folder.",
            metavar="FILE | PROJECT",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The page; by default named after FILE, beside it."),
    ] = None,
    fps: Annotated[
        float | None, typer.Option(help="Frames a second, for files that do not tell.")
    ] = None,
    unit: Unit = None,
) -> None:
    """Write the viewer of a dataset, or those of a project and its results/quality.html."""
    from labcut3d import pipeline

    if what.is_dir():
        if output or fps or unit:
            raise typer.BadParameter("-o, --fps and --unit go with a FILE; a project knows all")
        project = open_project(what)
        for name in project.choose_recordings([], ["trajectories.nc", "detections.nc"]):
            show_files(pipeline.view(project, name, Terminal(console)))
        judged = pipeline.quality(project, Terminal(console))
        show_files(*([] if judged is None else [judged]))
    else:
        target = output or what.with_suffix(".html")
        pipeline.view_file(what, target, fps=fps, unit=unit)
        show_files(target)


def overlay(
    project: ProjectPath,
    recordings: Recordings = None,
    *,
    grid: Annotated[
        bool, typer.Option("--grid", help="One video of all views and the 3-D scene.")
    ] = False,
) -> None:
    """Draw what was found on the videos -> results/RECORDING/overlay/VIEW.mp4 or grid.mp4.

    Rings are detections, discs and bones the reprojected 3-D points; detections in which left and
    right had been exchanged are tied to where their keypoint is.
    """
    from labcut3d import pipeline

    loaded, ready = open_project(project), ["trajectories.nc", "detections.nc"]
    for name in loaded.choose_recordings(recordings or [], ready):
        show_files(*pipeline.overlay(loaded, name, grid=grid, reporter=Terminal(console)))
