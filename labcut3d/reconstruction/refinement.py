"""Refinement: one robust fit of every keypoint's track to all views, all moments and the skeleton.

Expectation maximisation. Each round judges the detections against the present tracks, solves for
the tracks (Gauss-Newton, `smoothing`), and learns from the data: the detector's noise and how far
its confidence can be trusted, each keypoint's restlessness (by maximum likelihood), the lengths
of bones. The first rounds see the noise wider than it is, so that a wrong start can be left.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import uniform_filter1d

from calibration.geometry import Array
from labcut3d.progress import Progress
from labcut3d.reconstruction.bones import Bones, learn_bones, pull_of_bones
from labcut3d.reconstruction.contradictions import give_in, variance_of_doubt
from labcut3d.reconstruction.evidence import (
    Evidence,
    Judgement,
    Noise,
    against,
    common_variance,
    first_noise,
    judge,
    learn_noise,
    linearize,
    persistence,
)
from labcut3d.reconstruction.motion import Motion, refined_motion
from labcut3d.reconstruction.smoothing import (
    accelerations,
    log_evidence,
    posterior_covariances,
    posterior_motion,
    smooth,
)
from labcut3d.reconstruction.swaps import repair_swaps
from labcut3d.reconstruction.weighing import (
    FREEDOM,
    Linear,
    add_up,
    largest_form,
    linearized,
    weigh,
)

__all__ = ["Refined", "information_of", "refine"]

WIDENINGS = (16.0, 4.0, 1.0, 1.0, 1.0, 1.0)  # of the noise's covariance, round by round
# Frames over which accelerations are of one scale, round by round: animals go on jumping, but so
# do exchanged legs, which are to be told first.
JUMPS = (1, 1, 1, 1, 5, 5)
BONES = 3  # the round whose tracks teach the bones: exchanges are repaired, no bone has pulled yet
FREED = 4  # the round before which tracks give in to views that agree: they jump with all of it
STEPS = 4  # of Gauss-Newton in a round, at most
STILL = 0.01  # standard deviations; tracks that move less need only one step more
# The weights of least squares say more than Student noise of two dimensions tells about its place
# (Lange, Little & Taylor, "Robust statistical modeling using the t distribution", 1989).
STUDENT_INFORMATION = (FREEDOM + 2) / (FREEDOM + 4)
MOTION_FREEDOM = 3.0  # degrees of freedom of the Student accelerations: animals jump
SEARCH = np.geomspace(0.25, 4.0, 9)  # factors on the accelerations, tried by likelihood
STIFFEST = 1e10  # times the least information of a moment: what double precision can solve
MANY = 500_000  # detections whose slopes are kept during a round, 64 bytes each
NONE = np.empty(0)
ANCHOR = 1e-6  # of the typical information: what holds a moment that nothing else holds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refined:
    """Refined tracks of one individual and how they came about.

    `points` (keypoint, time, 3) and `covariance` (keypoint, time, 3, 3); `judgement` of the
    detections in `evidence`, whose swaps are repaired; `exchanged` (pair, view, time) tells which;
    `acceleration` (keypoint,) the learnt restlessness, unit/frame^2, and `precision`
    (keypoint, time - 2) what follows for every moment's acceleration; `motion`
    that of the points.
    """

    points: Array
    covariance: Array
    evidence: Evidence
    judgement: Judgement
    noise: Noise
    exchanged: np.ndarray
    acceleration: Array
    precision: Array
    motion: Motion


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _State:
    """What a round hands to the next.

    `unsteady` (keypoint, time - 2) is the variance of the accelerations: how unsure they are;
    `jump` over how many frames they are of one scale. `doubt` (keypoint, time, 3) is how far from
    the track views agreed on another place.
    """

    points: Array
    covariance: Array
    unsteady: Array
    jump: int
    precision: Array
    acceleration: Array
    noise: Noise
    bones: Bones | None
    doubt: Array


def refine(
    evidence: Evidence,
    start: Array,
    *,
    alone: Array,
    bones: Sequence[tuple[int, int]] = (),
    pairs: Sequence[tuple[int, int]] = (),
    progress: Progress | None = None,
) -> Refined:
    """Refine tracks from `start` (keypoint, time, 3), NaN where unknown.

    `alone` (keypoint, time, 3) are the points that each moment tells by itself, NaN where none;
    `bones` and left/right `pairs` are indices of keypoints. Every keypoint must have a known
    moment.
    """
    points = _bridge(start)
    state = _State(
        points=points,
        covariance=np.zeros((*points.shape, 3)),
        unsteady=np.zeros((len(points), max(points.shape[1] - 2, 0))),
        jump=JUMPS[0],
        precision=np.zeros((len(points), max(points.shape[1] - 2, 0))),
        acceleration=_first_acceleration(points),
        noise=first_noise(evidence),
        bones=None,
        doubt=np.zeros(points.shape),
    )
    exchanged = np.zeros((len(pairs), len(evidence.pixels), points.shape[1]), dtype=bool)
    for index, (widening, jump) in enumerate(zip(WIDENINGS, JUMPS, strict=True)):
        if index == FREED:
            points, doubt = give_in(evidence, state.noise, state.points, alone)
            state = replace(state, points=points, doubt=doubt)
        state = _fit(evidence, replace(state, jump=jump), widening)
        if widening == 1.0 and pairs:
            evidence, newly = repair_swaps(evidence, state.noise, state.points, pairs)
            exchanged = exchanged ^ newly  # one exchanged again is as it was
        if widening == 1.0 and index < len(WIDENINGS) - 1:
            state = _learn(evidence, state)
        if index == BONES and bones:
            learnt = learn_bones(state.points, state.covariance, bones)
            state = replace(state, bones=learnt)
        if progress is not None:
            progress(index + 1, len(WIDENINGS))
    return _stated(evidence, replace(state, covariance=NONE), exchanged)


def _stated(evidence: Evidence, state: _State, exchanged: np.ndarray) -> Refined:
    """Return the tracks of the last round with all that is stated of them."""
    judgement = judge(evidence, state.noise, state.points)
    known = information_of(evidence, STUDENT_INFORMATION * judgement.weight, state.points)
    covariance, velocity, acceleration = posterior_motion(known, state.precision)
    own = np.einsum("ktij,ktji->kt", covariance, known) / 3
    del known
    factor = persistence(evidence, judgement, state.points, own)[..., None, None]
    covariance *= factor
    # Errors that last cancel in differences, others do not: between 1 and the points' factor.
    velocity *= np.sqrt(factor)
    acceleration *= np.sqrt(factor)
    shared = common_variance(evidence, judgement, state.noise, state.points)
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
        motion=refined_motion(state.points, velocity, acceleration),
    )


def information_of(evidence: Evidence, weight: Array, points: Array) -> Array:
    """Return the information (keypoint, time, 3, 3) of the detections with their weights.

    Without the bones: they tie errors together that a covariance of single points cannot hold.
    """
    information, vectors = linearize(evidence, weight, points)
    _anchor(information, vectors, points, _hold(information))
    return information


def _fit(evidence: Evidence, state: _State, widening: float) -> _State:
    """Return the state with tracks and accelerations fitted to the evidence.

    The cameras are taken as linear near where the tracks were; the next round looks again.
    """
    points, acceleration = state.points, state.acceleration
    total = _totals(evidence, state, widening)
    last, hold = False, 0.0
    for step in range(STEPS):
        last = last or step == STEPS - 1
        information, vectors = total(points)
        hold = _hold(information) if step == 0 else hold
        known = information
        if last and state.bones is not None:
            known = information.copy()  # without the bones, as in `information_of`
            _anchor(known, np.zeros(points.shape), points, hold)
        if state.bones is not None:
            pull_of_bones(state.bones, points, state.covariance, information, vectors)
        _anchor(information, vectors, points, hold)
        motion = _motion_weight(points, state, acceleration)
        stiffest = _stiffest(information)
        if last:
            acceleration, points = _likeliest(information, vectors, motion, acceleration)
            precision = _precision(motion, acceleration, stiffest)
            break
        precision = _precision(motion, acceleration, stiffest)
        before, points = points, smooth(information, vectors, precision)
        last = _moved(before, points, information) < STILL
    del total, information, vectors
    covariance, unsteady = posterior_covariances(known, precision)
    return replace(
        state,
        points=points,
        covariance=covariance,
        unsteady=unsteady,
        precision=precision,
        acceleration=acceleration,
    )


def _totals(
    evidence: Evidence, state: _State, widening: float
) -> Callable[[Array], tuple[Array, Array]]:
    """Return what tells information and vectors of the detections, as weighed about given points.

    The cameras are linear near the state's points; of long recordings, whose slopes would fill the
    memory, this is found again whenever it is asked for.
    """
    odds = against(evidence, state.noise, widening)
    scale, long = state.noise.scale * widening, odds.size > MANY
    parts = evidence.parts()

    def linear(own: slice) -> Linear:
        """Return the detections of some keypoints near the state's points."""
        return linearized(evidence.rig, evidence.pixels[:, own], state.points[own])

    kept = None if long else [linear(own) for own in parts]

    def total(points: Array) -> tuple[Array, Array]:
        """Return information (keypoint, time, 3, 3) and vectors (keypoint, time, 3)."""
        information, vectors = np.zeros((*points.shape, 3)), np.zeros(points.shape)
        for k, own in enumerate(parts):
            near = linear(own) if kept is None else kept[k]
            told, weight = evidence.information[:, own], np.empty(odds[:, own].shape)
            weigh(near, told, odds[:, own], scale[own], points[own], weight)
            add_up(near, told, weight, information[own], vectors[own])
        return information, vectors

    return total


