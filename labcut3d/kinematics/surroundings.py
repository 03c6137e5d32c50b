"""What surrounds the animal in a recording: the substrate and the chamber's walls, as planes."""

import xarray as xr

from calibration.alignment import up_direction
from calibration.chamber import Chamber
from calibration.geometry import Array
from calibration.rig import Rig
from calibration.units import METRES
from labcut3d.errors import DatasetError, ProjectError
from labcut3d.kinematics.arrays import require_unit_of
from labcut3d.kinematics.geometry import Plane
from labcut3d.kinematics.settings import SubstrateSettings
from labcut3d.kinematics.substrate import find_substrate
from labcut3d.kinematics.surfaces import Surface, Surroundings, chamber_walls

__all__ = ["find_surroundings"]

FLOOR = "board on the floor"  # how `labcut3d align` tells where it took the world from


def find_surroundings(
    trajectories: xr.Dataset,
    rig: Rig,
    settings: SubstrateSettings,
    chamber: Chamber | None = None,
) -> tuple[Surroundings, tuple[str, ...]]:
    """Return the planes about the animals of a recording, in the rig's unit, and notes in words.

    `chamber` is the box filmed into, whose pose the rig's metadata tell. Raises `ProjectError`
    where the source that the settings ask for is not there, `DatasetError` for another unit.
    """
    require_unit_of(rig, trajectories)
    factor = METRES[settings.unit] / METRES[rig.unit]
    contact, up = settings.contact * factor, up_direction(rig)
    pose = rig.metadata.get("world_from_chamber")
    walls = {} if chamber is None or pose is None else chamber_walls(chamber, pose)
    notes: tuple[str, ...] = ()
    substrate = None
    source = settings.source if settings.source != "auto" else _first(rig, walls)
    if source == "chamber":
        substrate = _face(walls, settings, up)
    elif source == "board":
        substrate = _world_floor(rig)
    else:
        try:
            substrate = find_substrate(trajectories, up, contact)
        except DatasetError as error:
            notes = (str(error),)
    if substrate is not None:
        substrate = substrate.raised(settings.height * factor)
        notes = (f"the substrate is taken from {substrate.how}",)
    return Surroundings(substrate=substrate, walls=walls, contact=contact), notes


def _first(rig: Rig, walls: dict[str, Surface]) -> str:
    """Return the surest source that there is."""
    if walls:
        return "chamber"
    return "board" if FLOOR in str(rig.metadata.get("world", "")) else "animal"


def _face(walls: dict[str, Surface], settings: SubstrateSettings, up: Array) -> Surface:
    """Return the face asked for, or else the one that faces upwards most."""
    if not walls:
        raise ProjectError(
            "substrate: source = 'chamber', but where the chamber stands is not known; describe it "
            "in [chamber] and run labcut3d chamber"
        )
    face = settings.face or max(walls, key=lambda name: float(walls[name].normal @ up))
    if face not in walls:
        raise ProjectError(
            f"substrate: face = '{face}' is an open face of the chamber; it has walls "
            f"{', '.join(walls)}"
        )
    return walls[face]


def _world_floor(rig: Rig) -> Surface:
    """Return the plane z = 0 of a world that a board on the floor has set."""
    how = str(rig.metadata.get("world", ""))
    if FLOOR not in how:
        raise ProjectError(
            "substrate: source = 'board', but no board on the floor has set the world; "
            "run labcut3d align"
        )
    return Surface(plane=Plane(normal=up_direction(rig), distance=0.0), how=how)
