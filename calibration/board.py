"""The flat boards whose corners are known: ChArUco boards and plain chessboards.

A board's frame has its origin at a corner of the board, x along the columns, y along the rows
and z = 0. Files describe a board in TOML, in our own keys or in those of Anipose.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from calibration.errors import BoardError
from calibration.files import read_toml, reject_unknown_keys
from calibration.geometry import Array
from calibration.units import check_unit

__all__ = ["DICTIONARIES", "Board", "CharucoBoard", "ChessBoard", "load_board", "parse_board"]

DICTIONARIES = {
    **{f"DICT_{n}X{n}_{size}": size for n in (4, 5, 6, 7) for size in (50, 100, 250, 1000)},
    "DICT_ARUCO_ORIGINAL": 1024,
    "DICT_ARUCO_MIP_36h12": 250,
    "DICT_APRILTAG_16h5": 30,
    "DICT_APRILTAG_25h9": 35,
    "DICT_APRILTAG_36h10": 2320,
    "DICT_APRILTAG_36h11": 587,
}
"""OpenCV's marker dictionaries and how many markers each has."""

ANIPOSE_KEYS = {
    "board_x": "squares_x",
    "board_y": "squares_y",
    "square_length": "square_length",
    "marker_length": "marker_length",
}
MOST_SQUARES = 200  # along one side; more is a typing error


@dataclass(frozen=True, slots=True, kw_only=True)
class CharucoBoard:
    """A chessboard with a marker in every white square, so that each corner has a number.

    `squares_x`, `squares_y` count whole squares; lengths are in `unit`. `legacy`: the pattern
    that OpenCV printed before 4.6 when `squares_y` is even (it starts with a white square).
    `inverted`: printed white on black. Neither need be known: detection tries all and records
    the one that fits.
    """

    squares_x: int
    squares_y: int
    square_length: float
    marker_length: float
    dictionary: str
    unit: str
    legacy: bool = False
    inverted: bool = False
    type: ClassVar[str] = "charuco"

    def __post_init__(self) -> None:
        _check_squares(self.squares_x, self.squares_y, "charuco board")
        _check_length(self.square_length, "square_length")
        _check_length(self.marker_length, "marker_length")
        check_unit(self.unit, "board", BoardError)
        if self.marker_length >= self.square_length:
            raise BoardError(
                f"marker_length = {self.marker_length} must be less than square_length = "
                f"{self.square_length}: a marker lies inside a square"
            )
        if self.dictionary not in DICTIONARIES:
            raise BoardError(
                f"dictionary = {self.dictionary!r} is not known; use one of "
                + ", ".join(DICTIONARIES)
            )
        if self.n_markers > DICTIONARIES[self.dictionary]:
            raise BoardError(
                f"a board of {self.squares_x} x {self.squares_y} squares has {self.n_markers} "
                f"markers, but {self.dictionary} has only {DICTIONARIES[self.dictionary]}"
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
        _check_squares(self.squares_x, self.squares_y, "chessboard")
        _check_length(self.square_length, "square_length")
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

    def to_dict(self) -> dict[str, Any]:
        """Return the table that `parse_board` reads."""
        return {"type": self.type, **asdict(self)}


Board = CharucoBoard | ChessBoard


def load_board(path: str | os.PathLike[str], *, unit: str | None = None) -> Board:
    """Read a board from a TOML file, ours or Anipose's; our own may lie in a table `[board]`.

    Anipose's files name no unit of length; give it as `unit`. Raises `BoardError` or
    `FileFormatError` naming the file, the key and the value.
    """
    table = read_toml(path)
    if isinstance(table.get("board"), dict) and len(table) == 1:
        table = table["board"]
    return parse_board(table, str(Path(path)), unit=unit)


def parse_board(table: Mapping[str, Any], where: str, *, unit: str | None = None) -> Board:
    """Return the board that a table describes; errors begin with `where`.

    `unit` serves tables without a unit, such as Anipose's; one that differs is an error.
    """
    fields = _from_anipose(table, where) if "board_x" in table else dict(table)
    kind = fields.pop("type", CharucoBoard.type)
    if kind not in (CharucoBoard.type, ChessBoard.type):
        raise BoardError(f"{where}: type = {kind!r}; it must be 'charuco' or 'chessboard'")
    board_class = CharucoBoard if kind == CharucoBoard.type else ChessBoard
    known = board_class.__dataclass_fields__
    known = [name for name in known if name != "type"]
    reject_unknown_keys(fields, known, where)
    if unit is not None and fields.setdefault("unit", unit) != unit:
        raise BoardError(f"{where}: unit = {fields['unit']!r}, but unit = {unit!r} was asked for")
    optional = ("legacy", "inverted")
    missing = [name for name in known if name not in fields and name not in optional]
    if "unit" in missing:
        raise BoardError(
            f'{where}: does not say its unit of length; add unit = "mm" (or um, cm, m), or read '
            'it with load_board(path, unit="mm")'
        )
    if missing:
        raise BoardError(f"{where}: '{missing[0]}' is missing; a {kind} board needs it")
    try:
        return board_class(**fields)
    except BoardError as error:
        raise BoardError(f"{where}: {error}") from error


def _from_anipose(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return Anipose's keys as ours: board_x, board_y, marker_bits and dict_size."""
    known = [*ANIPOSE_KEYS, "marker_bits", "dict_size", "unit"]
    reject_unknown_keys(table, known, where)
    fields = {ANIPOSE_KEYS[key]: value for key, value in table.items() if key in ANIPOSE_KEYS}
    if "unit" in table:
        fields["unit"] = table["unit"]
    if "marker_length" not in table:  # Anipose's checkerboards: these count inner corners
        return {"type": ChessBoard.type, **fields}
    bits, size = table.get("marker_bits", 4), table.get("dict_size", 50)
    return {**fields, "dictionary": f"DICT_{bits}X{bits}_{size}"}


def _check_squares(squares_x: object, squares_y: object, what: str) -> None:
    """Refuse counts that are no whole numbers, or too small to give a pose."""
    for name, value in (("squares_x", squares_x), ("squares_y", squares_y)):
        if type(value) is not int or not 2 < value <= MOST_SQUARES:
            raise BoardError(
                f"{name} = {value!r}: a {what} needs a whole number from 3 to {MOST_SQUARES}"
            )


def _check_length(value: object, name: str) -> None:
    """Refuse a length that is not a positive finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < np.inf:
        raise BoardError(f"{name} = {value!r} must be a positive length")


def _grid(columns: int, rows: int) -> Array:
    """Return points (column, row, 0) of a grid, row by row, (columns * rows, 3)."""
    row, column = np.mgrid[0:rows, 0:columns]
    return np.stack([column, row, np.zeros_like(row)], axis=-1).reshape(-1, 3).astype(float)
