"""Where a box stands in the world of a rig: from its corners, or from a board flat on a wall.

Both give points whose places in the box are known and whose pixels were seen, some of them through
the very walls that are looked for. The pose is that of least squares with the exact projection.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from calibration.alignment import rigid_alignment
from calibration.boards.board import Board
from calibration.chamber import FACES, BoardSpot, Chamber, Face, axis_of
from calibration.corners.observations import FEWEST_CORNERS
from calibration.errors import CalibrationError
from calibration.fitting.heldout import pose_boards
from calibration.geometry import Array, invert_pose, is_seen, make_pose, rotation_from_vector
from calibration.rig import Rig
from calibration.triangulation import triangulate_points
from calibration.world import why_no_fit

__all__ = ["PlacedChamber", "place_by_board", "place_by_corners"]

FEWEST = 3  # corners that two views or more see
START = 0.25  # of the box's size: water moves what is seen through it by less
WORST = 0.01  # of the largest image's longer side: corners that lie farther off are other corners
TOUCHING = 1e-6  # of the box's size: a point this near a surface is on it
BENT = 0.03  # of the same: by about so much a wall may move what is seen through it
ROUNDS = 4  # of fitting with the faces that the cameras then look through
AIRY = 1e-9  # a sum of squares below it, px^2, holds no noise to judge by


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlacedChamber:
    """A box where it stands, and the rig that looks into it.

    `rig` has the walls of `faces`, one a camera; `distances` (view, point) px are those of the
    points, called `names`, from where they should be seen, NaN where they were not.
    `shift_deviation`, in the rig's unit, and `turn_deviation`, rad, are the standard deviations of
    the box's place and direction along their worst axis, by the distances themselves.
    """

    rig: Rig
    chamber: Chamber
    world_from_chamber: Array
    faces: tuple[Face, ...]
    names: tuple[str, ...]
    distances: Array
    shift_deviation: float
    turn_deviation: float

    @property
    def misfit(self) -> float:
        """The root mean square of the distances, px."""
        return float(np.sqrt(np.nanmean(self.distances**2)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sighting:
    """Points called `names` (n, 3), in the box's frame, and their `pixels` (view, n, 2)."""

    names: tuple[str, ...]
    points: Array
    pixels: Array


def place_by_corners(rig: Rig, chamber: Chamber, clicks: Mapping[str, ArrayLike]) -> PlacedChamber:
    """Return the box whose corners were clicked: name -> pixels (view, 2), NaN = not clicked.

    Names are those of `Chamber.corner`. Three corners or more, not on one line, must be clicked in
    two views or more. Raises `CalibrationError` or `RigError` for corners that there are not, that
    are seen through two walls, or that fit no such box.
    """
    names = tuple(clicks)
    seen = _Sighting(
        names=names,
        points=np.stack([chamber.corner(name) for name in names]) if names else np.empty((0, 3)),
        pixels=np.stack([np.asarray(clicks[name], dtype=float) for name in names], axis=1)
        if names
        else np.empty((len(rig), 0, 2)),
    )
    bend = np.full((*seen.pixels.shape, 2), (BENT * _longest_side(rig)) ** 2) * np.eye(2)
    found = triangulate_points(rig, seen.pixels, covariance=bend).points
    located = np.asarray(np.isfinite(found).all(axis=-1))
    if located.sum() < FEWEST:
        raise CalibrationError(
            f"{located.sum()} corners of the chamber were clicked in two views that agree "
            f"({', '.join(np.array(names)[located]) or 'none'}); click {FEWEST} or more, that do "
            "not lie on one line, each in two views or more"
        )
    a, b = found[located], seen.points[located]
    turn, shift = rigid_alignment(b, a)
    off = np.linalg.norm(b @ turn.T + shift - a, axis=-1)
    if not np.sqrt(np.mean(off**2)) <= START * np.linalg.norm(chamber.inner) / 2:
        which = [name for name, used in zip(names, located, strict=True) if used]
        raise CalibrationError(
            "the clicked corners are not those of the chamber: "
            + why_no_fit(a, b, off, which, rig.unit)
        )
    return _fit(rig, chamber, seen, make_pose(turn, shift))


def place_by_board(
    rig: Rig, chamber: Chamber, board: Board, corners: ArrayLike, spot: BoardSpot
) -> PlacedChamber:
    """Return the box on whose wall a board lies flat.

    `corners` (view, corner, 2) px of the board, NaN = not seen; one view is enough. Raises
    `CalibrationError` or `RigError` where too few were seen, the board is not as large as the box
    allows, or it does not fit what was seen.
    """
    pixels = np.asarray(corners, dtype=float)
    if pixels.shape != (len(rig), board.n_corners, 2) or board.unit != rig.unit:
        raise CalibrationError(
            f"corners of shape {pixels.shape} of a board in {board.unit}: a rig in {rig.unit} of "
            f"{len(rig)} cameras needs ({len(rig)}, {board.n_corners}, 2), and one unit"
        )
    usable = is_seen(pixels).sum(axis=-1) >= FEWEST_CORNERS
    if not usable.any():
        raise CalibrationError(
            f"no camera saw {FEWEST_CORNERS} corners or more of the board on the chamber's face "
            f"'{spot.face}'; choose a frame in which it lies in view, lit and sharp"
        )
    pixels = np.where(usable[:, None, None], pixels, np.nan)
    chamber_from_board = spot.chamber_from_board(chamber, board)
    points = board.points @ chamber_from_board[:3, :3].T + chamber_from_board[:3, 3]
    reach = np.abs(points[:, axis_of(spot.face) == 0]).max(axis=0)
    room = (chamber.inner / 2 + (0 if spot.inside else chamber.thickness))[axis_of(spot.face) == 0]
    if (reach > room * (1 + TOUCHING)).any():
        raise CalibrationError(
            f"the board reaches {reach.max():g} {rig.unit} from the middle of face '{spot.face}', "
            f"which ends at {' and '.join(f'{length:g}' for length in room)}; check the chamber's "
            f"lengths, which are in {rig.unit}, the board's middle and its columns"
        )
    start = pose_boards(rig.cameras, board, pixels[:, None])[0] @ invert_pose(chamber_from_board)
    if not np.isfinite(start).all():
        raise CalibrationError("the board on the chamber's wall fits no place in front of the rig")
    names = tuple(f"board corner {index}" for index in range(len(points)))
    return _fit(rig, chamber, _Sighting(names=names, points=points, pixels=pixels), start)


