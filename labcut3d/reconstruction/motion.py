"""How refined tracks move: the smoother's own derivatives, with their covariances.

Central differences of the most probable track, and what the posterior of three neighbouring points
together says about them. Points of a smoother err alike in neighbouring moments, so their own
covariances do not tell that of a difference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from calibration.geometry import Array
from labcut3d.reconstruction.smoothing import accelerations, posterior_motion, velocities

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


def refined_motion(points: Array, information: Array, precision: Array, widening: Array) -> Motion:
    """Return the motion of tracks (keypoint, time, 3) from what `smooth` was given.

    `widening` (keypoint, time) multiplies the covariances.
    """
    covariances = posterior_motion(information, precision)
    motion = Motion(
        velocity=velocities(points),
        velocity_covariance=covariances[0] * widening[:, 1:-1, None, None],
        acceleration=accelerations(points),
        acceleration_covariance=covariances[1] * widening[:, 1:-1, None, None],
    )

    def between_ends(values: Array) -> Array:
        """Return values (keypoint, time - 2, ...) for all moments."""
        whole = np.full((len(values), points.shape[1], *values.shape[2:]), np.nan)
        whole[:, 1:-1] = values
        return whole

    return motion.mapped(between_ends)


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


def motion_variables(motions: Sequence[Motion], time: Array) -> dict[str, Array]:
    """Return the variables of trajectories that tell the motions of individuals, per second.

    `time` (time,) s of the moments. Vectors are (time, 3, keypoint, individual), covariances
    (time, keypoint, individual, 3, 3).
    """
    rate = np.full(len(time), np.nan)  # frames per second about each moment
    rate[1:-1] = 2 / (time[2:] - time[:-2])
    variables = {}
    for name, power in (("velocity", 1), ("acceleration", 2)):
        vectors = np.stack([getattr(motion, name) for motion in motions], axis=-1)
        variables[name] = np.moveaxis(vectors, 0, 2) * rate[:, None, None, None] ** power
        matrices = np.stack([getattr(motion, f"{name}_covariance") for motion in motions], axis=2)
        matrices = np.swapaxes(matrices, 0, 1)
        variables[f"{name}_covariance"] = matrices * rate[:, None, None, None, None] ** (2 * power)
    return variables
