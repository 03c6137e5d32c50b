"""From trajectories to velocities, angles and behavioural events."""

from typing import TYPE_CHECKING

from labcut3d.lazy import load_lazily

if TYPE_CHECKING:
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

__getattr__, __dir__ = load_lazily(
    __name__,
    {
        "EventSettings": "labcut3d.kinematics.settings",
        "compute_distance": "labcut3d.kinematics.geometry",
        "compute_joint_angle": "labcut3d.kinematics.geometry",
        "compute_speed": "labcut3d.kinematics.geometry",
        "compute_turning_angle": "labcut3d.kinematics.geometry",
        "compute_velocity": "labcut3d.kinematics.geometry",
        "find_events": "labcut3d.kinematics.events",
        "read_events": "labcut3d.kinematics.events",
        "write_events": "labcut3d.kinematics.events",
    },
)
