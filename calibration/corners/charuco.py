"""Finding a ChArUco board in one image: markers first, then the corners between them.

Boards printed by OpenCV before 4.6 ("legacy") and boards printed white on black ("inverted") carry
the same markers in other places or colours. Until one image has shown which pattern fits, every
pattern is tried; a pattern whose rows and columns are swapped is recognised and named.
"""

from dataclasses import replace

import cv2
import numpy as np

from calibration.boards.flatboards import CharucoBoard
from calibration.boards.twosided import TwoSidedBoard
from calibration.corners.markers import MarkerDetector, Sighting, Tally, no_corners
from calibration.corners.subpixel import Refined, refine
from calibration.errors import BoardError
from calibration.geometry import Array

__all__ = ["CharucoFinder", "TwoSidedFinder"]

FEWEST_MARKERS = 3  # that agree on one flat board before a pattern is believed
CERTAIN_MARKERS = 6  # are not chance: before rows and columns are called swapped, for one
LARGEST_MARKER_ERROR = 0.15  # of a marker's side, from the board's homography
SMALLEST_MARKER_ERROR = 0.02  # of a marker's side, that the lens and noise may make
ALIKE = 3.0  # times the smallest error: two patterns that fit so alike cannot be told apart
STRAY_CORNERS = 4  # more on one pattern than on another: a marker that was read wrongly
LARGEST_DISAGREEMENT = 0.25  # of a square, between the markers that foretell one corner


