"""From a dataset of detections and a rig to a dataset of trajectories."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from calibration.covariance import RigCovariance
from calibration.geometry import Array
from calibration.points.imaging import project_with_slopes
from calibration.points.propagation import calibration_covariance
from calibration.rig import Rig
from calibration.triangulation import Triangulation, triangulate_points
from labcut3d.errors import DatasetError
from labcut3d.progress import Progress
from labcut3d.reconstruction.association import detections_of, match_views
from labcut3d.reconstruction.evidence import USED, Evidence
from labcut3d.reconstruction.exchanges import untangle
from labcut3d.reconstruction.identities import known_individuals
from labcut3d.reconstruction.propagation import calibration_covariance_of_tracks
from labcut3d.reconstruction.refinement import Refined, refine
from labcut3d.reconstruction.report import describe_changes, report_attributes
from labcut3d.reconstruction.settings import ReconstructionSettings
from labcut3d.schema import make_trajectories, validate_detections
from labcut3d.skeleton import Skeleton

__all__ = ["reconstruct"]

MEDIAN_CHI_SQUARE = 1.386  # with two degrees of freedom: a detection's two coordinates
DOUBTFUL = 4.0  # times the median reprojection error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Tracks:
    """What becomes of one individual: (time, keypoint, ...) arrays; `view_used` by view first.

    `calibration` is the calibration's part in the covariance; `exchanged` (view, time) counts
    left/right pairs that were exchanged back; `report` says how much was altered.
    """

    position: Array
    raw: Array
    covariance: Array
    calibration: Array
    error: Array
    view_used: np.ndarray
    confidence: Array
    exchanged: np.ndarray
    report: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What the reconstruction of every individual needs beside its detections."""

    settings: ReconstructionSettings
    bones: Sequence[tuple[int, int]]
    pairs: Sequence[tuple[int, int]]
    fps: float
    rig_covariance: RigCovariance | None
    progress: Progress


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
    detections, identities = known_individuals(detections, rig, settings)
    keypoints = [str(name) for name in detections["keypoint"].values]
    bones, pairs = _skeleton_indices(skeleton, keypoints, settings)
    tracks = []
    individuals = detections["individual"].values
    for index, individual in enumerate(individuals):
        evidence = detections_of(detections, rig, individual, settings.lowest_confidence)
        context = _Context(
            settings=settings,
            bones=bones,
            pairs=pairs,
            fps=float(detections.attrs["fps"]),
            rig_covariance=rig_covariance,
            progress=_part(progress, index, len(individuals), str(individual)),
        )
        tracks.append(_track(evidence, context))
    attributes = report_attributes([track.report for track in tracks], rig.unit)
    attributes |= identities.attributes
    optional = {"exchanged": _stack(tracks, "exchanged", -1).swapaxes(0, 1), **identities.variables}
    if rig_covariance is not None:
        optional["covariance_calibration"] = _stack(tracks, "calibration", 2)
        attributes["calibration_gauge"] = rig_covariance.gauge
    return make_trajectories(
        position=_stack(tracks, "position", -1).swapaxes(1, 2),
        position_raw=_stack(tracks, "raw", -1).swapaxes(1, 2),
        covariance=_stack(tracks, "covariance", 2),
        reprojection_error=_stack(tracks, "error", -1),
        view_used=np.moveaxis(_stack(tracks, "view_used", -1), 0, 1),
        confidence=_stack(tracks, "confidence", -1),
        like=detections,
        unit=rig.unit,
        optional=optional,
        attrs=attributes,
    )


def _track(evidence: Evidence, context: _Context) -> _Tracks:
    """Reconstruct one individual."""
    evidence, raw = _triangulate(evidence)
    evidence, exchanged = untangle(evidence, context.pairs)
    if exchanged.any():
        evidence, raw = _triangulate(evidence)
    known = np.flatnonzero(np.isfinite(raw.points).all(axis=-1).any(axis=-1))
    if not context.settings.smooth or not len(known):
        context.progress(1, 1)
        return replace(_unrefined(evidence, raw, context), exchanged=exchanged)
    refined = refine(
        evidence.of_keypoints(known),
        _trusted(raw)[known],
        bones=_among(context.bones, known),
        pairs=_among(context.pairs, known),
        progress=context.progress,
    )
    refined = replace(refined, exchanged=(exchanged + refined.exchanged))
    return _refined(evidence, raw, refined, known, context)


def _triangulate(evidence: Evidence) -> tuple[Evidence, Triangulation]:
    """Triangulate every moment by itself, after seeing how far the detector can be believed.

    Returns the evidence with its covariance widened to the scatter of the detections about the
    points, and the triangulation with it.
    """
    for _ in range(2):
        found = triangulate_points(
            evidence.rig,
            np.where(evidence.seen[..., None], evidence.pixels, np.nan),
            covariance=evidence.covariance,
            confidence=evidence.confidence,
        )
        residual = evidence.pixels - project_with_slopes(evidence.rig, found.points)[0]
        squared = np.einsum("...i,...ij,...j->...", residual, evidence.information, residual)
        views = evidence.seen.sum(axis=0)
        # Of 2 n coordinates the point itself takes three.
        squared = squared * 2 * views / np.maximum(2 * views - 3, 1)
        confident = evidence.seen & (evidence.confidence > USED) & np.isfinite(squared)
        if not confident.any():
            break
        scale = max(float(np.median(squared[confident])) / MEDIAN_CHI_SQUARE, 1.0)
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


