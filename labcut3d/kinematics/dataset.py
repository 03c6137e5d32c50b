"""All kinematics of a recording in one dataset, each quantity with its variance or covariance."""

import numpy as np
import xarray as xr

from labcut3d.contract import KINEMATICS
from labcut3d.errors import DatasetError
from labcut3d.kinematics.arrays import require
from labcut3d.kinematics.collection import COVARIANCES, Collection, Quantity, in_blocks
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
    require_even_times,
)
from labcut3d.kinematics.geometry import (
    compute_plane_distance,
    compute_plane_distance_variance,
)
from labcut3d.kinematics.motion import (
    WINDOW_S,
    compute_acceleration,
    compute_acceleration_covariance,
    compute_length,
    compute_length_variance,
    compute_velocity,
    compute_velocity_covariance,
)
from labcut3d.kinematics.paths import compute_path_length, compute_path_length_variance
from labcut3d.kinematics.skeletal import (
    compute_joint_angles,
    compute_joint_angles_variance,
    compute_segment_lengths,
    compute_segment_lengths_variance,
)
from labcut3d.kinematics.surfaces import Surface, Surroundings, compute_contact
from labcut3d.schema import validate_kinematics
from labcut3d.skeleton import Skeleton
from labcut3d.version import __version__

__all__ = [
    "REPEATING",
    "SOURCES",
    "add_spectra",
    "collect",
    "compute_kinematics",
    "described_kinematics",
]

REPEATING = ("joint_angle", "speed")  # what has a spectrum

SOURCES = (
    "position",
    *COVARIANCES,
    "velocity",
    "velocity_covariance",
    "acceleration",
    "acceleration_covariance",
)


def compute_kinematics(
    trajectories: xr.Dataset,
    skeleton: Skeleton,
    *,
    surroundings: Surroundings | None = None,
    window_s: float = WINDOW_S,
) -> xr.Dataset:
    """Return velocities, lengths, angles, axes, contacts and spectra as `KINEMATICS` says.

    `trajectories` may be any dataset with `position (time, space, keypoint, individual)` in the
    names of `movement`. `SOURCES` are used where they are there: the smoother's derivatives (else
    local cubics over `window_s`), and the covariance, without which there are no variances. What
    the `skeleton` does not tell (bones, angles, body) is left out. `surroundings`, in the
    positions' unit, tell the planes to which distances and contacts are.
    """
    found = collect(trajectories, skeleton, surroundings, window_s)
    found.add("path_length", compute_path_length, compute_path_length_variance, along="keypoint")
    notes = add_spectra(found)
    return described_kinematics(found, trajectories).assign_attrs(notes)


def collect(
    trajectories: xr.Dataset,
    skeleton: Skeleton,
    surroundings: Surroundings | None,
    window_s: float,
) -> Collection:
    """Return what is computed of moments and their neighbours: all but ways and spectra."""
    if "position" not in trajectories:
        raise DatasetError("kinematics need a variable 'position'")
    require(trajectories["position"], "time", "space", "keypoint", "individual")
    position = trajectories["position"].assign_attrs(units=_unit(trajectories))
    found = Collection(position, trajectories)
    _add_motion(found, trajectories, window_s)
    _add_skeleton(found, skeleton)
    if skeleton.body is not None:
        _add_body(found, skeleton)
    if surroundings is not None and surroundings.surfaces:
        _add_surfaces(found, trajectories, surroundings)
    return found


def described_kinematics(found: Collection, trajectories: xr.Dataset) -> xr.Dataset:
    """Return what was computed of trajectories as a dataset that `KINEMATICS` describes."""
    dataset = found.to_dataset().assign_attrs(
        Conventions="CF-1.10",
        ds_type=KINEMATICS.name,
        time_unit="seconds",
        source_software="labcut3d",
        labcut3d_version=__version__,
        fps=_rate(trajectories),
        unit=_unit(trajectories),
    )
    return validate_kinematics(dataset)