class CharucoFinder:
    """Finds one ChArUco board in image after image, and learns how it is printed."""

    def __init__(self, board: CharucoBoard) -> None:
        self.board = board
        self.decided = False
        first = board.first_marker
        self._detector = MarkerDetector(board.dictionary, range(first, first + board.n_markers))
        self._set_layout(board)
        self._tally = Tally(board.dictionary, board.n_markers)

    def find(self, gray: np.ndarray) -> Sighting:
        """Return the corners in a grey image, and why there are none if so.

        Raises `BoardError` where the image shows the board with rows and columns swapped.
        """
        image, markers = self._look(gray)
        self._tally.add(gray, len(markers))
        nothing = no_corners(self.board.n_corners)
        if not markers:
            return nothing, "no marker of the board was found"
        if not self.decided and self._is_ambiguous(markers):
            return nothing, f"{len(markers)} markers do not tell how the board is printed"
        predicted, axes, agree = self._predict(markers)
        if not agree:
            self._refuse_swapped(markers)
            return nothing, "the markers do not lie as on the board"
        return refine(image, predicted, axes, self._clear), ""

    def remark(self) -> str:
        """Return in words what was seen, for the message where it was not enough."""
        return self._tally.remark()

    def _look(self, gray: np.ndarray) -> tuple[np.ndarray, dict[int, Array]]:
        """Return the image, dark on light, and its markers, by which the print is found out."""
        first, looks = self.board.inverted, {}
        for inverted in (first, not first):
            image = cv2.bitwise_not(gray) if inverted else gray
            looks[inverted] = image, self._detector.find(image)
            fits = self.decided or self._decide(looks[inverted][1], inverted=inverted)
            if fits or len(looks[inverted][1]) >= CERTAIN_MARKERS:
                break
        return looks[self.board.inverted]

    def _decide(self, markers: dict[int, Array], *, inverted: bool) -> bool:
        """Find out how the board is printed, if markers show it; tell whether they fit at all."""
        if len(markers) < FEWEST_MARKERS:
            return False
        fits = _fitting(markers, _patterns(self.board))
        if len(fits) == 1:
            self._set_layout(replace(fits[0], inverted=inverted))
            self.decided = True
        elif not fits:
            self._refuse_swapped(markers)
        return bool(fits)

    def _set_layout(self, board: CharucoBoard) -> None:
        """Take the board as it is printed."""
        self.board = board
        self._layout = _marker_layout(board)
        self._neighbours = _neighbours(board, self._layout)

    def _is_ambiguous(self, markers: dict[int, Array]) -> bool:
        """Tell whether the markers seen lie alike in several patterns of the board."""
        patterns = _patterns(self.board)
        return len(patterns) > 1 and len(_fitting(markers, patterns)) > 1

    def _refuse_swapped(self, markers: dict[int, Array]) -> None:
        """Raise `BoardError` if the markers lie as on the board with rows and columns swapped.

        They are numbered row by row, so that this only tells how many columns the board has.
        """
        x, y = self.board.squares_x, self.board.squares_y
        swapped = _patterns(replace(self.board, squares_x=y, squares_y=x))
        if x != y and len(markers) >= CERTAIN_MARKERS and _fitting(markers, swapped):
            raise BoardError(
                f"the board is described as {x} x {y} squares, but in the images it has {y} "
                f"columns and not {x}: swap squares_x and squares_y (board_x and board_y in "
                f"Anipose's files) if it has {x} rows, or else count its squares again"
            )

    def _predict(self, markers: dict[int, Array]) -> tuple[Array, Array, bool]:
        """Return where corners should be, a square's sides there, and whether markers agree.

        Each marker foretells its own corners by its own homography, which hardly notices the
        lens; two markers that meet at a corner are averaged, and the corner is left out where
        they contradict each other.
        """
        total = np.zeros((self.board.n_corners, 3, 2))
        squares = np.zeros((self.board.n_corners, 2))
        count = np.zeros((self.board.n_corners, 1))
        rows = np.array(list(markers)) - self.board.first_marker
        warps = np.array(
            [
                cv2.getPerspectiveTransform(self._layout[row], quad.astype(np.float32))
                for row, quad in zip(rows, markers.values(), strict=True)
            ],
            dtype=float,
        )
        which = np.repeat(np.arange(len(rows)), [len(self._neighbours[row]) for row in rows])
        corners = np.concatenate([self._neighbours[row] for row in rows])
        points, length = self.board.points[corners, :2], self.board.square_length
        pixels, axes = _warp_with_axes(warps[which], points, length)
        np.add.at(total, corners, np.concatenate([pixels[:, None], np.swapaxes(axes, 1, 2)], 1))
        np.add.at(squares, corners, pixels**2)
        np.add.at(count, corners, 1)
        with np.errstate(invalid="ignore"):
            mean = total / count[:, None]
            spread = np.sqrt(np.maximum(squares / count - mean[:, 0] ** 2, 0).sum(axis=-1))
            side = np.linalg.norm(mean[:, 1:], axis=-1).min(axis=-1)
            apart = 2 * spread > LARGEST_DISAGREEMENT * side
        mean[apart] = np.nan
        agree = 2 * apart.sum() <= (count > 1).sum()
        return mean[:, 0], np.ascontiguousarray(np.swapaxes(mean[:, 1:], 1, 2)), bool(agree)

    @property
    def _clear(self) -> float:
        """How far from a corner's lines, in squares, the first marker begins."""
        return (1 - self.board.marker_length / self.board.square_length) / 2


class TwoSidedFinder:
    """Finds a two-sided board in image after image; an image shows one of its sides."""

    def __init__(self, board: TwoSidedBoard) -> None:
        self._board = board
        self._sides = [CharucoFinder(board.front), CharucoFinder(board.back)]
        self._last = 0
        self._counts = [0, 0]

    @property
    def board(self) -> TwoSidedBoard:
        """The board as it was printed, as far as was seen."""
        side = next((s.board for s in self._sides if s.decided), self._board.front)
        front = replace(self._board.front, legacy=side.legacy, inverted=side.inverted)
        return replace(self._board, front=front)

    def find(self, gray: np.ndarray) -> Sighting:
        """Return the corners of both sides in a grey image, and why there are none if so."""
        reason = ""
        half = self._board.front.n_corners
        for side in (self._last, 1 - self._last):  # mostly the side that was seen before
            refined, why = self._sides[side].find(gray)
            if not why:
                self._last = side
                self._counts[side] += 1
                nothing = no_corners(half)
                parts = (refined, nothing) if side == 0 else (nothing, refined)
                return Refined.join(*parts), ""
            reason = why if not reason or "no marker" in reason else reason
        return no_corners(2 * half), reason

    def remark(self) -> str:
        """Return in words what was seen, for the message where it was not enough."""
        return f"front in {self._counts[0]} images, back in {self._counts[1]}; " + "; ".join(
            f"{name}: {side.remark()}"
            for name, side in zip(("front", "back"), self._sides, strict=True)
        )


