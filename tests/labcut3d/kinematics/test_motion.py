"""Derivatives and ways of motions whose answer is known."""

import numpy as np
import pytest
import xarray as xr
from sampled import covariance_like, moving_points

from labcut3d.errors import DatasetError
from labcut3d.kinematics import (
    compute_acceleration,
    compute_speed,
    compute_velocity,
    compute_velocity_covariance,
)

NOISE = 0.02  # mm


def points(values, time=None) -> xr.DataArray:
    values = np.asarray(values, dtype=float)
    coords = {"time": np.arange(len(values)) / 10 if time is None else time, "space": list("xyz")}
    return xr.DataArray(values, dims=("time", "space"), coords=coords, attrs={"units": "mm"})


@pytest.mark.parametrize("missing", [[], [4, 5, 11]])
def test_derivatives_of_a_cubic_are_exact_for_uneven_times_and_gaps(missing):
    time = np.sort(np.random.default_rng(0).uniform(0, 2, 40))
    path = np.stack([time**3 - time, 3 * time**2, 0 * time + 7], axis=1)
    path[missing] = np.nan
    velocity = compute_velocity(points(path, time), window_s=0.6)
    acceleration = compute_acceleration(points(path, time), window_s=0.6)
    first = np.stack([3 * time**2 - 1, 6 * time, 0 * time], axis=1)
    second = np.stack([6 * time, 6 + 0 * time, 0 * time], axis=1)
    for found, expected in ((velocity, first), (acceleration, second)):
        known = np.isfinite(found.values[:, 0])
        assert not known[missing].any()
        assert known.sum() == 40 - len(missing)
        np.testing.assert_allclose(found.values[known], expected[known], atol=1e-6)
    assert velocity.attrs["units"] == "mm/s"
    assert acceleration.attrs["units"] == "mm/s^2"


def test_speed_on_a_circle_is_radius_times_rate():
    time = np.arange(200) / 100
    path = np.stack([2 * np.cos(3 * time), 2 * np.sin(3 * time), 5 + 0 * time], axis=1)
    speed = compute_speed(points(path, time))
    # A cubic over +-0.15 s of a sine is off by about (rate * 0.15)^4 / 140 = 3e-4 of it.
    np.testing.assert_allclose(speed.values, 6.0, rtol=5e-4)
    assert speed.dims == ("time",)


def test_what_too_few_moments_tell_is_missing():
    assert np.isnan(compute_velocity(points([[1, 2, 3]] * 3)).values).all()
    position = moving_points(20).astype("float32")
    position[3, 1, 2, 0] = np.nan
    velocity = compute_velocity(position)
    assert velocity.dims == position.dims
    missing = np.isnan(velocity.values)
    assert missing[3, :, 2, 0].all()
    assert missing.sum() == 3


@pytest.mark.parametrize("window", [0.0, -1.0, np.nan, np.inf])
def test_windows_that_mean_nothing_are_refused(window):
    with pytest.raises(DatasetError, match="window_s"):
        compute_velocity(moving_points(9), window_s=window)


def test_times_that_do_not_rise_are_refused():
    with pytest.raises(DatasetError, match="must rise"):
        compute_velocity(points(np.zeros((4, 3)), [0.0, 0.1, 0.1, 0.2]))


def test_velocity_of_a_noisy_known_motion_is_better_than_differences_and_as_sure_as_it_says():
    """0.02 mm of noise at 30 frames a second, motions of 0.2 to 1 Hz, as in the benchmark."""
    rng = np.random.default_rng(3)
    time = np.arange(3000)[:, None, None] / 30
    turn = 2 * np.pi * rng.uniform(0.2, 1.0, (3, 4))
    values = 3 * np.sin(turn * time)
    truth = 3 * turn * np.cos(turn * time)
    position = xr.DataArray(
        values + rng.normal(0, NOISE, values.shape),
        dims=("time", "space", "keypoint"),
        coords={"time": time.ravel(), "space": list("xyz")},
        attrs={"units": "mm"},
    )
    covariance = xr.DataArray(
        np.broadcast_to(NOISE**2 * np.eye(3), (3000, 4, 3, 3)),
        dims=("time", "keypoint", "space", "space_"),
        coords={"time": time.ravel()},
    )
    error = (compute_velocity(position) - truth).transpose("time", "keypoint", "space").values
    differences = position.differentiate("time").values - truth
    assert np.sqrt((error**2).mean()) < 0.7 * np.sqrt((differences**2).mean())
    stated = compute_velocity_covariance(position, covariance).values
    squared = (np.linalg.solve(stated, error[..., None])[..., 0] * error).sum(axis=-1)
    # 12,000 errors that hang together over nine frames tell the share to 0.6 %.
    assert (squared < 7.815).mean() == pytest.approx(0.95, abs=0.02)


def test_individuals_are_told_apart():
    position = moving_points(12)
    one = position.sel(individual=["two"])
    xr.testing.assert_allclose(
        compute_velocity(position).sel(individual=["two"]), compute_velocity(one)
    )
    covariance = covariance_like(position)
    xr.testing.assert_allclose(
        compute_velocity_covariance(position, covariance).sel(individual=["two"]),
        compute_velocity_covariance(one, covariance.sel(individual=["two"])),
    )
