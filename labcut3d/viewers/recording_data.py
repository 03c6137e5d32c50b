"""The arrays and names of a recording that the viewer's scripts work with."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from labcut3d.viewers.clips import CLIP_FPS, Clips
from labcut3d.viewers.ellipsoids import LEVEL, RADIUS, ball, square_roots
from labcut3d.viewers.marks import reproject
from labcut3d.viewers.page import encode_array
from labcut3d.viewers.palette import event_color, in_words, keypoint_colors
from labcut3d.viewers.recording import Recording
from labcut3d.viewers.repairs import exchanged_points
from labcut3d.viewers.signals import Signal, default_keypoints
from labcut3d.viewers.time_series import ROW, strip_height
from labcut3d.viewers.trajectory_figure import positions_of

__all__ = ["recording_data"]


def recording_data(
    recording: Recording, clips: Clips, sources: Sequence[tuple[str, list[Signal]]]
) -> dict[str, Any]:
    """Return the arrays and names that the scripts in `static/viewer` work with."""
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
        "views": [_view(recording, clips, view, sizes[view]) for view in views],
        "sources": [{"name": name, "signals": _signals(signals)} for name, signals in sources],
        "events": _events(recording.events),
        "stripHeight": strip_height(recording.events),
        "rowHeight": ROW,
    }
    if recording.trajectories is not None:
        data |= _space_data(recording, views)
    if recording.detections is not None:
        found = recording.detections.sel(view=list(views))
        order = ("time", "view", "individual", "keypoint")
        data["detections"] = encode_array(found["position"].transpose(*order, "space").values)
        data["confidence"] = encode_array(found["confidence"].transpose(*order).values)
    return data


def _space_data(recording: Recording, views: Sequence[str]) -> dict[str, Any]:
    """Return what the scene draws, and where it is seen in the views."""
    trajectories = recording.trajectories
    assert trajectories is not None
    position = positions_of(trajectories)
    order = ("time", "individual", "keypoint", "space", "space_")
    data = {
        "position": encode_array(position),
        "reach": _reach(position),
        "spread": encode_array(square_roots(trajectories["covariance"].transpose(*order).values)),
        "ball": ball()[0].tolist(),
        "ballRadius": RADIUS,
        "ballLevel": LEVEL,
    }
    if recording.rig is None:
        return data
    reprojection = reproject(recording, views)
    data["reprojection"] = encode_array(reprojection)
    if recording.detections is not None:
        marked = exchanged_points(
            trajectories, recording.detections, reprojection, recording.skeleton
        )
        if marked.any():
            data["exchanged"] = encode_array(marked, "|u1")
    return data


def _view(recording: Recording, clips: Clips, view: str, size: list[int]) -> dict[str, Any]:
    """Return what the page knows of a view: its clip, or else where its video lies."""
    described: dict[str, Any] = {"name": view, "size": size, "video": None}
    if view in clips.files:
        described["video"] = base64.b64encode(clips.files[view]).decode("ascii")
    elif view in recording.links:
        source = recording.videos[view]
        described |= {"link": recording.links[view], "fps": source.fps}
    return described


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
            "shown": signal.shown,
            "values": encode_array(np.transpose(signal.values, (2, 1, 0))),
        }
        for signal in signals
    ]


def _events(events: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return events for the page: what happens now is named beside the slider, all in a table."""
    if events is None:
        return []
    return [
        {
            "name": in_words(event["event"]),
            "individual": str(event["individual"]),
            "start": float(event["start_s"]),
            "stop": float(event["stop_s"]),
            "confidence": float(event.get("confidence", np.nan)),
            "color": event_color(str(event["event"])),
        }
        for event in events.to_dict("records")
    ]


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
