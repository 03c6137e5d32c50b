"""Cameras that did not take their images at the same moments: calibrated nevertheless.

Offset and drift of each view's clock are found from the moving board: first roughly, by laying the
board's motion as each view saw it over that of the others; then, with a calibrated rig, from the
residuals along the corners' velocities. The corners are interpolated to the first view's times,
the rig is calibrated again, and so on until the clocks stand still.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from calibration.boards.board import Board
from calibration.calibrating import Calibration, calibrate
from calibration.corners.observations import Observations
from calibration.errors import CalibrationError
from calibration.timing.boardmotion import coarse_offsets
from calibration.timing.clockfit import fit_clocks
from calibration.timing.clocks import SIGNIFICANT, Clock
from calibration.timing.jitter import with_clocks, without_jitter
from calibration.timing.scene import Scene, common_times
from calibration.timing.tracks import resample_track

__all__ = ["calibrate_in_time", "resample"]

Solve = Callable[[Observations], Calibration]

MOST_ROUNDS = 12
SETTLED = 0.002  # of a frame; a change of a clock that no longer matters
NOTICEABLE = 0.1  # of a frame; clocks that differ by less are left alone
BETTER = 0.7  # of the error with the time stamps is the most that suggested clocks may leave
TOGETHER = 4.0  # times the error of views alone: beyond, they never saw the board together
FEWEST_FRAMES = 20  # with fewer, a moving board tells little about time


def calibrate_in_time(
    board: Board,
    observations: Observations,
    *,
    drop_cameras: Sequence[str] = (),
    lens: str | None = None,
    progress: Callable[..., None] | None = None,
) -> Calibration:
    """Return the calibration from observations with time stamps, its views' clocks set right.

    Where no view is off by more than a tenth of a frame, this is `calibrate`, with the clocks'
    offsets reported. Otherwise corners are interpolated to the times of the first view. Raises
    `CalibrationError` as `calibrate` does.
    """
    observations = observations.without(drop_cameras)
    period = _period(observations)
    solve = partial(calibrate, board, lens=lens, progress=progress)
    if not np.isfinite(period):
        return solve(observations)
    clocks, result, refusal = _started(board, observations, period, solve)
    before, measured = result, _refined(Scene.of(result), clocks, period)
    if _change(measured, clocks, observations) > NOTICEABLE * period:
        clocks = _settled(Scene.of(result), observations, measured, period)
        clocks = _tidied(clocks, observations, period)
        result = solve(resample(observations, clocks))
        measured = _refined(Scene.of(result), clocks, period)
        measured = tuple(map(_with_unrest, measured, clocks))
        if np.nanmedian(result.errors) > np.nanmedian(before.errors):
            result, clocks = before, before.observations.clocks
    result = _told(result, measured, clocks, period)
    result = without_jitter(result, observations, period, solve)
    if refusal is not None and _misfit(result) > TOGETHER * _misfit_alone(observations, solve):
        raise refusal
    return result


def resample(observations: Observations, clocks: Sequence[Clock]) -> Observations:
    """Return the corners as they were at the times of the first view, by the clocks given.

    Interpolated along their tracks, and missing where that cannot be done (see `resample_track`).
    Views whose clock is off by nothing are returned as they are.
    """
    if all(clock.offset == clock.drift == 0 for clock in clocks):
        return replace(observations, clocks=tuple(clocks))
    period = _period(observations)
    wanted = common_times(observations)
    corners, misfits = observations.corners.copy(), observations.misfits.copy()
    for view, clock in enumerate(clocks):
        if clock.offset == clock.drift == 0:
            continue
        taken = clock.correct(observations.times[view])
        corners[view] = resample_track(observations.corners[view], taken, wanted, period)
        known = np.flatnonzero(np.isfinite(taken))
        nearest = known[np.abs(taken[known] - wanted[:, None]).argmin(axis=1)]
        misfits[view] = observations.misfits[view, nearest] & np.isnan(corners[view, ..., 0])
    times = np.broadcast_to(wanted, corners.shape[:2])
    return replace(
        observations, corners=corners, misfits=misfits, times=times, clocks=tuple(clocks)
    )


def _period(observations: Observations) -> float:
    """Return the time, s, from image to image; NaN where too few images bear a time."""
    if len(observations.views) < 2 or (np.isfinite(observations.times).sum(axis=1) < 2).any():
        return np.nan
    steps = np.diff(common_times(observations))
    return float(np.median(steps)) if len(steps) >= FEWEST_FRAMES else np.nan


def _started(
    board: Board,
    observations: Observations,
    period: float,
    solve: Solve,
) -> tuple[tuple[Clock, ...], Calibration, CalibrationError | None]:
    """Return clocks that are right to about half a frame, and the calibration with them.

    A board that is moved in a like manner twice may fit at the wrong moment, so clocks that its
    motion suggests must explain what views saw together much better than the time stamps do. Where
    the time stamps as they are make no rig at all, the reason is returned too, or raised where the
    clocks suggested make none either.
    """
    clocks = _rough_clocks(board, observations, period)
    stamped = tuple(replace(clock, offset=0.0) for clock in clocks)
    shifted = None
    if any(clock.offset for clock in clocks):
        try:
            shifted = solve(resample(observations, clocks))
        except CalibrationError:
            shifted = None
    try:
        plain = solve(resample(observations, stamped))
    except CalibrationError as refusal:
        if shifted is None:
            raise
        return clocks, shifted, refusal
    if shifted is not None and _misfit(shifted) < BETTER * _misfit(plain):
        return clocks, shifted, None
    return stamped, plain, None


def _misfit(result: Calibration) -> float:
    """Return the median error, px, of the corners in shared frames, rejected ones infinite."""
    shared = result.observations.usable.sum(axis=0) > 1
    errors = np.where(result.rejected, np.inf, result.errors)[:, shared]
    return float(np.nanmedian(errors)) if np.isfinite(errors).any() else np.inf


def _misfit_alone(observations: Observations, solve: Solve) -> float:
    """Return the median error, px, of the worst view calibrated from its own images alone.

    However badly timed, images of one camera cannot contradict each other.
    """
    views = observations.views
    alone = [solve(observations.without([v for v in views if v != view])) for view in views]
    return max(float(np.nanmedian(result.errors)) for result in alone)


def _rough_clocks(board: Board, observations: Observations, period: float) -> tuple[Clock, ...]:
    """Return clocks that are right to about half a frame."""
    origin = float(common_times(observations).mean())
    try:
        offsets = coarse_offsets(board, observations, period)
    except CalibrationError:  # a view with too few images: `calibrate` says so better
        offsets = np.zeros(len(observations.views))
    dropped = {clock.view: clock.dropped for clock in observations.clocks}
    return tuple(
        Clock(view=view, offset=float(offset), origin=origin, dropped=dropped.get(view, ()))
        for view, offset in zip(observations.views, offsets, strict=True)
    )


def _settled(
    scene: Scene, observations: Observations, clocks: tuple[Clock, ...], period: float
) -> tuple[Clock, ...]:
    """Return the clocks at which cameras, boards and clocks agree, starting from a scene's."""
    for _ in range(MOST_ROUNDS):
        before = clocks
        scene = scene.readjusted(resample(observations, clocks).corners)
        clocks = _refined(scene, clocks, period)
        if _change(clocks, before, observations) < SETTLED * period:
            break
    return clocks


