"""The command that looks whether cameras were moved since the calibration."""

from typing import Annotated

import typer

from labcut3d.cli.common import ProjectPath, Recordings, console, open_project, show_files
from labcut3d.terminal import Terminal, make_table

__all__ = ["drift"]


def drift(
    project: ProjectPath,
    recordings: Recordings = None,
    *,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Place the moved camera anew -> results/RECORDING/rig.toml."),
    ] = False,
    camera: Annotated[
        str | None,
        typer.Option(help="The camera to repair, where recordings cannot tell which was moved."),
    ] = None,
) -> None:
    """Tell which camera was moved since the calibration -> results/RECORDING/drift.html.

    With --repair, that camera's pose is found from the recording's own keypoints, for this
    recording only; the calibration stays as it is.
    """
    from labcut3d import pipeline
    from labcut3d.viewers.drift_page import COLUMNS, drift_rows

    if camera is not None and not repair:
        raise typer.BadParameter("--camera goes with --repair")
    loaded, terminal = open_project(project), Terminal(console)
    for recording in loaded.choose_recordings(recordings or [], ["detections.nc"]):
        rows = None if repair else pipeline.known_drift(loaded, recording, terminal)
        if rows is None:
            found = pipeline.drift(loaded, recording, terminal)
            rows = drift_rows(found)
        console.print(make_table(f"Cameras in {recording}", COLUMNS, rows))
        show_files(loaded.results(recording) / "drift.html")
        if repair:
            path = pipeline.repair(loaded, recording, found, camera, terminal)
            show_files(*([] if path is None else [path]))
