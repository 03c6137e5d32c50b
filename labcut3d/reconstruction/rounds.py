"""A round of refinement: tracks fitted to detections as these are judged now.

Gauss-Newton over all tracks at once (`smoothing`), with robust weights; how restless each keypoint
is follows by maximum likelihood.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.ndimage import uniform_filter1d

from calibration.geometry import Array
from labcut3d.reconstruction.bones import Bones, pull_of_bones
from labcut3d.reconstruction.commons import Commons
from labcut3d.reconstruction.evidence import Evidence, Noise, against
from labcut3d.reconstruction.smoothing import (
    accelerations,
    log_evidence,
    posterior_covariances,
    smooth,
)
from labcut3d.reconstruction.weighing import Linear, add_up, largest_form, linearized, weigh

__all__ = ["State", "anchor", "fit", "hold_of"]

STEPS = 4  # of Gauss-Newton in a round, at most
STILL = 0.01  # standard deviations; tracks that move less need only one step more
MOTION_FREEDOM = 3.0  # degrees of freedom of the Student accelerations: animals jump
SEARCH = np.geomspace(0.25, 4.0, 9)  # factors on the accelerations, tried by likelihood
STIFFEST = 1e10  # times the least information of a moment: what double precision can solve
MANY = 500_000  # detections whose slopes are kept during a round, 64 bytes each
ANCHOR = 1e-6  # of the typical information: what holds a moment that nothing else holds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """What a round hands to the next.

    `points` (keypoint, time, 3) and `covariance` (keypoint, time, 3, 3); `unsteady` (keypoint,
    time - 2) is the variance of the accelerations: how unsure they are; `jump` over how many frames
    they are of one scale; `acceleration` (keypoint,) their usual size, unit/frame^2, and
    `precision` (keypoint, time - 2) what follows for each. `doubt` (keypoint, time, 3) is how far
    from the track views agreed on another place.
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


def fit(evidence: Evidence, state: State, widening: float, commons: Commons) -> State:
    """Return the state with tracks and accelerations fitted to the evidence.

    The noise is seen `widening` times as wide. The cameras are taken as linear near where the
    tracks were; the next round looks again.
    """
    points, acceleration = state.points, state.acceleration
    total = _totals(evidence, state, widening)
    last, hold = False, 0.0
    for step in range(STEPS):
        last = last or step == STEPS - 1
        information, vectors = total(points)
        if step == 0:
            hold = commons.tell("hold", partial(hold_of, information))
        known = information
        if last and state.bones is not None:
            known = information.copy()  # without the bones, as in `information_of`
            anchor(known, np.zeros(points.shape), points, hold)
        if state.bones is not None:
            pull_of_bones(state.bones, points, state.covariance, information, vectors)
        anchor(information, vectors, points, hold)
        motion = _motion_weight(points, state, acceleration)
        stiffest = commons.tell("stiffest", partial(_stiffest, information))
        if last:
            likeliest = _likeliest(information, vectors, motion, acceleration, stiffest, commons)
            acceleration, points = likeliest
            precision = _precision(motion, acceleration, stiffest)
            break
        precision = _precision(motion, acceleration, stiffest)
        before, points = points, smooth(information, vectors, precision)
        last = commons.tell("still", partial(_is_still, before, points, information))
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


def hold_of(information: Array) -> float:
    """Return the information of what holds a moment that nothing else holds."""
    typical = information[..., 0, 0] + information[..., 1, 1] + information[..., 2, 2]
    known = typical[typical > 0]
    return ANCHOR * float(np.median(known)) if len(known) else 1.0


def anchor(information: Array, vectors: Array, points: Array, hold: float) -> None:
    """Hold every moment, ever so slightly, where it is: the equations stay solvable."""
    for axis in range(3):
        information[..., axis, axis] += hold
    vectors += hold * points


def _totals(
    evidence: Evidence, state: State, widening: float
) -> Callable[[Array], tuple[Array, Array]]:
    """Return what tells information and vectors of the detections, as weighed about given points.

    The cameras are linear near the state's points; of many detections, whose slopes would fill the
    memory, this is found again whenever it is asked for.
    """
    odds = against(evidence, state.noise, widening)
    scale, many = state.noise.scale * widening, odds.size > MANY
    parts = evidence.parts()

    def linear(own: slice) -> Linear:
        """Return the detections of some keypoints near the state's points."""
        return linearized(evidence.rig, evidence.pixels[:, own], state.points[own])

    kept = None if many else [linear(own) for own in parts]

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


def _is_still(before: Array, after: Array, information: Array) -> bool:
    """Tell whether no point moved by more than a trifle of its measurements' deviation."""
    return float(np.sqrt(largest_form(information, after - before))) < STILL


def _likeliest(
    information: Array,
    vectors: Array,
    motion: Array,
    acceleration: Array,
    stiffest: float,
    commons: Commons,
) -> tuple[Array, Array]:
    """Return the accelerations (keypoint,) that make the measurements most probable, and tracks.

    Uphill from where they are: the likelihood has one summit. The tracks are those of `smooth`.
    """
    told = commons.recall_each("acceleration")
    if told is None and motion.shape[1] == 0:
        told = acceleration
    if told is not None:
        return told, smooth(information, vectors, _precision(motion, told, stiffest))

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
    likeliest = acceleration * SEARCH[place]
    commons.keep_each("acceleration", likeliest)
    return likeliest, points


def _precision(motion: Array, acceleration: Array, stiffest: float) -> Array:
    """Return the precisions (keypoint, time - 2) of accelerations that size, 1/(unit/frame^2)^2."""
    return np.minimum(motion / acceleration[:, None] ** 2, stiffest)


def _stiffest(information: Array) -> float:
    """Return the largest precision that the equations can hold in double precision.

    A keypoint that never moves would ask for more.
    """
    return STIFFEST * float(np.diagonal(information, axis1=-2, axis2=-1).min())


def _motion_weight(points: Array, state: State, acceleration: Array) -> Array:
    """Return the weights (keypoint, time - 2) of Student accelerations, as expected.

    Neighbours share one scale. What is unsure of the accelerations counts too, or a track that was
    smoothed too much would always seem smooth.
    """
    if state.unsteady.shape[1] == 0:
        return state.unsteady
    size = (accelerations(points) ** 2).sum(axis=-1) + state.unsteady
    size = uniform_filter1d(size, state.jump, axis=1, mode="nearest") / acceleration[:, None] ** 2
    return np.asarray((MOTION_FREEDOM + 3 * state.jump) / (MOTION_FREEDOM + state.jump * size))
