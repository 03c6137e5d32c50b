"""Commands on where things are: the world frame of a rig, its scale, the chamber filmed into."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from labcut3d.cli.common import (
    ProjectPath,
    Unit,
    console,
    open_project,
    parse_pairs,
    show_files,
)
from labcut3d.terminal import Terminal

if TYPE_CHECKING:
    from calibration.alignment import WorldChange
    from calibration.boards.board import Board
    from calibration.rig import Rig
    from labcut3d.project import Project
    from labcut3d.video import Frames

__all__ = ["align", "chamber"]

MUCH = 0.05  # change of a scale that a board has set, from where on it is doubtful

Find = Callable[["Rig"], "WorldChange"]

Clicks = Annotated[Path | None, typer.Option(help="Clicked points: a CSV file of view,point,x,y.")]
Known = Annotated[Path | None, typer.Option(help="Where these are: a CSV file of point,x,y,z.")]
Distance = Annotated[
    str | None, typer.Option(help="Scale: the true distance of two clicked points, A,B=12.5")
]


def align(
    what: Annotated[
        list[str],
        typer.Argument(
            help="A project's folder or a rig file; then, for a board on the floor, one NAME=PATH "
            "for each camera that sees it: an image, a video or a folder of images (a project's "
            "own board videos when none is given).",
            metavar="PROJECT|RIG.toml [NAME=PATH]...",
        ),
    ],
    *,
    board: Annotated[
        Path | None, typer.Option(help="The BOARD.toml on the floor; by default the project's.")
    ] = None,
    frame: Annotated[
        int | None, typer.Option(help="The frame; by default that with most corners.")
    ] = None,
    centre: Annotated[
        bool, typer.Option("--centre", help="Origin at the board's centre, not its corner.")
    ] = False,
    face_down: Annotated[
        bool, typer.Option("--face-down", help="The print looks down through a glass floor.")
    ] = False,
    height: Annotated[
        float, typer.Option(help="Height of the print above the floor: the board's thickness.")
    ] = 0.0,
    clicks: Clicks = None,
    known: Known = None,
    distance: Distance = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The rig to write; needed for a file.")
    ] = None,
    unit: Unit = None,
) -> None:
    """Set the world frame: a board on the floor, known points, or the scale from a distance."""
    from labcut3d.stages.aligning import align_rig

    project = open_project(what[0]) if Path(what[0]).is_dir() else None
    if project is None and output is None:
        raise typer.BadParameter("say where to write the rig: -o aligned.toml")
    source = Path(what[0]) if project is None else project.rig_path
    target = output or source
    if clicks is None:
        if known or distance:
            raise typer.BadParameter("--known and --distance go with --clicks CLICKS.csv")
        floor = board or (None if project is None else project.board)
        if floor is None:
            raise typer.BadParameter("give --board BOARD.toml, or --clicks CLICKS.csv")
        sources = _open(parse_pairs(what[1:]), project, frame)
        find = _find_by_board(floor, sources, (frame, centre, not face_down, height))
    elif (known is None) == (distance is None):
        raise typer.BadParameter("--clicks needs either --known POINTS.csv or --distance A,B=12.5")
    else:
        find = _find_by_points(clicks, known, distance)
    rig, change = align_rig(source, target, find, unit)
    console.print(escape(change.how), highlight=False, soft_wrap=True)
    _warn_of_scale(rig, change)
    show_files(target)


def chamber(folder: ProjectPath) -> None:
    """Place the box that is filmed into: its walls bend light -> rig_in_chamber.toml."""
    from labcut3d.stages.placing import place_chamber

    rig = place_chamber(open_project(folder), Terminal(console))
    show_files(rig, rig.with_name("chamber.html"))


def _warn_of_scale(rig: "Rig", change: "WorldChange") -> None:
    """Print a note where the scale that a board has set is changed by much."""
    if "board" in rig.metadata and abs(change.scale - 1) > MUCH:
        console.print(
            "[yellow]Note:[/] the board that this rig was calibrated with had already set its "
            f"scale; this makes every length {change.scale:.4g} times what it was. Check the "
            "distance and its unit, or the length of the board's squares.",
            soft_wrap=True,
        )


def _open(
    paths: dict[str, Path], project: "Project | None", frame: int | None
) -> "dict[str, Frames]":
    """Open the images of the floor, cropped and mirrored as the project says."""
    from labcut3d.region import Region
    from labcut3d.video import open_frames

    if not paths and project is not None:
        if frame is None:
            raise typer.BadParameter("in which --frame of the board videos is it on the floor?")
        return project.calibration_sources()
    if not paths:
        raise typer.BadParameter("give the pictures of the board on the floor, as NAME=PATH")
    views = {} if project is None else project.views
    regions = {name: Region(crop=view.crop, mirror=view.mirror) for name, view in views.items()}
    return {name: open_frames(path, regions.get(name)) for name, path in paths.items()}


def _find_by_board(
    board: "Path | Board",
    sources: "dict[str, Frames]",
    how: tuple[int | None, bool, bool, float],
) -> Find:
    """Return the function that finds the world of a board, or board file, on the floor."""
    from calibration.boards.board import load_board
    from calibration.world import world_from_board
    from labcut3d.stages.aligning import see_board

    frame, centre, face_up, height = how

    def find(rig: "Rig") -> "WorldChange":
        """Look for the board in the pictures."""
        loaded = load_board(board, unit=rig.unit) if isinstance(board, Path) else board
        printed, corners, number = see_board(rig, loaded, sources, frame)
        if frame is None:
            console.print(f"The board is taken from frame {number}.")
        return world_from_board(
            rig,
            printed,
            corners,
            origin="centre" if centre else "corner",
            face_up=face_up,
            height=height,
        )

    return find


def _find_by_points(clicks: Path, known: Path | None, distance: str | None) -> Find:
    """Return the function that finds the world, or the scale, by clicked points."""
    from calibration.pointfiles import read_clicks, read_known_points
    from calibration.world import change_scale, locate_points, world_from_points

    def find(rig: "Rig") -> "WorldChange":
        """Locate the clicked points in the rig."""
        found = locate_points(rig, read_clicks(clicks, rig.names))
        if known is not None:
            return world_from_points(found, read_known_points(known), rig.unit)
        pair, length = _parse_distance(distance or "")
        for name in pair:
            if name not in found:
                raise typer.BadParameter(f"--distance: '{name}' is not among {', '.join(found)}")
        apart = found[pair[0]] - found[pair[1]]
        return change_scale(float((apart @ apart) ** 0.5), length, pair, rig.unit)

    return find


def _parse_distance(text: str) -> tuple[tuple[str, str], float]:
    """Return the two points and the length that A,B=12.5 says."""
    names, _, length = text.rpartition("=")
    first, comma, second = names.partition(",")
    try:
        value = float(length)
    except ValueError:
        value = -1.0
    if not (comma and first and second and value > 0):
        raise typer.BadParameter(f"--distance {text}: give two points and a length, A,B=12.5")
    return (first.strip(), second.strip()), value