def _moved(before: Array, after: Array, information: Array) -> float:
    """Return the largest step of a point, in standard deviations of its measurements."""
    return float(np.sqrt(largest_form(information, after - before)))


def _learn(evidence: Evidence, state: _State) -> _State:
    """Return the state with what the data teach about the noise."""
    judgement = judge(evidence, state.noise, state.points)
    information, _ = linearize(evidence, judgement.weight, state.points)
    fitted = np.einsum("ktij,ktji->k", information, state.covariance)
    noise = learn_noise(evidence, judgement, state.noise, fitted)
    return replace(state, noise=noise)


def _likeliest(
    information: Array, vectors: Array, motion: Array, acceleration: Array
) -> tuple[Array, Array]:
    """Return the accelerations (keypoint,) that make the measurements most probable, and tracks.

    Uphill from where they are: the likelihood has one summit. The tracks are those of `smooth`.
    """
    stiffest = _stiffest(information)
    if motion.shape[1] == 0:
        return acceleration, smooth(information, vectors, motion)

    def scores(which: np.ndarray, place: np.ndarray) -> tuple[Array, Array]:
        """Return log evidence and tracks of some keypoints, factors by their place in SEARCH."""
        found, tracks = np.empty(len(which)), np.empty((len(which), *vectors.shape[1:]))
        for index, k in enumerate(which):
            own = slice(k, k + 1)
            size = acceleration[own] * SEARCH[place[index]]
            chosen = _precision(motion[own], size, stiffest)
            score, track = log_evidence(information[own], vectors[own], chosen)
            found[index], tracks[index] = score[0], track[0]
        return found, tracks

    middle = len(SEARCH) // 2
    place = np.full(len(acceleration), middle)
    best, points = scores(np.arange(len(place)), place)
    for way in (1, -1):
        climbing = np.flatnonzero(place == middle)
        for step in range(1, middle + 1):
            if not len(climbing):
                break
            there = np.full(len(climbing), middle + step * way)
            found, tracks = scores(climbing, there)
            better = found > best[climbing]
            climbing = climbing[better]
            best[climbing], place[climbing] = found[better], there[better]
            points[climbing] = tracks[better]
    return acceleration * SEARCH[place], points


