"""Images of a board -> the corners each view saw, refined to a fraction of a pixel.

Images come in as arrays, RGB or grey, one at a time; nothing here decodes video, but a source that
can give grey images itself is asked for them. Views are looked at in parallel threads, which works
because OpenCV and numba let go of Python's lock.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from operator import length_hint
from threading import Lock
from typing import Protocol, runtime_checkable

import cv2
import numpy as np

from calibration.boards.board import Board, CharucoBoard, ChessBoard, TwoSidedBoard
from calibration.corners.charuco import CharucoFinder, TwoSidedFinder
from calibration.corners.chessboard import ChessFinder
from calibration.corners.frameselection import BLURRED, NEAR_IDENTICAL, find_blurred, find_repeats
from calibration.corners.markers import MarkerFinder
from calibration.corners.observations import (
    Observations,
    Refusal,
    ViewCorners,
    combine,
    fewest_corners,
)
from calibration.corners.planarity import MisfitFinder
from calibration.errors import BoardError, CalibrationError
from calibration.geometry import Array

__all__ = ["detect_corners", "observe"]

Progress = Callable[..., None]


@runtime_checkable
class GreySource(Protocol):
    """A source of images that decodes them without their colours."""

    def grey(self) -> Iterator[np.ndarray]:
        """Yield all images (height, width) uint8."""
        ...


def observe(
    board: Board,
    sources: Mapping[str, Iterable[np.ndarray]],
    *,
    numbers: Mapping[str, Sequence[int]] | None = None,
    keep_repeats: bool = False,
    progress: Progress | None = None,
) -> tuple[Board, Observations]:
    """Find the board in the images of several views, in parallel.

    `sources` gives each view's images; `numbers` the frame number of each image, by which views
    are matched (by default 0, 1, 2, ...). `progress(done, total)` counts images. Returns the board
    as it was printed (legacy, inverted) and the observations, without blurred images and, unless
    `keep_repeats`, without frames in which nothing has moved. Raises `BoardError` where views
    disagree about the pattern.
    """
    total = sum(length_hint(images, 0) for images in sources.values())
    lock, done = Lock(), 0

    def advance(_: int) -> None:
        nonlocal done
        with lock:
            done += 1
            if progress is not None:
                progress(done, max(total, done))

    def look(view: str) -> tuple[Board, ViewCorners]:
        return _detect(
            board,
            sources[view],
            view=view,
            numbers=None if numbers is None else numbers[view],
            progress=advance,
        )

    with ThreadPoolExecutor() as pool:
        found = list(pool.map(look, sources))
    observations = combine([corners for _, corners in found])
    printed = {kind: corners.view for kind, corners in reversed(found) if _has_corners(corners)}
    if len(printed) > 1:
        raise BoardError(
            "views saw the board printed in different ways: "
            + "; ".join(f"{view}: {kind}" for kind, view in printed.items())
            + "; use one board for all views"
        )
    noise = np.array([corners.noise for _, corners in found])
    if not keep_repeats:
        observations = _without_repeats(observations, noise)
    return next(iter(printed), board), observations


def detect_corners(
    board: Board,
    images: Iterable[np.ndarray],
    *,
    view: str,
    numbers: Sequence[int] | None = None,
    progress: Callable[[int], None] | None = None,
) -> ViewCorners:
    """Find the board's corners in the images of one view, RGB or grey uint8.

    `numbers` are the frame numbers of the images (by default 0, 1, 2, ...); `progress` is called
    with the count of images done. Raises `CalibrationError` where images differ in size.
    """
    return _detect(board, images, view=view, numbers=numbers, progress=progress)[1]


def _detect(
    board: Board,
    images: Iterable[np.ndarray],
    *,
    view: str,
    numbers: Sequence[int] | None,
    progress: Callable[[int], None] | None,
) -> tuple[Board, ViewCorners]:
    """Return the board as printed and the corners of one view."""
    finder = _make_finder(board)
    faces = [(face, MisfitFinder(board.points[face])) for face in board.faces]
    size: tuple[int, int] | None = None
    corners, misfits, refusals = [], [], []
    deviations, blur = [], []
    for index, image in enumerate(images.grey() if isinstance(images, GreySource) else images):
        gray = _gray(image, view, index)
        size = size or gray.shape[::-1]
        if gray.shape[::-1] != size:
            raise CalibrationError(
                f"view '{view}', image {index}: size {gray.shape[::-1]}, but the first image has "
                f"{size}; all images of a view must have one size"
            )
        refined, reason = finder.find(gray)
        pixels = refined.corners
        wrong = np.zeros(len(pixels), dtype=bool)
        for face, flatness in faces:
            wrong[face] = flatness.find(pixels[face], size)
        pixels[wrong] = np.nan
        number = index if numbers is None else int(numbers[index])
        reason = reason or _shortage(pixels, wrong)
        if reason:
            refusals.append(Refusal(view=view, frame=number, reason=reason))
        corners.append(pixels)
        misfits.append(wrong)
        deviations.append(_median(refined.deviations))
        blur.append(_median(refined.blur))
        if progress is not None:
            progress(index + 1)
    if size is None:
        raise CalibrationError(f"view '{view}': there is no image to look for the board in")
    frames = np.arange(len(corners)) if numbers is None else np.array(numbers[: len(corners)])
    found = np.stack(corners)
    blurred = np.flatnonzero(find_blurred(np.array(blur)))
    found[blurred] = np.nan
    refusals += [Refusal(view=view, frame=int(frames[i]), reason=BLURRED) for i in blurred]
    return finder.board, ViewCorners(
        view=view,
        size=size,
        frames=frames,
        corners=found,
        misfits=np.stack(misfits),
        refusals=tuple(refusals),
        noise=_median(np.array(deviations)),
        remark=finder.remark(),
    )


def _make_finder(board: Board) -> CharucoFinder | ChessFinder | TwoSidedFinder | MarkerFinder:
    """Return what finds this kind of board."""
    if isinstance(board, ChessBoard):
        return ChessFinder(board)
    if isinstance(board, CharucoBoard):
        return CharucoFinder(board)
    return TwoSidedFinder(board) if isinstance(board, TwoSidedBoard) else MarkerFinder(board)


def _shortage(pixels: Array, wrong: np.ndarray) -> str:
    """Return why an image's corners (corner, 2) are not all used, or not enough; else nothing."""
    if wrong.any():
        return f"{wrong.sum()} corners fit no flat board and were left out"
    count, fewest = int(np.isfinite(pixels[:, 0]).sum()), fewest_corners(len(pixels))
    return f"only {count} corners were seen; {fewest} are needed" if count < fewest else ""


