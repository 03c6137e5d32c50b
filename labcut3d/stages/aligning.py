"""Setting the world frame of a stored rig: rig.toml -> rig.toml, with its covariance.

A project's rig is replaced; what was made in the old frame is then out of date and made again by
the next `reconstruct`.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from calibration.alignment import WorldChange
from calibration.boards.board import Board
from calibration.corners.detection import observe
from calibration.covariance import find_covariance
from calibration.errors import CalibrationError
from calibration.geometry import Array
from calibration.rig import Rig
from labcut3d.provenance import restamp
from labcut3d.video import Frames

__all__ = ["align_rig", "see_board"]


def align_rig(
    source: Path, target: Path, find: Callable[[Rig], WorldChange], unit: str | None = None
) -> tuple[Rig, WorldChange]:
    """Move the rig of a file to the world that `find` finds for it, and write it to `target`.

    The covariance beside the file goes with it. Where the target is a project's own rig, the record
    of what it was made from is kept, so that it is not calibrated anew.
    """
    rig = Rig.load(source, unit=unit)
    change = find(rig)
    moved = change.move_rig(rig)
    covariance = find_covariance(source)
    if covariance is not None:
        covariance = change.move_covariance(covariance, rig)
    with restamp(target):
        moved.save(target, covariance)
    return moved, change


def see_board(
    rig: Rig, board: Board, sources: Mapping[str, Frames], frame: int | None = None
) -> tuple[Board, Array, int]:
    """Return the board as printed, its corners (view, corner, 2) px, and the frame they are from.

    `sources` may lack views of the rig. Without `frame`, the one in which most corners were seen.
    """
    for view in sources:
        if view not in rig.names:
            raise CalibrationError(f"view '{view}' is not in the rig: {', '.join(rig.names)}")
    numbers = {view: frames.numbers.tolist() for view, frames in sources.items()}
    images: Mapping[str, Iterable[np.ndarray]] = sources
    if frame is not None:
        chosen = {view: found.index(frame) for view, found in numbers.items() if frame in found}
        if not chosen:
            raise CalibrationError(f"there is no frame {frame}; frames are {_range(numbers)}")
        images = {view: [sources[view][index]] for view, index in chosen.items()}
        numbers = {view: [frame] for view in chosen}
    printed, seen = observe(board, images, numbers=numbers)
    index = int(np.argmax(seen.seen.sum(axis=(0, 2))))
    corners = np.full((len(rig), board.n_corners, 2), np.nan)
    for view, found in zip(seen.views, seen.corners[:, index], strict=True):
        corners[rig.names.index(view)] = found
    return printed, corners, int(seen.frames[index])


def _range(numbers: Mapping[str, list[int]]) -> str:
    """Return which frames there are, in words."""
    found = [number for view in numbers.values() for number in view]
    return f"{min(found)} to {max(found)}"
