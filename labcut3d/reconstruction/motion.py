"""How refined tracks move: the smoother's own derivatives, with their covariances.

Central differences of the most probable track, and what the posterior of three neighbouring points
together says about them. Points of a smoother err alike in neighbouring moments, so their own
covariances do not tell that of a difference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from calibration.geometry import Array
from labcut3d.reconstruction.smoothing import accelerations, velocities

__all__ = ["Motion", "motion_variables", "refined_motion", "unknown_motion"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """Derivatives (keypoint, time, 3) by frame, unit/frame and unit/frame^2.

    Their covariances are (keypoint, time, 3, 3). The first and the last moment have none: NaN.
    """

    velocity: Array
    velocity_covariance: Array
    acceleration: Array
    acceleration_covariance: Array

    def mapped(self, function: Callable[[Array], Array]) -> "Motion":
        """Return the motion with a function of each array."""
        return Motion(**{field.name: function(getattr(self, field.name)) for field in fields(self)})


def refined_motion(
    points: Array, velocity_covariance: Array, acceleration_covariance: Array
) -> Motion:
    """Return the motion of tracks (keypoint, time, 3) with covariances (keypoint, time, 3, 3)."""
    velocity, acceleration = np.full((2, *points.shape), np.nan)
    velocity[:, 1:-1] = velocities(points)
    acceleration[:, 1:-1] = accelerations(points)
    return Motion(
        velocity=velocity,
        velocity_covariance=velocity_covariance,
        acceleration=acceleration,
        acceleration_covariance=acceleration_covariance,
    )


def unknown_motion(keypoints: int, moments: int) -> Motion:
    """Return the motion of tracks that were not refined: NaN."""
    vector = np.full((keypoints, moments, 3), np.nan)
    matrix = np.full((keypoints, moments, 3, 3), np.nan)
    return Motion(
        velocity=vector,
        velocity_covariance=matrix,
        acceleration=vector,
        acceleration_covariance=matrix,
    )


def motion_variables(motions: Sequence[Motion], rate: Array) -> dict[str, Array]:
    """Return the variables of trajectories that tell the motions of individuals, per second.

    `rate` (time,) is the number of frames per second about each moment. Vectors are (time, 3,
    keypoint, individual), covariances (time, keypoint, individual, 3, 3).
    """
    variables = {}
    for name, power in (("velocity", 1), ("acceleration", 2)):
        vectors = np.stack([getattr(motion, name) for motion in motions], axis=-1)
        variables[name] = np.moveaxis(vectors, 0, 2) * rate[:, None, None, None] ** power
        matrices = np.stack([getattr(motion, f"{name}_covariance") for motion in motions], axis=2)
        matrices = np.swapaxes(matrices, 0, 1)
        variables[f"{name}_covariance"] = matrices * rate[:, None, None, None, None] ** (2 * power)
    return variables
