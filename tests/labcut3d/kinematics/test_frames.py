"""The animal's own axes: known turns, and errors of what they need."""

import numpy as np
import pytest
import xarray as xr
from sampled import covariance_like, moving_points

from calibration.geometry import rotation_from_vector
from labcut3d.errors import DatasetError
from labcut3d.kinematics import (
    compute_body_axes,
    compute_body_origin,
    compute_egocentric,
    compute_egocentric_covariance,
    compute_orientation,
)
from labcut3d.skeleton import Body

BODY = Body(front=("nose",), rear=("tail",), left=("left",), right=("right",))
# In the body's own frame; left and right are neither upright on the way forward nor level with it.
OWN = {"nose": [2, 0, 0], "tail": [0, 0, 0], "left": [1, 1, 0], "right": [0.5, -1, 0]}


def turned(rotation: np.ndarray, shift=(0.0, 0.0, 0.0)) -> xr.DataArray:
    """Positions (time, space, keypoint, individual) of the body after rotations (time, 3, 3)."""
    values = np.einsum("tij,kj->tik", rotation, np.array(list(OWN.values()), dtype=float))
    return xr.DataArray(
        (values + np.asarray(shift)[:, None])[..., None],
        dims=("time", "space", "keypoint", "individual"),
        coords={
            "time": np.arange(len(values)) / 30,
            "space": list("xyz"),
            "keypoint": list(OWN),
            "individual": ["mouse"],
        },
        attrs={"units": "mm"},
    )


def test_axes_are_those_that_the_body_was_turned_by():
    rotation = rotation_from_vector(np.random.default_rng(0).normal(0, 1, (30, 3)))
    position = turned(rotation, shift=(5, -3, 2))
    axes = compute_body_axes(position, BODY)
    assert axes["axis"].values.tolist() == ["forward", "left", "up"]
    found = axes.transpose("time", "individual", "space", "axis").values[:, 0]
    np.testing.assert_allclose(found, rotation, atol=1e-12)
    origin = compute_body_origin(position, BODY).values
    np.testing.assert_allclose(origin[..., 0], np.tile([5.0, -3, 2], (30, 1)))
    own = compute_egocentric(position, BODY)
    assert own.dims == position.dims
    assert own.attrs["units"] == "mm"
    expected = np.array(list(OWN.values()), dtype=float).T
    np.testing.assert_allclose(own.values[..., 0], np.tile(expected, (30, 1, 1)), atol=1e-12)


@pytest.mark.parametrize("angles", [(0.3, -0.4, 2.0), (-3.0, 1.2, -0.1), (0, 0, 0)])
def test_orientation_is_the_turns_by_which_it_was_made(angles):
    roll, pitch, yaw = angles
    turns = [rotation_from_vector(v) for v in ([0, 0, yaw], [0, pitch, 0], [roll, 0, 0])]
    found = compute_orientation(turned((turns[0] @ turns[1] @ turns[2])[None]), BODY)
    assert found["angle"].values.tolist() == ["roll", "pitch", "yaw"]
    np.testing.assert_allclose(found.values.ravel(), angles, atol=1e-12)
    assert found.attrs["units"] == "rad"


def test_a_missing_keypoint_of_the_frame_hides_all_and_another_one_itself():
    position = moving_points(6)
    body = Body(front=("a",), rear=("b",), left=("c",), right=("b",))
    position[1, :, 2, 0] = np.nan  # c, of the frame
    position[2, 0, 3, 0] = np.nan  # d, which is not
    covariance = covariance_like(position)
    for found in (
        compute_egocentric(position, body).notnull().all("space"),
        compute_egocentric_covariance(position, covariance, body)
        .notnull()
        .all(("space", "space_")),
    ):
        known = found.transpose("time", "keypoint", "individual").values
        assert not known[1, :, 0].any()
        assert known[2, :, 0].tolist() == [True, True, True, False]
        assert known[3:].all()
        assert known[:, :, 1].all()


def test_sides_in_line_with_the_way_forward_tell_no_axes():
    position = moving_points(3)
    body = Body(front=("a",), rear=("b",), left=("a",), right=("b",))
    assert compute_body_axes(position, body).isnull().all()


def test_a_body_without_its_keypoints_or_in_a_plane_is_refused():
    position = moving_points(3)
    with pytest.raises(DatasetError, match="need the keypoint 'nose'; there are a, b, c, d"):
        compute_body_axes(position, BODY)
    body = Body(front=("a",), rear=("b",), left=("c",), right=("b",))
    with pytest.raises(DatasetError, match="not 2-D ones"):
        compute_egocentric(position.isel(space=[0, 1]), body)
    with pytest.raises(DatasetError, match=r"rename\(keypoints='keypoint'\)"):
        compute_egocentric(position.rename(keypoint="keypoints"), body)
