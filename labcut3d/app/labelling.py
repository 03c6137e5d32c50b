"""What the labelling page shares with the server: marks as JSON, and what is kept in memory."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import Depends, Request
from pydantic import BaseModel, Field, StringConstraints

from labcut3d import pipeline
from labcut3d.app.confine import inside
from labcut3d.app.pictures import OpenRecording, Pictures
from labcut3d.labelling.labelfiles import LabelFile, LabelFiles
from labcut3d.labelling.sheet import Change, Mark, Spot
from labcut3d.project import Project

__all__ = [
    "ChangeBody",
    "Changes",
    "Labelling",
    "LabellingDesk",
    "Points",
    "json_marks",
    "pixels_of",
]

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]
Point = tuple[Number, Number]
MarkBody = Point | Literal["hidden"] | None
Frame = Annotated[int, Field(ge=0, lt=10**9, strict=True)]


class ChangeBody(BaseModel, extra="forbid"):
    """A mark that is put in the place of `before`."""

    frame: Frame
    view: Name
    individual: Name
    keypoint: Name
    before: MarkBody
    after: MarkBody

    def to_change(self) -> Change:
        """Return it as a change of a labels file."""
        spot = Spot(self.frame, self.view, self.individual, self.keypoint)
        return Change(spot, self.before, self.after)


class Changes(BaseModel, extra="forbid"):
    """Changes of one recording's labels, made in this order and written at once."""

    recording: Name
    changes: Annotated[list[ChangeBody], Field(max_length=2000)]


class Points(BaseModel, extra="forbid"):
    """Labels of one moment: for each view as many points, null where there is none.

    `active` is the one whose curves are asked for.
    """

    recording: Name
    points: dict[Name, Annotated[list[Point | None], Field(max_length=2000)]]
    active: Annotated[int, Field(ge=0)] | None = None


class Labelling:
    """What labelling keeps in memory, for all tabs: labels files, pictures, rigs, detectors."""

    def __init__(self) -> None:
        self.files = LabelFiles()
        self.pictures = Pictures()
        self._lock = Lock()
        self._kept: dict[tuple[str, Path], tuple[Any, Any]] = {}

    def open(self, project: Project, name: str) -> tuple[OpenRecording, LabelFile]:
        """Return a recording and its labels file."""
        recording = self.pictures.recording(project, name)
        return recording, LabelFile(
            path=inside(project.root, f"labels/{recording.name}.csv"),
            sizes={view: source.size for view, source in recording.sources.items()},
            numbers={view: source.numbers for view, source in recording.sources.items()},
            keypoints=project.skeleton.keypoints,
        )

    def rig(self, project: Project, recording: str) -> Any:
        """Return `pipeline.labelling_rig`, made anew where a file that it comes from changed."""
        paths = (
            project.root / "project.toml",
            project.rig_path,
            project.filming_rig_path,
            project.results(recording) / "rig.toml",
        )
        key = ("rig", project.results(recording))
        return self._keep(key, paths, lambda: pipeline.labelling_rig(project, recording))

    def detectors(self, project: Project) -> Any:
        """Return `pipeline.load_detectors`, loaded anew after training."""
        paths = (project.root / "project.toml", *sorted(project.model_path.rglob("model.toml")))
        return self._keep(
            ("detectors", project.root), paths, lambda: pipeline.load_detectors(project)
        )

    def _keep(self, key: tuple[str, Path], paths: Sequence[Path], make: Callable[[], Any]) -> Any:
        """Return what was made before, or make it where one of the files has changed."""
        state = [path.stat().st_mtime_ns if path.exists() else 0 for path in paths]
        with self._lock:
            known = self._kept.get(key)
            if known is None or known[0] != state:
                known = self._kept[key] = (state, make())
            return known[1]


def json_marks(marks: Mapping[Spot, Mark]) -> list[list[Any]]:
    """Return marks as [view, individual, keypoint, mark]."""
    return [[*spot[1:], mark] for spot, mark in marks.items()]


def pixels_of(points: Points, views: Sequence[str]) -> np.ndarray:
    """Return points of a moment as (view, n, 2) px, NaN where there is none."""
    count = max((len(row) for row in points.points.values()), default=0)
    pixels = np.full((len(views), count, 2), np.nan)
    for v, view in enumerate(views):
        for i, point in enumerate(points.points.get(view, ())):
            if point is not None:
                pixels[v, i] = point
    return pixels


def the_labelling(request: Request) -> Labelling:
    """Return what labelling keeps in the app that a request came to."""
    return request.app.state.labelling


LabellingDesk = Annotated[Labelling, Depends(the_labelling)]
"""The parameter of a route that needs what labelling keeps."""
