"""A calibrated rig refined by what its cameras saw of moving points, such as an animal's.

What the calibration knows of the cameras, its covariance, is the prior; so the frame stays and
scale is kept, and a parameter moves only as far as the calibration doubts it. Intrinsics move under
the prior too: a calibration knows focal lengths and poses together far better than each alone, and
to hold the one would claim too much of the other.

Detections of neighbouring moments, and of one keypoint, err alike. By how much less they therefore
tell than independent ones would is measured (see `_worth`).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from calibration.covariance import RigCovariance
from calibration.errors import CalibrationError
from calibration.gaussian import MEDIAN_CHI_SQUARE
from calibration.geometry import Array
from calibration.points.moving import (
    Chosen,
    Seen,
    checked,
    choose_points,
    in_step,
    reprojection_distances,
    require_agreement,
    sightings_of,
    velocities,
)
from calibration.rig import Rig
from calibration.solver.anchored import FREEDOM, Anchor, Sightings, State, System
from calibration.solver.blas import single_threaded
from calibration.solver.descent import descend, distances
from calibration.solver.parameters import parameter_names
from calibration.solver.uncertainty import rig_parameters
from calibration.solver.wall_freedom import WallFreedom, WallPriors

__all__ = ["Noise", "RefinedRig", "refine_rig"]

ROUGH, FINE = 1e-5, 1e-8  # relative change of the cost at which a fit is finished
ROUNDS, FEW_ROUNDS = 10, 4  # of learning the noise, and of delays alone
LEARNT = 0.02  # relative change of the noise at which it is learnt
STEADY = 0.005  # frames, change of a delay at which it is found
STRETCHES = 20  # of time, between which errors are taken as independent
FEWEST_CLUSTERS = 4
FEW = 0.1  # least share of the independent coordinates that is left to tell the noise
TOLD = 1e-6  # of the information on what is known best; less is no witness of how much is told
OUTLYING = 25.0  # squared distance in units of the noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What was learnt of the detections.

    `scale` multiplies their variances; `count` is how many independent ones each is worth, and
    `curvature` the mean one of the loss, which is 1 for least squares. `freedom` is how many
    independent coordinates all this was learnt from, beyond what points and cameras took.
    """

    scale: float
    count: float
    curvature: float
    freedom: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RefinedRig:
    """A rig refined by a recording, with its covariance.

    `delays` and `delay_sigmas` (view,) s: by how much each view's images were taken later than
    the first view's. `points` (keypoint, time, 3), NaN where none was found. `before` and `after`
    (view, keypoint, time) px are distances of detections from where the points are that all views
    tell, with the rig as it was and as it is, NaN where there is no detection or no point;
    `outlying` (view, keypoint, time) are those farther off than noise explains. `cost` is the
    negative logarithm of the probability under `noise`.
    """

    rig: Rig
    covariance: RigCovariance
    delays: Array
    delay_sigmas: Array
    points: Array
    before: Array
    after: Array
    outlying: np.ndarray
    noise: Noise
    cost: float


