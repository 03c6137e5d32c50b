"""Commands on rig files of any program: checking them, and writing them for another program."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from labcut3d.cli.common import Unit, console, parse_pairs, show_files
from labcut3d.terminal import Terminal, make_findings_table

if TYPE_CHECKING:
    from calibration.checks.findings import Finding
    from calibration.rig import Rig

__all__ = ["check", "convert"]

RigFile = Annotated[Path, typer.Argument(help="A rig file of any known program.", metavar="RIG")]
Format = Annotated[
    str | None,
    typer.Option(help="labcut3d, anipose, caliscope, jarvis, label3d, opencv or pose2sim."),
]
Size = Annotated[
    str | None, typer.Option(help="Image size, 1280x1024, for files that do not tell it.")
]


def check(
    rig: RigFile,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="Board videos or folders of images to hold the rig against, with --board.",
            metavar="[NAME=PATH]...",
        ),
    ] = None,
    *,
    board: Annotated[Path | None, typer.Option(help="BOARD.toml of the board videos.")] = None,
    clicks: Annotated[
        Path | None, typer.Option(help="Clicked points: a CSV file of view,point,x,y.")
    ] = None,
    format: Format = None,
    unit: Unit = None,
    size: Size = None,
) -> None:
    """Look for what is wrong with a rig: copies, absurd lenses, cameras that share no view.

    Exit status 1 when something FAILs.
    """
    from calibration.checks.checking import check_rig
    from calibration.checks.findings import Finding, worst_first, worst_level
    from labcut3d.errors import RigError

    if (board is None) == bool(sources):
        raise typer.BadParameter("--board BOARD.toml and NAME=PATH... go together")
    try:
        loaded, unit_known = _load(rig, format, unit, _parse_size(size))
    except RigError as error:
        found: Iterable[Finding] = [
            Finding(level="FAIL", reason=str(error), remedy="Mend the file, or calibrate again.")
        ]
    else:
        found = check_rig(loaded, unit_known=unit_known)
        if board is not None:
            found = [*found, *_check_boards(loaded, board, parse_pairs(sources or []))]
        if clicks is not None:
            from calibration.checks.evidence import check_clicks
            from calibration.pointfiles import read_clicks

            found = [*found, *check_clicks(loaded, read_clicks(clicks, loaded.names))]
    found = worst_first(found)
    console.print(make_findings_table(f"{rig}: {worst_level(found)}", found))
    if worst_level(found) == "FAIL":
        raise typer.Exit(1)


def convert(
    rig: RigFile,
    output: Annotated[Path, typer.Argument(help="The file, or folder, to write.", metavar="OUT")],
    *,
    format: Annotated[
        str, typer.Option(help="Of OUT: labcut3d, anipose, caliscope, jarvis, label3d, ...")
    ] = "labcut3d",
    source_format: Annotated[
        str | None, typer.Option("--from", help="Format of RIG, where its content does not tell.")
    ] = None,
    unit: Unit = None,
    size: Size = None,
    views: Annotated[
        str | None, typer.Option(help="Only these cameras, in this order: left,right.")
    ] = None,
) -> None:
    """Write a rig for another program: Anipose, OpenCV, Caliscope, Label3D, Pose2Sim, JARVIS."""
    from calibration.foreign.registry import load_rig, save_rig

    loaded = load_rig(rig, source_format, unit, size=_parse_size(size))  # type: ignore[arg-type]
    if output.exists() and output.samefile(rig):
        raise typer.BadParameter(f"{output}: is the rig itself; write to another file")
    if views is not None:
        loaded = loaded.select([name.strip() for name in views.split(",")])
    for caution in save_rig(loaded, output, format) or ():  # type: ignore[arg-type]
        console.print(f"[yellow]Note:[/] {escape(caution)}", soft_wrap=True)
    show_files(output)


def _load(
    path: Path, format: str | None, unit: str | None, size: tuple[int, int] | None
) -> "tuple[Rig, bool]":
    """Return a rig, and whether its unit is known; lengths may be checked without."""
    from calibration.foreign.registry import load_rig
    from labcut3d.errors import RigError

    try:
        return load_rig(path, format, unit, size=size), True  # type: ignore[arg-type]
    except RigError as first:
        if unit is not None:
            raise
        try:  # what can be read once a unit is given lacked only that
            loaded = load_rig(path, format, "mm", size=size)  # type: ignore[arg-type]
        except RigError:
            raise first from None
        return replace(loaded, metadata={}), False


def _check_boards(rig: "Rig", board_file: Path, paths: dict[str, Path]) -> "tuple[Finding, ...]":
    """Return what board videos say about a rig."""
    from calibration.boards.board import load_board
    from calibration.checks.evidence import check_boards
    from calibration.corners.detection import observe
    from labcut3d.video import open_frames

    for name in paths:
        if name not in rig.names:
            raise typer.BadParameter(f"{name}: not in the rig, which has {', '.join(rig.names)}")
    sources = {name: open_frames(path) for name, path in paths.items()}
    numbers = {view: frames.numbers.tolist() for view, frames in sources.items()}
    with Terminal(console).task("Looking for the board") as progress:
        board, observations = observe(
            load_board(board_file, unit=rig.unit), sources, numbers=numbers, progress=progress
        )
    return check_boards(rig.select([n for n in rig.names if n in sources]), board, observations)


def _parse_size(text: str | None) -> tuple[int, int] | None:
    """Return the image size that 1280x1024 says."""
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise typer.BadParameter(f"--size {text}: give width x height, such as 1280x1024")
    return int(width), int(height)
