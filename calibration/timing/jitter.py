"""Rigs whose images were each taken at a moment of their own, calibrated nevertheless."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from calibration.calibrating import Calibration
from calibration.corners.observations import Observations
from calibration.fitting.crossvalidation import cross_validate
from calibration.fitting.heldout import HeldOut, judge_posed
from calibration.fitting.lens_models import DEFAULT_MODEL
from calibration.gaussian import MAD_TO_DEVIATION
from calibration.geometry import Array, is_seen
from calibration.rig import Rig
from calibration.timing.clocks import Clock, clock_table
from calibration.timing.delays import Delays, fit_delays, gain_by_delays, leave_out_corners
from calibration.timing.scene import Scene

__all__ = ["with_clocks", "without_jitter"]

SUPPORTED = 0.7  # of the error of corners left out is the most that delays may leave
NOTICEABLE = 0.1  # px; where rigid boards explain corners this well, nothing is mistimed
FIXED_ROUNDS, ROUNDS = 4, 16  # of delays and poses alone, then with cameras
SETTLED = 0.002  # of a frame; a change of the delays that no longer matters


def without_jitter(
    result: Calibration,
    observations: Observations,
    period: float,
    solve: Callable[[Observations], Calibration],
) -> Calibration:
    """Return the calibration with each image brought to its frame's moment, if that is called for.

    It is where a delay for each image lowers the error of corners left out by a third. The delays
    are taken out of `observations`, those from before any clock was set right, unless clocks are
    off by whole frames. `period`, s, is that of a frame; `solve` calibrates observations. What
    the result says of images left out is judged with delays fitted to half of their corners, on
    the other half.
    """
    if not np.nanmedian(result.errors) > NOTICEABLE:
        return result
    plain, delayed = gain_by_delays(Scene.of(result), period=period)
    if not delayed < SUPPORTED * plain:
        return result
    if any(abs(clock.offset) > period for clock in result.observations.clocks):
        observations = result.observations
    delays, scene = _delays(Scene.of_single_cameras(result.board, observations), period)
    if not gain_by_delays(scene, period=period)[1] < plain:
        return result
    clocks = _clocks(result.observations.clocks, delays)
    evened = replace(observations, corners=delays.undo(observations.corners), clocks=clocks)
    again = solve(evened)
    kept = tuple(text for text in result.warnings if "dropped" in text)
    told = _warnings(clocks, period)
    used = is_seen(again.residuals)[..., None]
    scene = replace(Scene.of(again), corners=np.where(used, observations.corners, np.nan))
    return replace(
        again,
        rig=with_clocks(again.rig, clocks),
        warnings=again.warnings + kept + told,
        judged=cross_validate(again, partial(_judge, scene, period)),
    )


def _judge(scene: Scene, period: float, rig: Rig, frames: np.ndarray, boards: Array) -> HeldOut:
    """Return how well a rig explains some frames of a scene that was seen with delays."""
    corners, taken = scene.corners[:, frames], scene.taken[frames]
    left_out = replace(scene, rig=rig, boards=boards, corners=corners, taken=taken)
    _, (boards, corners) = leave_out_corners(left_out, period=period)
    return judge_posed(rig, scene.board, corners, boards)


def with_clocks(rig: Rig, clocks: tuple[Clock, ...]) -> Rig:
    """Return a rig whose file tells how the views' clocks stood, where they were corrected."""
    table = clock_table(clocks)
    return replace(rig, metadata={**rig.metadata, "clocks": table}) if table else rig


def _delays(scene: Scene, period: float) -> tuple[Delays, Scene]:
    """Return the delays with which cameras and rigid boards agree, and that scene.

    The corners of the scene returned are as they were seen.
    """
    seen = scene.corners
    delays = Delays.none(seen)
    for round_ in range(FIXED_ROUNDS + ROUNDS):
        free = () if round_ < FIXED_ROUNDS else tuple(DEFAULT_MODEL.free)
        scene = scene.readjusted(delays.undo(seen), free)
        before, delays = delays, fit_delays(scene, seen, delays, period=period)
        change = float(np.sqrt(np.mean((delays.seconds - before.seconds) ** 2)))
        if round_ > FIXED_ROUNDS and change < SETTLED * period:
            break
    return delays, replace(scene, corners=seen)


def _clocks(clocks: tuple[Clock, ...], delays: Delays) -> tuple[Clock, ...]:
    """Return clocks with the mean delay of their images against the first view's, and its jitter.

    The deviation is that of a mean over the images whose delay is known.
    """
    found = []
    for view, clock in enumerate(clocks):
        both = (delays.seconds[[0, view]] != 0).all(axis=0)
        late = (delays.seconds[view] - delays.seconds[0])[both]
        own = delays.seconds[view][delays.seconds[view] != 0]
        jitter = (
            MAD_TO_DEVIATION * float(np.median(np.abs(own - np.median(own)))) if own.size else 0
        )
        found.append(
            replace(
                clock,
                offset=float(late.mean()) if view and late.size else 0.0,
                drift=0.0,
                offset_sigma=float(late.std() / np.sqrt(late.size)) if late.size else np.nan,
                drift_sigma=np.nan,
                corrected=True,
                jitter=jitter,
            )
        )
    return tuple(found)


def _warnings(clocks: tuple[Clock, ...], period: float) -> tuple[str, ...]:
    """Return a sentence about images that were not taken together."""
    listed = ", ".join(f"{clock.view} {clock.jitter * 1e3:.0f} ms" for clock in clocks)
    return (
        f"images of one frame were not taken at one moment: single images stray by ({listed}, "
        f"standard deviations; a frame is {period * 1e3:.0f} ms); each was brought to its frame's "
        "moment along the motion of the board, but recordings will suffer the same: trigger the "
        "cameras together, or hold the board still for each image",
    )