def _add_motion(found: Collection, trajectories: xr.Dataset, window_s: float) -> None:
    """Add derivatives of the smoother where it tells any, else local ones, and the speed."""
    for name, value, variance in (
        ("velocity", compute_velocity, compute_velocity_covariance),
        ("acceleration", compute_acceleration, compute_acceleration_covariance),
    ):
        if name in trajectories:
            for each in (name, f"{name}_covariance"):
                if each in trajectories:
                    found.keep(each, trajectories[each])
        else:
            found.add(
                name,
                lambda p, value=value: value(p, window_s=window_s),
                lambda p, c, variance=variance: variance(p, c, window_s=window_s),
                along="keypoint",
            )
    velocity = found.with_variance("velocity")
    found.add_of(velocity, "speed", compute_length, compute_length_variance)


def _add_skeleton(found: Collection, skeleton: Skeleton) -> None:
    """Add the lengths of bones and the angles."""
    if skeleton.bones:
        found.add(
            "segment_length",
            lambda p: compute_segment_lengths(p, skeleton),
            lambda p, c: compute_segment_lengths_variance(p, c, skeleton),
        )
    if skeleton.angles:
        found.add(
            "joint_angle",
            lambda p: compute_joint_angles(p, skeleton),
            lambda p, c: compute_joint_angles_variance(p, c, skeleton),
        )


def _add_body(found: Collection, skeleton: Skeleton) -> None:
    """Add the body's frame, and what is told in it."""
    body = skeleton.body
    assert body is not None
    found.add("body_origin", lambda p: compute_body_origin(p, body), None)
    found.add("body_axes", lambda p: compute_body_axes(p, body), None)
    found.add(
        "egocentric",
        lambda p: compute_egocentric(p, body),
        lambda p, c: compute_egocentric_covariance(p, c, body),
    )
    found.add(
        "orientation",
        lambda p: compute_orientation(p, body),
        lambda p, c: compute_orientation_covariance(p, c, body),
    )


def _add_surfaces(found: Collection, trajectories: xr.Dataset, surroundings: Surroundings) -> None:
    """Add distances from surfaces and contacts, with the whole covariance and the surfaces' own.

    Surfaces do not err with the points, as the points do with each other.
    """
    surfaces = surroundings.surfaces
    names = xr.IndexVariable("plane", list(surfaces))

    def each(quantity: Quantity) -> Quantity:
        """Return a quantity of all surfaces, which is given each surface first."""
        return lambda *arrays: xr.concat(
            [quantity(surface, *arrays) for surface in surfaces.values()], dim=names
        )

    def variance(surface: Surface, p: xr.DataArray, c: xr.DataArray) -> xr.DataArray:
        """Return the variance of the distance, the surface's own included."""
        points = compute_plane_distance_variance(p, surface.plane, c)
        return (points + surface.deviation**2).assign_attrs(points.attrs)

    arrays = found.points[:1]
    if "covariance" in trajectories:
        arrays = (*arrays, trajectories["covariance"])
    distance = each(lambda surface, p: compute_plane_distance(p, surface.plane))
    found.add_of(arrays, "plane_distance", distance, each(variance))
    if "covariance" in trajectories:
        contact = each(lambda surface, p, c: compute_contact(p, c, surface, surroundings.contact))
        found.keep("contact", in_blocks(contact, arrays, "time"))


def add_spectra(found: Collection) -> dict[str, str]:
    """Add spectra of angles and speeds; return an attribute that says why there are none."""
    try:
        require_even_times(found.points[0])
    except DatasetError as error:
        return {"spectra": f"none: {error}"}
    for name in REPEATING:
        if name in found.variables:
            arrays = found.with_variance(name)
            part = next(dim for dim in arrays[0].dims if dim not in ("time", "individual"))
            for each, value, variance in (
                (f"{name}_spectrum", compute_spectrum, compute_spectrum_variance),
                (
                    f"{name}_frequency",
                    compute_dominant_frequency,
                    compute_dominant_frequency_variance,
                ),
            ):
                found.add_of(arrays, each, value, variance, str(part))
    return {}


def _unit(trajectories: xr.Dataset) -> str:
    """Return the unit of length of the positions."""
    position = trajectories["position"]
    return str(trajectories.attrs.get("unit", position.attrs.get("units", "1")))


def _rate(trajectories: xr.Dataset) -> float:
    """Return the frames per second."""
    if "fps" in trajectories.attrs:
        return float(trajectories.attrs["fps"])
    steps = np.diff(np.asarray(trajectories["time"].values, dtype=float))
    return float(1 / np.median(steps)) if len(steps) else float("nan")
