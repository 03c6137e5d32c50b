"""What can be plotted over time: coordinates, speed, bending, errors, confidence, uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from calibration.alignment import up_direction
from calibration.rig import Rig
from labcut3d.contract import TRAJECTORIES
from labcut3d.kinematics.ethogram import (
    BENDING_KEYPOINTS,
    PROBOSCIS_KEYPOINTS,
    compute_abdominal_bending,
    compute_proboscis_extension,
)
from labcut3d.schema import kind_of
from labcut3d.skeleton import Skeleton

__all__ = ["Signal", "default_keypoints", "detection_signals", "signals_of", "trajectory_signals"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One quantity over time: `values` (time, keypoint, individual) in `unit`, NaN = missing.

    What belongs to an animal as a whole has one keypoint. Signals of one `row` share an axis of the
    figure, one shown at a time; `shown` are the rows to begin with.
    """

    name: str
    label: str
    unit: str
    row: str
    values: Array
    shown: bool = False


def signals_of(dataset: xr.Dataset, rig: Rig | None = None) -> list[Signal]:
    """Return the signals of a trajectories dataset, or of the first view of detections."""
    if kind_of(dataset) is TRAJECTORIES:
        return trajectory_signals(dataset, rig)
    return detection_signals(dataset, str(dataset["view"].values[0]))


def trajectory_signals(trajectories: xr.Dataset, rig: Rig | None = None) -> list[Signal]:
    """Return height (with a rig), x, y, z, speed, what the animal does, and how well it is known.

    Height is the coordinate along the up direction of the cameras; speed is the length of the
    central difference of the smoothed position; uncertainty is the root of the summed variances.
    """
    unit = str(trajectories.attrs["unit"])
    position = trajectories["position"].transpose("time", "keypoint", "individual", "space").values
    signals = [_coordinate(name, unit, position[..., i]) for i, name in enumerate("xyz")]
    if rig is not None:
        signals.insert(0, _coordinate("height", unit, position @ up_direction(rig)))
    speed = _speed(position, trajectories["time"].values)
    order = ("time", "keypoint", "individual")
    covariance = trajectories["covariance"].transpose(*order, "space", "space_").values
    known = {
        "reprojection_error": trajectories["reprojection_error"].transpose(*order).values,
        "confidence": trajectories["confidence"].transpose(*order).values,
        "uncertainty": np.sqrt(np.trace(covariance, axis1=-2, axis2=-1)),
        "views": trajectories["view_used"].sum("view").transpose(*order).values.astype(float),
    }
    return [
        *signals,
        _row("speed", "speed", f"{unit}/s", speed, shown=True),
        *_doings(trajectories),
        _row("reprojection_error", "reprojection", "px", known["reprojection_error"], shown=True),
        _row("confidence", "confidence", "", known["confidence"], shown=True),
        _row("uncertainty", "uncertainty", unit, known["uncertainty"]),
        _row("views", "views used", "", known["views"]),
        *_exchanges(trajectories),
    ]


def _doings(trajectories: xr.Dataset) -> list[Signal]:
    """Return bending and proboscis extension, where the keypoints are there that tell them."""
    doings = (
        ("bending", "°", BENDING_KEYPOINTS, compute_abdominal_bending),
        ("proboscis", "head widths", PROBOSCIS_KEYPOINTS, compute_proboscis_extension),
    )
    names = set(trajectories["keypoint"].values)
    signals = []
    for name, unit, keypoints, compute in doings:
        if set(keypoints) <= names:
            found = compute(trajectories["position"]).transpose("time", "individual").values
            signals.append(_row(name, name, unit, found[:, None], shown=name == "bending"))
    return signals


def _exchanges(trajectories: xr.Dataset) -> list[Signal]:
    """Return how many left/right pairs were exchanged back, in all views, where any was."""
    if "exchanged" not in trajectories or not trajectories["exchanged"].values.any():
        return []
    count = trajectories["exchanged"].sum("view").transpose("time", "individual").values
    return [_row("exchanged", "pairs exchanged", "", count[:, None].astype(float))]


def detection_signals(detections: xr.Dataset, view: str) -> list[Signal]:
    """Return x, y, speed and confidence of one view of detections, in px."""
    chosen = detections.sel(view=view)
    position = chosen["position"].transpose("time", "keypoint", "individual", "space").values
    confidence = chosen["confidence"].transpose("time", "keypoint", "individual").values
    speed = _speed(position, detections["time"].values)
    return [
        *(_coordinate(name, "px", position[..., i]) for i, name in enumerate("xy")),
        _row("speed", "speed", "px/s", speed, shown=True),
        _row("confidence", "confidence", "", confidence, shown=True),
    ]


def default_keypoints(keypoints: Sequence[str], skeleton: Skeleton | None) -> tuple[str, ...]:
    """Return the keypoints to show first: the free ends of the body's midline, or the two ends."""
    if skeleton is not None:
        joints = [name for bone in skeleton.bones for name in bone]
        paired = {name for pair in skeleton.left_right for name in pair}
        ends = [k for k in keypoints if joints.count(k) == 1 and k not in paired]
        if ends:
            return tuple(ends[:3])
    return tuple(dict.fromkeys((keypoints[0], keypoints[-1])))


def _coordinate(name: str, unit: str, values: Array) -> Signal:
    """Return one coordinate as a signal of the row of positions."""
    return Signal(name=name, label=name, unit=unit, row="position", values=values, shown=True)


def _row(name: str, label: str, unit: str, values: Array, *, shown: bool = False) -> Signal:
    """Return a signal that has a row of its own."""
    return Signal(name=name, label=label, unit=unit, row=name, values=values, shown=shown)


def _speed(position: Array, seconds: Array) -> Array:
    """Return speeds (time, ...) of positions (time, ..., space) at `seconds` (time,)."""
    if len(seconds) < 2:
        return np.full(position.shape[:-1], np.nan)
    velocity = np.gradient(position.astype(float), seconds, axis=0)
    return np.linalg.norm(velocity, axis=-1)
