"""Commands on detectors and recordings: labels and videos to 3-D kinematics."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labcut3d.cli.common import ProjectPath, Recordings, Unit, console, open_project, show_files
from labcut3d.terminal import Terminal, make_table

if TYPE_CHECKING:  # torch is only loaded where it is used
    from labcut3d.detection.evaluation import Evaluation

__all__ = [
    "detect",
    "evaluate",
    "events",
    "kinematics",
    "reconstruct",
    "refine",
    "run",
    "summary",
    "train",
    "triangulate",
]

Workers = Annotated[
    int, typer.Option(help="Processes that share this machine's cores.", min=1, max=1024)
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Address of a Dask scheduler, whose workers do it.", metavar="ADDRESS"),
]


def train(project: ProjectPath) -> None:
    """Train the detectors from the labelled frames -> models/default."""
    from labcut3d import pipeline

    loaded = open_project(project)
    show_files(*pipeline.train(loaded, Terminal(console)))


def evaluate(
    project: ProjectPath,
    *,
    folds: Annotated[
        int | None,
        typer.Option(help="Cross-validate: train on all folds but one and judge on it, each once."),
    ] = None,
    random: Annotated[
        bool,
        typer.Option(
            "--random", help="Folds of random moments; else of neighbours in time, which is harder."
        ),
    ] = False,
    learning_curve: Annotated[
        bool,
        typer.Option(
            "--learning-curve", help="What more labels would bring; with --folds, surer and slower."
        ),
    ] = False,
) -> None:
    """Measure the trained detectors on the labelled frames -> results/evaluation.html.

    With --folds, whole new detectors are trained and measured -> results/cross-validation.html, and
    labels that look wrong are listed -> results/label-review.csv. With --learning-curve, they are
    trained on ever more of the labels -> results/learning-curve.html.
    """
    from labcut3d import pipeline

    if random and folds is None and not learning_curve:
        raise typer.BadParameter("--random goes with --folds or --learning-curve")
    loaded, terminal = open_project(project), Terminal(console)
    kind = "random" if random else "blocks"
    if learning_curve:
        curves = pipeline.learning_curve(loaded, folds, kind, terminal)
        _show_errors(
            {
                f"{name} {moments} moments".strip(): evaluation
                for name, curve in curves.items()
                for moments, evaluation in zip(curve.moments, curve.joined(), strict=True)
            }
        )
        for name, curve in curves.items():
            for figure in ("mean", "median"):
                terminal.note(f"{name} {curve.sentence(figure)}".strip())
        page = "learning-curve"
    elif folds is None:
        _show_errors(pipeline.evaluate(loaded, terminal))
        page = "evaluation"
    else:
        _show_errors(pipeline.cross_validate(loaded, folds, kind, terminal))
        page = "cross-validation"
    show_files(*sorted((loaded.root / "results").glob(f"{page}*.html")))


def _show_errors(evaluations: "Mapping[str, Evaluation]") -> None:
    """Print the figures of evaluations side by side."""
    parts = [(evaluation, evaluation.summary()) for evaluation in evaluations.values()]
    named = {
        "labels": "labels",
        "mean": 'mean, px (DeepLabCut\'s "RMSE")',
        "rms": "root mean square, px",
        "median": "median, px",
        "p95": "95 % are nearer, px",
        "within": f"within {parts[0][0].tolerance:g} px",
        "coverage": "confident",
    }
    rows = [
        (words, *(f"{figures[name]:.4g}" for _, figures in parts)) for name, words in named.items()
    ]
    rows += [
        ("calibration error", *(f"{part.calibration_error():.2g}" for part, _ in parts)),
        ("squared error / covariance", *(f"{part.covariance_ratio():.3g}" for part, _ in parts)),
    ]
    console.print(make_table("Distance from the labels", ("", *evaluations), rows))


def refine(
    project: ProjectPath,
    recordings: Recordings = None,
    *,
    count: Annotated[
        int | None,
        typer.Option(help="Moments to pseudo-label, by default as many as are labelled.", min=1),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the choice of moments.", min=0)] = 0,
) -> None:
    """Train the detectors again, also on 3-D points that the views agree on; keep what is better.

    Needs a rig, detectors and reconstructed recordings -> models/default, results/refinement.html.
    """
    from labcut3d import pipeline

    loaded = open_project(project)
    found = pipeline.refine(
        loaded, recordings or [], count=count, seed=seed, reporter=Terminal(console)
    )
    evaluations = {
        f"{name} {title}".strip(): evaluation
        for name, one in found.items()
        for title, evaluation in (("before", one.before), ("after", one.after))
    }
    if evaluations:
        _show_errors(evaluations)
    if any(one.better for one in found.values()):
        console.print("Now bring the recordings up to date: labcut3d reconstruct", highlight=False)
    show_files(loaded.root / "results" / "refinement.html")


def detect(project: ProjectPath, recordings: Recordings = None) -> None:
    """Find the keypoints in the videos -> results/RECORDING/detections.nc."""
    from labcut3d import pipeline

    loaded, terminal = open_project(project), Terminal(console)
    for recording in loaded.choose_recordings(recordings or []):
        show_files(pipeline.detect(loaded, recording, terminal))


def triangulate(
    what: Annotated[
        list[str],
        typer.Argument(
            help="A project's folder and recordings; or, with --rig, detections: one .nc file, or "
            "one NAME=FILE for each camera (of SLEAP, DeepLabCut, Lightning Pose, EKS).",
            metavar="PROJECT [RECORDING]... | DETECTIONS...",
        ),
    ],
    rig: Annotated[Path | None, typer.Option(help="rig.toml, without a project.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second, with --rig.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="trajectories.nc, with --rig.")
    ] = None,
    unit: Unit = None,
) -> None:
    """Turn 2-D detections into 3-D trajectories -> trajectories.nc."""
    from calibration import Rig
    from calibration.covariance import find_covariance
    from labcut3d import pipeline

    terminal = Terminal(console)
    if rig is None:
        project = open_project(what[0])
        if output or fps or unit:
            raise typer.BadParameter("-o, --fps and --unit go with --rig")
        for recording in project.choose_recordings(what[1:], ["detections.nc"]):
            show_files(pipeline.triangulate(project, recording, terminal))
        return
    if output is None:
        raise typer.BadParameter("say where to write the trajectories: -o trajectories.nc")
    loaded, covariance = Rig.load(rig, unit=unit), find_covariance(rig)
    pipeline.triangulate_files(
        what, loaded, output, fps=fps, rig_covariance=covariance, reporter=terminal
    )
    show_files(output)


def kinematics(project: ProjectPath, recordings: Recordings = None) -> None:
    """Compute velocities, angles, axes and spectra -> results/RECORDING/kinematics.nc."""
    from labcut3d import pipeline

    loaded, terminal = open_project(project), Terminal(console)
    for recording in loaded.choose_recordings(recordings or [], ["trajectories.nc"]):
        show_files(pipeline.kinematics(loaded, recording, terminal))


def events(
    project: ProjectPath,
    recordings: Recordings = None,
    boris: Annotated[
        Path | None,
        typer.Option(help="Also write them for BORIS: out.boris, or out.xlsx of one recording."),
    ] = None,
) -> None:
    """Find egg-laying, eggs, contacts, walks ... -> results/RECORDING/events.csv and events.nc."""
    from labcut3d import pipeline
    from labcut3d.kinematics.event_tables import read_events

    loaded, terminal = open_project(project), Terminal(console)
    for recording in loaded.choose_recordings(recordings or [], ["trajectories.nc"]):
        path = pipeline.events(loaded, recording, terminal)
        rows = [
            (row["event"], *(f"{row[name]:.2f}" for name in ("start_s", "stop_s", "confidence")))
            for row in read_events(path).to_dict("records")
        ]
        columns = ("event", "start s", "stop s", "confidence")
        console.print(make_table(f"Events in {recording}", columns, rows))
        show_files(path)
    if boris is not None:
        show_files(pipeline.export_boris(loaded, recordings or [], boris))


def summary(project: ProjectPath) -> None:
    """Sum up all recordings: bouts, eggs, speeds -> results/summary.csv and summary.html."""
    from labcut3d import pipeline

    table = pipeline.summary(open_project(project), Terminal(console))
    show_files(table, table.with_suffix(".html"))


def run(project: ProjectPath, *, workers: Workers = 1, scheduler: Scheduler = None) -> None:
    """Bring everything up to date: calibrate, train, and reconstruct all recordings.

    What is up to date is not done again, however it ended before: run it again to go on.
    """
    from labcut3d import pipeline

    loaded = open_project(project)
    pipeline.run(loaded, Terminal(console), workers=workers, scheduler=scheduler)
    for recording in loaded.recordings():
        show_files(loaded.results(recording) / "viewer.html")


def reconstruct(
    project: ProjectPath,
    recordings: Recordings = None,
    *,
    workers: Workers = 1,
    scheduler: Scheduler = None,
) -> None:
    """Bring recordings up to date: detect, triangulate, kinematics, events, viewer, summary.

    Chunks of recordings that are done stay done, however it ended: run it again to go on.
    """
    from labcut3d import pipeline

    loaded = open_project(project)
    pipeline.reconstruct(
        loaded, recordings or [], Terminal(console), workers=workers, scheduler=scheduler
    )
    for recording in loaded.choose_recordings(recordings or []):
        show_files(loaded.results(recording) / "viewer.html")