def _fit(rig: Rig, chamber: Chamber, seen: _Sighting, start: Array) -> PlacedChamber:
    """Return the box at the pose of least squares, from a pose world_from_chamber (4, 4)."""
    pose, faces = start, chamber.faces(rig, start)
    there = is_seen(seen.pixels)
    for _ in range(ROUNDS):
        _require_one_wall(rig, chamber, faces, seen)
        found = least_squares(
            _residuals, np.zeros(6), x_scale="jac", args=(pose, rig, chamber, faces, seen)
        )
        pose = _moved(pose, found.x)
        before, faces = faces, chamber.faces(rig, pose)
        if faces == before:
            break
    walled = chamber.around(rig, pose, faces)
    distances = np.linalg.norm(_project(walled, pose, seen) - seen.pixels, axis=-1)
    _require_fit(rig, seen, distances)
    spare = max(2 * int(there.sum()) - 6, 1)
    noise = max(2 * float(found.cost), AIRY) / spare
    covariance = noise * np.linalg.pinv(found.jac.T @ found.jac, hermitian=True)
    worst = [np.sqrt(np.linalg.eigvalsh(part)[-1]) for part in _parts(covariance)]
    return PlacedChamber(
        rig=walled,
        chamber=chamber,
        world_from_chamber=pose,
        faces=faces,
        names=seen.names,
        distances=np.where(there, distances, np.nan),
        shift_deviation=float(worst[1]),
        turn_deviation=float(worst[0]),
    )


def _residuals(
    move: Array,
    pose: Array,
    rig: Rig,
    chamber: Chamber,
    faces: Sequence[Face],
    seen: _Sighting,
) -> Array:
    """Return predicted less seen, px, of all that was seen, with the box moved from its pose."""
    pose = _moved(pose, move)
    off = _project(chamber.around(rig, pose, faces), pose, seen) - seen.pixels
    off = off[is_seen(seen.pixels)]
    if not np.isfinite(off).all():
        raise CalibrationError(
            "the chamber's points come to lie behind a camera that sees them; check the points' "
            f"names and the chamber's lengths, which are in {rig.unit}"
        )
    return off.ravel()


def _project(walled: Rig, pose: Array, seen: _Sighting) -> Array:
    """Return the pixels (view, n, 2) of the points of a box at a pose."""
    return walled.project(seen.points @ pose[:3, :3].T + pose[:3, 3])


def _moved(pose: Array, move: Array) -> Array:
    """Return a pose turned about its own origin by move[:3] and shifted by move[3:]."""
    return make_pose(rotation_from_vector(move[:3]) @ pose[:3, :3], pose[:3, 3] + move[3:])


def _parts(covariance: Array) -> tuple[Array, Array]:
    """Return the covariances (3, 3) of turn and shift."""
    return covariance[:3, :3], covariance[3:, 3:]


def _require_one_wall(rig: Rig, chamber: Chamber, faces: Sequence[Face], seen: _Sighting) -> None:
    """Refuse points that light leaves through more than the one wall a camera looks through."""
    size = float(chamber.inner.max())
    outside = (np.abs(seen.points) > chamber.inner / 2 + TOUCHING * size).any(axis=-1)
    for camera, face, there in zip(rig, faces, is_seen(seen.pixels), strict=True):
        axis = FACES.index(face) // 2
        depth = seen.points @ axis_of(face) - chamber.inner[axis] / 2 - chamber.thickness
        wrong = np.flatnonzero(there & outside & (depth < -TOUCHING * size))
        if len(wrong):
            raise CalibrationError(
                f"'{seen.names[wrong[0]]}' lies outside the chamber, and not on its face '{face}' "
                f"through which camera '{camera.name}' looks, so its light goes other ways; click "
                "inner corners there, or outer ones of that face"
            )


def _require_fit(rig: Rig, seen: _Sighting, distances: Array) -> None:
    """Refuse a box that does not lie where its points were seen."""
    limit = WORST * _longest_side(rig)
    misfit = float(np.sqrt(np.nanmean(distances**2)))
    if misfit > limit:
        view, point = np.unravel_index(np.nanargmax(distances), distances.shape)
        raise CalibrationError(
            f"the chamber fits what was seen only within {misfit:.1f} px; worst is "
            f"'{seen.names[point]}' in view '{rig.names[view]}', {distances[view, point]:.1f} px "
            "off. Check that point, the chamber's lengths, and that no camera moved"
        )


def _longest_side(rig: Rig) -> int:
    """Return the longest side of any image, px."""
    return max(max(camera.size) for camera in rig)
