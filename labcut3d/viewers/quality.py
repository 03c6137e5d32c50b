"""How good a recording's reconstruction is, in numbers: what the quality page shows."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from calibration.checks.findings import Finding
from labcut3d.errors import DatasetError
from labcut3d.viewers.marks import marks_of
from labcut3d.viewers.recording import Recording

__all__ = ["Quality", "judge_recording", "view_errors"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quality:
    """What was reconstructed of one recording, how well it fits, and what was mended.

    `reconstructed` (keypoint,) are parts of the moments, 0 to 1; `uncertainty` (keypoint, 2) median
    and 95 % quantile of the standard deviation in space, in `unit`; `errors` (view, 2) the same of
    the distances from detections used to reprojections, px, and `used` (view,) the part of the
    points for which a view's detection was used. Counts are None where the trajectories do not
    tell them; `drift` is the last verdict on the cameras, None where there is none that is current.
    """

    name: str
    unit: str
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    moments: int
    reconstructed: Array
    uncertainty: Array
    errors: Array
    used: Array
    filled: int | None
    withheld: int | None
    overruled: int | None
    repaired: int | None
    drift: Finding | None = None


def judge_recording(recording: Recording, drift: Finding | None = None) -> Quality:
    """Return the quality of a recording; raises `DatasetError` where it was not triangulated."""
    found = recording.trajectories
    if found is None:
        raise DatasetError(f"recording '{recording.name}' has no trajectories; triangulate it")
    covariance = found["covariance"].transpose("keypoint", "time", "individual", ...).values
    deviations = np.sqrt(np.trace(covariance, axis1=-2, axis2=-1))
    known = found["position"].notnull().all("space")
    return Quality(
        name=recording.name,
        unit=str(found.attrs["unit"]),
        views=tuple(str(view) for view in found["view"].values),
        keypoints=tuple(str(keypoint) for keypoint in found["keypoint"].values),
        moments=recording.moments or found.sizes["time"],
        reconstructed=known.mean(("time", "individual")).values.astype(float),
        uncertainty=_quantiles(deviations.reshape(len(deviations), -1)),
        errors=_quantiles(view_errors(recording)),
        used=found["view_used"].mean(("time", "keypoint", "individual")).values.astype(float),
        filled=_count(found, "filled"),
        withheld=_count(found, "withheld"),
        overruled=_count(found, "overruled_detections"),
        repaired=_count(found, "repaired_swaps"),
        drift=drift,
    )


def view_errors(recording: Recording) -> Array:
    """Return distances (view, n) px from the detections that were used to the reprojections.

    NaN where there is none, and of detections that had been the other side's; all NaN without rig
    or detections.
    """
    marks = marks_of(recording)
    away = np.linalg.norm(marks.detected - marks.reprojected, axis=-1)
    away[marks.exchanged] = np.nan
    found = recording.trajectories
    if found is not None:
        order = ("time", "view", "individual", "keypoint")
        away[~found["view_used"].transpose(*order).values.astype(bool)] = np.nan
    return np.moveaxis(away, 1, 0).reshape(len(marks.views), -1)


def _quantiles(values: Array) -> Array:
    """Return medians and 95 % quantiles (n, 2) of the known of values (n, m); NaN of none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanquantile(values, [0.5, 0.95], axis=1).T


def _count(trajectories: xr.Dataset, name: str) -> int | None:
    """Return one of the counts that the refinement left in the attributes."""
    value = trajectories.attrs.get(f"refinement_{name}")
    return None if value is None else int(value)
