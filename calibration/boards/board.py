"""The boards whose points are known, and the TOML files that describe them.

Flat boards of squares (`CharucoBoard`, `ChessBoard`), a ChArUco board on both sides of a plate
(`TwoSidedBoard`), and any number of rigidly mounted markers (`MarkerBoard`). All have `points`
(corner, 3) in a frame of their own, `faces`, the corners that lie in one plane, and `neighbours`,
pairs of corners a short known distance apart.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from calibration.boards.boardchecks import DICTIONARIES
from calibration.boards.flatboards import CharucoBoard, ChessBoard
from calibration.boards.markerboard import Marker, MarkerBoard
from calibration.boards.twosided import TwoSidedBoard
from calibration.errors import BoardError
from calibration.files import read_toml, reject_unknown_keys

__all__ = [
    "DICTIONARIES",
    "Board",
    "CharucoBoard",
    "ChessBoard",
    "Marker",
    "MarkerBoard",
    "TwoSidedBoard",
    "load_board",
    "parse_board",
]

ANIPOSE_KEYS = {
    "board_x": "squares_x",
    "board_y": "squares_y",
    "square_length": "square_length",
    "marker_length": "marker_length",
}

Board = CharucoBoard | ChessBoard | TwoSidedBoard | MarkerBoard
KINDS: dict[str, type[Board]] = {
    kind.type: kind for kind in (CharucoBoard, ChessBoard, TwoSidedBoard, MarkerBoard)
}
OPTIONAL = ("legacy", "inverted", "first_marker", "turn", "back_first_marker", "marker_length")


def load_board(path: str | os.PathLike[str], *, unit: str | None = None) -> Board:
    """Read a board from a TOML file, ours or Anipose's; our own may lie in a table `[board]`.

    Anipose's files name no unit of length; give it as `unit`. Raises `BoardError` or
    `FileFormatError` naming the file, the key and the value.
    """
    if Path(path).suffix.lower() == ".json":
        raise BoardError(
            f"{path}: boards are described in TOML, as lines such as squares_x = 7, squares_y = 5, "
            'square_length = 24.0, marker_length = 18.0, dictionary = "DICT_4X4_50", unit = "mm"'
        )
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
    if not isinstance(kind, str) or kind not in KINDS:
        known = ", ".join(f"'{name}'" for name in KINDS)
        raise BoardError(f"{where}: type = {kind!r}; it must be one of {known}")
    if unit is not None and fields.setdefault("unit", unit) != unit:
        raise BoardError(f"{where}: unit = {fields['unit']!r}, but unit = {unit!r} was asked for")
    _require_keys(fields, KINDS[kind], where)
    try:
        return _make(KINDS[kind], fields, where)
    except BoardError as error:
        text = str(error)
        raise BoardError(text if text.startswith(where) else f"{where}: {text}") from error


def _make(kind: type[Board], fields: dict[str, Any], where: str) -> Board:
    """Return the board that the fields of its table make."""
    if kind is MarkerBoard:
        return MarkerBoard.from_table(fields, where)
    if kind is TwoSidedBoard:
        own = {name: fields.pop(name) for name in _own_keys(TwoSidedBoard) if name in fields}
        return TwoSidedBoard(front=CharucoBoard(**fields), **own)
    return kind(**fields)


def _own_keys(kind: type[Board]) -> list[str]:
    """Return the keys of a table that are fields of the board itself."""
    return [name for name in kind.__dataclass_fields__ if name not in ("type", "front")]


def _require_keys(fields: Mapping[str, Any], kind: type[Board], where: str) -> None:
    """Refuse a table with unknown keys, or without one that the board needs."""
    known = _own_keys(kind)
    if kind is TwoSidedBoard:
        known = [*_own_keys(CharucoBoard), *known]
    reject_unknown_keys(fields, [*known, "marker_length"] if kind is MarkerBoard else known, where)
    optional = [name for name in OPTIONAL if kind is MarkerBoard or name != "marker_length"]
    missing = [name for name in known if name not in fields and name not in optional]
    if "unit" in missing:
        raise BoardError(
            f'{where}: does not say its unit of length; add unit = "mm" (or um, cm, m), or give '
            'it: load_board(path, unit="mm"), in the terminal --unit mm'
        )
    if missing:
        raise BoardError(f"{where}: '{missing[0]}' is missing; a {kind.type} board needs it")


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
