"""What the calibration's own errors make views disagree about, taken off the detections.

Cameras that err set their views apart, alike in all moments. Taken for noise of the detections,
that would widen what is stated of every point, where the calibration's part is stated already,
and views would be left out for it. So the rig is refined by the recording itself, with the
calibration as prior, and what the refined cameras see otherwise than the stored ones is taken off,
but for what moves points: these stay where the stored rig puts them.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from calibration.covariance import RigCovariance
from calibration.errors import CalibrationError
from calibration.geometry import is_seen
from calibration.points.disagreement import calibration_disagreement
from calibration.points.imaging import project_points
from calibration.recordings import RefinedRig, refine_rig
from calibration.triangulation import triangulate_points
from labcut3d.reconstruction.alone import alone
from labcut3d.reconstruction.evidence import PARTS, USED, Evidence

__all__ = ["settled_rig", "without_share"]

MOST_POINTS = 4000  # of the recording that are looked at
TRIFLE = 0.02  # of the noise's variance; calibrations that add less are left alone
WIDE = 1e6  # factor on the noise with which no view is left out


def settled_rig(
    evidences: Sequence[Evidence], rig_covariance: RigCovariance | None
) -> RefinedRig | None:
    """Return the rig as the recording itself has it, by the evidence on each individual.

    None where the calibration's errors are a trifle beside the detections' noise or are not known,
    or where the recording is too poor to tell.
    """
    if rig_covariance is None:
        return None
    evidence = _spread_over_time(evidences)
    if not evidence.seen.any() or _is_trifle(evidence, rig_covariance):
        return None
    sure = evidence.seen & (evidence.confidence > USED)
    try:
        return refine_rig(
            evidence.rig,
            rig_covariance,
            np.where(sure[..., None], evidence.pixels, np.nan),
            covariance=evidence.covariance,
        )
    except CalibrationError:  # no point is told by two views that agree
        return None


def _spread_over_time(evidences: Sequence[Evidence]) -> Evidence:
    """Return some moments' evidence on all individuals, as on so many more keypoints."""
    first = evidences[0]
    _, keypoints, moments = first.confidence.shape
    stride = -(-moments * keypoints * len(evidences) // MOST_POINTS)
    changed = {
        name: np.concatenate([getattr(one, name)[:, :, ::stride] for one in evidences], axis=1)
        for name in PARTS
    }
    return replace(first, **changed)


def _is_trifle(evidence: Evidence, rig_covariance: RigCovariance) -> bool:
    """Tell whether the calibration's errors hardly add to the noise that the detector states.

    Asked of all sure views, those too that disagree: where the cameras err much, few agree.
    """
    points = alone(evidence).points
    known = is_seen(points)
    sure = evidence.confidence > USED
    information = np.where(sure[..., None, None], evidence.information, 0.0)[:, known]
    spread = calibration_disagreement(evidence.rig, rig_covariance, points[known], information)
    added = np.einsum("vnij,vnji->vn", information, np.nan_to_num(spread)) / 2
    there = added[added > 0]
    return not there.size or float(np.median(there)) < TRIFLE


def without_share(evidence: Evidence, refined: RefinedRig | None) -> Evidence:
    """Return the evidence without what the refined rig sees otherwise than the stored one.

    What was taken off is kept in `share`. As it is without a refined rig.
    """
    if refined is None:
        return evidence
    noise = evidence.covariance * max(refined.noise.scale, 1.0)
    pixels = np.where(evidence.seen[..., None], evidence.pixels, np.nan)
    found = triangulate_points(
        refined.rig, pixels, covariance=noise, confidence=evidence.confidence
    )
    images = project_points(refined.rig, found.points)
    stored = triangulate_points(
        evidence.rig,
        np.where(found.inliers[..., None], images, np.nan),
        covariance=WIDE * noise,
        confidence=evidence.confidence,
    )
    share = images - project_points(evidence.rig, stored.points)
    share = np.where(evidence.seen[..., None] & np.isfinite(share), share, 0.0)
    return replace(evidence, pixels=evidence.pixels - share, share=share)
