"""Finding a plain chessboard in one image, always numbered from the same end."""

import cv2
import numpy as np

from calibration.boards.flatboards import ChessBoard
from calibration.corners.markers import Sighting, no_corners
from calibration.corners.subpixel import refine
from calibration.geometry import Array

__all__ = ["ChessFinder"]

PROBES = 4  # images kept to look for boards of other counts in, where none was found
CLEAR = 0.4  # of a square beside each line: far from the next corners
FLAGS = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK


class ChessFinder:
    """Finds one chessboard in image after image."""

    def __init__(self, board: ChessBoard) -> None:
        self.board = board
        self._images = self._found = 0
        self._probes: list[np.ndarray] = []

    def find(self, gray: np.ndarray) -> Sighting:
        """Return the corners of the board in a grey image, and why there are none if so."""
        self._images += 1
        grid = _find_grid(gray, self.board.squares_x, self.board.squares_y)
        if grid is None:
            if len(self._probes) < PROBES:
                self._probes.append(gray)
            return no_corners(self.board.n_corners), "the whole chessboard was not found"
        self._found += 1
        grid = self._orient(gray, grid)
        axes = np.stack([np.gradient(grid, axis=1), np.gradient(grid, axis=0)], axis=-1)
        return refine(gray, grid.reshape(-1, 2), axes.reshape(-1, 2, 2), CLEAR), ""

    def remark(self) -> str:
        """Return in words what was seen, for the message where it was not enough."""
        pattern = f"{self.board.squares_x} x {self.board.squares_y} inner corners"
        text = f"a chessboard of {pattern} was found in {self._found} of {self._images} images"
        return text if self._found else text + self._other_counts()

    def _other_counts(self) -> str:
        """Return a hint at the counts that the images do show, or an empty string."""
        for change, mistake in ((-1, "they were counted as squares"), (1, "one was forgotten")):
            x, y = self.board.squares_x + change, self.board.squares_y + change
            if min(x, y) > 2 and any(_find_grid(gray, x, y) is not None for gray in self._probes):
                return f"; one of {x} x {y} inner corners was: {mistake} each way"
        return ""

    def _orient(self, gray: np.ndarray, grid: Array) -> Array:
        """Number the corners so that the board is not mirrored and its first square is dark.

        The colour decides between the two ends of a board that is not symmetric.
        """
        across, down = grid[0, -1] - grid[0, 0], grid[-1, 0] - grid[0, 0]
        if across[0] * down[1] - across[1] * down[0] < 0:
            grid = grid[:, ::-1]
        if self.board.is_symmetric:
            return grid
        centers = (grid[:-1, :-1] + grid[1:, 1:] + grid[:-1, 1:] + grid[1:, :-1]) / 4
        column, row = np.round(centers).astype(int).reshape(-1, 2).T
        column, row = column.clip(0, gray.shape[1] - 1), row.clip(0, gray.shape[0] - 1)
        values = gray[row, column].reshape(centers.shape[:2]).astype(float)
        first = np.indices(values.shape).sum(axis=0) % 2 == 0
        return grid if values[first].mean() < values[~first].mean() else grid[::-1, ::-1]


def _find_grid(gray: np.ndarray, columns: int, rows: int) -> Array | None:
    """Return the inner corners (row, column, 2) px of a chessboard, or None."""
    found, corners = cv2.findChessboardCorners(gray, (columns, rows), flags=FLAGS)
    if not found:
        found, corners = cv2.findChessboardCornersSB(gray, (columns, rows))
    return corners.reshape(rows, columns, 2).astype(float) if found else None