def _refined(scene: Scene, clocks: Sequence[Clock], period: float) -> tuple[Clock, ...]:
    """Return clocks with what the residuals of a scene add to them.

    A drift that is not significant is not believed.
    """
    posed = np.flatnonzero(np.isfinite(scene.boards[:, 0, 0]))
    taken = scene.taken
    fit = fit_clocks(
        scene.rig,
        scene.board.points,
        scene.boards[posed],
        scene.corners[:, posed],
        taken[posed],
        period=period,
    )
    refined = []
    for view, clock in enumerate(clocks):
        drift, sigma = clock.drift + fit.drift[view], fit.drift_sigma[view]
        reach = abs(drift) * np.ptp(taken) / 2
        if abs(drift) < SIGNIFICANT * sigma or reach < SETTLED * period:
            drift = 0.0
        refined.append(
            replace(
                clock,
                offset=float(clock.offset + fit.offset[view]),
                drift=float(drift),
                offset_sigma=float(fit.offset_sigma[view]),
                drift_sigma=float(sigma),
            )
        )
    return tuple(refined)


def _change(new: Sequence[Clock], old: Sequence[Clock], observations: Observations) -> float:
    """Return by how much clocks differ at most, s, in a recording."""
    ends = common_times(observations)[[0, -1]]
    return max(
        float(np.abs(a.correct(ends) - b.correct(ends)).max())
        for a, b in zip(new, old, strict=True)
    )


