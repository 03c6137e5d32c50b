"""Refinement: one robust fit of every keypoint's track to all views, all moments and the skeleton.

Expectation maximisation. Each round judges the detections against the present tracks, solves for
the tracks (`rounds`), and learns from the data: the detector's noise and how far its confidence can
be trusted, each keypoint's restlessness (by maximum likelihood), the lengths of bones. The first
rounds see the noise wider than it is, so that a wrong start can be left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from calibration.geometry import Array
from labcut3d.progress import Progress
from labcut3d.reconstruction.bones import Bones, learn_bones
from labcut3d.reconstruction.commons import Commons
from labcut3d.reconstruction.contradictions import give_in, variance_of_doubt
from labcut3d.reconstruction.evidence import (
    Evidence,
    Judgement,
    Noise,
    first_noise,
    judge,
    learn_noise,
    linearize,
)
from labcut3d.reconstruction.motion import Motion, refined_motion
from labcut3d.reconstruction.rounds import State, anchor, fit, hold_of
from labcut3d.reconstruction.shared_errors import common_variance, persistence
from labcut3d.reconstruction.smoothing import accelerations, posterior_motion
from labcut3d.reconstruction.swaps import repair_swaps
from labcut3d.reconstruction.weighing import FREEDOM

__all__ = ["Refined", "information_of", "refine"]

WIDENINGS = (16.0, 4.0, 1.0, 1.0, 1.0, 1.0)  # of the noise's covariance, round by round
# Frames over which accelerations are of one scale, round by round: animals go on jumping, but so
# do exchanged legs, which are to be told first.
JUMPS = (1, 1, 1, 1, 5, 5)
BONES = 3  # the round whose tracks teach the bones: exchanges are repaired, no bone has pulled yet
FREED = 4  # the round before which tracks give in to views that agree: they jump with all of it
# The weights of least squares say more than Student noise of two dimensions tells about its place
# (Lange, Little & Taylor, "Robust statistical modeling using the t distribution", 1989).
STUDENT_INFORMATION = (FREEDOM + 2) / (FREEDOM + 4)
NONE = np.empty(0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refined:
    """Refined tracks of one individual and how they came about.

    `points` (keypoint, time, 3) and `covariance` (keypoint, time, 3, 3); `judgement` of the
    detections in `evidence`, whose swaps are repaired; `exchanged` (pair, view, time) tells which;
    `acceleration` (keypoint,) the learnt restlessness, unit/frame^2, and `precision`
    (keypoint, time - 2) what follows for every moment's acceleration; `hold` the information, 1/
    unit^2, of what holds moments that nothing else holds; `motion` that of the points.
    """

    points: Array
    covariance: Array
    evidence: Evidence
    judgement: Judgement
    noise: Noise
    exchanged: np.ndarray
    acceleration: Array
    precision: Array
    hold: float
    motion: Motion


def refine(
    evidence: Evidence,
    start: Array,
    *,
    alone: Array,
    commons: Commons | None = None,
    bones: Sequence[tuple[int, int]] = (),
    pairs: Sequence[tuple[int, int]] = (),
    progress: Progress | None = None,
) -> Refined:
    """Refine tracks from `start` (keypoint, time, 3), NaN where unknown.

    `alone` (keypoint, time, 3) are the points that each moment tells by itself, NaN where none;
    `bones` and left/right `pairs` are indices of keypoints. Every keypoint must have a known
    moment. What the data teach is kept in `commons`, or recalled where it was learnt before.
    """
    if commons is None:
        commons = Commons().of_keypoints(np.arange(len(start)), len(start))
    state = _first_state(evidence, _bridge(start), commons)
    exchanged = np.zeros((len(pairs), len(evidence.pixels), start.shape[1]), dtype=bool)
    for index, (widening, jump) in enumerate(zip(WIDENINGS, JUMPS, strict=True)):
        if index == FREED:
            points, doubt = give_in(evidence, state.noise, state.points, alone)
            state = replace(state, points=points, doubt=doubt)
        state = fit(evidence, replace(state, jump=jump), widening, commons)
        if widening == 1.0 and pairs:
            evidence, newly = repair_swaps(evidence, state.noise, state.points, pairs)
            exchanged = exchanged ^ newly  # one exchanged again is as it was
        if widening == 1.0 and index < len(WIDENINGS) - 1:
            state = replace(state, noise=_noise(evidence, state, commons))
        if index == BONES and bones:
            state = replace(state, bones=_bones(state, bones, commons))
        if progress is not None:
            progress(index + 1, len(WIDENINGS))
    return _stated(evidence, replace(state, covariance=NONE), exchanged, commons)


def information_of(evidence: Evidence, weight: Array, points: Array, hold: float) -> Array:
    """Return the information (keypoint, time, 3, 3) of the detections with their weights.

    Without the bones: they tie errors together that a covariance of single points cannot hold.
    `hold` is what holds a moment that nothing else holds.
    """
    information, vectors = linearize(evidence, weight, points)
    anchor(information, vectors, points, hold)
    return information


def _first_state(evidence: Evidence, points: Array, commons: Commons) -> State:
    """Return what the first round begins with, at tracks (keypoint, time, 3) without gaps."""
    size = commons.tell("size", lambda: first_noise(evidence).surroundings)
    return State(
        points=points,
        covariance=np.zeros((*points.shape, 3)),
        unsteady=np.zeros((len(points), max(points.shape[1] - 2, 0))),
        jump=JUMPS[0],
        precision=np.zeros((len(points), max(points.shape[1] - 2, 0))),
        acceleration=commons.tell_each("restless", partial(_first_acceleration, points)),
        noise=first_noise(evidence, size),
        bones=None,
        doubt=np.zeros(points.shape),
    )


def _noise(evidence: Evidence, state: State, commons: Commons) -> Noise:
    """Return what the data teach about the noise."""
    scale, trust = commons.recall_each("scale"), commons.recall("trust")
    if scale is not None and trust is not None:
        return replace(state.noise, scale=scale, trust=trust)
    judgement = judge(evidence, state.noise, state.points)
    information, _ = linearize(evidence, judgement.weight, state.points)
    fitted = np.einsum("ktij,ktji->k", information, state.covariance)
    noise = learn_noise(evidence, judgement, state.noise, fitted)
    commons.keep_each("scale", noise.scale)
    commons.keep("trust", noise.trust)
    return noise


def _bones(state: State, pairs: Sequence[tuple[int, int]], commons: Commons) -> Bones | None:
    """Return the bones that are stiff, of those between pairs of keypoints."""
    told = commons.recall("bones")
    if told is None:
        told = learn_bones(state.points, state.covariance, pairs).renamed(commons.keypoints)
        commons.keep("bones", told)
    return told.among(commons.keypoints)


def _stated(evidence: Evidence, state: State, exchanged: np.ndarray, commons: Commons) -> Refined:
    """Return the tracks of the last round with all that is stated of them."""
    judgement = judge(evidence, state.noise, state.points)
    known, vectors = linearize(evidence, STUDENT_INFORMATION * judgement.weight, state.points)
    hold = commons.tell("hold", partial(hold_of, known))
    anchor(known, vectors, state.points, hold)
    del vectors
    covariance, velocity, acceleration = posterior_motion(known, state.precision)
    own = np.einsum("ktij,ktji->kt", covariance, known) / 3
    del known
    lasting = persistence(evidence, judgement, state.points, own, commons)[..., None, None]
    covariance *= lasting
    # Errors that last cancel in differences, others do not: between 1 and the points' factor.
    velocity *= np.sqrt(lasting)
    acceleration *= np.sqrt(lasting)
    shared = common_variance(evidence, judgement, state.noise, state.points, commons)
    for axis in range(3):
        covariance[..., axis, axis] += shared
    covariance += variance_of_doubt(state.doubt)
    return Refined(
        points=state.points,
        covariance=covariance,
        evidence=evidence,
        judgement=judgement,
        noise=state.noise,
        exchanged=exchanged,
        acceleration=state.acceleration,
        precision=state.precision,
        hold=hold,
        motion=refined_motion(state.points, velocity, acceleration),
    )


def _first_acceleration(points: Array) -> Array:
    """Return a first guess (keypoint,) of the accelerations' size, unit/frame^2."""
    if points.shape[1] < 3:
        return np.ones(len(points))
    size = np.median(np.linalg.norm(accelerations(points), axis=-1), axis=-1) / 3
    floor = 1e-6 * (np.ptp(points.reshape(-1, 3), axis=0).max() or 1.0)
    return np.maximum(size, floor)


def _bridge(start: Array) -> Array:
    """Return tracks without gaps: straight lines between known moments, constant at the ends."""
    times = np.arange(start.shape[1])
    bridged = start.copy()
    for track in bridged:
        known = np.isfinite(track).all(axis=-1)
        for axis in range(3):
            track[:, axis] = np.interp(times, times[known], track[known, axis])
    return bridged
