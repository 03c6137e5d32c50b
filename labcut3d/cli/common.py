"""What the commands share: the consoles, arguments that several take, and how files are named."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:  # loaded only by the commands that need it
    from labcut3d.project import Project

__all__ = [
    "DropCamera",
    "ProjectPath",
    "Recordings",
    "Rename",
    "Unit",
    "console",
    "errors",
    "open_project",
    "parse_names",
    "parse_pairs",
    "show_files",
]

console = Console()
errors = Console(stderr=True)

ProjectPath = Annotated[Path, typer.Argument(help="The project's folder.", metavar="PROJECT")]
Recordings = Annotated[
    list[str] | None, typer.Argument(help="Recordings, by default all.", metavar="[RECORDING]...")
]
DropCamera = Annotated[
    list[str] | None,
    typer.Option("--drop-camera", help="Leave this camera out of the rig.", metavar="NAME"),
]
Rename = Annotated[
    list[str] | None,
    typer.Option(
        help="A keypoint's name in the files and ours; nothing after = leaves it out.",
        metavar="OLD=NEW",
    ),
]
Unit = Annotated[
    str | None, typer.Option(help="Unit of length (um, mm, cm, m, in), for files that name none.")
]


def open_project(folder: str | Path) -> "Project":
    """Return the project in a folder, its settings checked."""
    from labcut3d.project import load_project

    return load_project(folder)


def parse_pairs(arguments: list[str]) -> dict[str, Path]:
    """Return NAME=PATH arguments as a mapping."""
    pairs: dict[str, Path] = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not (equals and name and path) or name in pairs:
            raise typer.BadParameter(f"'{argument}': give each camera once, as NAME=PATH")
        pairs[name] = Path(path)
    return pairs


def parse_names(arguments: list[str], form: str) -> dict[str, str]:
    """Return A=B options as a mapping; `form` says in a message how they are written."""
    pairs: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not (equals and name) or name in pairs:
            raise typer.BadParameter(f"'{argument}': give each once, as {form}")
        pairs[name] = value
    return pairs


def show_files(*paths: Path) -> None:
    """Print the paths of written files, each on a line of its own."""
    for path in paths:
        console.print(f"[green]->[/] {escape(str(path))}", highlight=False, soft_wrap=True)
