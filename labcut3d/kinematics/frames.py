"""The animal's own axes: where it is, which way it points, and everything as seen from it.

The axes are those of a skeleton's `Body`: x forward, y to the left, z up. How errors of its
keypoints turn and shift them is known to first order, so that every coordinate in the animal's own
frame has a covariance, of its own point and of those that the frame hangs on.
"""

import numpy as np
import xarray as xr

from calibration.geometry import Array
from labcut3d.errors import DatasetError
from labcut3d.kinematics.arrays import described, direction, norm, require, square, unit_of
from labcut3d.kinematics.kernels import pose_covariances, see_covariances
from labcut3d.skeleton import Body

__all__ = [
    "AXES",
    "compute_body_axes",
    "compute_body_origin",
    "compute_egocentric",
    "compute_egocentric_covariance",
    "compute_orientation",
    "compute_orientation_covariance",
]

AXES = ("forward", "left", "up")
ANGLES = ("roll", "pitch", "yaw")
IN_LINE = 1e-9  # sine of the angle between the way forward and that to the left


def compute_body_origin(position: xr.DataArray, body: Body) -> xr.DataArray:
    """Return where the frame's origin is: the middle of the body's `rear`, in the world."""
    points = _frame_points(position, body)
    origin = xr.dot(points, _weights(points, body).sel(end="rear"), dim="keypoint", optimize=True)
    order = [dim for dim in position.dims if dim != "keypoint"]
    return described(origin.transpose(*order), unit_of(position), "origin of the body's frame")


def compute_body_axes(position: xr.DataArray, body: Body) -> xr.DataArray:
    """Return the body's axes in the world (..., space, axis), as columns of unit length.

    It is the rotation world_from_body. NaN where a keypoint that it needs is missing, or where
    left and right lie in line with front and rear.
    """
    points = _frame_points(position, body)
    found = xr.apply_ufunc(
        lambda values: _axes(*_ends(values, points, body)),
        points,
        input_core_dims=[["keypoint", "space"]],
        output_core_dims=[["space", "axis"]],
    )
    found = found.assign_coords(axis=list(AXES))
    return described(found, "1", "axes of the body in the world")


def compute_egocentric(position: xr.DataArray, body: Body) -> xr.DataArray:
    """Return positions in the body's own frame: `space` is x forward, y left, z up."""
    axes, origin = compute_body_axes(position, body), compute_body_origin(position, body)
    moved = (position - origin).rename(space="world")
    found = xr.dot(moved, axes.rename(space="world"), dim="world", optimize=True)
    found = found.rename(axis="space").assign_coords(space=position["space"].values)
    return described(
        found.transpose(*position.dims), unit_of(position), "position in the body's own frame"
    )


def compute_egocentric_covariance(
    position: xr.DataArray, covariance: xr.DataArray, body: Body
) -> xr.DataArray:
    """Return the covariance of `compute_egocentric`, unit^2, with the dimensions of `covariance`.

    A point errs by itself, and by the frame that it is told in.
    """
    require(covariance, "space", "space_", "keypoint")
    points, names = _frame_points(position, body), position["keypoint"].values.tolist()
    frame = [names.index(name) for name in points["keypoint"].values]

    def find(values: Array, matrices: Array) -> Array:
        """Return the covariances (..., keypoint, 3, 3) of values (..., keypoint, 3)."""
        pose = _Pose(values[..., frame, :], points, body)
        return pose.covariance_of(values, matrices, frame)

    core = ["keypoint", "space", "space_"]
    found = xr.apply_ufunc(
        find, position, covariance, input_core_dims=[core[:2], core], output_core_dims=[core]
    )
    units = square(unit_of(position))
    found = found.transpose(*covariance.dims)
    return described(found, units, "covariance of the position in the body's own frame")


def compute_orientation(position: xr.DataArray, body: Body) -> xr.DataArray:
    """Return `roll`, `pitch` and `yaw` (..., angle) of the body in the world, radians.

    Turned first by yaw about the world's z, then by pitch about its own y, then by roll about its
    own x (Tait-Bryan, z-y'-x''), each by the right hand: a positive pitch is nose down where z
    points up. Yaw and roll lie within -pi and pi, pitch within -pi/2 and pi/2. They are told apart
    badly where the body points along z.
    """
    axes = compute_body_axes(position, body)
    found = xr.apply_ufunc(
        _angles, axes, input_core_dims=[["space", "axis"]], output_core_dims=[["angle"]]
    )
    return described(
        found.assign_coords(angle=list(ANGLES)), "rad", "orientation: roll, pitch and yaw"
    )


def compute_orientation_covariance(
    position: xr.DataArray, covariance: xr.DataArray, body: Body
) -> xr.DataArray:
    """Return the covariance (..., angle, angle_) of `compute_orientation`, rad^2."""
    require(covariance, "space", "space_", "keypoint")
    points = _frame_points(position, body)
    names = points["keypoint"].values

    def find(values: Array, matrices: Array) -> Array:
        """Return the covariances (..., 3, 3) of values (..., keypoint, 3)."""
        pose = _Pose(values, points, body)
        slopes = _angle_slopes(_angles(pose.axes))
        turning = pose.covariance(matrices)[..., 3:, 3:]
        return slopes @ turning @ np.swapaxes(slopes, -1, -2)

    core = ["keypoint", "space"]
    found = xr.apply_ufunc(
        find,
        points,
        covariance.sel(keypoint=names),
        input_core_dims=[core, [*core, "space_"]],
        output_core_dims=[["angle", "angle_"]],
    )
    found = found.assign_coords(angle=list(ANGLES), angle_=list(ANGLES))
    return described(found, "rad^2", "covariance of roll, pitch and yaw")


