"""What is handed to a writer: a dataset, and what other programs want to know beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import xarray as xr

from calibration.rig import Rig
from labcut3d.contract import DETECTIONS, TRAJECTORIES
from labcut3d.errors import DatasetError
from labcut3d.schema import kind_of, validate_detections, validate_trajectories
from labcut3d.skeleton import Skeleton

__all__ = ["Export"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Export:
    """A dataset of detections or trajectories under a `title`, which names the recording.

    `skeleton` has the dataset's keypoints, and bones where they are known; `rig` are the cameras,
    `detections` what trajectories were made of, and `started` the moment of the first frame in
    ISO 8601, each None where it is not known. `subject` tells of the animal: species, sex, age.
    """

    dataset: xr.Dataset
    title: str
    skeleton: Skeleton
    rig: Rig | None = None
    detections: xr.Dataset | None = None
    started: str | None = None
    subject: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a dataset that does not keep its contract."""
        if kind_of(self.dataset) is TRAJECTORIES:
            validate_trajectories(self.dataset)
        else:
            validate_detections(self.dataset)

    @classmethod
    def of(cls, dataset: xr.Dataset, title: str) -> "Export":
        """Return the export of a dataset of which nothing else is known."""
        keypoints = tuple(str(name) for name in dataset["keypoint"].values)
        skeleton = Skeleton(name=title, keypoints=keypoints)
        return cls(dataset=dataset, title=title, skeleton=skeleton)

    @property
    def is_3d(self) -> bool:
        """Whether the dataset holds trajectories and not detections."""
        return kind_of(self.dataset) is not DETECTIONS

    @property
    def fps(self) -> float:
        """The frames a second."""
        return float(self.dataset.attrs["fps"])

    @property
    def keypoints(self) -> tuple[str, ...]:
        """The names of the keypoints."""
        return tuple(str(name) for name in self.dataset["keypoint"].values)

    @property
    def individuals(self) -> tuple[str, ...]:
        """The names of the individuals."""
        return tuple(str(name) for name in self.dataset["individual"].values)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """The bones as pairs of indices into `keypoints`, those of absent keypoints left out."""
        place = {name: index for index, name in enumerate(self.keypoints)}
        return tuple((place[a], place[b]) for a, b in self.skeleton.bones if {a, b} <= place.keys())

    def views(self) -> Iterator[tuple[str, "Export"]]:
        """Yield the name and the export of each view of detections."""
        for view in self.dataset["view"].values:
            yield str(view), replace(self, dataset=self.dataset.sel(view=[view]))

    def each_individual(self) -> Iterator[tuple[str, "Export"]]:
        """Yield the name and the export of each individual."""
        for name in self.individuals:
            yield name, replace(self, dataset=self.dataset.sel(individual=[name]))

    def only_individual(self) -> "Export":
        """Return this export, which must have one individual; raises `DatasetError`."""
        if len(self.individuals) > 1:
            raise DatasetError(f"{self.title}: has individuals {', '.join(self.individuals)}")
        return self
