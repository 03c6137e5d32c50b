"""A recording as the viewer takes it: datasets, cameras, surroundings, events and videos."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd
import xarray as xr

from calibration.rig import Rig
from labcut3d.detection.parts import require_same
from labcut3d.errors import DatasetError
from labcut3d.schema import validate_detections, validate_trajectories
from labcut3d.skeleton import Skeleton
from labcut3d.video import Frames
from labcut3d.viewers.signals import Signal, detection_signals, trajectory_signals
from labcut3d.viewers.surroundings import Surroundings

__all__ = ["Recording", "page_stride", "signal_sources", "thin"]

MAX_NUMBERS = 4_000_000  # of the arrays on the page: 16 MB; longer recordings are thinned out


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What the viewer can show of one recording; at least one of the two datasets is needed.

    Of long recordings the datasets may hold every `stride`-th of all `moments` only. `videos` are
    the sources of the views by name; `links` are addresses of their files as seen from
    the page, for videos that are too long to be inside it; `events` has the columns of events.csv.
    """

    name: str
    project: str = ""
    trajectories: xr.Dataset | None = None
    detections: xr.Dataset | None = None
    rig: Rig | None = None
    skeleton: Skeleton | None = None
    events: pd.DataFrame | None = None
    surroundings: Surroundings = field(default_factory=Surroundings)
    videos: Mapping[str, Frames] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    stride: int = 1
    moments: int | None = None

    def __post_init__(self) -> None:
        if self.trajectories is None and self.detections is None:
            raise DatasetError(f"recording '{self.name}': neither trajectories nor detections")
        if self.trajectories is not None:
            validate_trajectories(self.trajectories)
        if self.detections is not None:
            validate_detections(self.detections)
        if self.trajectories is not None and self.detections is not None:
            require_same(self.name, self.detections, self.trajectories)

    @property
    def main(self) -> xr.Dataset:
        """The trajectories where there are any, else the detections."""
        dataset = self.trajectories if self.trajectories is not None else self.detections
        assert dataset is not None
        return dataset


def thin(recording: Recording) -> tuple[Recording, int]:
    """Return the recording with every n-th moment if it is too long for a page, and n."""
    with_views = recording.detections is not None or recording.rig is not None
    stride = page_stride(recording.main, with_views=with_views)
    if stride == 1:
        return recording, recording.stride
    every = slice(None, None, stride)
    kept = (recording.trajectories, recording.detections)
    trajectories, detections = (None if part is None else part.isel(time=every) for part in kept)
    stride *= recording.stride
    return replace(
        recording, trajectories=trajectories, detections=detections, stride=stride
    ), stride


def page_stride(main: xr.Dataset, *, with_views: bool = True) -> int:
    """Return n if every n-th moment of trajectories, or else of detections, fits on a page.

    `with_views` says whether it shows them in the views as well.
    """
    views = main.sizes["view"] if with_views else 0
    own = 22 if main.sizes["space"] == 3 else 4 * main.sizes["view"]
    per_time = main.sizes["keypoint"] * main.sizes["individual"] * (own + 5 * views)
    return -(-main.sizes["time"] * per_time // MAX_NUMBERS)


def signal_sources(recording: Recording) -> list[tuple[str, list[Signal]]]:
    """Return what the time series can show: the 3-D signals, or those of each view."""
    if recording.trajectories is not None:
        return [("3-D", trajectory_signals(recording.trajectories, recording.rig))]
    detections = recording.main
    views = [str(view) for view in detections["view"].values]
    return [(view, detection_signals(detections, view)) for view in views]