class _Pose:
    """The body's frame at many moments, and its slopes by the keypoints that it hangs on.

    `slopes` (..., keypoint, 6, 3): how a keypoint's error shifts the frame, and turns it (rotation
    vector), both in the frame itself.
    """

    def __init__(self, values: Array, points: xr.DataArray, body: Body) -> None:
        """Take frame points (..., keypoint, 3), named in `points`."""
        weights = _weights(points, body)
        front, rear, left, right = _ends(values, points, body)
        self.axes, self.origin = _axes(front, rear, left, right), rear
        forward, across = norm(front - rear), left - right
        x, y, z = np.moveaxis(self.axes, -1, 0)
        along, aside = ((across * axis).sum(axis=-1)[..., None] for axis in (x, y))
        pitch_by_way, yaw_by_way = -z / forward[..., None], y / forward[..., None]
        way = np.stack([along / aside * pitch_by_way, pitch_by_way, yaw_by_way], axis=-2)
        roll_by_across = z / aside
        back = np.swapaxes(self.axes, -1, -2)
        slopes = np.zeros((*values.shape[:-1], 6, 3))
        for k, (f, r, a, b) in enumerate(weights.transpose("keypoint", "end").values):
            slopes[..., k, :3, :] = r * back
            slopes[..., k, 3:, :] = (f - r) * way
            slopes[..., k, 3, :] += (a - b) * roll_by_across
        self.slopes = slopes

    def covariance(self, matrices: Array) -> Array:
        """Return the covariance (..., 6, 6) of the frame, from those of its keypoints."""
        result = np.empty((*self.axes.shape[:-2], 6, 6))
        slopes = self.slopes.reshape(-1, *self.slopes.shape[-3:])
        flat = matrices.reshape(-1, *matrices.shape[-3:])
        pose_covariances(slopes, flat, result.reshape(-1, 6, 6))
        return result

    def covariance_of(self, values: Array, matrices: Array, frame: list[int]) -> Array:
        """Return the covariances (..., keypoint, 3, 3) of points (..., keypoint, 3) in the frame.

        `frame` are the places of the frame's own keypoints among them.
        """
        count = values.shape[-2]
        place = np.full(count, -1)
        place[frame] = np.arange(len(frame))
        pose = self.covariance(matrices[..., frame, :, :])
        result = np.array(matrices, order="C")
        see_covariances(
            self.axes.reshape(-1, 3, 3),
            ((values - self.origin[..., None, :]) @ self.axes).reshape(-1, count, 3),
            pose.reshape(-1, 6, 6),
            self.slopes.reshape(-1, *self.slopes.shape[-3:]),
            place,
            result.reshape(-1, count, 3, 3),
        )
        return result


def _frame_points(position: xr.DataArray, body: Body) -> xr.DataArray:
    """Return the positions of the keypoints that the body's frame hangs on."""
    require(position, "space", "keypoint")
    names = position["keypoint"].values.tolist()
    missing = [name for name in body.keypoints if name not in names]
    if missing:
        raise DatasetError(
            f"the body's axes need the keypoint '{missing[0]}'; there are {', '.join(names)}"
        )
    if position.sizes["space"] != 3:
        raise DatasetError(f"the body's axes need 3-D points, not {position.sizes['space']}-D ones")
    return position.sel(keypoint=list(body.keypoints))


def _weights(points: xr.DataArray, body: Body) -> xr.DataArray:
    """Return what each keypoint counts (keypoint, end) in the middles of the body's four ends."""
    ends = ("front", "rear", "left", "right")
    names = points["keypoint"].values.tolist()
    weights = np.array(
        [[(name in getattr(body, end)) / len(getattr(body, end)) for end in ends] for name in names]
    )
    return xr.DataArray(
        weights, dims=("keypoint", "end"), coords={"keypoint": names, "end": list(ends)}
    )


def _ends(values: Array, points: xr.DataArray, body: Body) -> tuple[Array, Array, Array, Array]:
    """Return front, rear, left and right (..., 3) of frame points (..., keypoint, 3)."""
    weights = _weights(points, body).transpose("end", "keypoint").values
    front, rear, left, right = np.moveaxis(weights @ values, -2, 0)
    return front, rear, left, right


def _axes(front: Array, rear: Array, left: Array, right: Array) -> Array:
    """Return the axes (..., 3, 3) as columns: forward, left, up."""
    x = direction(front - rear)
    upright = np.cross(x, direction(left - right))
    z = direction(np.where(norm(upright)[..., None] > IN_LINE, upright, np.nan))
    return np.stack([np.where(np.isfinite(z), x, np.nan), np.cross(z, x), z], axis=-1)


def _angles(axes: Array) -> Array:
    """Return roll, pitch and yaw (..., 3) of axes (..., 3, 3)."""
    roll = np.arctan2(axes[..., 2, 1], axes[..., 2, 2])
    pitch = np.arctan2(-axes[..., 2, 0], np.hypot(axes[..., 0, 0], axes[..., 1, 0]))
    yaw = np.arctan2(axes[..., 1, 0], axes[..., 0, 0])
    return np.stack([roll, pitch, yaw], axis=-1)


def _angle_slopes(angles: Array) -> Array:
    """Return the slopes (..., 3, 3) of roll, pitch and yaw by a turn about the body's own axes."""
    roll, pitch = angles[..., 0], angles[..., 1]
    sine, cosine, zero = np.sin(roll), np.cos(roll), np.zeros_like(roll)
    rows = [
        [zero + 1, np.tan(pitch) * sine, np.tan(pitch) * cosine],
        [zero, cosine, -sine],
        [zero, sine / np.cos(pitch), cosine / np.cos(pitch)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
