"""Finding the world frame: from a board on the floor, from named points, or from a distance.

What is looked for is a `WorldChange` of a rig; applying it is in `alignment`. A board or points
turn and move the world and never scale it; a distance scales it and does nothing else.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from calibration.alignment import WorldChange, rigid_alignment
from calibration.boards.board import Board
from calibration.corners.observations import FEWEST_CORNERS
from calibration.errors import CalibrationError
from calibration.fitting.heldout import pose_boards
from calibration.geometry import Array, invert_pose, is_seen, make_pose
from calibration.rig import Rig
from calibration.triangulation import triangulate_points

__all__ = [
    "Origin",
    "change_scale",
    "locate_points",
    "why_no_fit",
    "world_from_board",
    "world_from_points",
]

Origin = Literal["corner", "centre"]

HIGHEST = 1e3  # of the board's width: no board is that thick
WORST_SCALE = 1e12  # a change beyond it comes from a slip of the pen
WORST_BOARD = 5.0  # px; a board that lies farther from its corners was not seen by this rig
WORST_POINTS = 0.05  # of the spread of the points: beyond, they are not those points
EXPLAINS = 3.0  # by how much a mirror image or a scale must fit better to be called the reason


def world_from_board(
    rig: Rig,
    board: Board,
    corners: ArrayLike,
    *,
    origin: Origin = "corner",
    face_up: bool = True,
    height: float = 0.0,
) -> WorldChange:
    """Return the change to the world of a board that lies on the floor.

    `corners` (view, corner, 2) px in the order of the rig's cameras, NaN = not seen; one view is
    enough. x runs along the board's columns and z up, away from the floor; y completes a
    right-handed frame. The origin is the board's own corner or its centre; z = 0 is `height`
    below the printed side (in the rig's unit: the board's thickness, so that z = 0 is the floor).
    `face_up` says whether the print looks up, or down through a floor of glass. Raises
    `CalibrationError` where too few corners were seen or the board does not fit the rig.
    """
    corners = np.asarray(corners, dtype=float)
    if corners.shape != (len(rig), board.n_corners, 2):
        raise CalibrationError(
            f"corners have shape {corners.shape}; {len(rig)} cameras and a board of "
            f"{board.n_corners} corners need ({len(rig)}, {board.n_corners}, 2)"
        )
    if board.unit != rig.unit:
        raise CalibrationError(
            f"the board is in {board.unit}, the rig in {rig.unit}; give the board in {rig.unit}"
        )
    if not abs(height) <= HIGHEST * np.ptp(board.points, axis=0).max():
        raise CalibrationError(
            f"height = {height:g} {rig.unit}: give the thickness of the board in {rig.unit}"
        )
    usable = is_seen(corners).sum(axis=-1) >= FEWEST_CORNERS
    if not usable.any():
        raise CalibrationError(
            f"no camera saw {FEWEST_CORNERS} corners or more of the board on the floor; "
            "choose a frame in which it lies in view, lit and sharp"
        )
    corners = np.where(usable[:, None, None], corners, np.nan)[:, None]
    pose = pose_boards(rig.cameras, board, corners)[0]
    misfit = _board_misfit(rig, board, corners, pose)
    if misfit > WORST_BOARD:
        raise CalibrationError(
            f"the board on the floor fits the rig only within {misfit:.1f} px; use the views as "
            "they were calibrated, and check that no camera moved and that it is this board"
        )
    turn = np.diag([1.0, -1.0, -1.0]) if face_up else np.eye(3)  # a board's z looks into the board
    middle = (board.points.min(axis=0) + board.points.max(axis=0)) / 2
    start = middle if origin == "centre" else np.zeros(3)
    board_from_world = make_pose(turn, start - height * turn[:, 2])
    views = [name for name, used in zip(rig.names, usable, strict=True) if used]
    return WorldChange(
        motion=_rigid(invert_pose(pose @ board_from_world)),
        how=f"{board.type} board on the floor seen by {', '.join(views)} ({misfit:.2f} px), "
        f"origin at its {origin}, z up",
    )


def locate_points(rig: Rig, clicks: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """Return named points (3,) in the rig's world from their pixels (view, 2), NaN = not seen.

    Raises `CalibrationError` for a point that fewer than two views see, or that they see badly.
    """
    if not clicks:
        return {}
    names = list(clicks)
    pixels = np.stack([np.asarray(clicks[name], dtype=float) for name in names], axis=1)
    points = triangulate_points(rig, pixels).points
    for name, point, seen in zip(names, points, np.isfinite(pixels[..., 0]).sum(0), strict=True):
        if not np.isfinite(point).all():
            raise CalibrationError(
                f"point '{name}' was clicked in {seen} views and cannot be located; click it in "
                "two or more views that see it from different sides, and check the clicks"
            )
    return dict(zip(names, points, strict=True))


def world_from_points(
    found: Mapping[str, ArrayLike], known: Mapping[str, ArrayLike], unit: str = ""
) -> WorldChange:
    """Return the change that lays points found in a rig's world onto their known coordinates.

    `found`, `known`: name -> (3,), in one unit; points only in one of them are left out. Never
    scales. Raises `CalibrationError` for fewer than three common points, points on a line, known
    points that are a mirror image of those found, and points that do not fit.
    """
    names = [name for name in known if name in found]
    if len(names) < 3:
        raise CalibrationError(
            f"{len(names)} points have both clicks and known coordinates ({_listed(names)}); "
            "a world frame needs three or more that do not lie on one line"
        )
    a = np.array([found[name] for name in names], dtype=float)
    b = np.array([known[name] for name in names], dtype=float)
    rotation, translation = rigid_alignment(a, b)
    off = np.linalg.norm(a @ rotation.T + translation - b, axis=-1)
    spread = float(np.sqrt(np.square(b - b.mean(axis=0)).sum(axis=-1).mean()))
    rms = float(np.sqrt(np.square(off).mean()))
    if rms > WORST_POINTS * spread:
        raise CalibrationError(why_no_fit(a, b, off, names, unit))
    return WorldChange(
        motion=_rigid(make_pose(rotation, translation)),
        how=f"known points {_listed(names)} (rms {rms:.3g} {unit})".replace(" )", ")"),
    )


def change_scale(found: float, true: float, between: Sequence[str], unit: str = "") -> WorldChange:
    """Return the uniform change of scale that makes a distance `found` its `true` length."""
    for value in (found, true):
        if not (np.isfinite(value) and value > 0):
            raise CalibrationError(f"distance between {_listed(between)} = {value}: not positive")
    if not 1 / WORST_SCALE <= true / found <= WORST_SCALE:
        raise CalibrationError(
            f"distance between {_listed(between)} = {true:g} {unit}, which the rig has as "
            f"{found:.4g}: give the true length in the rig's unit"
        )
    return WorldChange(
        scale=true / found,
        how=f"scaled by {true / found:.6g}: {' to '.join(between)} is {true:g} {unit}".rstrip(),
    )


def why_no_fit(a: Array, b: Array, off: Array, names: Sequence[str], unit: str) -> str:
    """Return in words why points a cannot be laid onto points b: mirrored, scaled or mistaken."""
    if EXPLAINS * _misfit(a * [1, 1, -1], b) < _misfit(a, b):
        return (
            "the known points are the mirror image of those in the rig, so their axes are "
            "left-handed; turn the sign of one coordinate, or swap two"
        )
    ratio = np.linalg.norm(b - b.mean(axis=0)) / np.linalg.norm(a - a.mean(axis=0))
    if EXPLAINS * _misfit(ratio * a, b) < _misfit(a, b):
        return (
            f"distances between the known points are {ratio:.4g} times those in the rig; check "
            "their unit, or set the scale first by a measured distance"
        )
    far = f"the points lie up to {off.max():.3g} {unit} from where they should"
    if len(a) == 3:  # any two fit, if not by their distance
        return (
            f"{far}; check the clicks and the known coordinates of {_listed(names)}, and their "
            "names, or click a fourth point, which would tell the wrong one"
        )
    without = [_misfit(np.delete(a, i, axis=0), np.delete(b, i, axis=0)) for i in range(len(a))]
    worst = int(np.argmin(without))
    return (
        f"{far}, and fit best without '{names[worst]}'; check its clicks and its known "
        "coordinates, and the points' names"
    )


def _misfit(a: Array, b: Array) -> float:
    """Return the root mean square of the best alignment; infinite where there is none."""
    try:
        rotation, translation = rigid_alignment(a, b)
    except CalibrationError:
        return np.inf
    return float(np.sqrt(np.square(a @ rotation.T + translation - b).sum(axis=-1).mean()))


def _board_misfit(rig: Rig, board: Board, corners: Array, pose: Array) -> float:
    """Return the root mean square, px, of corners (view, 1, corner, 2) from a board's pose."""
    points = board.points @ pose[:3, :3].T + pose[:3, 3]
    squares = np.square(rig.project(points)[:, None] - corners).sum(axis=-1)
    return float(np.sqrt(np.nanmean(squares)))


def _rigid(motion: Array) -> Array:
    """Return a motion with its rotation made orthonormal to the last bit."""
    u, _, vt = np.linalg.svd(motion[:3, :3])
    return make_pose(u @ vt, motion[:3, 3])


def _listed(names: Sequence[str]) -> str:
    """Return names as text."""
    return ", ".join(names) or "none"
