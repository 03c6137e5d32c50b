"""Flat surfaces about an animal: how far points are from them, and whether they touch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from scipy.special import ndtr

from calibration.chamber import FACES, Chamber, axis_of
from calibration.errors import RigError
from calibration.geometry import Array

__all__ = ["CONTACT_MM", "Plane", "Surroundings", "chamber_walls", "compute_contact"]

CONTACT_MM = 0.1  # a keypoint lies within its body part, not on its surface


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plane:
    """A flat surface: the points x of the world with `normal . x = offset`.

    `normal` (3,) is a unit vector and points to the side where the animal is; `offset` and
    `deviation`, the standard deviation of the plane's place along its normal, are in the rig's
    unit; `how` tells in words how it was found. Raises `RigError` for what is no plane.
    """

    normal: Array
    offset: float
    deviation: float = 0.0
    how: str = "given"

    def __post_init__(self) -> None:
        normal = np.array(self.normal, dtype=float)
        length = np.linalg.norm(normal) if normal.shape == (3,) else np.nan
        if not (np.isfinite(length) and length > 0 and np.isfinite(self.offset)):
            raise RigError(
                f"plane: normal = {normal.tolist()}, offset = {self.offset}; give a vector of "
                "three finite numbers, not all zero, and a finite offset"
            )
        if not (np.isfinite(self.deviation) and self.deviation >= 0):
            raise RigError(f"plane: deviation = {self.deviation}; it must be 0 or more")
        normal /= length
        normal.flags.writeable = False
        object.__setattr__(self, "normal", normal)

    def raised(self, height: float) -> "Plane":
        """Return the plane shifted by `height` to the animal's side: a layer that covers it."""
        return Plane(
            normal=self.normal,
            offset=self.offset + height,
            deviation=self.deviation,
            how=self.how if height == 0 else f"{self.how}, covered {height:g} high",
        )

    def compute_distance(self, position: xr.DataArray) -> xr.DataArray:
        """Return the distance of points (..., space) from the plane, in their unit; < 0 behind."""
        normal = xr.DataArray(self.normal, dims="space")
        distance = (position.astype(float) * normal).sum("space", skipna=False) - self.offset
        return _described(distance, str(position.attrs.get("units", "1")), "distance from a plane")

    def compute_distance_variance(self, covariance: xr.DataArray) -> xr.DataArray:
        """Return the variance of `compute_distance`, unit^2, from (..., space, space_)."""
        across = xr.DataArray(self.normal, dims="space"), xr.DataArray(self.normal, dims="space_")
        variance = (covariance.astype(float) * across[0] * across[1]).sum(
            ["space", "space_"], skipna=False
        )
        units = str(covariance.attrs.get("units", "1"))
        return _described(variance + self.deviation**2, units, "variance of a distance")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surroundings:
    """What is known of the place: the `substrate`, None where it is not known, and `walls`.

    `walls` are the inner surfaces of the chamber by the faces "-x" to "+z"; `contact` is the
    distance, in the rig's unit, from which on a keypoint counts as touching.
    """

    substrate: Plane | None = None
    walls: Mapping[str, Plane] = field(default_factory=dict)
    contact: float = CONTACT_MM


def chamber_walls(
    chamber: Chamber, world_from_chamber: Array, deviation: float = 0.0
) -> dict[str, Plane]:
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
        walls[face] = Plane(
            normal=inwards,
            offset=float(inwards @ pose[:3, 3]) - reach,
            deviation=deviation,
            how=f"face '{face}' of the chamber",
        )
    return walls


def compute_contact(
    position: xr.DataArray, covariance: xr.DataArray, plane: Plane, within: float
) -> xr.DataArray:
    """Return the probability that points (..., space) are nearer to a plane than `within`.

    Or behind it. The distance is normally distributed with the variance that `covariance` (...,
    space, space_) and the plane's own deviation tell; NaN where the point is missing.
    """
    slack = within - plane.compute_distance(position)
    deviation = plane.compute_distance_variance(covariance) ** 0.5
    certain = (slack > 0).where(slack.notnull()).astype(float)
    score = slack / deviation.where(deviation > 0)
    contact = xr.apply_ufunc(ndtr, score).where(deviation > 0, certain)
    contact = contact.where(slack.notnull() & deviation.notnull())
    return _described(contact, "1", "probability of contact")


def _described(array: xr.DataArray, units: str, long_name: str) -> xr.DataArray:
    """Return `array` with these attributes and the coordinates of its dimensions alone."""
    array = array.drop_vars([name for name in array.coords if name not in array.dims])
    return array.assign_attrs(units=units, long_name=long_name)
