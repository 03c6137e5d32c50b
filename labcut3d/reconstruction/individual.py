"""One individual in some moments: triangulated, put right, and refined."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from calibration.gaussian import MEDIAN_CHI_SQUARE
from calibration.geometry import Array
from calibration.points.imaging import project_points
from calibration.triangulation import Triangulation
from labcut3d.reconstruction.alone import alone
from labcut3d.reconstruction.commons import Commons
from labcut3d.reconstruction.evidence import USED, Evidence
from labcut3d.reconstruction.exchanges import untangle
from labcut3d.reconstruction.refinement import refine
from labcut3d.reconstruction.tracks import Context, Tracks, refined_tracks, unrefined_tracks

__all__ = ["track_individual"]

DOUBTFUL = 4.0  # times the median reprojection error


def track_individual(evidence: Evidence, context: Context, commons: Commons) -> Tracks:
    """Reconstruct one individual, in the moments of its evidence, all of one recording.

    What the moments teach is kept in `commons`, or recalled where it was learnt before.
    """
    evidence, raw = _triangulate(evidence, commons)
    evidence, exchanged = untangle(evidence, context.pairs, commons)
    if exchanged.any() or commons.known:
        evidence, raw = _triangulate(evidence, commons)
    else:
        commons.keep("scatter", 1.0)  # of the second time: there is none
    known = np.flatnonzero(np.isfinite(raw.points).all(axis=-1).any(axis=-1))
    if not context.settings.smooth or not len(known):
        context.progress(1, 1)
        return replace(unrefined_tracks(evidence, raw, context), exchanged=exchanged.sum(axis=0))
    all_known = len(known) == len(raw.points)
    evidence = evidence.of_keypoints(slice(None) if all_known else known)
    handed = [evidence]  # refined, it is repaired, and the memory of what was given is needed
    del evidence
    refined = refine(
        handed.pop(),
        _trusted(raw, commons)[known],
        alone=raw.points[known],
        commons=commons.of_keypoints(known, len(raw.points)),
        bones=_among(context.bones, known),
        pairs=_among(context.pairs, known),
        progress=context.progress,
    )
    both = np.isin(np.reshape(context.pairs, (-1, 2)), known).all(axis=1)
    exchanged[both] ^= refined.exchanged
    refined = replace(refined, exchanged=exchanged)
    return refined_tracks(raw, refined, known, context)


def _triangulate(evidence: Evidence, commons: Commons) -> tuple[Evidence, Triangulation]:
    """Triangulate every moment by itself, after seeing how far the detector can be believed.

    Returns the evidence with its covariance widened to the scatter of the detections about the
    points, and the triangulation with it.
    """
    for _ in range(2):
        found = alone(evidence)
        scale = commons.tell("scatter", partial(_scatter, evidence, found))
        if scale == 1.0:
            break
        evidence = replace(evidence, information=evidence.information / scale)
    return evidence, found


def _scatter(evidence: Evidence, found: Triangulation) -> float:
    """Return by what factor detections scatter more about points than their covariance says.

    1 or more.
    """
    residual = evidence.pixels - project_points(evidence.rig, found.points)
    squared = np.einsum("...i,...ij,...j->...", residual, evidence.information, residual)
    del residual
    views = evidence.seen.sum(axis=0)
    # Of 2 n coordinates the point itself takes three.
    squared = squared * 2 * views / np.maximum(2 * views - 3, 1)
    confident = evidence.seen & (evidence.confidence > USED) & np.isfinite(squared)
    if not confident.any():
        return 1.0
    return max(float(np.median(squared[confident])) / MEDIAN_CHI_SQUARE, 1.0)


def _trusted(raw: Triangulation, commons: Commons) -> Array:
    """Return the points to start from: none whose views contradict each other, where others are.

    Two views that disagree have a point between what they see, often far from the animal.
    """
    error = raw.reprojection_error
    doubtful = error > commons.tell("doubtful", lambda: DOUBTFUL * float(np.nanmedian(error)))
    left = np.isfinite(error) & ~doubtful
    return np.where((doubtful & left.any(axis=-1, keepdims=True))[..., None], np.nan, raw.points)


def _among(pairs: Sequence[tuple[int, int]], known: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs of known keypoints, as indices among the known ones."""
    place = {int(old): new for new, old in enumerate(known)}
    return [(place[a], place[b]) for a, b in pairs if a in place and b in place]