def _unrefined(evidence: Evidence, raw: Triangulation, context: _Context) -> _Tracks:
    """Return the triangulation of every moment as it is, but for points hardly known."""
    # By the detections' noise: what the calibration adds is common to all points.
    deviation = _deviation_px(evidence.rig, raw.points, raw.covariance)
    vague = deviation > context.settings.largest_deviation_px
    part = np.zeros_like(raw.covariance)
    if context.rig_covariance is not None:
        weight = (evidence.confidence * raw.inliers)[..., None, None]
        part = calibration_covariance(
            evidence.rig, context.rig_covariance, raw.points, evidence.information * weight
        )
    part[vague] = np.nan
    support = _two_right(np.where(raw.inliers, evidence.confidence.clip(max=1.0), 0.0))
    return _Tracks(
        position=_by_time(np.where(vague[..., None], np.nan, raw.points)),
        raw=_by_time(raw.points),
        covariance=_by_time(raw.covariance + part),
        calibration=_by_time(part),
        error=_by_time(np.where(vague, np.nan, raw.reprojection_error)),
        view_used=np.swapaxes(raw.inliers & ~vague, 1, 2),
        confidence=_by_time(np.where(vague, 0.0, support)),
        exchanged=np.zeros(raw.inliers[:, 0].shape, dtype=int),
        report={},
    )


def _refined(
    evidence: Evidence,
    raw: Triangulation,
    refined: Refined,
    known: np.ndarray,
    context: _Context,
) -> _Tracks:
    """Return the refined tracks, missing where they would be guesses."""
    right = refined.judgement.right
    rig, settings = evidence.rig, context.settings
    # By the detections' noise: what the calibration adds is common to all points.
    missing = _deviation_px(rig, refined.points, refined.covariance) > settings.largest_deviation_px
    missing |= _long_runs(right.sum(axis=0) < 1, settings.longest_gap_s * context.fps)
    projected = project_with_slopes(rig, refined.points)[0]
    distance = np.linalg.norm(refined.evidence.pixels - projected, axis=-1)
    used = (right > USED) & ~missing
    part = np.zeros_like(refined.covariance)
    if context.rig_covariance is not None:
        part = calibration_covariance_of_tracks(refined, context.rig_covariance)
    with np.errstate(invalid="ignore"):
        error = np.where(used, distance, 0.0).sum(axis=0) / used.sum(axis=0)

    def whole(values: Array, empty: float) -> Array:
        """Return (keypoint, time, ...) values of the known keypoints among all, time first."""
        every = np.full((len(raw.points), *values.shape[1:]), empty)
        every[known] = np.where(
            np.expand_dims(missing, tuple(range(2, values.ndim))), empty, values
        )
        return _by_time(every)

    view_used = np.zeros(evidence.confidence.shape, dtype=bool)
    view_used[:, known] = used
    return _Tracks(
        position=whole(refined.points, np.nan),
        raw=_by_time(raw.points),
        covariance=whole(refined.covariance + part, np.nan),
        calibration=whole(part, np.nan),
        error=whole(error, np.nan),
        view_used=np.swapaxes(view_used, 1, 2),
        confidence=whole(_two_right(right), 0.0),
        exchanged=refined.exchanged,
        report=describe_changes(raw.points[known], refined, missing, context.fps),
    )


def _deviation_px(rig: Rig, points: Array, covariance: Array) -> Array:
    """Return the largest standard deviation (...) of points as it would look in an image, px."""
    variance = np.linalg.eigvalsh(np.nan_to_num(covariance))[..., -1]
    focal = np.array([(c.matrix[0, 0] + c.matrix[1, 1]) / 2 for c in rig])
    depth = np.stack([(points @ c.rotation.T + c.translation)[..., 2] for c in rig])
    zoom = (focal.reshape(-1, *[1] * (depth.ndim - 1)) / np.abs(depth)).mean(axis=0)
    return np.sqrt(np.maximum(variance, 0.0)) * zoom


def _two_right(right: Array) -> Array:
    """Return the probability (...) that at least two views are right, from each (view, ...)."""
    wrong = 1 - right
    none = wrong.prod(axis=0)
    one = sum(right[v] * np.delete(wrong, v, axis=0).prod(axis=0) for v in range(len(right)))
    return np.clip(1 - none - one, 0.0, 1.0)


def _long_runs(flags: np.ndarray, longest: float) -> np.ndarray:
    """Return flags (..., time) kept only where they last longer than `longest` moments."""
    kept = np.zeros_like(flags)
    for row, out in zip(
        flags.reshape(-1, flags.shape[-1]), kept.reshape(-1, flags.shape[-1]), strict=True
    ):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
        for start, stop in edges.reshape(-1, 2):
            out[start:stop] = stop - start > longest
    return kept


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


def _part(progress: Progress | None, index: int, count: int, title: str) -> Progress:
    """Return the progress of one of `count` equal parts as progress of the whole."""

    def advance(done: int, total: int, note: str = "") -> None:
        """Report to the listener, if there is one."""
        if progress is not None:
            progress(index * total + done, count * total, note or title)

    return advance


def _by_time(array: Array) -> Array:
    """Return (keypoint, time, ...) as (time, keypoint, ...)."""
    return np.swapaxes(array, 0, 1)


def _stack(tracks: Sequence[_Tracks], name: str, axis: int) -> Array:
    """Stack one array of all individuals along a new axis."""
    return np.stack([getattr(track, name) for track in tracks], axis=axis)
