"""Velocity, acceleration, speed and path length: pure functions from DataArray to DataArray.

Derivatives are those of a cubic fitted to `window_s` seconds around each moment (Savitzky & Golay,
1964). Times may be uneven and points missing: a missing point has no derivative, and its
neighbours' are made from fewer points. Covariances are those of points whose errors are
independent from moment to moment; where a smoother made the positions, its own derivatives are
to be preferred (`velocity` and `acceleration` of trajectories).
"""

import math

import numpy as np
import xarray as xr

from calibration.geometry import Array
from labcut3d.errors import DatasetError
from labcut3d.kinematics.arrays import (
    apply_to_points,
    described,
    direction,
    norm,
    propagate,
    require,
    square,
    unit_of,
)
from labcut3d.kinematics.localfit import fit_derivatives

__all__ = [
    "WINDOW_S",
    "compute_acceleration",
    "compute_acceleration_covariance",
    "compute_length",
    "compute_length_variance",
    "compute_speed",
    "compute_speed_variance",
    "compute_velocity",
    "compute_velocity_covariance",
]

WINDOW_S = 0.3  # s; at 30 frames a second the frame itself and four on either side
LEAST_FRAMES = 3  # on either side, at any frame rate: a cubic through fewer smooths nothing


def compute_velocity(position: xr.DataArray, *, window_s: float = WINDOW_S) -> xr.DataArray:
    """Return the velocity, in units per second."""
    return described(_derivative(position, window_s, 1), unit_of(position, per="/s"), "velocity")


def compute_velocity_covariance(
    position: xr.DataArray, covariance: xr.DataArray, *, window_s: float = WINDOW_S
) -> xr.DataArray:
    """Return the covariance (..., space, space_) of `compute_velocity`, (units/s)^2."""
    found = _derivative_covariance(position, covariance, window_s, 1)
    units = square(unit_of(position, per="/s"))
    return described(found, units, "covariance of the velocity")


def compute_acceleration(position: xr.DataArray, *, window_s: float = WINDOW_S) -> xr.DataArray:
    """Return the acceleration, in units per second^2."""
    found = _derivative(position, window_s, 2)
    return described(found, unit_of(position, per="/s^2"), "acceleration")


def compute_acceleration_covariance(
    position: xr.DataArray, covariance: xr.DataArray, *, window_s: float = WINDOW_S
) -> xr.DataArray:
    """Return the covariance (..., space, space_) of `compute_acceleration`, (units/s^2)^2."""
    found = _derivative_covariance(position, covariance, window_s, 2)
    units = square(unit_of(position, per="/s^2"))
    return described(found, units, "covariance of the acceleration")


def compute_speed(position: xr.DataArray, *, window_s: float = WINDOW_S) -> xr.DataArray:
    """Return the length of the velocity, in units per second."""
    return compute_length(compute_velocity(position, window_s=window_s)).assign_attrs(
        long_name="speed"
    )


def compute_speed_variance(
    position: xr.DataArray, covariance: xr.DataArray, *, window_s: float = WINDOW_S
) -> xr.DataArray:
    """Return the variance of `compute_speed`, (units/s)^2; see `compute_length_variance`."""
    return compute_length_variance(
        compute_velocity(position, window_s=window_s),
        compute_velocity_covariance(position, covariance, window_s=window_s),
    ).assign_attrs(long_name="variance of the speed")


def compute_length(vector: xr.DataArray) -> xr.DataArray:
    """Return the length of vectors over `space`, such as the speed of a velocity."""
    return described(apply_to_points(norm, vector), unit_of(vector), "length")


def compute_length_variance(vector: xr.DataArray, covariance: xr.DataArray) -> xr.DataArray:
    """Return the variance of `compute_length` to first order.

    A vector shorter than its own standard deviation is measured too long; NaN where it is zero.
    """
    variance = propagate(lambda vectors: [direction(vectors)], (vector,), (covariance,))
    return described(variance, square(unit_of(vector)), "variance of the length")


def _derivative(position: xr.DataArray, window_s: float, order: int) -> xr.DataArray:
    """Return the derivative of an order, with the dimensions of `position`."""
    require(position, "space", "time")
    time, half = _times(position, window_s)
    known = position.notnull().all("space")

    def fit(present: np.ndarray, values: Array) -> Array:
        """Return the derivatives of values (..., time, space)."""
        return _fit(time, present, values[..., None, :], half, order)[..., 0, :]

    core = ["time", "space"]
    found = xr.apply_ufunc(
        fit, known, position, input_core_dims=[["time"], core], output_core_dims=[core]
    )
    return found.transpose(*position.dims)


def _derivative_covariance(
    position: xr.DataArray, covariance: xr.DataArray, window_s: float, order: int
) -> xr.DataArray:
    """Return the covariance of a derivative, with the dimensions of `covariance`."""
    require(position, "space", "time")
    require(covariance, "space", "space_", "time")
    time, half = _times(position, window_s)
    known = position.notnull().all("space")

    def fit(present: np.ndarray, matrices: Array) -> Array:
        """Return the covariances of derivatives (..., time, space, space_)."""
        return _fit(time, present, matrices, half, order, squared=True)

    core = ["time", "space", "space_"]
    found = xr.apply_ufunc(
        fit, known, covariance, input_core_dims=[["time"], core], output_core_dims=[core]
    )
    return found.transpose(*covariance.dims)


def _fit(
    time: Array, present: np.ndarray, values: Array, half: float, order: int, *, squared=False
) -> Array:
    """Return what `fit_derivatives` makes of values (..., time, a, b), `present` (..., time)."""
    present = np.broadcast_to(present, values.shape[:-2])
    flat = np.asarray(values, dtype=float).reshape(
        -1, len(time), values.shape[-2] * values.shape[-1]
    )
    result = np.empty(flat.shape)
    seen = np.ascontiguousarray(present).reshape(flat.shape[:2])
    fit_derivatives(time, seen, flat, (half, order, squared), result)
    return result.reshape(values.shape)


def _times(position: xr.DataArray, window_s: float) -> tuple[Array, float]:
    """Return times in s and half the window's width, at least `LEAST_FRAMES` frames."""
    time = np.ascontiguousarray(position["time"].values, dtype=float)
    steps = np.diff(time)
    if not (np.isfinite(time).all() and (steps > 0).all()):
        raise DatasetError(
            f"'{position.name or 'array'}': the coordinate 'time' must rise from moment to moment"
        )
    if not (np.isfinite(window_s) and window_s > 0):
        raise DatasetError(f"window_s = {window_s}; give the width of the window in seconds")
    frame = float(np.median(steps)) if len(steps) else window_s
    frames = max(math.floor(window_s / 2 / frame + 1e-6), LEAST_FRAMES)
    return time, (frames + 0.5) * frame  # between two frames, so that rounding decides nothing
