"""Commands to begin with: the demo, a new project, a board to print, a look at the machine."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from labcut3d.cli.common import Unit, console, show_files
from labcut3d.terminal import Terminal, make_findings_table, make_table

__all__ = ["board", "demo", "doctor", "new"]


def demo(
    out: Annotated[Path, typer.Option(help="Where to make the project.")] = Path("labcut3d-demo"),
) -> None:
    """Run the whole path on the sample recording: a fly lays an egg, seen by four cameras."""
    from labcut3d.demo import RECORDING, make_demo, measure, run

    terminal = Terminal(console)
    project = make_demo(out)
    seconds = run(project, terminal)
    rows = [*measure(project).rows(), ("time", f"{seconds // 60:.0f} min {seconds % 60:.0f} s")]
    console.print(make_table("What was found", ("", "measured"), rows))
    show_files(
        project.root / "results" / "calibration.html",
        project.root / "results" / "training.html",
        *(project.results(RECORDING) / name for name in ("viewer.html", "events.csv")),
    )


def new(
    folder: Annotated[Path, typer.Argument(help="The new project's folder.", metavar="DIR")],
    views: Annotated[str, typer.Option(help="Names of the views, such as cam0,cam1,cam2.")],
    skeleton: Annotated[
        str, typer.Option(help="A preset (fly-egg-laying, mouse) or a skeleton FILE.toml.")
    ] = "fly-egg-laying",
    from_deeplabcut: Annotated[
        Path | None,
        typer.Option(
            help="A DeepLabCut project, whose body parts, labels and labelled images are taken.",
            metavar="DIR",
        ),
    ] = None,
) -> None:
    """Make a new project: its folders and a project.toml to fill in."""
    from labcut3d.template import new_project

    names = [name.strip() for name in views.split(",") if name.strip()]
    if from_deeplabcut is not None:
        from labcut3d.stages.adopting import project_from_deeplabcut

        made = project_from_deeplabcut(folder, from_deeplabcut, names, Terminal(console))
        path = escape(str(made.root))
        console.print(
            f"Made [bold]{path}[/]. Next, run: labcut3d train {path}; to reconstruct, put the "
            f"videos into {path}/recordings and their fps into {path}/project.toml, and calibrate",
            soft_wrap=True,
        )
        return
    project = new_project(folder, views=names, skeleton=skeleton)
    path = escape(str(project.root))
    console.print(
        f"Made [bold]{path}[/]. Next: describe the board in {path}/project.toml, put one board "
        f"video for each view into {path}/calibration, and run: labcut3d calibrate {path}",
        soft_wrap=True,
    )


def board(
    file: Annotated[Path, typer.Argument(help="The board's TOML file.", metavar="BOARD.toml")],
    output: Annotated[Path, typer.Option("--output", "-o", help="board.pdf, .svg or .png")],
    unit: Unit = None,
) -> None:
    """Draw a calibration board to print at exact size, with rulers to check the printer."""
    from calibration.boards.board import load_board
    from labcut3d.board_print import print_board

    print_board(load_board(file, unit=unit), output)
    show_files(output)


def doctor(
    folder: Annotated[
        Path, typer.Argument(help="Where results go, by default here.", metavar="[PROJECT]")
    ] = Path(),
) -> None:
    """Look whether this machine is fit: versions, device, codecs, weights, disk.

    Exit status 1 when something FAILs.
    """
    from calibration.checks.findings import worst_first, worst_level
    from labcut3d.doctor import examine

    found = worst_first(examine(folder, Terminal(console)))
    console.print(make_findings_table(f"This machine: {worst_level(found)}", found))
    if worst_level(found) == "FAIL":
        raise typer.Exit(1)
