"""Every moment by itself: the points that its own detections tell."""

import numpy as np

from calibration.triangulation import Triangulation, triangulate_points
from labcut3d.reconstruction.evidence import Evidence

__all__ = ["alone"]

BLOCK = 4096  # moments triangulated at a time, so that long recordings take little memory


def alone(evidence: Evidence) -> Triangulation:
    """Return the robust triangulation (keypoint, time) of an individual, moment by moment."""
    parts = [
        triangulate_points(
            one.rig,
            np.where(one.seen[..., None], one.pixels, np.nan),
            covariance=one.covariance,
            confidence=one.confidence,
        )
        for one in evidence.in_blocks(BLOCK)
    ]
    axes = {"points": 1, "covariance": 1, "reprojection_error": 1, "inliers": 2, "crossing": 1}
    return Triangulation(
        **{
            name: np.concatenate([getattr(part, name) for part in parts], axis=axis)
            for name, axis in axes.items()
        }
    )
