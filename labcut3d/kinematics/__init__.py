"""From trajectories to velocities, angles and behavioural events."""

from typing import TYPE_CHECKING

from labcut3d.lazy import load_lazily

if TYPE_CHECKING:
    from labcut3d.kinematics.dataset import (
        compute_kinematics,
    )
    from labcut3d.kinematics.event_tables import (
        events_dataset,
        events_table,
        open_events,
        read_events,
        save_events,
        write_events,
    )
    from labcut3d.kinematics.events import (
        find_events,
    )
    from labcut3d.kinematics.frames import (
        compute_body_axes,
        compute_body_origin,
        compute_egocentric,
        compute_egocentric_covariance,
        compute_orientation,
        compute_orientation_covariance,
    )
    from labcut3d.kinematics.frequency import (
        compute_dominant_frequency,
        compute_dominant_frequency_variance,
        compute_spectrum,
        compute_spectrum_variance,
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
        compute_speed,
        compute_speed_variance,
        compute_velocity,
        compute_velocity_covariance,
    )
    from labcut3d.kinematics.paths import (
        compute_path_length,
        compute_path_length_variance,
    )
    from labcut3d.kinematics.pieces import (
        kinematics_pieces,
    )
    from labcut3d.kinematics.rules import (
        EventRule,
    )
    from labcut3d.kinematics.settings import (
        EventSettings,
        SubstrateSettings,
    )
    from labcut3d.kinematics.signals import (
        compute_signal,
    )
    from labcut3d.kinematics.skeletal import (
        compute_joint_angles,
        compute_joint_angles_variance,
        compute_segment_lengths,
        compute_segment_lengths_variance,
    )
    from labcut3d.kinematics.substrate import (
        find_substrate,
    )
    from labcut3d.kinematics.summary import (
        summarize,
    )
    from labcut3d.kinematics.surfaces import (
        Surface,
        Surroundings,
        chamber_walls,
        compute_contact,
    )
    from labcut3d.kinematics.surroundings import (
        find_surroundings,
    )

__all__ = [
    "EventRule",
    "EventSettings",
    "Plane",
    "SubstrateSettings",
    "Surface",
    "Surroundings",
    "chamber_walls",
    "compute_acceleration",
    "compute_acceleration_covariance",
    "compute_body_axes",
    "compute_body_origin",
    "compute_contact",
    "compute_distance",
    "compute_distance_variance",
    "compute_dominant_frequency",
    "compute_dominant_frequency_variance",
    "compute_egocentric",
    "compute_egocentric_covariance",
    "compute_joint_angle",
    "compute_joint_angle_variance",
    "compute_joint_angles",
    "compute_joint_angles_variance",
    "compute_kinematics",
    "compute_length",
    "compute_length_variance",
    "compute_middle",
    "compute_middle_covariance",
    "compute_orientation",
    "compute_orientation_covariance",
    "compute_path_length",
    "compute_path_length_variance",
    "compute_plane_distance",
    "compute_plane_distance_variance",
    "compute_segment_lengths",
    "compute_segment_lengths_variance",
    "compute_signal",
    "compute_spectrum",
    "compute_spectrum_variance",
    "compute_speed",
    "compute_speed_variance",
    "compute_turning_angle",
    "compute_turning_angle_variance",
    "compute_velocity",
    "compute_velocity_covariance",
    "events_dataset",
    "events_table",
    "find_events",
    "find_substrate",
    "find_surroundings",
    "kinematics_pieces",
    "open_events",
    "read_events",
    "save_events",
    "summarize",
    "write_events",
]

__getattr__, __dir__ = load_lazily(
    __name__,
    {
        "EventRule": "labcut3d.kinematics.rules",
        "EventSettings": "labcut3d.kinematics.settings",
        "Plane": "labcut3d.kinematics.geometry",
        "SubstrateSettings": "labcut3d.kinematics.settings",
        "Surface": "labcut3d.kinematics.surfaces",
        "Surroundings": "labcut3d.kinematics.surfaces",
        "chamber_walls": "labcut3d.kinematics.surfaces",
        "compute_acceleration": "labcut3d.kinematics.motion",
        "compute_acceleration_covariance": "labcut3d.kinematics.motion",
        "compute_body_axes": "labcut3d.kinematics.frames",
        "compute_body_origin": "labcut3d.kinematics.frames",
        "compute_contact": "labcut3d.kinematics.surfaces",
        "compute_distance": "labcut3d.kinematics.geometry",
        "compute_distance_variance": "labcut3d.kinematics.geometry",
        "compute_dominant_frequency": "labcut3d.kinematics.frequency",
        "compute_dominant_frequency_variance": "labcut3d.kinematics.frequency",
        "compute_egocentric": "labcut3d.kinematics.frames",
        "compute_egocentric_covariance": "labcut3d.kinematics.frames",
        "compute_joint_angle": "labcut3d.kinematics.geometry",
        "compute_joint_angle_variance": "labcut3d.kinematics.geometry",
        "compute_joint_angles": "labcut3d.kinematics.skeletal",
        "compute_joint_angles_variance": "labcut3d.kinematics.skeletal",
        "compute_kinematics": "labcut3d.kinematics.dataset",
        "compute_length": "labcut3d.kinematics.motion",
        "compute_length_variance": "labcut3d.kinematics.motion",
        "compute_middle": "labcut3d.kinematics.geometry",
        "compute_middle_covariance": "labcut3d.kinematics.geometry",
        "compute_orientation": "labcut3d.kinematics.frames",
        "compute_orientation_covariance": "labcut3d.kinematics.frames",
        "compute_path_length": "labcut3d.kinematics.paths",
        "compute_path_length_variance": "labcut3d.kinematics.paths",
        "compute_plane_distance": "labcut3d.kinematics.geometry",
        "compute_plane_distance_variance": "labcut3d.kinematics.geometry",
        "compute_segment_lengths": "labcut3d.kinematics.skeletal",
        "compute_segment_lengths_variance": "labcut3d.kinematics.skeletal",
        "compute_signal": "labcut3d.kinematics.signals",
        "compute_spectrum": "labcut3d.kinematics.frequency",
        "compute_spectrum_variance": "labcut3d.kinematics.frequency",
        "compute_speed": "labcut3d.kinematics.motion",
        "compute_speed_variance": "labcut3d.kinematics.motion",
        "compute_turning_angle": "labcut3d.kinematics.geometry",
        "compute_turning_angle_variance": "labcut3d.kinematics.geometry",
        "compute_velocity": "labcut3d.kinematics.motion",
        "compute_velocity_covariance": "labcut3d.kinematics.motion",
        "events_dataset": "labcut3d.kinematics.event_tables",
        "events_table": "labcut3d.kinematics.event_tables",
        "find_events": "labcut3d.kinematics.events",
        "find_substrate": "labcut3d.kinematics.substrate",
        "find_surroundings": "labcut3d.kinematics.surroundings",
        "kinematics_pieces": "labcut3d.kinematics.pieces",
        "open_events": "labcut3d.kinematics.event_tables",
        "read_events": "labcut3d.kinematics.event_tables",
        "save_events": "labcut3d.kinematics.event_tables",
        "summarize": "labcut3d.kinematics.summary",
        "write_events": "labcut3d.kinematics.event_tables",
    },
)
