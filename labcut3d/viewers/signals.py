"""What can be plotted over time: coordinates, height, speed, confidence, reprojection error."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from calibration.rig import Rig
from labcut3d.contract import TRAJECTORIES
from labcut3d.schema import kind_of
from labcut3d.skeleton import Skeleton
from labcut3d.viewers.rig_figure import up_direction

__all__ = ["Signal", "default_keypoints", "detection_signals", "signals_of", "trajectory_signals"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One quantity over time: `values` (time, keypoint, individual) in `unit`, NaN = missing.

    Signals of one `row` share an axis of the figure, one shown at a time.
    """

    name: str
    label: str
    unit: str
    row: str
    values: Array


def signals_of(dataset: xr.Dataset, rig: Rig | None = None) -> list[Signal]:
    """Return the signals of a trajectories dataset, or of the first view of detections."""
    if kind_of(dataset) is TRAJECTORIES:
        return trajectory_signals(dataset, rig)
    return detection_signals(dataset, str(dataset["view"].values[0]))


def trajectory_signals(trajectories: xr.Dataset, rig: Rig | None = None) -> list[Signal]:
    """Return height (with a rig), x, y, z, speed, confidence and reprojection error.

    Height is the coordinate along the up direction of the cameras; speed is the length of the
    central difference of the smoothed position.
    """
    unit = str(trajectories.attrs["unit"])
    position = trajectories["position"].transpose("time", "keypoint", "individual", "space").values
    signals = [_coordinate(name, unit, position[..., i]) for i, name in enumerate("xyz")]
    if rig is not None:
        signals.insert(0, _coordinate("height", unit, position @ up_direction(rig)))
    seconds = trajectories["time"].values
    speed = Signal(
        name="speed",
        label="speed",
        unit=f"{unit}/s",
        row="speed",
        values=_speed(position, seconds),
    )
    quality = [
        ("confidence", "confidence", ""),
        ("reprojection_error", "reprojection", "px"),
    ]
    rest = [
        Signal(
            name=name,
            label=label,
            unit=units,
            row=name,
            values=trajectories[name].transpose("time", "keypoint", "individual").values,
        )
        for name, label, units in quality
    ]
    return [*signals, speed, *rest]


def detection_signals(detections: xr.Dataset, view: str) -> list[Signal]:
    """Return x, y, speed and confidence of one view of detections, in px."""
    chosen = detections.sel(view=view)
    position = chosen["position"].transpose("time", "keypoint", "individual", "space").values
    confidence = chosen["confidence"].transpose("time", "keypoint", "individual").values
    speed = _speed(position, detections["time"].values)
    return [
        *(_coordinate(name, "px", position[..., i]) for i, name in enumerate("xy")),
        Signal(name="speed", label="speed", unit="px/s", row="speed", values=speed),
        Signal(name="confidence", label="confidence", unit="", row="confidence", values=confidence),
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
    return Signal(name=name, label=name, unit=unit, row="position", values=values)


def _speed(position: Array, seconds: Array) -> Array:
    """Return speeds (time, ...) of positions (time, ..., space) at `seconds` (time,)."""
    if len(seconds) < 2:
        return np.full(position.shape[:-1], np.nan)
    velocity = np.gradient(position.astype(float), seconds, axis=0)
    return np.linalg.norm(velocity, axis=-1)
