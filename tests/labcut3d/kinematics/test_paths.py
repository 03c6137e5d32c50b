"""Ways of motions whose length is known, whole and piece by piece."""

import numpy as np
import pytest
import xarray as xr

from labcut3d.kinematics import compute_path_length, compute_path_length_variance
from labcut3d.kinematics.paths import Paths

NOISE = 0.02  # mm


def points(values, time=None) -> xr.DataArray:
    values = np.asarray(values, dtype=float)
    coords = {"time": np.arange(len(values)) / 10 if time is None else time, "space": list("xyz")}
    return xr.DataArray(values, dims=("time", "space"), coords=coords, attrs={"units": "mm"})


def test_the_way_goes_straight_over_gaps_and_starts_with_the_first_known_point():
    path = np.zeros((6, 3))
    path[:, 0] = [9, 0, 1, 2, 4, 7]
    path[[0, 3]] = np.nan
    way = compute_path_length(points(path))
    np.testing.assert_allclose(way.values, [np.nan, 0, 1, np.nan, 4, 7])
    assert np.isnan(compute_path_length(points(np.full((3, 3), np.nan))).values).all()


def test_of_a_straight_way_only_the_ends_are_unsure():
    position = points(np.arange(15.0).reshape(5, 3))
    covariance = xr.DataArray(
        np.broadcast_to(NOISE**2 * np.eye(3), (5, 3, 3)), dims=("time", "space", "space_")
    )
    variance = compute_path_length_variance(position, covariance).values
    np.testing.assert_allclose(variance, NOISE**2 * np.array([0, 2, 2, 2, 2]), atol=1e-18)


@pytest.mark.parametrize("size", [1, 3, 7, 40])
def test_pieces_go_on_where_the_last_one_ended(size: int):
    rng = np.random.default_rng(0)
    track = np.cumsum(rng.normal(size=(4, 40, 3)), axis=1)
    track[1, :9] = np.nan  # seen only later,
    track[2, rng.random(40) < 0.4] = np.nan  # now and then,
    track[3] = np.nan  # and never
    root = rng.normal(size=(4, 40, 3, 3))
    covariance = root @ np.swapaxes(root, -1, -2)
    paths, told = Paths(4), []
    for start in range(0, 40, size):
        piece = slice(start, start + size)
        told.append(paths.go_on(track[:, piece], covariance[:, piece]))
    dims = ("keypoint", "time", "space")
    whole = xr.DataArray(track, dims=dims)
    noise = xr.DataArray(covariance, dims=(*dims, "space_"))
    length, variance = (np.concatenate(parts, axis=1) for parts in zip(*told, strict=True))
    expected = compute_path_length(whole).values, compute_path_length_variance(whole, noise).values
    np.testing.assert_allclose(length, expected[0], rtol=1e-12)
    np.testing.assert_allclose(variance, expected[1], rtol=1e-9, atol=1e-12)


def test_ways_without_a_covariance_have_no_variance():
    assert Paths(1).go_on(np.zeros((1, 3, 3)), None)[1] is None
