"""Commands on labels: which moments to label next."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from labcut3d.cli.common import ProjectPath, Recordings, console, open_project, show_files
from labcut3d.terminal import Terminal, make_table

__all__ = ["suggest"]


class By(StrEnum):
    """What moments are chosen by; the names that `stages.suggesting.suggest` knows."""

    auto = "auto"
    appearance = "appearance"
    geometry = "geometry"


def suggest(
    project: ProjectPath,
    recordings: Recordings = None,
    *,
    count: Annotated[int, typer.Option(help="How many moments.", min=1)] = 20,
    by: Annotated[
        By,
        typer.Option(
            help="appearance: one moment of each kind; geometry: where detections and 3-D points "
            "look wrong; auto: geometry where there are detections, else appearance."
        ),
    ] = By.auto,
    images: Annotated[
        Path | None,
        typer.Option(
            help="Write the images for labelling elsewhere: FOLDER/RECORDING/VIEW/img000123.png.",
            metavar="FOLDER",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the choice by appearance.", min=0)] = 0,
) -> None:
    """Say which moments to label next, and why -> results/suggestions.csv and .html."""
    from labcut3d import pipeline

    loaded = open_project(project)
    found = pipeline.suggest(
        loaded,
        recordings or [],
        count=count,
        by=by.value,
        images=images,
        seed=seed,
        reporter=Terminal(console),
    )
    rows = [(one.reason, one.recording, str(one.frame), f"{one.score:.2f}") for one in found]
    columns = ("reason", "recording", "frame", "score")
    console.print(make_table("Moments to label next", columns, rows))
    results = loaded.root / "results"
    show_files(results / "suggestions.csv", results / "suggestions.html")
    if images is not None:
        show_files(images)
