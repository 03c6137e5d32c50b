"""From a dataset of detections and a rig to a dataset of trajectories."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from calibration.covariance import RigCovariance
from calibration.gaussian import MEDIAN_CHI_SQUARE
from calibration.geometry import Array
from calibration.points.imaging import project_points
from calibration.rig import Rig
from calibration.triangulation import Triangulation
from labcut3d.errors import DatasetError
from labcut3d.progress import Progress, part_of
from labcut3d.reconstruction.alone import alone
from labcut3d.reconstruction.association import detections_of, match_views
from labcut3d.reconstruction.evidence import USED, Evidence
from labcut3d.reconstruction.exchanges import untangle
from labcut3d.reconstruction.identities import known_individuals
from labcut3d.reconstruction.motion import motion_variables
from labcut3d.reconstruction.refinement import refine
from labcut3d.reconstruction.report import rejections, report_attributes
from labcut3d.reconstruction.settings import ReconstructionSettings
from labcut3d.reconstruction.settling import settled
from labcut3d.reconstruction.tracks import Context, Tracks, refined_tracks, unrefined_tracks
from labcut3d.schema import make_trajectories, validate_detections
from labcut3d.skeleton import Skeleton

__all__ = ["reconstruct"]

DOUBTFUL = 4.0  # times the median reprojection error


def reconstruct(
    detections: xr.Dataset,
    rig: Rig,
    settings: ReconstructionSettings | None = None,
    *,
    skeleton: Skeleton | None = None,
    rig_covariance: RigCovariance | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Return the trajectories of all individuals: triangulated, then refined.

    `position_raw` is each moment's own robust triangulation, `position` the refined track, NaN
    where it would be a guess. A view counts by the covariance and confidence of its detections and
    by how well it agrees with the other views, the neighbouring moments and the `skeleton`. The
    attributes that begin with `refinement_` say how much was altered. With `rig_covariance`, the
    covariance includes the calibration's part, which is also told apart, in the frame that it holds
    fixed.

    Raises `DatasetError` for detections of a wrong schema, or of views that the rig lacks.
    """
    validate_detections(detections)
    for name in ("time", "individual", "keypoint"):
        if detections.sizes[name] == 0:
            raise DatasetError(f"the detections hold no {name}: nothing to reconstruct")
    settings = settings or ReconstructionSettings()
    rig = match_views(detections, rig)
    detected = detections
    detections, identities = known_individuals(detections, rig, settings)
    keypoints = [str(name) for name in detections["keypoint"].values]
    bones, pairs = _skeleton_indices(skeleton, keypoints, settings)
    individuals = [str(name) for name in detections["individual"].values]
    evidences = [
        detections_of(detections, rig, individual, settings.lowest_confidence)
        for individual in individuals
    ]
    if rig_covariance is not None:
        evidences = settled(evidences, rig_covariance)
    context = Context(
        settings=settings,
        bones=bones,
        pairs=pairs,
        fps=float(detections.attrs["fps"]),
        rig_covariance=rig_covariance,
        progress=part_of(progress, 0, 1, equal=True),
    )
    tracks = _tracks(evidences, individuals, context)
    attributes: dict[str, Any] = report_attributes([track.report for track in tracks], rig.unit)
    attributes |= identities.attributes
    attributes |= rejections(detected, detections, _views_used(tracks))
    optional = {"exchanged": _stack(tracks, "exchanged", -1).swapaxes(0, 1), **identities.variables}
    if settings.smooth:
        time = detections["time"].values.astype(float)
        optional |= motion_variables([track.motion for track in tracks], time)
    if rig_covariance is not None:
        optional["covariance_calibration"] = _stack(tracks, "calibration", 2)
        attributes["calibration_gauge"] = rig_covariance.gauge
    return make_trajectories(
        position=_stack(tracks, "position", -1).swapaxes(1, 2),
        position_raw=_stack(tracks, "raw", -1).swapaxes(1, 2),
        covariance=_stack(tracks, "covariance", 2),
        reprojection_error=_stack(tracks, "error", -1),
        view_used=_views_used(tracks),
        confidence=_stack(tracks, "confidence", -1),
        like=detections,
        unit=rig.unit,
        optional=optional,
        attrs=attributes,
    )


