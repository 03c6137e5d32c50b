"""Where a project stands: for each step of the work what is done, what is next, what is in the way.

Read from the project's files and stamps alone: no video is opened and no large result is read, so
that it may be asked for again and again. A result counts as stale where one of its inputs has
changed since; whether a result was edited by hand only the stage itself looks, when it runs.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from labcut3d.errors import Labcut3dError
from labcut3d.labels import read_labels
from labcut3d.project import Project
from labcut3d.provenance import fingerprint
from labcut3d.stages.common import path_hashes
from labcut3d.stages.detectors import model_folders
from labcut3d.stages.recording_status import RecordingStatus, is_imported, recording_status
from labcut3d.stages.standing import compare, made
from labcut3d.stages.training import training_inputs

__all__ = ["Step", "StepState", "status"]

StepState = Literal["done", "stale", "ready", "blocked"]

MOST_NAMED = 3  # inputs that have changed
ENOUGH = 20  # labelled moments of a first detector that is worth looking at


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the work.

    `told` says what is there, `todo` what is next or, where the step is "blocked", what is in the
    way. "stale": done, but something that it was made from has changed since.
    """

    key: Literal["project", "calibrate", "label", "train", "reconstruct", "explore"]
    title: str
    state: StepState
    told: str
    todo: str


def status(project: Project) -> tuple[Step, ...]:
    """Return where each step of a project stands, in the order of the work."""
    recordings = tuple(recording_status(project, name) for name in project.recordings())
    calibrate, label = _calibrate(project), _label(project)
    train = _train(project, label)
    return (
        _project(project, recordings),
        calibrate,
        label,
        train,
        _reconstruct(project, recordings, calibrate, train),
        _explore(project, recordings),
    )


def _project(project: Project, recordings: tuple[RecordingStatus, ...]) -> Step:
    """Return whether the videos are there."""
    views = f"{len(project.views)} view{'s' if len(project.views) > 1 else ''}"
    troubles = [one.trouble for one in recordings if one.trouble]
    if troubles:
        return _step("project", "ready", views, troubles[0])
    if not recordings:
        return _step("project", "ready", views, "Add the videos of a recording.")
    names = _count(len(recordings), "recording")
    return _step("project", "done", f"{views}, {names}", "")


def _calibrate(project: Project) -> Step:
    """Return whether the cameras are calibrated."""
    if len(project.views) == 1:
        told = "One view: there is nothing to calibrate, and no third dimension."
        return _step("calibrate", "done", told, "")
    try:
        videos = path_hashes(project.calibration_paths())
        trouble = "" if project.board else "Describe the calibration board of this project."
    except Labcut3dError as error:
        videos, trouble = {}, str(error)
    done = project.rig_path.is_file()
    if trouble and not done:
        return _step("calibrate", "blocked", "", trouble)
    if not done:
        return _step("calibrate", "ready", "", "Calibrate the cameras from the board videos.")
    inputs = {**videos, **({"board": fingerprint(project.board)} if project.board else {})}
    _, because = compare(project.rig_path.parent, project.rig_path.name, inputs)
    if because:
        todo = f"Calibrate again: changed since is {_named(because)}."
        return _step("calibrate", "stale", "Calibrated.", todo)
    return _step("calibrate", "done", "Calibrated.", "")


def _label(project: Project) -> Step:
    """Return how many moments are labelled."""
    if not project.recordings():
        return _step("label", "blocked", "", "Add the videos of a recording first.")
    try:
        moments = _labelled_moments(project)
    except Labcut3dError as error:
        return _step("label", "blocked", "", str(error))
    told = f"{_count(moments, 'moment')} labelled." if moments else ""
    if moments >= ENOUGH:
        return _step("label", "done", told, "")
    return _step("label", "ready", told, f"Label {ENOUGH} moments to begin with; more is better.")


def _train(project: Project, label: Step) -> Step:
    """Return whether the detectors are trained."""
    files = [folder / "model.toml" for folder in model_folders(project)]
    done = all(file.is_file() for file in files)
    if not label.told and not done:
        return _step("train", "blocked", "", "Label some moments first.")
    if not done:
        return _step("train", "ready", "", "Train the detector on the labelled moments.")
    told = "Trained."
    try:
        inputs = training_inputs(project)
    except Labcut3dError as error:
        return _step("train", "stale", told, str(error))
    for file in files:
        _, because = compare(file.parent, file.name, inputs, exact=True)
        if because:
            todo = f"Train again: changed since is {_named(because)}."
            return _step("train", "stale", told, todo)
    return _step("train", "done", told, "")


def _reconstruct(
    project: Project, recordings: tuple[RecordingStatus, ...], calibrate: Step, train: Step
) -> Step:
    """Return how many recordings are reconstructed, and up to date."""
    done = sum(one.standing == "done" for one in recordings)
    told = f"{done} of {_count(len(recordings), 'recording')} up to date." if recordings else ""
    foreign = bool(recordings) and all(is_imported(project, one.name) for one in recordings)
    needed = {"calibrate the cameras": calibrate.told, "train the detector": train.told or foreign}
    lacking = [what for what, done in needed.items() if not done]
    if not recordings or lacking:
        todo = f"First {' and '.join(lacking or ['add the videos of a recording'])}."
        return _step("reconstruct", "blocked", told, todo)
    if done == len(recordings):
        return _step("reconstruct", "done", told, "")
    state = "stale" if any(one.standing == "stale" for one in recordings) else "ready"
    return _step("reconstruct", state, told, "Reconstruct the recordings.")


def _explore(project: Project, recordings: tuple[RecordingStatus, ...]) -> Step:
    """Return whether there is something to look at, and whether the summary tells of all."""
    shown = [one for one in recordings if one.results["viewer.html"] != "missing"]
    if not shown:
        return _step("explore", "blocked", "", "Reconstruct a recording first.")
    told = f"{_count(len(shown), 'recording')} to look at."
    ready = [
        one.name for one in recordings if one.results.get("events.csv", "missing") != "missing"
    ]
    if not ready:
        return _step("explore", "done", told, "")
    folder, inputs = project.root / "results", {}
    for name in ready:
        part = {f"trajectories.nc of {name}": "trajectories.nc"}
        inputs |= made(project.results(name), part)
    state, because = compare(folder, "summary.csv", inputs)
    if state == "done":
        return _step("explore", "done", f"{told} The summary is up to date.", "")
    why = f": changed since is {_named(because)}" if because else ""
    todo = f"Bring the summary up to date{why}." if state == "stale" else "Sum them up."
    return _step("explore", "stale" if state == "stale" else "ready", told, todo)


TITLES = {
    "project": "Project",
    "calibrate": "Calibrate",
    "label": "Label",
    "train": "Train",
    "reconstruct": "Reconstruct",
    "explore": "Explore",
}


def _step(key: str, state: StepState, told: str, todo: str) -> Step:
    """Return a step with its title."""
    return Step(key=key, title=TITLES[key], state=state, told=told, todo=todo)  # type: ignore[arg-type]


def _labelled_moments(project: Project) -> int:
    """Return how many moments of all recordings are labelled in a view or more."""
    views, keypoints = tuple(project.views), project.skeleton.keypoints
    files = project.label_files()
    found = [read_labels(file, views=views, keypoints=keypoints) for file in files]
    return int(sum(np.count_nonzero(labels.labelled.any(axis=1)) for labels in found))


def _named(names: tuple[str, ...]) -> str:
    """Return names in words, the first ones where they are many."""
    if len(names) <= MOST_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more"


def _count(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number} {what}{'' if number == 1 else 's'}"