def refine_rig(
    rig: Rig,
    rig_covariance: RigCovariance,
    pixels: ArrayLike,
    *,
    covariance: ArrayLike | None = None,
    moved: Collection[str] = (),
    fps: float | None = None,
    delay_sigma: float = 0.0,
    walls: WallPriors | None = None,
    noise: Noise | None = None,
) -> RefinedRig:
    """Return the rig that agrees best with its calibration and with what its cameras saw.

    `pixels` (view, keypoint, time, 2) of points that move freely, NaN = not detected, and their
    `covariance` (view, keypoint, time, 2, 2) px^2, by default 1 px^2, whose common factor is
    learnt. Of the poses of `moved` cameras the calibration counts as knowing next to nothing.

    With `fps` and a `delay_sigma`, s, each view's delay against the first is estimated too, as
    far as motion tells; `delay_sigma` is what is known of it beforehand, and what remains where
    nothing moves. Walls move as far as `walls` doubts them, by default not at all. `noise` is
    learnt where it is not given. Deterministic.

    Raises `CalibrationError` where shapes do not fit, no point is seen by two cameras that agree,
    the detections have nothing to do with each other, or walls are to move and there are none.
    """
    seen = checked(rig, pixels, covariance)
    unknown = [name for name in moved if name not in rig.names]
    if unknown or not 0 <= delay_sigma < np.inf or (delay_sigma > 0 and not (fps and fps > 0)):
        raise CalibrationError(
            f"moved = {list(moved)}, fps = {fps!r}, delay_sigma = {delay_sigma!r}: give cameras "
            f"among {', '.join(rig.names)}, and a positive fps where a delay is to be estimated"
        )
    with single_threaded():
        begin = choose_points(rig, seen, moved)
        depth = np.mean(
            [np.median(np.linalg.norm(begin.points - camera.center, axis=1)) for camera in rig]
        )
        freedom = walls and WallFreedom.of(rig.cameras, walls, begin.points.mean(axis=0))
        anchor = Anchor.of(
            rig,
            rig_covariance,
            moved=moved,
            distance=float(depth),
            delay_sigma=delay_sigma,
            walls=freedom,
        )
        state, velocity, noise = _fit(anchor, seen, begin, (fps or 0.0, noise))
        sightings = sightings_of(seen, begin, velocity)
        require_agreement(seen, sightings, noise.scale)
        posterior, sigmas = _posterior(anchor, sightings, state, noise)
    refined, delays = anchor.moved(state.z), anchor.delays(state.z)
    seen = replace(seen, covariance=seen.covariance * noise.scale)
    level = in_step(refined, seen, velocity, delays)
    _, before, _ = reprojection_distances(rig, seen)
    points, after, squared = reprojection_distances(refined, level)
    return RefinedRig(
        rig=refined,
        covariance=replace(posterior, gauge=f"{rig_covariance.gauge}; refined by a recording"),
        delays=delays,
        delay_sigmas=sigmas,
        points=points,
        before=before,
        after=after,
        outlying=squared > OUTLYING,
        noise=noise,
        cost=state.cost,
    )


def _fit(
    anchor: Anchor, seen: Seen, begin: Chosen, known: tuple[float, Noise | None]
) -> tuple[State, Array, Noise]:
    """Return the most probable state, the velocities and the noise learnt on the way."""
    fps, given = known
    state = State(z=np.zeros(anchor.size), points=begin.points)
    velocity = np.zeros((*seen.pixels.shape[1:3], 3))
    sightings = sightings_of(seen, begin, velocity)
    # A camera that is far off is first looked at with a noise under which it is not.
    scale = max(begin.scale, _worst_scale(anchor, sightings, state))
    noise = Noise(scale=scale, count=1.0, curvature=1.0, freedom=1.0)
    for _ in range(ROUNDS if given is None else FEW_ROUNDS):
        last, delays = noise, anchor.delays(state.z)
        if fps:
            rig = anchor.moved(state.z)
            level = replace(seen, covariance=seen.covariance * noise.scale)
            velocity = velocities(rig, in_step(rig, level, velocity, delays), fps)
            sightings = sightings_of(seen, begin, velocity)
        state = descend(anchor, sightings, state, noise=(noise.scale, noise.count), finished=ROUGH)
        noise = given or _learn(anchor, sightings, state, begin, noise)
        late = np.abs(anchor.delays(state.z) - delays).max() * fps
        if late < STEADY and _change(last, noise) < LEARNT:
            break
    state = descend(anchor, sightings, state, noise=(noise.scale, noise.count), finished=FINE)
    return state, velocity, noise


def _change(last: Noise, noise: Noise) -> float:
    """Return the relative change of the noise."""
    return abs(noise.scale / last.scale - 1) + abs(noise.count / last.count - 1)


