"""How far views may disagree about a point, as their cameras are known no better."""

import numpy as np

from calibration.covariance import RigCovariance
from calibration.geometry import Array
from calibration.rig import Rig
from calibration.solver.parameters import parameter_names
from calibration.solver.uncertainty import point_slopes, rig_parameters

__all__ = ["calibration_disagreement"]

BLOCK = 1024  # points worked on at a time, so that any number needs little memory


def calibration_disagreement(
    rig: Rig, rig_covariance: RigCovariance, points_world: Array, information: Array
) -> Array:
    """Return how the calibration spreads pixels about where the other views put them.

    Covariances (view, n, 2, 2) px^2, to first order, of the difference between a view's pixel and
    the image of the point (n, 3) that all other views tell, whose pixels have `information`
    (view, n, 2, 2) px^-2, zero where there is none. Zero where fewer than two others tell.
    """
    parameters = rig_covariance.of(rig_parameters(rig))
    result = np.zeros((len(rig), len(points_world), 2, 2))
    ends = np.cumsum([0, *(len(parameter_names(camera)) for camera in rig)])
    for start in range(0, len(points_world), BLOCK):
        part = slice(start, start + BLOCK)
        points = points_world[part]
        for view, camera in enumerate(rig):
            others = information[:, part].copy()
            others[view] = 0.0
            _, shifts, told = point_slopes(rig, points, others)
            moved = camera.project_jacobian(points) @ shifts
            moved[..., ends[view] : ends[view + 1]] += camera.parameter_jacobian(points)
            spread = moved @ parameters @ np.swapaxes(moved, -1, -2)
            result[view, part] = np.where(told[:, None, None], spread, 0.0)
    return result
