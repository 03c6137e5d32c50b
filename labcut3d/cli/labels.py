"""Commands on labels: which moments to label next, and labels of other programs in and out."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from labcut3d.cli.common import (
    ProjectPath,
    Recordings,
    Rename,
    console,
    open_project,
    parse_names,
    parse_pairs,
    show_files,
)
from labcut3d.terminal import Terminal, make_table

__all__ = ["export_labels", "import_labels", "suggest"]


def suggest(
    project: ProjectPath,
    recordings: Recordings = None,
    *,
    count: Annotated[int, typer.Option(help="How many moments.", min=1)] = 20,
    by: Annotated[
        Literal["auto", "appearance", "geometry"],
        typer.Option(
            help="appearance: one moment of each kind; geometry: where detections and 3-D points "
            "look wrong; auto: geometry where there are detections, else appearance."
        ),
    ] = "auto",
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
        by=by,
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


def import_labels(
    project: ProjectPath,
    recording: Annotated[str, typer.Argument(help="The recording that was labelled.")],
    files: Annotated[
        list[str],
        typer.Argument(
            help="The labels of each view: a DeepLabCut project, its labeled-data/VIDEO or "
            "CollectedData file, SLEAP's .slp, Lightning Pose's .csv, or COCO keypoints .json.",
            metavar="VIEW=FILE...",
        ),
    ],
    *,
    video: Annotated[
        list[str] | None,
        typer.Option(
            help="Which video of a view's file, where it has several.", metavar="VIEW=NAME"
        ),
    ] = None,
    rename: Rename = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let new labels take the place of different old ones.")
    ] = False,
    predicted: Annotated[
        bool, typer.Option("--predicted", help="Take SLEAP's predictions that were proofread.")
    ] = False,
) -> None:
    """Take labels of DeepLabCut, SLEAP, Lightning Pose or COCO -> labels/RECORDING.csv.

    Where the recording has no video of a view, it is made of the labelled images.
    """
    from labcut3d.stages.label_import import ImportChoices
    from labcut3d.stages.label_import import import_labels as import_into

    choices = ImportChoices(
        videos=parse_names(video or [], "VIEW=NAME"),
        rename=parse_names(rename or [], "OLD=NEW"),
        replace=replace,
        predicted=predicted,
    )
    loaded, sources = open_project(project), parse_pairs(files)
    show_files(import_into(loaded, recording, sources, choices, Terminal(console)))


def export_labels(
    project: ProjectPath,
    output: Annotated[Path, typer.Option("--output", "-o", help="The new folder.")],
    format: Annotated[
        Literal["deeplabcut", "sleap", "lightning-pose", "coco"],
        typer.Option(help="The program that reads them."),
    ],
) -> None:
    """Write all labels for another program, with the labelled images."""
    from labcut3d.stages.label_export import export_labels as export_from

    show_files(*export_from(open_project(project), output, format, Terminal(console)))
    if format == "deeplabcut":
        console.print(
            "DeepLabCut trains from .h5 files, which it makes of these: in Python, "
            f"deeplabcut.convertcsv2h5(r'{output / 'config.yaml'}', userfeedback=False)",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