def _worst_scale(anchor: Anchor, sightings: Sightings, state: State) -> float:
    """Return the median factor on the variance in the view that errs most."""
    squared = distances(anchor, sightings, state)
    finite = [row[np.isfinite(row)] for row in squared]
    return max(float(np.median(row)) for row in finite if len(row)) / MEDIAN_CHI_SQUARE


def _learn(
    anchor: Anchor, sightings: Sightings, state: State, begin: Chosen, noise: Noise
) -> Noise:
    """Return the noise under which what was seen is most probable (a step of Student's EM)."""
    squared = distances(anchor, sightings, state)[sightings.seen] / noise.scale
    squared = np.where(np.isfinite(squared), squared, 0.0)
    weight = (FREEDOM + 2) / (FREEDOM + squared)
    system = System.at(anchor, sightings, state, noise.scale)
    told = np.linalg.eigvalsh(noise.count * noise.curvature * system.information).clip(min=0.0)
    taken, free = float((told / (told + 1)).sum()), 2 * len(squared) - 3 * len(state.points)
    spare = free - taken
    if spare < 1:
        return noise
    scale = noise.scale * max(float((weight * squared).sum()) / spare, 1e-6)
    slope = weight - (FREEDOM + 2) * squared / (FREEDOM + squared) ** 2
    curvature = float(np.clip(slope.mean() / weight.mean(), 0.1, 1.0))
    variance = _worth(system, begin, spare)
    # Errors that few witnesses tell of look smaller by what the cameras took of them.
    left = max(1 - taken * variance / free, FEW)
    return Noise(
        scale=scale,
        count=curvature / variance * left,
        curvature=curvature,
        freedom=max(free / variance - taken, 1.0),
    )


def _worth(system: System, begin: Chosen, spare: float) -> float:
    """Return the variance of what the detections pull at the cameras, 1 if independent.

    Against the information that they claim. Errors are allowed to be alike within a stretch of
    time, and within a keypoint (Cameron, Gelbach & Miller, "Robust inference with multiway
    clustering", 2011), but never take them for worth more than alone.
    """
    values, directions = np.linalg.eigh(system.information)
    told = values > max(TOLD * values.max(), 1e-9) if len(values) else np.zeros(0, dtype=bool)
    if not told.any():
        return 1.0
    white = system.pulls @ (directions[:, told] / np.sqrt(values[told]))
    size, total = white.shape[1], len(white)
    alone = (white**2).sum() / size * (1 + size / spare)
    result = alone
    stretch = begin.time * STRETCHES // (begin.time.max() + 1)
    for label in (stretch, begin.keypoint):
        groups, place = np.unique(label, return_inverse=True)
        if FEWEST_CLUSTERS <= len(groups) < total:
            sums = np.zeros((len(groups), size))
            np.add.at(sums, place, white)
            together = (sums**2).sum() / size * len(groups) / (len(groups) - 1)
            result += max(together - alone, 0.0)
    return float(max(result, 1e-3))


def _posterior(
    anchor: Anchor, sightings: Sightings, state: State, noise: Noise
) -> tuple[RigCovariance, Array]:
    """Return the covariance of the cameras' parameters, and the deviations of the delays."""
    system = System.at(anchor, sightings, state, noise.scale)
    information = noise.count * noise.curvature * system.information
    root = np.pad(anchor.root, [(0, 0), (0, anchor.size - anchor.root.shape[1])])
    matrix = root @ np.linalg.solve(information + np.eye(len(information)), root.T)
    late = np.cumsum([len(parameter_names(camera)) + 1 for camera in anchor.rig]) - 1
    own = np.delete(np.delete(matrix, late, axis=0), late, axis=1)
    covariance = RigCovariance(names=rig_parameters(anchor.rig), matrix=(own + own.T) / 2, gauge="")
    return covariance, np.sqrt(np.maximum(np.diag(matrix)[late], 0.0))
