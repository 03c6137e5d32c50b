"""Downhill to the most probable cameras and points, by damped Gauss-Newton steps."""

from dataclasses import replace

import numpy as np

from calibration.errors import RigError
from calibration.geometry import Array
from calibration.solver.anchored import FREEDOM, Anchor, Sightings, State, System

__all__ = ["descend", "distances"]

BEHIND = 1e4  # squared distance, in units of the noise, of what lies behind its camera
MOST_STEPS = 40


def distances(anchor: Anchor, sightings: Sightings, state: State) -> Array:
    """Return squared distances (view, n) of detections in units of their variance; NaN = not seen.

    Infinite where the point lies behind its camera.
    """
    result = np.full(sightings.seen.shape, np.nan)
    for view, (camera, change) in enumerate(
        zip(anchor.moved(state.z), anchor.values(state.z), strict=True)
    ):
        where = state.points + change[-1] * sightings.velocity
        residual = sightings.pixels[view] - camera.project(where)
        squared = np.einsum("ni,nij,nj->n", residual, sightings.information[view], residual)
        seen = sightings.seen[view]
        result[view, seen] = np.where(np.isfinite(squared), squared, np.inf)[seen]
    return result


def descend(
    anchor: Anchor,
    sightings: Sightings,
    start: State,
    *,
    noise: tuple[float, float],
    finished: float,
) -> State:
    """Return the most probable cameras and points, found from `start` by Levenberg-Marquardt.

    `noise` is what multiplies the variances of the detections, and how many independent ones each
    is worth against what is known of the cameras; `finished` the relative change of the cost.
    """
    scale, count = noise
    state = replace(start, cost=_cost(anchor, sightings, start, scale, count))
    damping = 1e-4
    for _ in range(MOST_STEPS):
        system = System.at(anchor, sightings, state, scale, damping)
        matrix = count * system.information
        matrix[np.diag_indices_from(matrix)] *= 1 + damping
        step = np.linalg.solve(
            matrix + np.eye(len(matrix)), count * system.pulls.sum(axis=0) - state.z
        )
        trial = State(z=state.z + step, points=state.points + system.steps - system.follow @ step)
        trial = replace(trial, cost=_cost(anchor, sightings, trial, scale, count))
        gained = state.cost - trial.cost
        if not gained >= 0:
            damping *= 10
            if damping > 1e8:
                break
            continue
        state, damping = trial, max(damping / 10, 1e-12)
        if gained <= finished * state.cost:
            break
    return state


def _cost(anchor: Anchor, sightings: Sightings, state: State, scale: float, count: float) -> float:
    """Return the negative logarithm of the probability, but for constants.

    Infinite where a step has gone to no cameras at all, such as one behind the face of its wall.
    """
    try:
        squared = distances(anchor, sightings, state)[sightings.seen] / scale
    except RigError:
        return np.inf
    rest = np.log1p(np.minimum(squared, BEHIND) / FREEDOM).sum()
    return float(count * (FREEDOM + 2) / 2 * rest + state.z @ state.z / 2)
