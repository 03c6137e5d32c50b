"""Corners of a board in several views -> a rig, with what it was made from and how good it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from calibration.boards.board import Board, ChessBoard
from calibration.corners.observations import Observations
from calibration.covariance import RigCovariance
from calibration.errors import CalibrationError
from calibration.fitting.cautions import cautions
from calibration.fitting.crossvalidation import cross_validate
from calibration.fitting.extrapolation import folds_over
from calibration.fitting.extrinsics import require_connected
from calibration.fitting.heldout import HeldOut, pose_boards, score_held_out
from calibration.fitting.intrinsics import require_plausible
from calibration.fitting.lens_models import LENS_MODELS, LENS_NAMES, lens_model
from calibration.fitting.robust import Fit, first_fit, refit
from calibration.fitting.selection import LensChoice, choose_lens_models
from calibration.fitting.starting import start_cameras
from calibration.geometry import Array, is_seen
from calibration.notebook import html_table
from calibration.rig import Rig
from calibration.solver.adjusting import residuals_at
from calibration.solver.blas import single_threaded

__all__ = ["Calibration", "calibrate", "score_held_out"]

MOST_FRAMES = 400  # used in the fit; more hardly change it


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """A rig and the evidence for it.

    `board_poses` (frame, 4, 4) world_from_board, NaN where unknown; `residuals` (view, frame,
    corner, 2) px, predicted minus seen, NaN where not used; `rejected` (view, frame, corner) bool,
    corners that were found but not believed. `observations` holds what each view saw, the pair
    coverage, and the reasons for refused images. `lens_models` names the lens model chosen for
    each view, and `held_out` has for each view the error px, on images left out, of every model
    that was tried.
    """

    rig: Rig
    board: Board
    observations: Observations
    board_poses: Array
    residuals: Array
    rejected: np.ndarray
    covariance: RigCovariance
    warnings: tuple[str, ...]
    lens_models: dict[str, str]
    held_out: dict[str, dict[str, float]]
    judged: HeldOut | None = None  # what `check` gives, where it was found on the way

    @cached_property
    def check(self) -> HeldOut:
        """What the cameras, fitted to half of the frames, say of the other half."""
        return cross_validate(self) if self.judged is None else self.judged

    @property
    def errors(self) -> Array:
        """The distance (view, frame, corner) px between corners used and where they should be."""
        return np.linalg.norm(self.residuals, axis=-1)

    @property
    def rms(self) -> float:
        """The root mean square of `errors`, px."""
        return float(np.sqrt(np.nanmean(self.errors**2)))

    def _repr_html_(self) -> str:
        rows = []
        for name, errors in zip(self.rig.names, self.errors, strict=True):
            used = errors[np.isfinite(errors)]
            median = f"{np.median(used):.3f}" if len(used) else "-"
            rows.append((name, self.lens_models.get(name, "-"), f"{len(used):,}", median))
        columns = ("camera", "lens model", "corners used", "median error, px")
        note = "A small error on the corners fitted proves little: see .check, or the report."
        return html_table(f"Calibration of {len(self.rig)} cameras", columns, rows, note)


def calibrate(
    board: Board,
    observations: Observations,
    *,
    drop_cameras: Sequence[str] = (),
    lens: str | None = None,
    progress: Callable[..., None] | None = None,
) -> Calibration:
    """Return the rig that explains the observations of a board, in the first camera's frame.

    `lens` names the lens model of all cameras (see `LENS_NAMES`); by default it is chosen for each
    by held-out error. Deterministic: the same observations give the same rig. Raises
    `CalibrationError` where a view never saw the board, or shared no frame with the others, unless
    it is in `drop_cameras`.
    """
    if lens is not None and lens not in LENS_NAMES:
        raise CalibrationError(f"lens = {lens!r}: give one of {', '.join(LENS_NAMES)}")
    with single_threaded():
        return _calibrate(board, observations.without(drop_cameras), lens, progress)


def _calibrate(
    board: Board,
    observations: Observations,
    lens: str | None,
    progress: Callable[..., None] | None,
) -> Calibration:
    """Return the rig that explains the observations, stage by stage."""
    advance = _Stages(progress, ("cameras one by one", "lens model", "all together", "done"))
    _check(board, observations)
    advance()
    chosen = _choose_frames(observations)
    fit = first_fit(board, *start_cameras(board, observations, chosen))
    advance()
    choice = choose_lens_models(fit) if lens is None else LensChoice.given(fit, lens_model(lens))
    advance()
    fit = _without_folds(refit(fit, choice.cameras, choice.models), choice)
    _require_sense(fit, observations.at(observations.frames[chosen]))
    result = _finish(board, observations, fit, chosen)
    advance()
    models = {view: model.name for view, model in zip(observations.views, fit.models, strict=True)}
    metadata = {
        "reprojection_rms_px": result.rms,
        "board": board.to_dict(),
        "distortion_model": models,
    }
    held_out = dict(zip(observations.views, choice.errors, strict=True))
    chosen_px = {view: errors.get(models[view], np.inf) for view, errors in held_out.items()}
    if np.isfinite(list(chosen_px.values())).all():  # what `labcut3d drift` tells beside its own
        metadata["held_out_px"] = chosen_px
    return replace(
        result,
        rig=replace(result.rig, metadata=metadata),
        lens_models=models,
        held_out=held_out,
    )


def _check(board: Board, observations: Observations) -> None:
    """Refuse observations that cannot determine a rig, before any work is done."""
    if observations.corners.shape[2] != board.n_corners:
        raise CalibrationError(
            f"the observations have {observations.corners.shape[2]} corners, the board "
            f"{board.n_corners}; give the board that they were made with"
        )
    if not observations.views:
        raise CalibrationError("no view is left to calibrate; drop fewer cameras")
    _require_inside(observations)
    require_connected(observations)
    if isinstance(board, ChessBoard) and board.is_symmetric and len(observations.views) > 1:
        raise CalibrationError(
            f"a chessboard of {board.squares_x} x {board.squares_y} inner corners looks the same "
            "after half a turn, so two cameras may number its corners differently; use one whose "
            f"counts differ by an odd number, such as {board.squares_x} x {board.squares_y - 1}, "
            "or a ChArUco board"
        )


def _require_inside(observations: Observations) -> None:
    """Refuse corners that lie far outside their image: they are no pixels of it."""
    for view, size, seen in zip(
        observations.views, observations.sizes, observations.corners, strict=True
    ):
        with np.errstate(invalid="ignore"):
            outside = ((seen < -np.array(size)) | (seen > 2 * np.array(size))).any(axis=-1)
        if outside.any():
            worst = seen[outside][0]
            raise CalibrationError(
                f"view '{view}': a corner at ({worst[0]:.4g}, {worst[1]:.4g}) px in images of "
                f"{size[0]} x {size[1]}; give pixels of these images"
            )


def _require_sense(fit: Fit, observations: Observations) -> None:
    """Refuse cameras that no real camera is, or that explain nothing of what they saw together.

    `observations` are those of the fit's frames.
    """
    for camera, seen, believed in zip(fit.cameras, fit.corners, fit.believed, strict=True):
        if not is_seen(believed).any():
            raise CalibrationError(
                f"view '{camera.name}': none of its {is_seen(seen).sum()} corners fit the board; "
                "check that the board is the one described, and that the view is not mirrored and "
                "in step with the others"
            )
    try:
        for camera in fit.cameras:
            require_plausible(camera)
        require_connected(replace(observations, corners=fit.believed))
    except CalibrationError as error:
        if len(fit.cameras) == 1:
            raise
        # Alone each view made a camera that can be (`estimate_intrinsics`).
        raise CalibrationError(
            "what views saw of the board together fits no rigid rig; check that they are in step, "
            f"and that it is one board. Without it, {error}"
        ) from error


def _choose_frames(observations: Observations) -> np.ndarray:
    """Return the indices of frames to fit: all, or those most views saw, spread over time."""
    views = observations.usable.sum(axis=0)
    frames = np.flatnonzero(views)
    if len(frames) <= MOST_FRAMES:
        return frames
    shared = np.flatnonzero(views > 1)
    pool = shared if len(shared) >= MOST_FRAMES else frames
    return pool[np.linspace(0, len(pool) - 1, MOST_FRAMES).round().astype(int)]


def _without_folds(fit: Fit, choice: LensChoice) -> Fit:
    """Return the fit with the next best model where the one chosen folds over inside the image."""
    scores = [{k: v for k, v in errors.items() if np.isfinite(v)} for errors in choice.errors]
    for _ in LENS_MODELS:
        models = list(fit.models)
        for view, camera in enumerate(fit.cameras):
            if not folds_over(camera):
                continue
            left = scores[view]
            left.pop(models[view].name, None)
            if left:
                models[view] = lens_model(min(left, key=left.__getitem__))
        if tuple(models) == fit.models:
            break
        fit = refit(fit, fit.cameras, tuple(models))
    return fit


def _finish(board: Board, observations: Observations, fit: Fit, chosen: np.ndarray) -> Calibration:
    """Return the fit spread over all frames, those left out of it posed afterwards."""
    rejected = observations.misfits.copy()
    rejected[:, chosen] |= fit.rejected
    unused = rejected | ~observations.usable[..., None]
    corners = np.where(unused[..., None], np.nan, observations.corners)
    boards = np.full((len(observations.frames), 4, 4), np.nan)
    boards[chosen] = fit.boards
    rest = np.setdiff1d(np.flatnonzero(observations.usable.any(axis=0)), chosen)
    if rest.size:
        boards[rest] = pose_boards(fit.cameras, board, corners[:, rest])
    residuals = residuals_at(fit.cameras, boards, corners, board.points)
    rig = Rig(cameras=fit.cameras, unit=board.unit)
    covariance = fit.covariance
    return Calibration(
        rig=rig,
        board=board,
        observations=observations,
        board_poses=boards,
        residuals=residuals,
        rejected=rejected,
        covariance=covariance,
        warnings=cautions(rig, covariance, observations, rejected),
        lens_models={},
        held_out={},
    )


class _Stages:
    """Counts the stages of a calibration for a progress bar."""

    def __init__(self, progress: Callable[..., None] | None, notes: Sequence[str]) -> None:
        self._progress, self._notes, self._done = progress, notes, 0

    def __call__(self) -> None:
        """Tell that the next stage begins."""
        if self._progress is not None:
            self._progress(self._done, len(self._notes) - 1, self._notes[self._done])
        self._done += 1
