"""What a fly does, as numbers over time: abdominal bending, proboscis, and the fly's own scale.

All signals compare parts of the body with each other, so they do not depend on where the world's
origin lies or which way is up. The head is told by both eyes and the ocellus, or by those of them
that are known: from behind, a fly shows one.
"""

import math

import xarray as xr

from labcut3d.kinematics.geometry import compute_distance, compute_turning_angle

__all__ = [
    "BENDING_KEYPOINTS",
    "PROBOSCIS_KEYPOINTS",
    "compute_abdominal_bending",
    "compute_head_width",
    "compute_proboscis_extension",
]

HEAD = ("left_eye", "right_eye", "ocellus")
BENDING_KEYPOINTS = (*HEAD, "scutellum", "abdomen_a3", "abdomen_a4", "ovipositor")
PROBOSCIS_KEYPOINTS = (*HEAD, "proboscis")


def compute_abdominal_bending(position: xr.DataArray) -> xr.DataArray:
    """Return the angle between the thorax and the abdomen, degrees (time, individual).

    The thorax points from the head (the middle of eyes and ocellus) to the scutellum, the abdomen
    from its third and fourth stripes to the ovipositor. At rest the angle is about 30 degrees,
    in egg-laying, with the ovipositor on the substrate, about 100. A missing eye turns the thorax
    sideways by some five degrees, and so changes the angle by less than half of one.
    """
    thorax = _point(position, "scutellum") - _middle(position, HEAD)
    abdomen = _point(position, "ovipositor") - _middle(position, ("abdomen_a3", "abdomen_a4"))
    bending = compute_turning_angle(thorax, abdomen) * (180 / math.pi)
    return bending.assign_attrs(units="degree", long_name="bending of the abdomen")


def compute_proboscis_extension(position: xr.DataArray) -> xr.DataArray:
    """Return the proboscis' distance from the head in head widths, (time, individual).

    The mean of its distances from the head's points, each less its own median over time; for
    those that are known at a moment, so that a hidden eye shifts nothing. Only its changes mean
    something, since anatomy sets its value at rest.
    """
    tip = _point(position, "proboscis")
    apart = xr.concat([compute_distance(_point(position, name), tip) for name in HEAD], "point")
    usual = _median_over_time(apart)
    distance = (apart - usual).mean("point", skipna=True) + usual.mean("point", skipna=True)
    extension = distance / compute_head_width(position)
    return extension.assign_attrs(units="1", long_name="proboscis to head, in head widths")


def compute_head_width(position: xr.DataArray) -> xr.DataArray:
    """Return the median distance between the eyes (individual,), in the positions' unit."""
    width = compute_distance(_point(position, "left_eye"), _point(position, "right_eye"))
    return _median_over_time(width).assign_attrs(width.attrs)


def _median_over_time(values: xr.DataArray) -> xr.DataArray:
    """Return the median of what is known, NaN where nothing is."""
    seen = values.notnull().any("time")
    # Filling what was never seen keeps numpy from warning about an empty median.
    return values.where(seen, 0.0).median("time", skipna=True).where(seen)


def _point(position: xr.DataArray, keypoint: str) -> xr.DataArray:
    """Return the positions of one keypoint (time, space, individual)."""
    return position.sel(keypoint=keypoint, drop=True)


def _middle(position: xr.DataArray, keypoints: tuple[str, ...]) -> xr.DataArray:
    """Return the middle of those of several keypoints that are known, missing where none is."""
    points = position.sel(keypoint=list(keypoints))
    return points.where(points.notnull().all("space")).mean("keypoint", keep_attrs=True)
