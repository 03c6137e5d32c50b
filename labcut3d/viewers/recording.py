"""A recording as the viewer takes it, and as the arrays and names that its script works with."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from calibration.rig import Rig
from labcut3d.errors import DatasetError
from labcut3d.schema import validate_detections, validate_trajectories
from labcut3d.skeleton import Skeleton
from labcut3d.video import Frames
from labcut3d.viewers.clips import CLIP_FPS, Clips
from labcut3d.viewers.page import encode_array
from labcut3d.viewers.palette import event_color, keypoint_colors
from labcut3d.viewers.signals import (
    Signal,
    default_keypoints,
    detection_signals,
    trajectory_signals,
)

__all__ = ["Recording", "recording_data", "signal_sources", "thin"]

MAX_NUMBERS = 4_000_000  # of the arrays on the page: 16 MB; longer recordings are thinned out


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What the viewer can show of one recording; at least one of the two datasets is needed.

    `videos` are the sources of the views by name; `events` has the columns of events.csv.
    """

    name: str
    project: str = ""
    trajectories: xr.Dataset | None = None
    detections: xr.Dataset | None = None
    rig: Rig | None = None
    skeleton: Skeleton | None = None
    events: pd.DataFrame | None = None
    videos: Mapping[str, Frames] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.trajectories is None and self.detections is None:
            raise DatasetError(f"recording '{self.name}': neither trajectories nor detections")
        if self.trajectories is not None:
            validate_trajectories(self.trajectories)
        if self.detections is not None:
            validate_detections(self.detections)
        if self.trajectories is not None and self.detections is not None:
            for name in ("time", "keypoint", "individual"):
                a, b = self.trajectories[name].values, self.detections[name].values
                if not np.array_equal(a, b):
                    raise DatasetError(
                        f"recording '{self.name}': trajectories and detections differ in '{name}'; "
                        "triangulate these detections again"
                    )

    @property
    def main(self) -> xr.Dataset:
        """The trajectories where there are any, else the detections."""
        dataset = self.trajectories if self.trajectories is not None else self.detections
        assert dataset is not None
        return dataset


def thin(recording: Recording) -> tuple[Recording, int]:
    """Return the recording with every n-th moment if it is too long for a page, and n."""
    main = recording.main
    views = main.sizes["view"] if recording.detections is not None or recording.rig else 0
    per_time = main.sizes["keypoint"] * main.sizes["individual"] * (10 + 5 * views)
    stride = -(-main.sizes["time"] * per_time // MAX_NUMBERS)
    if stride == 1:
        return recording, 1
    every = slice(None, None, stride)
    kept = (recording.trajectories, recording.detections)
    trajectories, detections = (None if part is None else part.isel(time=every) for part in kept)
    return replace(recording, trajectories=trajectories, detections=detections), stride


def signal_sources(recording: Recording) -> list[tuple[str, list[Signal]]]:
    """Return what the time series can show: the 3-D signals, or those of each view."""
    if recording.trajectories is not None:
        return [("3-D", trajectory_signals(recording.trajectories, recording.rig))]
    detections = recording.main
    views = [str(view) for view in detections["view"].values]
    return [(view, detection_signals(detections, view)) for view in views]


def recording_data(
    recording: Recording, clips: Clips, sources: Sequence[tuple[str, list[Signal]]]
) -> dict[str, Any]:
    """Return the arrays and names that `viewer.js` works with."""
    main = recording.main
    keypoints = [str(name) for name in main["keypoint"].values]
    colors = keypoint_colors(keypoints, recording.skeleton)
    views = [str(view) for view in main["view"].values]
    sizes = {view: _size_of(recording, view) for view in views}
    bones = [] if recording.skeleton is None else recording.skeleton.bones
    data: dict[str, Any] = {
        "clipFps": CLIP_FPS,
        "fps": float(main.attrs["fps"]),
        "time": encode_array(main["time"].values, "<f8"),
        "frames": encode_array(main["frame"].transpose("time", "view").values, "<i4"),
        "keypoints": [{"name": name, "color": colors[name]} for name in keypoints],
        "shown": list(default_keypoints(keypoints, recording.skeleton)),
        "individuals": [str(name) for name in main["individual"].values],
        "bones": [
            [keypoints.index(a), keypoints.index(b)] for a, b in bones if {a, b} <= set(keypoints)
        ],
        "views": [
            {"name": view, "size": sizes[view], "video": _base64(clips.files.get(view))}
            for view in views
        ],
        "sources": [{"name": name, "signals": _signals(signals)} for name, signals in sources],
        "events": _events(recording.events),
    }
    if recording.trajectories is not None:
        order = ("time", "individual", "keypoint", "space")
        position = recording.trajectories["position"].transpose(*order).values
        data["position"] = encode_array(position)
        data["reach"] = _reach(position)
        if recording.rig is not None:
            data["reprojection"] = encode_array(_reproject(recording.rig, views, position))
    if recording.detections is not None:
        found = recording.detections.sel(view=list(views))
        order = ("time", "view", "individual", "keypoint")
        data["detections"] = encode_array(found["position"].transpose(*order, "space").values)
        data["confidence"] = encode_array(found["confidence"].transpose(*order).values)
    return data


def _reach(position: npt.NDArray[np.float64]) -> float:
    """Return how far an animal (time, individual, keypoint, 3) usually extends from its middle."""
    complete = position[np.isfinite(position).all(axis=(1, 2, 3))]
    if not len(complete):
        return 1.0
    away = complete - complete.mean(axis=(1, 2), keepdims=True)
    return 1.15 * float(np.median(np.linalg.norm(away, axis=-1).max(axis=(1, 2))))


def _signals(signals: Sequence[Signal]) -> list[dict[str, Any]]:
    """Return signals for the page, with arrays (individual, keypoint, time)."""
    return [
        {
            "name": signal.name,
            "label": signal.label,
            "unit": signal.unit,
            "row": signal.row,
            "values": encode_array(np.transpose(signal.values, (2, 1, 0))),
        }
        for signal in signals
    ]


def _events(events: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return events for the page: what happens now is named beside the slider."""
    if events is None:
        return []
    return [
        {
            "name": str(event["event"]).replace("_", " "),
            "start": float(event["start_s"]),
            "stop": float(event["stop_s"]),
            "color": event_color(str(event["event"])),
        }
        for event in events.to_dict("records")
    ]


def _reproject(
    rig: Rig, views: Sequence[str], position: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the pixels (time, view, ..., 2) of positions (time, ..., 3); NaN without a camera."""
    missing = np.full((*position.shape[:-1], 2), np.nan)
    known = [rig[view].project(position) if view in rig.names else missing for view in views]
    return np.stack(known, axis=1)


def _size_of(recording: Recording, view: str) -> list[int]:
    """Return a view's (width, height) px: of its video, its camera, or what its points fill."""
    if view in recording.videos:
        return list(recording.videos[view].size)
    if recording.rig is not None and view in recording.rig.names:
        return list(recording.rig[view].size)
    if recording.detections is not None:
        points = recording.detections["position"].sel(view=view)
        points = points.transpose("space", ...).values.reshape(2, -1)
        if np.isfinite(points).any():
            return [int(np.ceil(v)) + 1 for v in np.nanmax(points, axis=1)]
    return [640, 480]


def _base64(content: bytes | None) -> str | None:
    """Return bytes as base64 text."""
    return None if content is None else base64.b64encode(content).decode("ascii")
