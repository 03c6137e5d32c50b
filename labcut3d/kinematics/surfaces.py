"""Flat surfaces about an animal: how far points are from them, and whether they touch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from scipy.special import ndtr

from calibration.chamber import FACES, Chamber, axis_of
from calibration.geometry import Array
from labcut3d.errors import DatasetError
from labcut3d.kinematics.arrays import described
from labcut3d.kinematics.geometry import (
    Plane,
    compute_plane_distance,
    compute_plane_distance_variance,
)

__all__ = ["CONTACT_MM", "Surface", "Surroundings", "chamber_walls", "compute_contact"]

CONTACT_MM = 0.1  # a keypoint lies within its body part, not on its surface


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """A flat surface, its `plane` with the normal on the animal's side, and how well it is known.

    `deviation` is the standard deviation of its place along the normal, in the rig's unit; `how`
    tells in words how it was found.
    """

    plane: Plane
    deviation: float = 0.0
    how: str = "given"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.deviation) and self.deviation >= 0):
            raise DatasetError(f"surface: deviation = {self.deviation}; it must be 0 or more")

    @property
    def normal(self) -> Array:
        """The unit vector (3,) that points to the side where the animal is."""
        return self.plane.normal

    @property
    def offset(self) -> float:
        """The distance of the surface from the world's origin along the normal."""
        return self.plane.distance

    def raised(self, height: float) -> "Surface":
        """Return the surface of a layer that covers this one, `height` high."""
        if height == 0:
            return self
        plane = Plane(normal=self.normal, distance=self.offset + height)
        how = f"{self.how}, covered {height:g} high"
        return Surface(plane=plane, deviation=self.deviation, how=how)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surroundings:
    """What is known of the place: the `substrate`, None where it is not known, and `walls`.

    `walls` are the inner surfaces of the chamber by the faces "-x" to "+z"; `contact` is the
    distance, in the rig's unit, from which on a keypoint counts as touching.
    """

    substrate: Surface | None = None
    walls: Mapping[str, Surface] = field(default_factory=dict)
    contact: float = CONTACT_MM


def chamber_walls(
    chamber: Chamber, world_from_chamber: Array, deviation: float = 0.0
) -> dict[str, Surface]:
    """Return the inner surfaces of a box by face, its closed walls only; normals point inwards.

    `world_from_chamber` (4, 4) is the box's pose, `deviation` how well it is known, rig's unit.
    """
    pose = np.asarray(world_from_chamber, dtype=float)
    walls = {}
    for face in FACES:
        if face in chamber.open:
            continue
        inwards = -pose[:3, :3] @ axis_of(face)
        reach = float(chamber.inner[FACES.index(face) // 2]) / 2
        walls[face] = Surface(
            plane=Plane(normal=inwards, distance=float(inwards @ pose[:3, 3]) - reach),
            deviation=deviation,
            how=f"face '{face}' of the chamber",
        )
    return walls


def compute_contact(
    position: xr.DataArray, covariance: xr.DataArray, surface: Surface, within: float
) -> xr.DataArray:
    """Return the probability that points (..., space) are nearer to a surface than `within`.

    Or behind it. The distance is normally distributed with the variance that `covariance` (...,
    space, space_) and the surface's own deviation tell; NaN where the point is missing.
    """
    slack = within - compute_plane_distance(position, surface.plane)
    variance = compute_plane_distance_variance(position, surface.plane, covariance)
    deviation = (variance + surface.deviation**2) ** 0.5
    certain = (slack > 0).astype(float)
    contact = xr.apply_ufunc(ndtr, slack / deviation.where(deviation > 0))
    contact = contact.where(deviation > 0, certain).where(slack.notnull() & deviation.notnull())
    return described(contact, "1", "probability of contact")
