"""The command line: thin commands over `labcut3d.pipeline`, with progress and readable errors."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from labcut3d.errors import Labcut3dError
from labcut3d.project import load_project
from labcut3d.terminal import Terminal, make_table

app = typer.Typer(
    name="labcut3d",
    help="From board videos to calibrated 3-D kinematics, for any number of cameras.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
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


def main() -> None:
    """Run the command line; one sentence instead of a traceback where the input is at fault."""
    # Threads that spin while they wait make training four times slower beside another busy program.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except (Labcut3dError, OSError) as error:
        errors.print(f"[bold red]Error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("Stopped. What was finished is kept; run the same command to go on.")
        sys.exit(130)


@app.command()
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
    _show_files(
        project.root / "results" / "calibration.html",
        project.root / "results" / "training.html",
        *(project.results(RECORDING) / name for name in ("viewer.html", "events.csv")),
    )


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="The new project's folder.", metavar="DIR")],
    views: Annotated[str, typer.Option(help="Names of the views, such as cam0,cam1,cam2.")],
    skeleton: Annotated[
        str, typer.Option(help="A preset (fly-egg-laying, mouse) or a skeleton FILE.toml.")
    ] = "fly-egg-laying",
) -> None:
    """Make a new project: its folders and a project.toml to fill in."""
    from labcut3d.project import new_project

    names = [name.strip() for name in views.split(",") if name.strip()]
    project = new_project(folder, views=names, skeleton=skeleton)
    path = escape(str(project.root))
    console.print(
        f"Made [bold]{path}[/]. Next: describe the board in {path}/project.toml, put one board "
        f"video for each view into {path}/calibration, and run: labcut3d calibrate {path}",
        soft_wrap=True,
    )


@app.command()
def board(
    file: Annotated[Path, typer.Argument(help="The board's TOML file.", metavar="BOARD.toml")],
    output: Annotated[Path, typer.Option("--output", "-o", help="board.pdf, .svg or .png")],
    unit: Annotated[str | None, typer.Option(help="Unit, for files that name none.")] = None,
) -> None:
    """Draw a calibration board to print at exact size, with rulers to check the printer."""
    from calibration.board import load_board
    from labcut3d.board_print import print_board

    print_board(load_board(file, unit=unit), output)
    _show_files(output)


@app.command()
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
    unit: Annotated[str | None, typer.Option(help="Unit, for board files that name none.")] = None,
    drop_camera: DropCamera = None,
) -> None:
    """Calibrate the cameras from board videos -> rig.toml and calibration.html."""
    from labcut3d.pipeline import calibrate_project, calibrate_sources

    terminal, drop = Terminal(console), drop_camera or []
    if board is None:
        if len(what) != 1 or "=" in what[0]:
            raise typer.BadParameter("give one PROJECT, or --board BOARD.toml with NAME=PATH...")
        if output or unit:
            raise typer.BadParameter("-o and --unit go with --board")
        folder = calibrate_project(load_project(what[0]), drop, terminal).parent
    else:
        from calibration.board import load_board
        from labcut3d.video import open_frames

        if output is None:
            raise typer.BadParameter("say where to write the rig: -o DIR")
        sources = {name: open_frames(path) for name, path in _pairs(what).items()}
        calibrate_sources(load_board(board, unit=unit), sources, output, drop, terminal)
        folder = output
    _show_rig(folder / "rig.toml")
    _show_files(folder / "rig.toml", folder / "calibration.html")


@app.command()
def train(project: ProjectPath) -> None:
    """Train the detectors from the labelled frames -> models/default."""
    from labcut3d import pipeline

    loaded = load_project(project)
    _show_files(*pipeline.train(loaded, Terminal(console)))


@app.command()
def evaluate(project: ProjectPath) -> None:
    """Measure the trained detectors on the labelled frames -> results/evaluation.html."""
    from labcut3d import pipeline

    loaded = load_project(project)
    evaluations = pipeline.evaluate(loaded, Terminal(console))
    summaries = {name: evaluation.summary() for name, evaluation in evaluations.items()}
    columns = ("labels", *next(iter(summaries.values())))
    rows = [
        (name, *(f"{value:.3g}" for value in summary.values()))
        for name, summary in summaries.items()
    ]
    console.print(make_table("Distance from the labels, px", columns, rows))
    _show_files(loaded.root / "results" / "evaluation.html")


@app.command()
def detect(project: ProjectPath, recordings: Recordings = None) -> None:
    """Find the keypoints in the videos -> results/RECORDING/detections.nc."""
    from labcut3d import pipeline

    loaded, terminal = load_project(project), Terminal(console)
    for recording in loaded.choose_recordings(recordings or []):
        _show_files(pipeline.detect(loaded, recording, terminal))


@app.command()
def triangulate(
    what: Annotated[
        list[str],
        typer.Argument(
            help="A project's folder and recordings; or, with --rig, detections: one .nc file, or "
            "one NAME=FILE for each camera (SLEAP .analysis.h5, DeepLabCut .csv or .h5).",
            metavar="PROJECT [RECORDING]... | DETECTIONS...",
        ),
    ],
    rig: Annotated[Path | None, typer.Option(help="rig.toml, without a project.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second, with --rig.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="trajectories.nc, with --rig.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Unit, for rig files that name none.")] = None,
) -> None:
    """Turn 2-D detections into 3-D trajectories -> trajectories.nc."""
    from calibration import Rig
    from labcut3d import pipeline

    terminal = Terminal(console)
    if rig is None:
        project = load_project(what[0])
        if output or fps or unit:
            raise typer.BadParameter("-o, --fps and --unit go with --rig")
        for recording in project.choose_recordings(what[1:], ["detections.nc"]):
            _show_files(pipeline.triangulate(project, recording, terminal))
        return
    if output is None:
        raise typer.BadParameter("say where to write the trajectories: -o trajectories.nc")
    loaded = Rig.load(rig, unit=unit)
    pipeline.triangulate_files(what, loaded, output, fps=fps, reporter=terminal)
    _show_files(output)


@app.command()
def events(project: ProjectPath, recordings: Recordings = None) -> None:
    """Find egg-laying bouts, eggs and proboscis extensions -> results/RECORDING/events.csv."""
    from labcut3d import pipeline
    from labcut3d.kinematics.events import read_events

    loaded, terminal = load_project(project), Terminal(console)
    for recording in loaded.choose_recordings(recordings or [], ["trajectories.nc"]):
        path = pipeline.events(loaded, recording, terminal)
        rows = [
            (row["event"], *(f"{row[name]:.2f}" for name in ("start_s", "stop_s", "confidence")))
            for row in read_events(path).to_dict("records")
        ]
        columns = ("event", "start s", "stop s", "confidence")
        console.print(make_table(f"Events in {recording}", columns, rows))
        _show_files(path)


@app.command()
def reconstruct(project: ProjectPath, recordings: Recordings = None) -> None:
    """Bring recordings up to date: detect, triangulate, events, viewer."""
    from labcut3d import pipeline

    loaded = load_project(project)
    pipeline.reconstruct(loaded, recordings or [], Terminal(console))
    for recording in loaded.choose_recordings(recordings or []):
        _show_files(loaded.results(recording) / "viewer.html")


@app.command()
def view(
    what: Annotated[
        Path, typer.Argument(help="A dataset or a project's folder.", metavar="FILE.nc | PROJECT")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="viewer.html, by default beside the data.")
    ] = None,
) -> None:
    """Write the viewer of a dataset, or of all recordings of a project."""
    from labcut3d import pipeline

    if what.is_dir():
        if output is not None:
            raise typer.BadParameter("-o goes with a FILE.nc; a project's viewers have their place")
        project = load_project(what)
        for name in project.choose_recordings([], ["trajectories.nc", "detections.nc"]):
            _show_files(pipeline.view(project, name, Terminal(console)))
    else:
        target = output or what.with_name("viewer.html")
        pipeline.view_file(what, target)
        _show_files(target)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The dataset.", metavar="trajectories.nc")],
    output: Annotated[Path, typer.Option("--output", "-o", help="out.csv or out.nc")],
) -> None:
    """Write trajectories in another format, chosen by the file's ending."""
    from labcut3d.formats import write_trajectories
    from labcut3d.schema import open_dataset

    write_trajectories(open_dataset(file), output)
    _show_files(output)


def _pairs(arguments: list[str]) -> dict[str, Path]:
    """Return NAME=PATH arguments as a mapping."""
    pairs: dict[str, Path] = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not (equals and name and path) or name in pairs:
            raise typer.BadParameter(f"'{argument}': give each camera once, as NAME=PATH")
        pairs[name] = Path(path)
    return pairs


def _show_rig(path: Path) -> None:
    """Print the cameras of a rig with their sizes and focal lengths."""
    from calibration import Rig

    rig = Rig.load(path)
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


def _show_files(*paths: Path) -> None:
    """Print the paths of written files, each on a line of its own."""
    for path in paths:
        console.print(f"[green]->[/] {escape(str(path))}", highlight=False, soft_wrap=True)
