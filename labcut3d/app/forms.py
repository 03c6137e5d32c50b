"""The fields that a page asks for: a board's and a chamber's, as project.toml names them.

What is allowed in them is decided where project.toml is read; here is only how to ask.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from calibration.boards.board import DICTIONARIES, Board, CharucoBoard, ChessBoard
from calibration.units import METRES
from labcut3d.chamber import MATERIALS, MEDIA, ChamberSettings

__all__ = [
    "BOARD_FIELDS",
    "CHAMBER_FIELDS",
    "Field",
    "board_table",
    "board_values",
    "chamber_table",
    "chamber_values",
]

UNITS = tuple(METRES)
CHESS = "chessboard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a form: its key, what it is called, what it holds to begin with, and a hint.

    `choices` are what may be chosen; without, a number is asked for.
    """

    key: str
    title: str
    value: str | float
    choices: Sequence[str] = ()
    hint: str = ""
    step: Literal["1", "any"] = "any"


BOARD_FIELDS = (
    Field(key="type", title="Kind", value="charuco", choices=("charuco", CHESS)),
    Field(key="squares_x", title="Squares across", value=7, step="1"),
    Field(
        key="squares_y",
        title="Squares down",
        value=5,
        step="1",
        hint="Of a chessboard, count the inner corners instead.",
    ),
    Field(key="square_length", title="Side of a square", value=8.0, hint="Measure the print."),
    Field(key="marker_length", title="Side of a marker", value=6.0),
    Field(key="dictionary", title="Markers", value="DICT_4X4_50", choices=tuple(DICTIONARIES)),
    Field(key="unit", title="Unit", value="mm", choices=UNITS),
)
CHAMBER_FIELDS = (
    Field(key="x", title="Length inside, x", value=120.0),
    Field(key="y", title="Length inside, y", value=120.0),
    Field(key="z", title="Length inside, z", value=80.0),
    Field(key="wall", title="Thickness of the wall", value=3.0),
    Field(key="unit", title="Unit", value="mm", choices=UNITS, hint="That of the board."),
    Field(key="material", title="Wall of", value="acrylic", choices=tuple(MATERIALS)),
    Field(key="inside", title="Filled with", value="air", choices=tuple(MEDIA)),
)


def board_table(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table [board] of project.toml for the values of `BOARD_FIELDS`."""
    table = dict(values)
    if table.get("type") == CHESS:
        for key in ("marker_length", "dictionary"):
            table.pop(key, None)
    return table


def board_values(board: Board | None) -> dict[str, Any]:
    """Return what the fields of a board hold where a project has described one."""
    return board.to_dict() if isinstance(board, CharucoBoard | ChessBoard) else {}


def chamber_values(chamber: ChamberSettings | None) -> dict[str, Any]:
    """Return what the fields of a chamber hold where a project has described one."""
    if chamber is None:
        return {}
    names = ("wall", "unit", "material", "inside")
    values = {name: getattr(chamber, name) for name in names}
    return {**values, **dict(zip("xyz", chamber.inner, strict=True))}


def chamber_table(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table [chamber] of project.toml for the values of `CHAMBER_FIELDS`."""
    table = dict(values)
    if {"x", "y", "z"} <= table.keys():
        table["inner"] = [table.pop(axis) for axis in ("x", "y", "z")]
    return table