def _tracks(evidences: list[Evidence], names: Sequence[str], context: Context) -> list[Tracks]:
    """Return the tracks of all individuals; `evidences` is emptied, whose memory is needed."""
    tracks = []
    for index, name in enumerate(names):
        part = part_of(context.progress, index, len(names), name, equal=True)
        tracks.append(_track(evidences.pop(0), replace(context, progress=part)))
    return tracks


def _track(evidence: Evidence, context: Context) -> Tracks:
    """Reconstruct one individual."""
    evidence, raw = _triangulate(evidence)
    evidence, exchanged = untangle(evidence, context.pairs)
    if exchanged.any():
        evidence, raw = _triangulate(evidence)
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
        _trusted(raw)[known],
        alone=raw.points[known],
        bones=_among(context.bones, known),
        pairs=_among(context.pairs, known),
        progress=context.progress,
    )
    both = np.isin(np.reshape(context.pairs, (-1, 2)), known).all(axis=1)
    exchanged[both] ^= refined.exchanged
    refined = replace(refined, exchanged=exchanged)
    return refined_tracks(raw, refined, known, context)


def _triangulate(evidence: Evidence) -> tuple[Evidence, Triangulation]:
    """Triangulate every moment by itself, after seeing how far the detector can be believed.

    Returns the evidence with its covariance widened to the scatter of the detections about the
    points, and the triangulation with it.
    """
    for _ in range(2):
        found = alone(evidence)
        residual = evidence.pixels - project_points(evidence.rig, found.points)
        squared = np.einsum("...i,...ij,...j->...", residual, evidence.information, residual)
        del residual
        views = evidence.seen.sum(axis=0)
        # Of 2 n coordinates the point itself takes three.
        squared = squared * 2 * views / np.maximum(2 * views - 3, 1)
        confident = evidence.seen & (evidence.confidence > USED) & np.isfinite(squared)
        if not confident.any():
            break
        scale = max(float(np.median(squared[confident])) / MEDIAN_CHI_SQUARE, 1.0)
        if scale == 1.0:
            break
        evidence = replace(evidence, information=evidence.information / scale)
    return evidence, found


def _trusted(raw: Triangulation) -> Array:
    """Return the points to start from: none whose views contradict each other, where others are.

    Two views that disagree have a point between what they see, often far from the animal.
    """
    error = raw.reprojection_error
    doubtful = error > DOUBTFUL * np.nanmedian(error)
    left = np.isfinite(error) & ~doubtful
    return np.where((doubtful & left.any(axis=-1, keepdims=True))[..., None], np.nan, raw.points)


def _skeleton_indices(
    skeleton: Skeleton | None, keypoints: Sequence[str], settings: ReconstructionSettings
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return bones and left/right pairs as indices into the detected keypoints."""
    if skeleton is None:
        return [], []

    def indices(pairs: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
        """Return the pairs whose two keypoints were both detected."""
        there = [pair for pair in pairs if pair[0] in keypoints and pair[1] in keypoints]
        return [(keypoints.index(a), keypoints.index(b)) for a, b in there]

    return (
        indices(skeleton.bones) if settings.bones else [],
        indices(skeleton.left_right) if settings.repair_swaps else [],
    )


def _among(pairs: Sequence[tuple[int, int]], known: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs of known keypoints, as indices among the known ones."""
    place = {int(old): new for new, old in enumerate(known)}
    return [(place[a], place[b]) for a, b in pairs if a in place and b in place]


def _stack(tracks: Sequence[Tracks], name: str, axis: int) -> Array:
    """Stack one array of all individuals along a new axis."""
    return np.stack([getattr(track, name) for track in tracks], axis=axis)


def _views_used(tracks: Sequence[Tracks]) -> np.ndarray:
    """Return which views count (time, view, keypoint, individual)."""
    return np.moveaxis(_stack(tracks, "view_used", -1), 0, 1)
