"""Errors that do not average out: those that last over frames, and those that views share.

A detector that errs errs alike in the next frame, and alike in all views. No weight of least
squares tells that, so covariances that take detections as independent are too small by it.
"""

import numpy as np

from calibration.geometry import Array
from calibration.points.imaging import project_points
from labcut3d.reconstruction.commons import Commons
from labcut3d.reconstruction.evidence import Evidence, Judgement, Noise, linearize
from labcut3d.reconstruction.weighing import FREEDOM

__all__ = ["common_variance", "persistence"]

CHANCE = 2.5  # standard deviations from which a correlation, or a variance too small, is no chance
MEMORY = 10  # frames over which errors are compared with themselves


def persistence(
    evidence: Evidence, judgement: Judgement, points: Array, share: Array, commons: Commons
) -> Array:
    """Return by what covariances that take frames as independent are too small (keypoint, time).

    1 or more. A detector that errs errs alike in the next frame, at some keypoints for longer than
    at others, as the residuals' autocorrelation tells. Of a mean over n alike frames the variance
    grows by 1 + 2 sum (1 - lag / n) correlation (Sokal, "Monte Carlo methods in statistical
    mechanics", 1997); n is the inverse of the `share` (keypoint, time) that the moment's own
    detections have in what is known of the point. A detector that claims nothing does not tell
    what its views share (see `common_variance`): then n is taken as large.
    """
    lasting = commons.tell_each(
        "lasting errors", lambda: _autocorrelation(evidence, judgement, points)
    )
    share = share if evidence.stated else np.zeros_like(share)
    factor = np.ones(share.shape)
    for lag, correlation in enumerate(lasting.T, start=1):
        factor += 2 * correlation[:, None] * (1 - lag * share).clip(min=0.0)
    return factor


def _autocorrelation(evidence: Evidence, judgement: Judgement, points: Array) -> Array:
    """Return how the errors of keypoints go with those some frames later (keypoint, lag - 1).

    Zero from the first lag on at which that may be chance.
    """
    lasting = np.zeros((len(points), MEMORY))
    for own in evidence.parts():
        one, judged = evidence.of_keypoints(own), judgement.of_keypoints(own)
        lasting[own] = _autocorrelation_of_few(one, judged, points[own])
    return lasting


def _autocorrelation_of_few(evidence: Evidence, judgement: Judgement, points: Array) -> Array:
    """Return what `_autocorrelation` does, of few keypoints."""
    # About each moment's own points: smoothed ones have taken up what lasts.
    information, vectors = linearize(evidence, judgement.weight, points)
    hold = 1e-6 * np.trace(information, axis1=-2, axis2=-1).max(axis=1)[:, None, None, None]
    hold = np.where(hold > 0, hold, 1.0) * np.eye(3)
    held = vectors + (hold @ points[..., None])[..., 0]
    alone = np.linalg.solve(information + hold, held[..., None])[..., 0]
    residual = np.nan_to_num(evidence.pixels - project_points(evidence.rig, alone))
    whitened = residual * np.sqrt(judgement.weight)[..., None]
    power, moments = (whitened**2).sum(axis=(0, 2, 3)), points.shape[1]
    lasting, still = np.zeros((len(points), MEMORY)), power > 0
    by_chance = CHANCE / np.sqrt(judgement.right.sum(axis=(0, 2)).clip(min=1.0))
    for lag in range(1, min(MEMORY, moments - 1) + 1):
        product = (whitened[..., lag:, :] * whitened[..., :-lag, :]).sum(axis=(0, 2, 3))
        correlation = product / (1 - lag / moments) / np.where(power > 0, power, 1.0)
        still = still & (correlation >= by_chance)
        lasting[:, lag - 1] = np.where(still, correlation, 0.0)
    return lasting


def common_variance(
    evidence: Evidence, judgement: Judgement, noise: Noise, points: Array, commons: Commons
) -> Array:
    """Return the variance (keypoint, time) of points along any axis, unit^2, that all views share.

    Views that agree better than their detector claims to err do so because they err alike: it
    takes another place of the body for the keypoint, in all views the same. This no residual
    shows, and no number of views or moments averages it out. What is claimed beyond the scatter
    is therefore stated as a displacement in space of that size in the images; zero where the
    detector claims nothing.
    """
    if not evidence.stated:
        return np.zeros(points.shape[:2])
    views = judgement.right.sum(axis=0)
    told = np.empty(views.shape)
    for own in evidence.parts():
        right = judgement.right[:, own]
        information, _ = linearize(evidence.of_keypoints(own), right, points[own])
        told[own] = np.trace(information, axis1=-2, axis2=-1)
    known = (views > 1) & (told > 0)
    claimed = np.where(known, 2 * views / np.where(known, told, 1.0), np.nan)
    usual = commons.tell_each("claimed variance", lambda: _usual(claimed))
    claimed = np.where(known, claimed, usual)
    return claimed * commons.tell_each("alike", lambda: _alike(judgement, noise))[:, None]


def _alike(judgement: Judgement, noise: Noise) -> Array:
    """Return which share of its claimed variance a keypoint (keypoint,) has in all views alike."""
    apart = noise.scale * FREEDOM / (FREEDOM - 2)  # the variance of Student noise
    chance = CHANCE / np.sqrt(judgement.right.sum(axis=(0, 2)).clip(min=1.0))
    beyond = (1 - apart * (1 + chance)).clip(min=0.0)
    # Where more than claimed shows, what the views share is hidden: as usual beside what shows.
    return np.maximum(beyond, float(np.median(beyond / apart)) * apart)


def _usual(values: Array) -> Array:
    """Return the median (n, 1) of what is known of each row (n, time), zero where nothing is."""
    there = np.isfinite(values).any(axis=1, keepdims=True)
    return np.asarray(np.nanmedian(np.where(there, values, 0.0), axis=1, keepdims=True))
