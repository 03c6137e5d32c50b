"""The contract of every dataset: dimensions, variables, units and attributes in one place.

Names are those of the `movement` package (0.17 on), so that its users can read our files:

- *detections*, what the 2-D detectors saw: `position (time, view, space, keypoint, individual)` px;
- *trajectories*, where the animal was: `position (time, space, keypoint, individual)` in `unit`.

Missing is NaN. Both carry `frame (time, view)` and `view_time (time, view)` in seconds, so that
clock offsets and dropped frames are data.
"""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DETECTIONS", "TRAJECTORIES", "Kind", "Variable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable of a dataset: its dimensions, its unit and what it means."""

    dims: tuple[str, ...]
    dtype: str
    units: str  # "unit" and "unit^2" stand for the dataset's own unit of length
    long_name: str
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of dataset: its variables, the labels of its space and its required attributes."""

    name: str
    space: tuple[str, ...]
    variables: Mapping[str, Variable]
    attributes: tuple[str, ...]


CLOCKS = {
    "frame": Variable(
        dims=("time", "view"), dtype="int64", units="1", long_name="frame number in the video"
    ),
    "view_time": Variable(
        dims=("time", "view"), dtype="float64", units="s", long_name="time of the view's frame"
    ),
}

DETECTIONS = Kind(
    name="detections",
    space=("x", "y"),
    variables={
        "position": Variable(
            dims=("time", "view", "space", "keypoint", "individual"),
            dtype="float32",
            units="px",
            long_name="position in the image",
        ),
        "confidence": Variable(
            dims=("time", "view", "keypoint", "individual"),
            dtype="float32",
            units="1",
            long_name="confidence of the detection, 0 to 1",
        ),
        "covariance": Variable(
            dims=("time", "view", "keypoint", "individual", "space", "space_"),
            dtype="float32",
            units="px^2",
            long_name="covariance of the position in the image",
            required=False,
        ),
        **CLOCKS,
    },
    attributes=("fps", "labcut3d_version"),
)


def _derivative(name: str, units: str) -> dict[str, Variable]:
    """Return a derivative of the smoother and its covariance, which raw points do not have."""
    return {
        name: Variable(
            dims=("time", "space", "keypoint", "individual"),
            dtype="float32",
            units=units,
            long_name=f"{name} of the refined position",
            required=False,
        ),
        f"{name}_covariance": Variable(
            dims=("time", "keypoint", "individual", "space", "space_"),
            dtype="float32",
            units=f"({units})^2",
            long_name=f"covariance of the {name}, of the detections' noise",
            required=False,
        ),
    }


TRAJECTORIES = Kind(
    name="trajectories",
    space=("x", "y", "z"),
    variables={
        "position": Variable(
            dims=("time", "space", "keypoint", "individual"),
            dtype="float64",
            units="unit",
            long_name="position, refined over time",
        ),
        "position_raw": Variable(
            dims=("time", "space", "keypoint", "individual"),
            dtype="float64",
            units="unit",
            long_name="position, triangulated from this moment alone",
        ),
        "covariance": Variable(
            dims=("time", "keypoint", "individual", "space", "space_"),
            dtype="float64",
            units="unit^2",
            long_name="covariance of position, of the detections' noise and the calibration",
        ),
        "covariance_calibration": Variable(
            dims=("time", "keypoint", "individual", "space", "space_"),
            dtype="float64",
            units="unit^2",
            long_name="the calibration's part in the covariance of position",
            required=False,
        ),
        **_derivative("velocity", "unit/s"),
        **_derivative("acceleration", "unit/s^2"),
        "reprojection_error": Variable(
            dims=("time", "keypoint", "individual"),
            dtype="float32",
            units="px",
            long_name="root mean square distance from the detections used to the reprojection",
        ),
        "view_used": Variable(
            dims=("time", "view", "keypoint", "individual"),
            dtype="bool",
            units="1",
            long_name="whether the view's detection was used",
        ),
        "confidence": Variable(
            dims=("time", "keypoint", "individual"),
            dtype="float32",
            units="1",
            long_name="confidence of the point, 0 to 1",
        ),
        "exchanged": Variable(
            dims=("time", "view", "individual"),
            dtype="int64",
            units="1",
            long_name="left/right pairs of keypoints that were exchanged in the view's detections",
            required=False,
        ),
        "detected_as": Variable(
            dims=("time", "view", "individual"),
            dtype="int64",
            units="1",
            long_name="which individual of the view's detections it is, from 0 on; -1 = none",
            required=False,
        ),
        "identity_doubtful": Variable(
            dims=("time", "individual"),
            dtype="bool",
            units="1",
            long_name="whether another individual may as well go on from here",
            required=False,
        ),
        **CLOCKS,
    },
    attributes=("fps", "unit", "labcut3d_version"),
)
