"""Every stated variance against that of many drawn versions of the points."""

import numpy as np
import pytest
import xarray as xr
from sampled import assert_variance_is_true, covariance_like, moving_points

from labcut3d.kinematics import (
    Plane,
    compute_acceleration,
    compute_acceleration_covariance,
    compute_distance,
    compute_distance_variance,
    compute_egocentric,
    compute_egocentric_covariance,
    compute_joint_angles,
    compute_joint_angles_variance,
    compute_length,
    compute_length_variance,
    compute_middle,
    compute_middle_covariance,
    compute_orientation,
    compute_orientation_covariance,
    compute_path_length,
    compute_path_length_variance,
    compute_plane_distance,
    compute_plane_distance_variance,
    compute_segment_lengths,
    compute_segment_lengths_variance,
    compute_speed,
    compute_speed_variance,
    compute_turning_angle,
    compute_turning_angle_variance,
    compute_velocity,
    compute_velocity_covariance,
)
from labcut3d.skeleton import Angle, Body, Skeleton

BODY = Body(front=("a", "b"), rear=("c", "d"), left=("b",), right=("d", "a"))
SKELETON = Skeleton(
    name="four points",
    keypoints=("a", "b", "c", "d"),
    bones=(("a", "b"), ("b", "c")),
    angles=(Angle(name="bend", first="a", joint="b", last="c"),),
    body=BODY,
)
PLANE = Plane(normal=np.array([1.0, 2.0, -1.0]), distance=0.3)


def pick(array: xr.DataArray, name: str) -> xr.DataArray:
    return array.sel(keypoint=name, drop=True)


SCALARS = {
    "distance": (
        lambda p: compute_distance(pick(p, "a"), pick(p, "b")),
        lambda p, c: compute_distance_variance(
            pick(p, "a"), pick(p, "b"), pick(c, "a"), pick(c, "b")
        ),
    ),
    "turning angle": (
        lambda p: compute_turning_angle(pick(p, "a"), pick(p, "b")),
        lambda p, c: compute_turning_angle_variance(
            pick(p, "a"), pick(p, "b"), pick(c, "a"), pick(c, "b")
        ),
    ),
    "plane distance": (
        lambda p: compute_plane_distance(p, PLANE),
        lambda p, c: compute_plane_distance_variance(p, PLANE, c),
    ),
    "length": (compute_length, compute_length_variance),
    "path length": (
        lambda p: compute_path_length(p).isel(time=slice(1, None)),
        lambda p, c: compute_path_length_variance(p, c).isel(time=slice(1, None)),
    ),
    "speed": (compute_speed, compute_speed_variance),
    "segment lengths": (
        lambda p: compute_segment_lengths(p, SKELETON),
        lambda p, c: compute_segment_lengths_variance(p, c, SKELETON),
    ),
    "joint angles": (
        lambda p: compute_joint_angles(p, SKELETON),
        lambda p, c: compute_joint_angles_variance(p, c, SKELETON),
    ),
}
VECTORS = {
    "velocity": ("space", compute_velocity, compute_velocity_covariance),
    "acceleration": ("space", compute_acceleration, compute_acceleration_covariance),
    "middle": (
        "space",
        lambda p: compute_middle(p, ("a", "b", "d")),
        lambda p, c: compute_middle_covariance(c, ("a", "b", "d")),
    ),
    "egocentric": (
        "space",
        lambda p: compute_egocentric(p, BODY),
        lambda p, c: compute_egocentric_covariance(p, c, BODY),
    ),
    "orientation": (
        "angle",
        lambda p: compute_orientation(p, BODY),
        lambda p, c: compute_orientation_covariance(p, c, BODY),
    ),
}


@pytest.mark.parametrize("name", SCALARS)
def test_variances_of_numbers_are_those_of_draws(name):
    quantity, stated = SCALARS[name]
    position = moving_points(16)
    covariance = covariance_like(position, size=0.002)
    assert_variance_is_true(quantity, stated(position, covariance), position, covariance)


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("way", [[1.0, 2.0, -1.0], [0.0, 1.0, 1.0]])
def test_covariances_of_vectors_are_those_of_draws(name, way):
    """Of their part along oblique directions, so that covariances count as variances do."""
    dim, quantity, stated = VECTORS[name]
    position = moving_points(16)
    covariance = covariance_like(position, size=0.002)
    along = xr.DataArray(way, dims=dim)
    found = stated(position, covariance)
    assert_variance_is_true(
        lambda points: (quantity(points) * along).sum(dim, skipna=False),
        xr.dot(found, along, along.rename({dim: f"{dim}_"}), dim=[dim, f"{dim}_"]),
        position,
        covariance,
    )