def _without_repeats(observations: Observations, noise: Array) -> Observations:
    """Return the observations without what views saw in frames in which nothing has moved."""
    repeats = find_repeats(observations.corners, noise)
    if not repeats.any():
        return observations
    refusals = [
        Refusal(view=view, frame=int(observations.frames[frame]), reason=NEAR_IDENTICAL)
        for index, view in enumerate(observations.views)
        for frame in np.flatnonzero(repeats & observations.seen[index].any(axis=-1))
    ]
    corners = np.where(repeats[None, :, None, None], np.nan, observations.corners)
    return replace(observations, corners=corners, refusals=(*observations.refusals, *refusals))


def _median(values: Array) -> float:
    """Return the median of what is known of values (n,), NaN if nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan


def _has_corners(corners: ViewCorners) -> bool:
    """Tell whether a view saw the board at all, and so knows how it is printed."""
    return bool(np.isfinite(corners.corners).any())


def _gray(image: np.ndarray, view: str, index: int) -> np.ndarray:
    """Return an image as grey values, uint8."""
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim not in (2, 3):
        raise CalibrationError(
            f"view '{view}', image {index}: shape {image.shape} of {image.dtype}; give RGB "
            "(height, width, 3) or grey (height, width) as uint8"
        )
    if image.ndim == 3 and image.shape[2] == 3:
        return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.ascontiguousarray(image.reshape(image.shape[:2]))
