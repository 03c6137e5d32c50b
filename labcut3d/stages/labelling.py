"""What labelling by hand needs of a project: its rig, moments, and detections to begin with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from calibration import Rig, RigCovariance
from calibration.covariance import find_covariance
from calibration.files import read_table, sha256_of
from labcut3d.errors import DatasetError
from labcut3d.labelling.agreement import label_noise
from labcut3d.labels import read_labels
from labcut3d.project import Project
from labcut3d.provenance import read_stamp
from labcut3d.stages.common import recording_rig
from labcut3d.stages.detectors import model_folders

if TYPE_CHECKING:  # torch is only loaded where it is used
    from labcut3d.detection.detector import Detector

__all__ = [
    "LabellingRig",
    "Moment",
    "StartingPoints",
    "labelling_rig",
    "moments_to_label",
    "starting_points",
]

SPREAD = 20  # moments offered where nothing says which
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabellingRig:
    """The rig that a recording was filmed with, of the cameras that the project has.

    `noise` is the standard deviation of a label's coordinate, px, as the labels so far show it.
    """

    rig: Rig
    covariance: RigCovariance | None
    noise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment worth labelling: its frame number, and why.

    `kind` is how it was found: by `labcut3d suggest`, or evenly spread over the recording."""

    frame: int
    kind: Literal["suggested", "spread"]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StartingPoints:
    """Detections of one moment by view: `position` (keypoint, 2) px, `confidence` (keypoint,).

    `source` says in words where they come from.
    """

    position: Mapping[str, Array]
    confidence: Mapping[str, Array]
    source: str


def labelling_rig(project: Project, recording: str) -> LabellingRig:
    """Return the rig of a recording; raises `RigError` where there is none, saying what to do."""
    rig, path = recording_rig(project, recording)
    shown = [view for view in project.views if view in rig.names]
    rig = rig.select(shown)
    pixels = np.full((len(rig), 0, 2), np.nan)
    labels_path = project.root / "labels" / f"{recording}.csv"
    if labels_path.exists():
        labels = read_labels(
            labels_path, views=tuple(project.views), keypoints=project.skeleton.keypoints
        )
        order = [labels.views.index(view) for view in shown]
        pixels = np.moveaxis(labels.position, 1, 0)[order].reshape(len(rig), -1, 2)
    return LabellingRig(rig=rig, covariance=find_covariance(path), noise=label_noise(rig, pixels))


def moments_to_label(
    project: Project, recording: str, numbers: npt.NDArray[np.int64]
) -> tuple[Moment, ...]:
    """Return the moments of a recording to go through: first those of `labcut3d suggest`.

    Then moments spread evenly over its frame `numbers` (n,), which may be among them.
    """
    path = project.root / "results" / "suggestions.csv"
    rows = read_table(path, ("recording", "frame", "reason")) if path.exists() else []
    known = {str(number) for number in numbers}
    suggested = [
        Moment(frame=int(row["frame"]), kind="suggested", reason=row["reason"])
        for _, row in rows
        if row["recording"] == recording and row["frame"] in known
    ]
    count = min(SPREAD, len(numbers))
    middles = ((np.arange(count) + 0.5) * len(numbers) / count).astype(int)
    spread = [Moment(frame=int(number), kind="spread") for number in numbers[middles]]
    return (*suggested, *spread)


def starting_points(
    project: Project,
    recording: str,
    index: int,
    images: Callable[[], Mapping[str, npt.NDArray[np.uint8]]],
    detectors: "Callable[[], Mapping[str, Detector]]",
) -> StartingPoints:
    """Return what the current detector finds in one moment, the `index`-th of a recording.

    From detections.nc where the detector that is there now made it, or none is there; else the
    `detectors` look at the `images` of the views; both are only asked for then.
    """
    path = project.results(recording) / "detections.nc"
    if path.exists() and _is_of_detectors(project, path):
        return _stored(path, index, tuple(project.views))
    by_view = detectors()
    found = {view: by_view[view].detect([image], view=view) for view, image in images().items()}
    return StartingPoints(
        position={view: one.position[0] for view, one in found.items()},
        confidence={view: one.confidence[0] for view, one in found.items()},
        source="the detector, which has just looked",
    )


def _is_of_detectors(project: Project, path: Path) -> bool:
    """Tell whether detections were made by the detectors that are there now, if there are any."""
    stamp = read_stamp(path)
    files = [folder / "model.toml" for folder in model_folders(project)]
    if stamp is None or not all(file.exists() for file in files):
        return True
    return all(stamp.inputs.get(f"model {file.parent.name}") == sha256_of(file) for file in files)


def _stored(path: Path, index: int, views: Sequence[str]) -> StartingPoints:
    """Return the detections of one moment of the first individual in a file."""
    from labcut3d.schema import open_dataset  # brings xarray along

    with open_dataset(path) as detections:
        if index >= detections.sizes["time"]:
            raise DatasetError(
                f"{path}: {detections.sizes['time']} moments, but number {index} was asked for; "
                "run labcut3d detect again"
            )
        here = detections.isel(time=index, individual=0)
        position = here["position"].transpose("view", "keypoint", "space").values
        confidence = here["confidence"].transpose("view", "keypoint").values
        names = [str(name) for name in detections["view"].values]
    shown = [view for view in views if view in names]
    return StartingPoints(
        position={view: position[names.index(view)].astype(float) for view in shown},
        confidence={view: confidence[names.index(view)].astype(float) for view in shown},
        source=f"{path.parent.name}/{path.name}",
    )