def _tidied(
    clocks: tuple[Clock, ...], observations: Observations, period: float
) -> tuple[Clock, ...]:
    """Return clocks with those set to zero that chance may explain, or all if none is noticed."""
    zero = tuple(replace(clock, offset=0.0, drift=0.0) for clock in clocks)
    if _change(clocks, zero, observations) < NOTICEABLE * period:
        return zero
    return tuple(c if c.is_significant else z for c, z in zip(clocks, zero, strict=True))


def _with_unrest(clock: Clock, before: Clock) -> Clock:
    """Return a clock whose deviations count the last change, which tells what is still to come."""
    return replace(
        clock,
        offset_sigma=float(np.hypot(clock.offset_sigma, clock.offset - before.offset)),
        drift_sigma=float(np.hypot(clock.drift_sigma, clock.drift - before.drift)),
    )


def _told(
    result: Calibration, measured: Sequence[Clock], applied: Sequence[Clock], period: float
) -> Calibration:
    """Return a calibration with what was measured of the clocks, and which were corrected."""
    clocks = tuple(
        replace(clock, corrected=used.offset != 0 or used.drift != 0)
        for clock, used in zip(measured, applied, strict=True)
    )
    return replace(
        result,
        rig=with_clocks(result.rig, clocks),
        observations=replace(result.observations, clocks=clocks),
        warnings=result.warnings + _warnings(clocks, period),
    )


def _warnings(clocks: Sequence[Clock], period: float) -> tuple[str, ...]:
    """Return sentences about views that were not on time, or dropped frames."""
    warnings = []
    for clock in clocks:
        if clock.is_significant and abs(clock.offset) > NOTICEABLE * period:
            warnings.append(
                f"view '{clock.view}': its images were taken {abs(clock.offset) * 1e3:.2f} +- "
                f"{clock.offset_sigma * 1e3:.2f} ms ({abs(clock.offset) / period:.2f} frames) "
                f"{'later' if clock.offset > 0 else 'earlier'} than their time stamps say, by the "
                f"clock of view '{clocks[0].view}'; corners were interpolated to its times; "
                "trigger the cameras together, or recordings will be off as well"
            )
        if clock.is_significant and clock.drift:
            warnings.append(
                f"view '{clock.view}': its clock runs {abs(clock.drift) * 1e6:.1f} +- "
                f"{clock.drift_sigma * 1e6:.1f} millionths "
                f"{'slow' if clock.drift > 0 else 'fast'} against that of view '{clocks[0].view}'"
            )
        if clock.dropped:
            listed = ", ".join(map(str, clock.dropped[:10])) + (
                ", ..." if len(clock.dropped) > 10 else ""
            )
            warnings.append(
                f"view '{clock.view}' dropped {len(clock.dropped)} frames ({listed}); those after "
                "them were kept in their places"
            )
    return tuple(warnings)
