"""Which detections belong to which camera and individual."""

import numpy as np
import xarray as xr

from calibration.geometry import is_covariance
from calibration.points.imaging import have_rays
from calibration.rig import Rig
from labcut3d.errors import DatasetError
from labcut3d.reconstruction.evidence import Evidence, inverted

__all__ = ["detections_of", "match_views"]


def match_views(detections: xr.Dataset, rig: Rig) -> Rig:
    """Return the cameras of the rig that made the detections, in the detections' order.

    Raises `DatasetError` naming both lists for a view without a camera, or for a single view.
    """
    views = [str(view) for view in detections["view"].values]
    unknown = [view for view in views if view not in rig.names]
    if unknown:
        raise DatasetError(
            f"the rig has no camera called '{unknown[0]}': the detections' views are "
            f"{', '.join(views)}, the rig's cameras {', '.join(rig.names)}; rename one of them"
        )
    if len(views) < 2:
        raise DatasetError(f"detections of one view, {views}: at least two views make a point")
    return rig.select(views)


def detections_of(
    detections: xr.Dataset, rig: Rig, individual: object, lowest_confidence: float
) -> Evidence:
    """Return the detections of one individual as evidence (view, keypoint, time).

    A detection without a confidence counts in full, one without a covariance has 1 px^2.
    """
    one = detections.sel(individual=individual)
    pixels = one["position"].transpose("view", "keypoint", "time", "space").values.astype(float)
    confidence = one["confidence"].transpose("view", "keypoint", "time").values.astype(float)
    confidence = np.where(np.isnan(confidence), 1.0, confidence)
    there = have_rays(rig, pixels) & (confidence >= lowest_confidence)
    there &= confidence > 0
    information = np.broadcast_to(np.eye(2), (*pixels.shape, 2))
    if "covariance" in one:
        dims = ("view", "keypoint", "time", "space", "space_")
        covariance = one["covariance"].transpose(*dims).values.astype(float)
        good = is_covariance(covariance)[..., None, None]
        information = inverted(np.where(good, covariance, np.eye(2)))
    return Evidence(
        rig=rig,
        pixels=np.where(there[..., None], pixels, 0.0),
        information=np.where(there[..., None, None], information, 0.0),
        confidence=np.where(there, confidence, 0.0),
        share=np.broadcast_to(0.0, pixels.shape),
        stated="covariance" in one,
    )