def _precision(motion: Array, acceleration: Array, stiffest: float) -> Array:
    """Return the precisions (keypoint, time - 2) of accelerations that size, 1/(unit/frame^2)^2."""
    return np.minimum(motion / acceleration[:, None] ** 2, stiffest)


def _stiffest(information: Array) -> float:
    """Return the largest precision that the equations can hold in double precision.

    A keypoint that never moves would ask for more.
    """
    return STIFFEST * float(np.diagonal(information, axis1=-2, axis2=-1).min())


def _motion_weight(points: Array, state: _State, acceleration: Array) -> Array:
    """Return the weights (keypoint, time - 2) of Student accelerations, as expected.

    Neighbours share one scale. What is unsure of the accelerations counts too, or a track that was
    smoothed too much would always seem smooth.
    """
    if state.unsteady.shape[1] == 0:
        return state.unsteady
    size = (accelerations(points) ** 2).sum(axis=-1) + state.unsteady
    size = uniform_filter1d(size, state.jump, axis=1, mode="nearest") / acceleration[:, None] ** 2
    return np.asarray((MOTION_FREEDOM + 3 * state.jump) / (MOTION_FREEDOM + state.jump * size))


def _hold(information: Array) -> float:
    """Return the information of what holds a moment that nothing else holds."""
    typical = information[..., 0, 0] + information[..., 1, 1] + information[..., 2, 2]
    known = typical[typical > 0]
    return ANCHOR * float(np.median(known)) if len(known) else 1.0


def _anchor(information: Array, vectors: Array, points: Array, hold: float) -> None:
    """Hold every moment, ever so slightly, where it is: the equations stay solvable."""
    for axis in range(3):
        information[..., axis, axis] += hold
    vectors += hold * points


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
