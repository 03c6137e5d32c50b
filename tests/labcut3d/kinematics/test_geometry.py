"""Distances and angles of points whose answer is known."""

import numpy as np
import pytest
import xarray as xr

from labcut3d.errors import DatasetError
from labcut3d.kinematics.geometry import (
    compute_distance,
    compute_joint_angle,
    compute_turning_angle,
)
from labcut3d.kinematics.motion import compute_speed


def points(values, time=None) -> xr.DataArray:
    values = np.asarray(values, dtype=float)
    coords = {"time": np.arange(len(values)) / 10 if time is None else time, "space": list("xyz")}
    return xr.DataArray(values, dims=("time", "space"), coords=coords, attrs={"units": "mm"})


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
