"""Commands on cameras: board videos to a rig."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labcut3d.cli.common import DropCamera, Unit, console, open_project, parse_pairs, show_files
from labcut3d.terminal import Terminal, make_table

if TYPE_CHECKING:
    from calibration.rig import Rig

__all__ = ["calibrate"]


def calibrate(
    what: Annotated[
        list[str],
        typer.Argument(
            help="A project's folder; or, with --board, one NAME=PATH for each camera, PATH being "
            "a video or a folder of images matched by the last number in their names.",
            metavar="PROJECT | NAME=PATH...",
        ),
    ],
    board: Annotated[Path | None, typer.Option(help="BOARD.toml, without a project.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder to write.")] = None,
    unit: Unit = None,
    drop_camera: DropCamera = None,
    lens: Annotated[
        str | None,
        typer.Option(
            help="Lens model of all cameras; by default chosen for each by held-out error: "
            "'k1 k2 p1 p2', 'k1 k2 p1 p2 k3', rational, 'thin prism' or fisheye."
        ),
    ] = None,
) -> None:
    """Calibrate the cameras from board videos -> rig.toml and calibration.html.

    Exit status 1 when the verdict is FAIL; the files are there to look at nevertheless.
    """
    from labcut3d.stages.calibrating import calibrate_project, calibrate_sources

    terminal, drop = Terminal(console), drop_camera or []
    if board is None:
        if len(what) != 1 or "=" in what[0]:
            raise typer.BadParameter("give one PROJECT, or --board BOARD.toml with NAME=PATH...")
        if output or unit:
            raise typer.BadParameter("-o and --unit go with --board")
        folder = calibrate_project(open_project(what[0]), drop, terminal, lens).parent
    else:
        from calibration.boards.board import load_board
        from labcut3d.video import open_frames

        if output is None:
            raise typer.BadParameter("say where to write the rig: -o DIR")
        sources = {name: open_frames(path) for name, path in parse_pairs(what).items()}
        calibrate_sources(load_board(board, unit=unit), sources, output, drop, terminal, lens)
        folder = output
    from calibration.rig import Rig

    rig = Rig.load(folder / "rig.toml")
    _show_rig(rig)
    show_files(folder / "rig.toml", folder / "calibration.html")
    if rig.metadata.get("verdict") == "FAIL":
        raise typer.Exit(1)


def _show_rig(rig: "Rig") -> None:
    """Print the cameras of a rig with their sizes and focal lengths."""
    rows = [
        (
            camera.name,
            f"{camera.size[0]}x{camera.size[1]}",
            f"{camera.matrix[0, 0]:.1f}",
            f"{camera.matrix[1, 1]:.1f}",
        )
        for camera in rig
    ]
    console.print(make_table(f"Rig ({rig.unit})", ("camera", "size", "fx px", "fy px"), rows))
