"""What becomes of one individual: its tracks, missing where they would be guesses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.covariance import RigCovariance
from calibration.geometry import Array
from calibration.points.imaging import project_points
from calibration.points.propagation import calibration_covariance
from calibration.rig import Rig
from calibration.triangulation import Triangulation
from labcut3d.progress import Progress
from labcut3d.reconstruction.evidence import USED, Evidence
from labcut3d.reconstruction.motion import Motion, unknown_motion
from labcut3d.reconstruction.propagation import calibration_covariance_of_tracks
from labcut3d.reconstruction.refinement import Refined
from labcut3d.reconstruction.settings import ReconstructionSettings

__all__ = ["Context", "Tracks", "refined_tracks", "unrefined_tracks"]

MARGIN = 512  # moments: tracks, once refined, do not depend on what is farther away
LONGEST_MARGIN = 4096  # moments, whatever gaps are to be filled


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tracks:
    """What becomes of one individual: (time, keypoint, ...) arrays; `view_used` by view first.

    `motion` (keypoint, time, ...) is that of `position`, NaN where it was not refined;
    `calibration` is the calibration's part in the covariance; `exchanged` (view, time) counts
    left/right pairs that were exchanged back. `seen` and `overruled` (time,) count the detections,
    and those that do not show their keypoint; `restless` is the usual size of the accelerations,
    unit/frame^2. The three are None where nothing was refined.
    """

    position: Array
    raw: Array
    covariance: Array
    motion: Motion
    calibration: Array
    error: Array
    view_used: np.ndarray
    confidence: Array
    exchanged: np.ndarray
    seen: np.ndarray | None = None
    overruled: np.ndarray | None = None
    restless: float | None = None

    def within(self, moments: slice) -> "Tracks":
        """Return the tracks in some moments."""
        by_time = ("position", "raw", "covariance", "calibration", "error", "confidence")
        return replace(
            self,
            **{name: getattr(self, name)[moments] for name in by_time},
            motion=self.motion.mapped(lambda values: values[:, moments]),
            view_used=self.view_used[:, moments],
            exchanged=self.exchanged[:, moments],
            seen=None if self.seen is None else self.seen[moments],
            overruled=None if self.overruled is None else self.overruled[moments],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the reconstruction of every individual needs beside its detections."""

    settings: ReconstructionSettings
    bones: Sequence[tuple[int, int]]
    pairs: Sequence[tuple[int, int]]
    fps: float
    rig_covariance: RigCovariance | None
    progress: Progress

    @property
    def margin(self) -> int:
        """Moments before and after a window that are to be known to tell it."""
        longest = min(self.settings.longest_gap_s * self.fps, LONGEST_MARGIN)
        return max(MARGIN, math.ceil(longest) + 1)


def unrefined_tracks(evidence: Evidence, raw: Triangulation, context: Context) -> Tracks:
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
    return Tracks(
        position=_by_time(np.where(vague[..., None], np.nan, raw.points)),
        raw=_by_time(raw.points),
        covariance=_by_time(raw.covariance + part),
        motion=unknown_motion(*raw.points.shape[:2]),
        calibration=_by_time(part),
        error=_by_time(_mean_distance(evidence, raw.points, raw.inliers & ~vague)),
        view_used=np.swapaxes(raw.inliers & ~vague, 1, 2),
        confidence=_by_time(np.where(vague, 0.0, support)),
        exchanged=np.zeros(raw.inliers[:, 0].shape, dtype=int),
    )


def refined_tracks(
    raw: Triangulation,
    refined: Refined,
    known: np.ndarray,
    context: Context,
) -> Tracks:
    """Return the refined tracks, missing where they would be guesses.

    To spare memory, arrays of `refined` are taken over.
    """
    right = refined.judgement.right
    rig, settings = refined.evidence.rig, context.settings
    # By the detections' noise: what the calibration adds is common to all points.
    missing = _deviation_px(rig, refined.points, refined.covariance) > settings.largest_deviation_px
    missing |= _long_runs(right.sum(axis=0) < 1, settings.longest_gap_s * context.fps)
    used = (right > USED) & ~missing
    part = np.zeros_like(refined.covariance)
    if context.rig_covariance is not None:
        part = calibration_covariance_of_tracks(refined, context.rig_covariance)
    covariance = refined.covariance
    covariance += part
    seen = refined.evidence.seen
    error = _mean_distance(refined.evidence, refined.points, used)

    def whole(values: Array, empty: float) -> Array:
        """Return (keypoint, time, ...) values of the known keypoints among all, time first."""
        values[missing] = empty
        if len(known) == len(raw.points):
            return _by_time(values)
        every = np.full((len(raw.points), *values.shape[1:]), empty)
        every[known] = values
        return _by_time(every)

    view_used = np.zeros(raw.inliers.shape, dtype=bool)
    view_used[:, known] = used
    return Tracks(
        position=whole(refined.points, np.nan),
        raw=_by_time(raw.points),
        covariance=whole(covariance, np.nan),
        motion=refined.motion.mapped(lambda values: _by_time(whole(values, np.nan))),
        calibration=whole(part, np.nan),
        error=whole(error, np.nan),
        view_used=np.swapaxes(view_used, 1, 2),
        confidence=whole(_two_right(right), 0.0),
        exchanged=refined.exchanged.sum(axis=0),
        seen=seen.sum(axis=(0, 1)),
        overruled=(seen & (right < USED)).sum(axis=(0, 1)),
        restless=float(np.median(refined.acceleration)),
    )


def _mean_distance(evidence: Evidence, points: Array, used: np.ndarray) -> Array:
    """Return the mean distance (keypoint, time) px of the detections used from points' images."""
    total = np.empty(points.shape[:2])
    for own in evidence.parts():
        apart = evidence.of_keypoints(own).detected - project_points(evidence.rig, points[own])
        total[own] = np.where(used[:, own], np.linalg.norm(apart, axis=-1), 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / used.sum(axis=0))


def _deviation_px(rig: Rig, points: Array, covariance: Array) -> Array:
    """Return the largest standard deviation (...) of points as it would look in an image, px."""
    variance = np.stack([np.linalg.eigvalsh(np.nan_to_num(one))[:, -1] for one in covariance])
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


def _by_time(array: Array) -> Array:
    """Return (keypoint, time, ...) as (time, keypoint, ...)."""
    return np.swapaxes(array, 0, 1)