def _patterns(board: CharucoBoard) -> list[CharucoBoard]:
    """Return the board and, where that differs, the board in the other pattern."""
    if board.squares_y % 2:
        return [board]
    return [board, replace(board, legacy=not board.legacy)]


def _marker_layout(board: CharucoBoard) -> np.ndarray:
    """Return the corners (marker, 4, 2) of the board's markers in its plane, float32."""
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    size = (board.squares_x, board.squares_y)
    drawn = cv2.aruco.CharucoBoard(size, board.square_length, board.marker_length, dictionary)
    drawn.setLegacyPattern(board.legacy)
    return np.ascontiguousarray(np.array(drawn.getObjPoints(), dtype=np.float32)[:, :, :2])


def _neighbours(board: CharucoBoard, layout: np.ndarray) -> list[np.ndarray]:
    """Return for each marker the corners of the board at its square."""
    centers = layout.mean(axis=1)
    offset = np.abs(board.points[None, :, :2] - centers[:, None]).max(axis=-1)
    return [np.flatnonzero(row < 0.6 * board.square_length) for row in offset]


def _fitting(markers: dict[int, Array], boards: list[CharucoBoard]) -> list[CharucoBoard]:
    """Return the boards on which the markers lie as in the image: one, or several alike.

    Where the columns are odd, one pattern is the other moved by a column but for the markers at
    its edge; so the board on which clearly fewer markers go astray is the one.
    """
    errors = np.stack([_layout_errors(markers, board) for board in boards])
    # One marker may be read wrongly, but a wrong pattern must not pass because half of it fits.
    usual = np.quantile(errors, 0.8, axis=1)
    limit = min(LARGEST_MARKER_ERROR, ALIKE * max(usual.min(), SMALLEST_MARKER_ERROR))
    astray = (errors > limit).sum(axis=1)
    fits = usual < limit
    fits &= astray <= astray[fits].min(initial=errors.shape[1]) + STRAY_CORNERS
    return [board for board, fit in zip(boards, fits, strict=True) if fit]


def _layout_errors(markers: dict[int, Array], board: CharucoBoard) -> Array:
    """Return how far marker corners (n,) are from where a board has them, in a marker's sides.

    The board is laid onto the image by the homography that most markers agree on.
    """
    chosen = [marker - board.first_marker for marker in markers]
    plane = _marker_layout(board)[chosen].reshape(-1, 2)
    target = np.concatenate(list(markers.values()))
    side = np.median([np.linalg.norm(quad[0] - quad[1]) for quad in markers.values()])
    # Few markers, two in a row say, leave no majority to agree on: all must.
    method = cv2.LMEDS if len(markers) >= FEWEST_MARKERS else 0
    homography, _ = cv2.findHomography(plane, target, method)
    if homography is None:
        return np.full(len(plane), np.inf)
    fitted = cv2.perspectiveTransform(plane[None], homography)[0]
    return np.linalg.norm(fitted - target, axis=-1) / side


def _warp_with_axes(warps: Array, points: Array, length: float) -> tuple[Array, Array]:
    """Return points (n, 2) and steps by `length` in x and y (n, 2, 2) by homographies (n, 3, 3)."""
    homogeneous = (warps[:, :, :2] @ points[..., None])[..., 0] + warps[:, :, 2]
    pixels = homogeneous[:, :2] / homogeneous[:, 2:]
    slopes = warps[:, :2, :2] - pixels[:, :, None] * warps[:, 2:, :2]
    return pixels, length * slopes / homogeneous[:, 2, None, None]
