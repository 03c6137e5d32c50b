"""Corners that move: how fast, and where they were between two images.

A corner's track is followed by the polynomial through its nearest four images (three at an end),
and only where the motion is smooth: where a parabola through three of them strays far from the
chord between the two images around, the place between them is not known.
"""

import numpy as np

from calibration.geometry import Array, is_seen

__all__ = ["resample_track", "velocities"]

SAME_TIME = 1e-3  # of a frame; corners this close in time are taken as they are
LARGEST_BEND = 2.0  # px between parabola and chord; beyond it a motion is not smooth
GAP = 1.5  # frames; images farther apart are not neighbours


def resample_track(corners: Array, taken: Array, wanted: Array, period: float) -> Array:
    """Return where corners (frame, corner, 2) px, taken at times `taken` (frame,) s, were then.

    `taken` rises, NaN where there is no image; `wanted` (n,) s. NaN (n, corner, 2) where a corner
    was not seen in the images around, or did not move smoothly.
    """
    known = np.flatnonzero(np.isfinite(taken))
    if not known.size:
        return np.full((len(wanted), *corners.shape[1:]), np.nan)
    stamps, track = taken[known], corners[known]
    left = np.searchsorted(stamps, wanted + SAME_TIME * period, side="right") - 1
    near = np.abs(stamps[np.maximum(left, 0)] - wanted) <= SAME_TIME * period
    curves = [
        _through(track, stamps, wanted, (left + first)[:, None] + np.arange(length), period)
        for length, first in ((2, 0), (4, -1), (3, -1), (3, 0))
    ]
    chord, cubic, *parabolas = curves
    result = np.where(np.isfinite(cubic), cubic, parabolas[0])
    result = np.where(np.isfinite(result), result, parabolas[1])
    for parabola in parabolas:
        bend = np.linalg.norm(parabola - chord, axis=-1, keepdims=True)
        result = np.where(bend > LARGEST_BEND, np.nan, result)
    result[near] = track[left[near]]
    return result


def velocities(pixels: Array, taken: Array, period: float) -> Array:
    """Return the velocities (view, frame, corner, 2) px/s of pixels seen at `taken` (frame,) s.

    From the parabola through an image and its two neighbours; NaN where one is missing.
    """
    before, after = taken[1:-1] - taken[:-2], taken[2:] - taken[1:-1]
    near = np.asarray((before < GAP * period) & (after < GAP * period))
    steps = np.diff(pixels, axis=1) / np.diff(taken)[:, None, None]
    share = (after / (before + after))[:, None, None]
    result = np.full(pixels.shape, np.nan)
    result[:, 1:-1] = steps[:, :-1] * share + steps[:, 1:] * (1 - share)
    result[:, 1:-1][:, ~near] = np.nan
    return result


def _through(track: Array, stamps: Array, wanted: Array, nodes: np.ndarray, period: float) -> Array:
    """Return the polynomials through images `nodes` (n, k) at times `wanted`, by Lagrange.

    NaN where a node lies outside the recording, two are no neighbours, or a corner is not seen.
    """
    inside = np.asarray(((nodes >= 0) & (nodes < len(stamps))).all(axis=1))
    nodes = np.where(inside[:, None], nodes, 0)
    times = stamps[nodes]
    inside &= (np.diff(times, axis=1) < GAP * period).all(axis=1)
    result = np.zeros((len(wanted), *track.shape[1:]))
    for node in range(nodes.shape[1]):
        others = np.delete(np.arange(nodes.shape[1]), node)
        gaps = times[:, [node]] - times[:, others]
        weight = np.prod((wanted[:, None] - times[:, others]) / np.where(gaps, gaps, 1.0), axis=1)
        result += weight[:, None, None] * track[nodes[:, node]]
    result[~(inside[:, None] & is_seen(result))] = np.nan
    return result
