"""From trajectories to velocities, angles and behavioural events."""

from typing import TYPE_CHECKING

from labcut3d.lazy import load_lazily

if TYPE_CHECKING:
    from labcut3d.kinematics.events import (
        find_events,
        read_events,
        write_events,
    )
    from labcut3d.kinematics.geometry import (
        Plane,
        compute_distance,
        compute_distance_variance,
        compute_joint_angle,
        compute_joint_angle_variance,
        compute_middle,
        compute_middle_covariance,
        compute_plane_distance,
        compute_plane_distance_variance,
        compute_turning_angle,
        compute_turning_angle_variance,
    )
    from labcut3d.kinematics.motion import (
        compute_acceleration,
        compute_acceleration_covariance,
        compute_length,
        compute_length_variance,
        compute_path_length,
        compute_path_length_variance,
        compute_speed,
        compute_speed_variance,
        compute_velocity,
        compute_velocity_covariance,
    )
    from labcut3d.kinematics.settings import (
        EventSettings,
    )

__all__ = [
    "EventSettings",
    "Plane",
    "compute_acceleration",
    "compute_acceleration_covariance",
    "compute_distance",
    "compute_distance_variance",
    "compute_joint_angle",
    "compute_joint_angle_variance",
    "compute_length",
    "compute_length_variance",
    "compute_middle",
    "compute_middle_covariance",
    "compute_path_length",
    "compute_path_length_variance",
    "compute_plane_distance",
    "compute_plane_distance_variance",
    "compute_speed",
    "compute_speed_variance",
    "compute_turning_angle",
    "compute_turning_angle_variance",
    "compute_velocity",
    "compute_velocity_covariance",
    "find_events",
    "read_events",
    "write_events",
]

__getattr__, __dir__ = load_lazily(
    __name__,
    {
        "EventSettings": "labcut3d.kinematics.settings",
        "Plane": "labcut3d.kinematics.geometry",
        "compute_acceleration": "labcut3d.kinematics.motion",
        "compute_acceleration_covariance": "labcut3d.kinematics.motion",
        "compute_distance": "labcut3d.kinematics.geometry",
        "compute_distance_variance": "labcut3d.kinematics.geometry",
        "compute_joint_angle": "labcut3d.kinematics.geometry",
        "compute_joint_angle_variance": "labcut3d.kinematics.geometry",
        "compute_length": "labcut3d.kinematics.motion",
        "compute_length_variance": "labcut3d.kinematics.motion",
        "compute_middle": "labcut3d.kinematics.geometry",
        "compute_middle_covariance": "labcut3d.kinematics.geometry",
        "compute_path_length": "labcut3d.kinematics.motion",
        "compute_path_length_variance": "labcut3d.kinematics.motion",
        "compute_plane_distance": "labcut3d.kinematics.geometry",
        "compute_plane_distance_variance": "labcut3d.kinematics.geometry",
        "compute_speed": "labcut3d.kinematics.motion",
        "compute_speed_variance": "labcut3d.kinematics.motion",
        "compute_turning_angle": "labcut3d.kinematics.geometry",
        "compute_turning_angle_variance": "labcut3d.kinematics.geometry",
        "compute_velocity": "labcut3d.kinematics.motion",
        "compute_velocity_covariance": "labcut3d.kinematics.motion",
        "find_events": "labcut3d.kinematics.events",
        "read_events": "labcut3d.kinematics.events",
        "write_events": "labcut3d.kinematics.events",
    },
)
