"""The contract of every dataset: dimensions, variables, units and attributes in one place.

Names are those of the `movement` package (0.17 on), so that its users can read our files:

- *detections*, what the 2-D detectors saw: `position (time, view, space, keypoint, individual)` px;
- *trajectories*, where the animal was: `position (time, space, keypoint, individual)` in `unit`;
- *kinematics*, how it moved and held itself: what is computed from trajectories.

Missing is NaN. The first two carry `frame (time, view)` and `view_time (time, view)` in seconds, so
that clock offsets and dropped frames are data.
"""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DETECTIONS", "KINEMATICS", "TRAJECTORIES", "Kind", "Variable"]


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
    """A kind of dataset: its variables, the labels of its space, and what else it must have."""

    name: str
    space: tuple[str, ...]
    variables: Mapping[str, Variable]
    attributes: tuple[str, ...]
    coords: tuple[str, ...] = ("time", "view", "keypoint", "individual", "space")


POINTS, BONES, JOINTS = (("time", each, "individual") for each in ("keypoint", "bone", "joint"))
VECTORS = ("time", "space", *POINTS[1:])
MATRICES = (*POINTS, "space", "space_")
NOISE = ", of the detections' noise"

CLOCKS = {
    "frame": Variable(
        dims=("time", "view"), dtype="int64", units="1", long_name="frame number in the video"
    ),
    "view_time": Variable(
        dims=("time", "view"), dtype="float64", units="s", long_name="time of the view's frame"
    ),
}


def _uncertain(
    name: str, dims: tuple[str, ...], units: str, long_name: str, errors: str = ""
) -> dict[str, Variable]:
    """Return an optional quantity and its variance, or its covariance if it has parts.

    `errors` says whose errors those are.
    """
    part = next((dim for dim in dims if dim in ("space", "angle")), None)
    suffix, others = "variance", dims
    if part is not None:
        suffix = "covariance"
        others = (*(dim for dim in dims if dim != part), part, f"{part}_")
    squared = f"{units}^2" if units.isalpha() else f"({units})^2"
    return {
        name: Variable(
            dims=dims, dtype="float32", units=units, long_name=long_name, required=False
        ),
        f"{name}_{suffix}": Variable(
            dims=others,
            dtype="float32",
            units=squared,
            long_name=f"{suffix} of the {name.replace('_', ' ')}{errors}",
            required=False,
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


TRAJECTORIES = Kind(
    name="trajectories",
    space=("x", "y", "z"),
    variables={
        "position": Variable(
            dims=VECTORS, dtype="float64", units="unit", long_name="position, refined over time"
        ),
        "position_raw": Variable(
            dims=VECTORS,
            dtype="float64",
            units="unit",
            long_name="position, triangulated from this moment alone",
        ),
        "covariance": Variable(
            dims=MATRICES,
            dtype="float64",
            units="unit^2",
            long_name="covariance of position, of the detections' noise and the calibration",
        ),
        "covariance_calibration": Variable(
            dims=MATRICES,
            dtype="float64",
            units="unit^2",
            long_name="the calibration's part in the covariance of position",
            required=False,
        ),
        **_uncertain("velocity", VECTORS, "unit/s", "velocity of the refined position", NOISE),
        **_uncertain(
            "acceleration", VECTORS, "unit/s^2", "acceleration of the refined position", NOISE
        ),
        "reprojection_error": Variable(
            dims=POINTS,
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
            dims=POINTS, dtype="float32", units="1", long_name="confidence of the point, 0 to 1"
        ),
        "view_count": Variable(
            dims=POINTS,
            dtype="int64",
            units="1",
            long_name="number of views used, of files that do not tell which",
            required=False,
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


KINEMATICS = Kind(
    name="kinematics",
    space=("x", "y", "z"),
    variables={
        **_uncertain("velocity", VECTORS, "unit/s", "velocity"),
        **_uncertain("acceleration", VECTORS, "unit/s^2", "acceleration"),
        **_uncertain("speed", POINTS, "unit/s", "length of the velocity"),
        **_uncertain("path_length", POINTS, "unit", "way since the first known moment"),
        **_uncertain("segment_length", BONES, "unit", "length of the bone"),
        **_uncertain("joint_angle", JOINTS, "rad", "joint angle, pi when straight"),
        "body_origin": Variable(
            dims=("time", "space", "individual"),
            dtype="float32",
            units="unit",
            long_name="origin of the body's own frame",
            required=False,
        ),
        "body_axes": Variable(
            dims=("time", "space", "axis", "individual"),
            dtype="float32",
            units="1",
            long_name="axes of the body: forward, left, up",
            required=False,
        ),
        **_uncertain("egocentric", VECTORS, "unit", "position in the body's own frame"),
        **_uncertain(
            "orientation", ("time", "angle", "individual"), "rad", "roll, pitch and yaw of the body"
        ),
        **_uncertain(
            "plane_distance", ("time", "plane", *POINTS[1:]), "unit", "distance from the plane"
        ),
        "contact": Variable(
            dims=("time", "plane", *POINTS[1:]),
            dtype="float32",
            units="1",
            long_name="probability that the point touches the plane",
            required=False,
        ),
        **_uncertain(
            "joint_angle_spectrum",
            ("frequency", *JOINTS[1:]),
            "rad^2/Hz",
            "power spectral density of the joint angle",
        ),
        **_uncertain(
            "joint_angle_frequency", JOINTS[1:], "Hz", "dominant frequency of the joint angle"
        ),
        **_uncertain(
            "speed_spectrum",
            ("frequency", *POINTS[1:]),
            "(unit/s)^2/Hz",
            "power spectral density of the speed",
        ),
        **_uncertain("speed_frequency", POINTS[1:], "Hz", "dominant frequency of the speed"),
    },
    attributes=("fps", "unit", "labcut3d_version"),
    coords=("time", "keypoint", "individual", "space"),
)
