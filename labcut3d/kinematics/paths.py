"""The way that points have gone, and how well it is known; also piece by piece of a recording."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import xarray as xr

from labcut3d.kinematics.arrays import described, norm, require, square, unit_of
from labcut3d.kinematics.kernels import quadratic_forms

__all__ = ["Paths", "compute_path_length", "compute_path_length_variance"]

Array = npt.NDArray[np.float64]


def compute_path_length(position: xr.DataArray) -> xr.DataArray:
    """Return the way gone since the first known moment, in the positions' unit.

    Straight from each known point to the next, so over gaps too; NaN where the point is missing.
    Noise lengthens it: by about 1.6 standard deviations a frame where nothing moves.
    """
    require(position, "space", "time")
    found = xr.apply_ufunc(
        _path_length,
        position,
        input_core_dims=[["time", "space"]],
        output_core_dims=[["time"]],
    ).transpose(*(dim for dim in position.dims if dim != "space"))
    return described(found, unit_of(position), "path length")


def compute_path_length_variance(position: xr.DataArray, covariance: xr.DataArray) -> xr.DataArray:
    """Return the variance of `compute_path_length`, unit^2, of independent errors of the points.

    Points along a straight way cancel: only its ends and its turns count.
    """
    require(position, "space", "time")
    require(covariance, "space", "space_", "time")
    found = xr.apply_ufunc(
        _path_length_variance,
        position,
        covariance,
        input_core_dims=[["time", "space"], ["time", "space", "space_"]],
        output_core_dims=[["time"]],
    ).transpose(*(dim for dim in position.dims if dim != "space"))
    return described(found, square(unit_of(position)), "variance of the path length")


class Paths:
    """The ways of some points until now; every piece of a recording goes on from there.

    Of each point its two last known moments are kept. Of the variance of its way it is the part
    that no later moment changes: the last one's share is that of an end, and becomes that of a turn
    as soon as the next is known.
    """

    def __init__(self, count: int) -> None:
        """Begin the ways of so many points."""
        self._points = np.full((count, 2, 3), np.nan)
        self._noise = np.zeros((count, 2, 3, 3))
        self._length, self._settled = np.zeros((2, count))

    def go_on(self, points: Array, covariance: Array | None) -> tuple[Array, Array | None]:
        """Return the ways (point, time) along the next `points` (point, time, 3), and variances.

        `covariance` (point, time, 3, 3), None where none is known: then there are no variances.
        """
        points = np.concatenate([self._points, points], axis=1)
        length = _path_length(points)
        length += (self._length - np.nan_to_num(length[:, 1]))[:, None]
        known = np.isfinite(points).all(axis=-1)
        last = np.sort(np.where(known, np.arange(points.shape[1]), -1), axis=1)[:, -2:]
        row = np.arange(len(points))
        self._points = np.where((last >= 0)[..., None], points[row[:, None], last], np.nan)
        self._length = np.where(last[:, 1] >= 0, length[row, last[:, 1]], 0.0)
        if covariance is None:
            return length[:, 2:], None
        noise = np.concatenate([self._noise, covariance], axis=1)
        variance = _path_length_variance(points, noise) + self._settled[:, None]
        self._noise = noise[row[:, None], last]
        self._settle(np.nan_to_num(variance[row, last[:, 1]]), last[:, 0] >= 0)
        return length[:, 2:], variance[:, 2:]

    def _settle(self, variance: Array, moved: npt.NDArray[np.bool_]) -> None:
        """Keep what no later moment changes of the variance (point,) until the last one.

        Of points that `moved` (point,), the last moment but one is a turn by now, and no longer
        counts.
        """
        step = np.nan_to_num(self._points[:, 1] - self._points[:, 0])
        length = norm(step)[:, None]
        way = np.divide(step, length, out=np.zeros_like(step), where=length > 0)
        end = quadratic_forms(way, np.nan_to_num(self._noise[:, 1]))
        self._settled = np.where(moved, variance - end, 0.0)
        self._noise[moved, 0] = 0.0


def _path_length(points: Array) -> Array:
    """Return the way (..., time) along points (..., time, space)."""
    return _over_series(_path_of_one, points)


def _path_length_variance(points: Array, covariance: Array) -> Array:
    """Return its variance (..., time)."""
    return _over_series(_path_variance_of_one, points, covariance)


def _over_series(function: Callable[..., Array], points: Array, *others: Array) -> Array:
    """Return a function of one series (time, ...) for all series; those are few."""
    result = np.full(points.shape[:-1], np.nan)
    for index in np.ndindex(points.shape[:-2]):
        known = np.isfinite(points[index]).all(axis=-1)
        if known.any():
            result[index][known] = function(
                points[index][known], *(other[index][known] for other in others)
            )
    return result


def _path_of_one(points: Array) -> Array:
    """Return the way (time,) along known points (time, space)."""
    return np.concatenate([[0.0], np.cumsum(norm(np.diff(points, axis=0)))])


def _path_variance_of_one(points: Array, covariance: Array) -> Array:
    """Return the variance (time,) of the way along known points.

    The slope by a point within the way is the change of direction there; by its end, the direction.
    """
    steps = np.diff(points, axis=0)
    length = norm(steps)[:, None]
    way = np.divide(steps, length, out=np.zeros_like(steps), where=length > 0)
    zero = np.zeros((1, points.shape[1]))
    arriving, leaving = np.concatenate([zero, way]), np.concatenate([way, zero])
    turns = quadratic_forms(arriving - leaving, covariance)
    ends = quadratic_forms(arriving, covariance)
    before = np.concatenate([[0.0], np.cumsum(turns)[:-1]])
    return np.where(np.arange(len(points)) > 0, before + ends, 0.0)
