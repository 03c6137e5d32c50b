"""From trajectories to velocities, angles and behavioural events."""

from labcut3d.kinematics.events import find_events, read_events, write_events
from labcut3d.kinematics.geometry import (
    compute_distance,
    compute_joint_angle,
    compute_speed,
    compute_turning_angle,
    compute_velocity,
)
from labcut3d.kinematics.settings import EventSettings

__all__ = [
    "EventSettings",
    "compute_distance",
    "compute_joint_angle",
    "compute_speed",
    "compute_turning_angle",
    "compute_velocity",
    "find_events",
    "read_events",
    "write_events",
]
