"""Derivatives and angles of motions whose answer is known."""

import numpy as np
import pytest
import xarray as xr

from labcut3d.errors import DatasetError
from labcut3d.kinematics.geometry import (
    compute_distance,
    compute_joint_angle,
    compute_speed,
    compute_turning_angle,
    compute_velocity,
)


def points(values, time=None) -> xr.DataArray:
    values = np.asarray(values, dtype=float)
    coords = {"time": np.arange(len(values)) / 10 if time is None else time, "space": list("xyz")}
    return xr.DataArray(values, dims=("time", "space"), coords=coords, attrs={"units": "mm"})


def test_velocity_of_a_parabola_is_exact_even_for_uneven_times():
    time = np.array([0.0, 0.1, 0.25, 0.3, 0.6, 0.7])
    path = np.stack([3 * time, time**2, 0 * time], axis=1)
    velocity = compute_velocity(points(path, time))
    expected = np.stack([3 + 0 * time, 2 * time, 0 * time], axis=1)
    np.testing.assert_allclose(velocity.values[1:-1], expected[1:-1], atol=1e-12)
    assert velocity.attrs["units"] == "mm/s"


def test_speed_on_a_circle_is_radius_times_rate():
    time = np.arange(200) / 100
    path = np.stack([2 * np.cos(3 * time), 2 * np.sin(3 * time), 5 + 0 * time], axis=1)
    speed = compute_speed(points(path, time))
    # The central difference of a sine is off by (rate * step)^2 / 6 = 1.5e-4 of it.
    np.testing.assert_allclose(speed.values[1:-1], 6.0, rtol=2e-4)
    assert speed.dims == ("time",)


def test_velocity_needs_two_moments_and_marks_gaps():
    assert np.isnan(compute_velocity(points([[1, 2, 3]])).values).all()
    path = np.arange(15.0).reshape(5, 3)
    path[2] = np.nan
    missing = np.isnan(compute_velocity(points(path)).values[:, 0])
    assert missing.tolist() == [False, True, True, True, False]


@pytest.mark.parametrize("degrees", [0.0, 1e-5, 30.0, 90.0, 135.0, 179.99999, 180.0])
def test_joint_angle_is_precise_from_folded_to_straight(degrees):
    angle = np.deg2rad(degrees)
    joint = points([[1, 1, 1]])
    first = joint + points([[2.0, 0, 0]])
    last = joint + points([[0.5 * np.cos(angle), 0.5 * np.sin(angle), 0]])
    found = compute_joint_angle(first, joint, last)
    assert found.values[0] == pytest.approx(angle, abs=1e-12)
    assert found.attrs["units"] == "rad"


def test_angles_of_missing_or_vanishing_vectors_are_missing():
    vectors, other = points([[0, 0, 0], [np.nan, 1, 0], [1, 0, 0]]), points([[0, 1, 0]] * 3)
    angle = compute_turning_angle(vectors, other).values
    assert np.isnan(angle[:2]).all()
    assert angle[2] == pytest.approx(np.pi / 2)
    distance = compute_distance(vectors, other)
    np.testing.assert_allclose(distance.values, [1, np.nan, np.sqrt(2)])
    assert distance.attrs["units"] == "mm"


def test_an_array_without_space_is_refused():
    with pytest.raises(DatasetError, match="needs 'space'"):
        compute_speed(xr.DataArray([1.0, 2.0], dims="time"))
