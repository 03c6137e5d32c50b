"""A rig held against what its cameras see: boards of known size, or points clicked in the views.

Nothing is fitted to the evidence but the board's rigid pose, or the point: a rig that is wrong
cannot bend them into place.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike

from calibration.boards.board import Board
from calibration.checks.findings import Finding, worst_first
from calibration.corners.observations import Observations
from calibration.fitting.heldout import score_held_out
from calibration.geometry import Array, is_seen
from calibration.rig import Rig
from calibration.triangulation import triangulate_points

__all__ = ["check_boards", "check_clicks"]

GOOD_BOARD, BAD_BOARD = 1.0, 3.0  # px, the median distance of a camera's corners
GOOD_CLICK, BAD_CLICK = 3.0, 10.0  # px; hands are less exact than corner finders
MOVED = "Check that no camera moved, was refocused or changed its resolution since; calibrate again"


def check_boards(rig: Rig, board: Board, observations: Observations) -> tuple[Finding, ...]:
    """Return how well a rig fits board images that it was not made from, camera by camera.

    One rigid pose of the board is fitted to all views of each frame.
    """
    errors = score_held_out(rig, board, observations)
    found = [
        _judge(name, seen[np.isfinite(seen)], ("corners of the board", GOOD_BOARD, BAD_BOARD))
        for name, seen in zip(rig.names, errors, strict=True)
    ]
    return worst_first([*found, *_together(rig, observations)])


def check_clicks(rig: Rig, clicks: Mapping[str, ArrayLike]) -> tuple[Finding, ...]:
    """Return how well clicked points (view, 2) px, by name, agree in a rig, camera by camera."""
    pixels = np.stack([np.asarray(xy, dtype=float) for xy in clicks.values()], axis=1)
    points = triangulate_points(rig, pixels).points
    errors = np.linalg.norm(rig.project(points) - pixels, axis=-1)
    found = [
        _judge(name, seen[np.isfinite(seen)], ("clicked points", GOOD_CLICK, BAD_CLICK))
        for name, seen in zip(rig.names, errors, strict=True)
    ]
    lost = [
        name
        for name, point, xy in zip(clicks, points, np.swapaxes(pixels, 0, 1), strict=True)
        if is_seen(xy).sum() > 1 and not np.isfinite(point).all()
    ]
    if lost:
        found.append(
            Finding(
                level="FAIL",
                reason=f"the views agree on no place for {', '.join(lost)}",
                remedy=f"Check these clicks first. {MOVED}.",
            )
        )
    return worst_first(found)


def _judge(name: str, errors: Array, what: tuple[str, float, float]) -> Finding:
    """Return what a camera's distances, px, say about it."""
    things, good, bad = what
    if not len(errors):
        return Finding(
            level="WARN",
            reason=f"'{name}' saw no {things} that can be compared",
            remedy=f"Show the board, or click points, where '{name}' and another camera see them.",
        )
    median = float(np.median(errors))
    text = f"'{name}': {len(errors):,} {things} lie {median:.2f} px off (median)"
    if median <= good:
        return Finding(level="PASS", reason=text)
    return Finding(
        level="FAIL" if median > bad else "WARN", reason=text, remedy=f"{MOVED} '{name}'."
    )


def _together(rig: Rig, observations: Observations) -> Iterator[Finding]:
    """Yield a warning where boards were seen by one camera at a time, which tests no pose."""
    order = [observations.views.index(name) for name in rig.names]
    shared = int((observations.usable[order].sum(axis=0) > 1).sum())
    if len(rig) > 1 and not shared:
        yield Finding(
            level="WARN",
            reason="no two cameras saw the board together, so only single cameras were tested",
            remedy="Show the board where neighbouring cameras both see it.",
        )
