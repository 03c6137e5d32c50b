"""A rig's uncertainty told in the frame of the volume that it looks at.

A covariance is told in some frame that is held fixed (its gauge), often the first camera's. Seen
from there a far volume swings with every doubt about that camera's direction and focal length,
though distances within the volume are known much better. Here the frame is that of points in the
volume: whatever moves all of them rigidly is no error.

Source: the S-transformation of Baarda, "S-transformations and criterion matrices", 1973.
"""

import numpy as np
from numpy.typing import ArrayLike

from calibration.covariance import RigCovariance
from calibration.errors import RigError
from calibration.geometry import skew
from calibration.rig import Rig
from calibration.solver.parameters import parameter_names
from calibration.solver.uncertainty import point_slopes, rig_parameters

__all__ = ["in_frame_of_points"]

FEWEST_POINTS = 3


def in_frame_of_points(
    covariance: RigCovariance, rig: Rig, points_world: ArrayLike
) -> RigCovariance:
    """Return the covariance of a rig in the frame in which points (n, 3) lie as still as can be.

    Only points that two views or more see count. Distances and shapes are as uncertain as before.
    Raises `RigError` where fewer than three points are seen so, or the covariance is another rig's.
    """
    points = np.asarray(points_world, dtype=float).reshape(-1, 3)
    _, shifts, seen = point_slopes(rig, points)
    if seen.sum() < FEWEST_POINTS:
        raise RigError(f"{seen.sum()} points are seen by two cameras; {FEWEST_POINTS} are needed")
    motions = np.concatenate([-skew(points[seen]), np.tile(np.eye(3), (seen.sum(), 1, 1))], axis=-1)
    motion_of = np.linalg.pinv(motions.reshape(-1, 6)) @ shifts[seen].reshape(-1, shifts.shape[-1])
    follow = []
    for camera in rig:
        rows = np.zeros((len(parameter_names(camera)), 6))
        rows[-6:-3, :3] = rows[-3:, 3:] = camera.rotation  # a camera that goes along with them
        follow.append(rows)
    names = rig_parameters(rig)
    change = np.eye(len(names)) + np.concatenate(follow) @ motion_of
    matrix = change @ covariance.of(names) @ change.T
    return RigCovariance(
        names=names,
        matrix=(matrix + matrix.T) / 2,
        gauge=f"the {seen.sum()} points of a volume lie as still as they can",
    )
