"""Commands on other programs' files: detections in, results out, and what formats there are."""

from pathlib import Path
from typing import Annotated

import typer

from labcut3d.cli.common import (
    ProjectPath,
    Rename,
    Unit,
    console,
    open_project,
    parse_names,
    parse_pairs,
    show_files,
)
from labcut3d.terminal import Terminal, make_table

__all__ = ["export", "formats", "import_detections"]

Fps = Annotated[float | None, typer.Option(help="Frames a second, for files that do not tell.")]


def formats() -> None:
    """List the formats that can be read and written, and what is kept."""
    from labcut3d.formats import FORMATS

    rows = [
        (one.name, one.title, " ".join(one.endings), one.reads, one.writes, one.extra)
        for one in FORMATS.values()
    ]
    columns = ("--to", "format", "ending", "read", "written", "needs")
    console.print(make_table("Formats", columns, rows))
    console.print(
        'A format that needs NAME: pip install "labcut3d[NAME]". What each keeps and loses: '
        "docs/formats.md. Rigs: labcut3d convert; labels: labcut3d import-labels, export-labels.",
        highlight=False,
        markup=False,
    )


def import_detections(
    project: ProjectPath,
    recording: Annotated[str, typer.Argument(help="The recording that was analysed.")],
    files: Annotated[
        list[str],
        typer.Argument(
            help="The detections of each view: DeepLabCut's, SLEAP's, Lightning Pose's or EKS's.",
            metavar="VIEW=FILE...",
        ),
    ],
    *,
    rename: Rename = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put them in the place of detections that are there.")
    ] = False,
) -> None:
    """Take detections of another program -> results/RECORDING/detections.nc."""
    from labcut3d import pipeline

    loaded = open_project(project)
    show_files(
        pipeline.import_detections(
            loaded,
            recording,
            parse_pairs(files),
            rename=parse_names(rename or [], "OLD=NEW"),
            overwrite=replace,
            reporter=Terminal(console),
        )
    )
    console.print(
        f"Next: labcut3d triangulate {project} {recording}", highlight=False, markup=False
    )


def export(
    what: Annotated[
        list[str],
        typer.Argument(
            help="A project's folder and recordings, by default all; or one dataset or 3-D file of "
            "another program; or the 2-D files of each view.",
            metavar="PROJECT [RECORDING]... | FILE | VIEW=FILE...",
        ),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The new file; its ending tells the format."),
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="The format; labcut3d formats lists them.", metavar="FORMAT")
    ] = None,
    fps: Fps = None,
    unit: Unit = None,
    started: Annotated[
        str | None,
        typer.Option(help="When the first frame was filmed, for NWB: 2026-05-31T14:03:00+02:00."),
    ] = None,
    subject: Annotated[
        list[str] | None,
        typer.Option(
            help="What is known of the animal, for NWB: species='Drosophila melanogaster', sex=F, "
            "age=P5D.",
            metavar="KEY=VALUE",
        ),
    ] = None,
) -> None:
    """Write trajectories or detections in the format of another program."""
    from labcut3d import pipeline
    from labcut3d.stages.exporting import Metadata

    metadata = Metadata(started=started, subject=parse_names(subject or [], "KEY=VALUE"))
    if not Path(what[0]).is_dir():
        if output is None:
            raise typer.BadParameter("say where to write: -o FILE")
        show_files(
            *pipeline.export_files(what, output, to=to, fps=fps, unit=unit, metadata=metadata)
        )
        return
    project = open_project(what[0])
    if fps or unit:
        raise typer.BadParameter("--fps and --unit go with files; a project knows both")
    names = project.choose_recordings(what[1:], ["trajectories.nc", "detections.nc"])
    if output is not None and len(names) > 1:
        raise typer.BadParameter(f"-o is one file, but there are {', '.join(names)}; say --to")
    if output is None and to is None:
        raise typer.BadParameter("say which format: --to FORMAT, or -o FILE")
    for name in names:
        show_files(
            *pipeline.export_recording(
                project, name, to=to, output=output, metadata=metadata, reporter=Terminal(console)
            )
        )
