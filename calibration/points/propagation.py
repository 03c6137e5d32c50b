"""What the doubt about the cameras makes of triangulated points."""

import numpy as np
from numpy.typing import ArrayLike

from calibration.covariance import RigCovariance
from calibration.errors import RigError
from calibration.geometry import Array
from calibration.rig import Rig
from calibration.solver.uncertainty import point_slopes, rig_parameters

__all__ = ["calibration_covariance"]

BLOCK = 1024  # points worked on at a time, so that their slopes stay in the processor's cache


def calibration_covariance(
    rig: Rig, rig_covariance: RigCovariance, points_world: ArrayLike, information: ArrayLike
) -> Array:
    """Return the part (..., 3, 3), unit^2, of the covariance of points that the calibration makes.

    `points_world` (..., 3) are most probable points of pixels with `information` (view, ..., 2, 2)
    px^-2, zero where a view was not used. To first order: an error of the cameras moves a point
    by -(J'WJ)^-1 J'W (d pixels / d parameters) of it. NaN where fewer than two views tell.

    The errors are those in the frame that the covariance holds fixed (its `gauge`), and the same
    for all points: they shift neighbouring points together, and no mean over time removes them.
    """
    points, weights = np.asarray(points_world, dtype=float), np.asarray(information, dtype=float)
    if weights.shape != (len(rig), *points.shape[:-1], 2, 2):
        raise RigError(
            f"information of shape {weights.shape} for {len(rig)} cameras and points of shape "
            f"{points.shape}: give ({len(rig)}, ..., 2, 2)"
        )
    flat, weights = points.reshape(-1, 3), weights.reshape(len(rig), -1, 2, 2)
    parameters = rig_covariance.of(rig_parameters(rig))
    result = np.empty((len(flat), 3, 3))
    for start in range(0, len(flat), BLOCK):
        part = slice(start, start + BLOCK)
        _, shifts, _ = point_slopes(rig, flat[part], weights[:, part])
        moved = (shifts.reshape(-1, len(parameters)) @ parameters).reshape(shifts.shape)
        result[part] = moved @ np.swapaxes(shifts, -1, -2)
    return result.reshape(*points.shape, 3)
