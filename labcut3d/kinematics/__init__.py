"""From trajectories to velocities, angles and behavioural events."""

from typing import TYPE_CHECKING

from labcut3d.lazy import load_lazily

if TYPE_CHECKING:
    from labcut3d.kinematics.event_tables import (
        events_dataset,
        events_table,
        open_events,
        read_events,
        save_events,
        write_events,
    )
    from labcut3d.kinematics.events import find_events
    from labcut3d.kinematics.geometry import (
        compute_distance,
        compute_joint_angle,
        compute_speed,
        compute_turning_angle,
        compute_velocity,
    )
    from labcut3d.kinematics.planes import Plane, Surroundings, chamber_walls, compute_contact
    from labcut3d.kinematics.rules import EventRule
    from labcut3d.kinematics.settings import EventSettings, SubstrateSettings
    from labcut3d.kinematics.signals import compute_signal
    from labcut3d.kinematics.substrate import find_substrate
    from labcut3d.kinematics.surroundings import find_surroundings

__all__ = [
    "EventRule",
    "EventSettings",
    "Plane",
    "SubstrateSettings",
    "Surroundings",
    "chamber_walls",
    "compute_contact",
    "compute_distance",
    "compute_joint_angle",
    "compute_signal",
    "compute_speed",
    "compute_turning_angle",
    "compute_velocity",
    "events_dataset",
    "events_table",
    "find_events",
    "find_substrate",
    "find_surroundings",
    "open_events",
    "read_events",
    "save_events",
    "write_events",
]

__getattr__, __dir__ = load_lazily(
    __name__,
    {
        "EventRule": "labcut3d.kinematics.rules",
        "EventSettings": "labcut3d.kinematics.settings",
        "Plane": "labcut3d.kinematics.planes",
        "SubstrateSettings": "labcut3d.kinematics.settings",
        "Surroundings": "labcut3d.kinematics.planes",
        "chamber_walls": "labcut3d.kinematics.planes",
        "compute_contact": "labcut3d.kinematics.planes",
        "compute_distance": "labcut3d.kinematics.geometry",
        "compute_joint_angle": "labcut3d.kinematics.geometry",
        "compute_signal": "labcut3d.kinematics.signals",
        "compute_speed": "labcut3d.kinematics.geometry",
        "compute_turning_angle": "labcut3d.kinematics.geometry",
        "compute_velocity": "labcut3d.kinematics.geometry",
        "events_dataset": "labcut3d.kinematics.event_tables",
        "events_table": "labcut3d.kinematics.event_tables",
        "find_events": "labcut3d.kinematics.events",
        "find_substrate": "labcut3d.kinematics.substrate",
        "find_surroundings": "labcut3d.kinematics.surroundings",
        "open_events": "labcut3d.kinematics.event_tables",
        "read_events": "labcut3d.kinematics.event_tables",
        "save_events": "labcut3d.kinematics.event_tables",
        "write_events": "labcut3d.kinematics.event_tables",
    },
)
