"""Flat boards of squares: ChArUco boards and plain chessboards.

A board's frame has its origin at a corner of the board, x along the columns, y along the rows
and z = 0; z points away from who looks at the board.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from calibration.boards.boardchecks import DICTIONARIES, check_length, check_markers, check_squares
from calibration.errors import BoardError
from calibration.geometry import Array
from calibration.units import check_unit

__all__ = ["CharucoBoard", "ChessBoard", "FlatBoard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CharucoBoard:
    """A chessboard with a marker in every white square, so that each corner has a number.

    `squares_x`, `squares_y` count whole squares; lengths are in `unit`. `legacy`: the pattern
    that OpenCV printed before 4.6 when `squares_y` is even (it starts with a white square).
    `inverted`: printed white on black. Neither need be known: detection tries all and records
    the one that fits. The markers are numbered on from `first_marker`.
    """

    squares_x: int
    squares_y: int
    square_length: float
    marker_length: float
    dictionary: str
    unit: str
    legacy: bool = False
    inverted: bool = False
    first_marker: int = 0
    type: ClassVar[str] = "charuco"

    def __post_init__(self) -> None:
        check_squares(self.squares_x, self.squares_y, "charuco board")
        check_length(self.square_length, "square_length")
        check_length(self.marker_length, "marker_length")
        check_unit(self.unit, "board", BoardError)
        for name in ("legacy", "inverted"):
            if not isinstance(getattr(self, name), bool):
                raise BoardError(f"{name} = {getattr(self, name)!r} must be true or false")
        if self.marker_length >= self.square_length:
            raise BoardError(
                f"marker_length = {self.marker_length} must be less than square_length = "
                f"{self.square_length}: a marker lies inside a square"
            )
        check_markers(self.dictionary, self.first_marker, self.first_marker)
        if self.first_marker + self.n_markers > DICTIONARIES[self.dictionary]:
            raise BoardError(
                f"a board of {self.squares_x} x {self.squares_y} squares has {self.n_markers} "
                f"markers from number {self.first_marker} on, but {self.dictionary} has only "
                f"{DICTIONARIES[self.dictionary]}"
            )

    @property
    def n_markers(self) -> int:
        """How many markers the board carries: one in every white square."""
        return self.squares_x * self.squares_y // 2

    @property
    def n_corners(self) -> int:
        """How many inner corners the board has."""
        return (self.squares_x - 1) * (self.squares_y - 1)

    @property
    def points(self) -> Array:
        """The corners (corner, 3) in the board's frame, row by row, in OpenCV's order."""
        points = _grid(self.squares_x - 1, self.squares_y - 1)
        points[:, :2] = (points[:, :2] + 1) * self.square_length
        return points

    @property
    def faces(self) -> tuple[np.ndarray, ...]:
        """The corners of each flat part of the board, as indices: there is one."""
        return (np.arange(self.n_corners),)

    @property
    def neighbours(self) -> np.ndarray:
        """The pairs (pair, 2) of corners that are one square apart."""
        return _grid_neighbours(self.squares_x - 1, self.squares_y - 1)

    def describe(self) -> str:
        """Return the board in words."""
        text = (
            f"charuco {self.squares_x} x {self.squares_y} squares, square "
            f"{self.square_length:g} {self.unit}, marker {self.marker_length:g} {self.unit}, "
            f"{self.dictionary}"
        )
        text += f" from marker {self.first_marker}" if self.first_marker else ""
        text += ", legacy pattern" if self.legacy else ""
        return text + (", inverted" if self.inverted else "")

    def to_dict(self) -> dict[str, Any]:
        """Return the table that `parse_board` reads."""
        return {"type": self.type, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChessBoard:
    """A plain chessboard; `squares_x`, `squares_y` count its inner corners."""

    squares_x: int
    squares_y: int
    square_length: float
    unit: str
    type: ClassVar[str] = "chessboard"

    def __post_init__(self) -> None:
        check_squares(self.squares_x, self.squares_y, "chessboard")
        check_length(self.square_length, "square_length")
        check_unit(self.unit, "board", BoardError)

    @property
    def is_symmetric(self) -> bool:
        """Whether the board looks the same after half a turn, so that corners are ambiguous."""
        return (self.squares_x + self.squares_y) % 2 == 0

    @property
    def n_corners(self) -> int:
        """How many inner corners the board has."""
        return self.squares_x * self.squares_y

    @property
    def points(self) -> Array:
        """The corners (corner, 3) in the board's frame, row by row; the first is the origin."""
        points = _grid(self.squares_x, self.squares_y)
        points[:, :2] *= self.square_length
        return points

    @property
    def faces(self) -> tuple[np.ndarray, ...]:
        """The corners of each flat part of the board, as indices: there is one."""
        return (np.arange(self.n_corners),)

    @property
    def neighbours(self) -> np.ndarray:
        """The pairs (pair, 2) of corners that are one square apart."""
        return _grid_neighbours(self.squares_x, self.squares_y)

    def describe(self) -> str:
        """Return the board in words."""
        return (
            f"chessboard {self.squares_x} x {self.squares_y} inner corners, square "
            f"{self.square_length:g} {self.unit}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the table that `parse_board` reads."""
        return {"type": self.type, **asdict(self)}


FlatBoard = CharucoBoard | ChessBoard
"""The boards that are one grid of squares on one sheet."""


def _grid(columns: int, rows: int) -> Array:
    """Return points (column, row, 0) of a grid, row by row, (columns * rows, 3)."""
    row, column = np.mgrid[0:rows, 0:columns]
    return np.stack([column, row, np.zeros_like(row)], axis=-1).reshape(-1, 3).astype(float)


def _grid_neighbours(columns: int, rows: int) -> np.ndarray:
    """Return the index pairs (pair, 2) of a grid's points next to each other."""
    index = np.arange(columns * rows).reshape(rows, columns)
    across = np.stack([index[:, :-1], index[:, 1:]], axis=-1).reshape(-1, 2)
    down = np.stack([index[:-1], index[1:]], axis=-1).reshape(-1, 2)
    return np.concatenate([across, down])
