"""What a skeleton names: the lengths of its bones and its angles, all at once."""

from collections.abc import Sequence

import xarray as xr

from labcut3d.errors import DatasetError
from labcut3d.kinematics.arrays import require
from labcut3d.kinematics.geometry import (
    compute_distance,
    compute_distance_variance,
    compute_joint_angle,
    compute_joint_angle_variance,
)
from labcut3d.skeleton import Skeleton

__all__ = [
    "compute_joint_angles",
    "compute_joint_angles_variance",
    "compute_segment_lengths",
    "compute_segment_lengths_variance",
]


def compute_segment_lengths(position: xr.DataArray, skeleton: Skeleton) -> xr.DataArray:
    """Return the lengths of all bones, named "start-stop" along `bone`, in the positions' unit."""
    return compute_distance(*_ends(position, skeleton)).assign_attrs(long_name="length of the bone")


def compute_segment_lengths_variance(
    position: xr.DataArray, covariance: xr.DataArray, skeleton: Skeleton
) -> xr.DataArray:
    """Return the variance of `compute_segment_lengths`, unit^2."""
    found = compute_distance_variance(*_ends(position, skeleton), *_ends(covariance, skeleton))
    return found.assign_attrs(long_name="variance of the length of the bone")


def compute_joint_angles(position: xr.DataArray, skeleton: Skeleton) -> xr.DataArray:
    """Return all angles of a skeleton by name along `joint`, radians, 0 to pi (straight)."""
    return compute_joint_angle(*_joints(position, skeleton))


def compute_joint_angles_variance(
    position: xr.DataArray, covariance: xr.DataArray, skeleton: Skeleton
) -> xr.DataArray:
    """Return the variance of `compute_joint_angles`, rad^2; see `compute_joint_angle_variance`."""
    return compute_joint_angle_variance(
        *_joints(position, skeleton), *_joints(covariance, skeleton)
    )


def _ends(array: xr.DataArray, skeleton: Skeleton) -> tuple[xr.DataArray, xr.DataArray]:
    """Return what an array holds of the bones' two ends, along `bone`."""
    labels = [f"{start}-{stop}" for start, stop in skeleton.bones]
    starts, stops = ([bone[end] for bone in skeleton.bones] for end in (0, 1))
    return _picked(array, starts, "bone", labels), _picked(array, stops, "bone", labels)


def _joints(
    array: xr.DataArray, skeleton: Skeleton
) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Return what an array holds of the angles' three keypoints, along `joint`."""
    labels = [angle.name for angle in skeleton.angles]
    first, joint, last = (
        _picked(array, [angle.keypoints[place] for angle in skeleton.angles], "joint", labels)
        for place in range(3)
    )
    return first, joint, last


def _picked(
    array: xr.DataArray, keypoints: Sequence[str], dim: str, labels: Sequence[str]
) -> xr.DataArray:
    """Return an array with chosen keypoints along a new dimension in place of all of them."""
    require(array, "keypoint")
    names = [str(name) for name in array["keypoint"].values]
    for keypoint, label in zip(keypoints, labels, strict=True):
        if keypoint not in names:
            raise DatasetError(
                f"the {dim} '{label}' needs the keypoint '{keypoint}'; there are {', '.join(names)}"
            )
    picked = array.isel(keypoint=[names.index(keypoint) for keypoint in keypoints])
    return picked.drop_vars("keypoint").rename(keypoint=dim).assign_coords({dim: list(labels)})
