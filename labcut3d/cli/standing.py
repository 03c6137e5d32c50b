"""The command that tells where a project stands."""

from rich.markup import escape
from rich.table import Table

from labcut3d.cli.common import ProjectPath, console, open_project

__all__ = ["status"]

COLORS = {
    "done": "green",
    "stale": "yellow",
    "ready": "cyan",
    "missing": "dim",
    "blocked": "bold red",
}


def status(project: ProjectPath) -> None:
    """Tell what is done, what is next and what is in the way; and which results are stale, and why.

    Reads only what is stored beside the results, so it answers at once. Nothing is changed.
    """
    from labcut3d import pipeline

    loaded = open_project(project)
    steps = Table(title=escape(loaded.name), title_justify="left", title_style="bold")
    for name in ("step", "", "what is there", "what is next"):
        steps.add_column(name, overflow="fold")
    for step in pipeline.status(loaded):
        steps.add_row(step.title, _state(step.state), escape(step.told), escape(step.todo))
    console.print(steps)
    found = [pipeline.recording_status(loaded, name) for name in loaded.recordings()]
    if not found:
        return
    recordings = Table(title="Recordings", title_justify="left", title_style="bold")
    for name in ("recording", *found[0].results, "because of"):
        recordings.add_column(name.rpartition(".")[0] or name, overflow="fold")
    for one in found:
        why = one.trouble or ", ".join(one.because)
        states = (_state(state) for state in one.results.values())
        recordings.add_row(escape(one.name), *states, escape(why))
    console.print(recordings)


def _state(state: str) -> str:
    """Return a state in its colour."""
    return f"[{COLORS[state]}]{state}[/]"
