"""The box that is filmed into, as project.toml describes it: its size, material and place.

Indices of refraction are those of visible light (589 nm) at room temperature; infrared light is
bent a little less, by 0.005 to 0.01 at 850 nm, which `labcut3d chamber` can find out by itself
(`refine`). Source: M. N. Polyanskiy, refractiveindex.info; agarose gel of 1 to 2 % is water.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from calibration.chamber import BoardSpot, Chamber
from calibration.errors import RigError
from calibration.files import suggest
from calibration.units import check_unit
from labcut3d.errors import FileFormatError
from labcut3d.tables import parse_table

__all__ = ["MATERIALS", "MEDIA", "ChamberSettings", "parse_chamber"]

MATERIALS = {"acrylic": 1.491, "glass": 1.52, "polycarbonate": 1.585, "polystyrene": 1.59}
MEDIA = {"air": 1.0, "water": 1.333, "agarose": 1.335}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChamberSettings:
    """A box with flat walls of one thickness and material, filmed from the air outside.

    `inner` are its lengths inside along its own x, y and z, and `wall` is the thickness of its
    walls, both in `unit`, which must be the rig's. `material` of the walls and what is `inside`:
    a name (`MATERIALS`, `MEDIA`) or an index of refraction. `open` are faces without a wall, "-x"
    to "+z". `board` is how a board lies on a wall in `frame` of the pictures in the folder
    `chamber` (by default that with most corners); without it, `chamber/corners.csv` tells where
    corners of the box were clicked. `refine`: the pictures also show the board moved about in the
    box, through its walls.
    """

    inner: tuple[float, float, float]
    wall: float
    unit: str
    material: str | float
    inside: str | float = "air"
    open: tuple[str, ...] = ()
    board: BoardSpot | None = None
    frame: int | None = None
    refine: bool = False

    def __post_init__(self) -> None:
        """Refuse what can be no box."""
        check_unit(self.unit, "chamber", RigError)
        self.to_chamber()

    def to_chamber(self) -> Chamber:
        """Return the box; raises `RigError` naming the value that is wrong."""
        wall = _index("material", self.material, MATERIALS)
        inside = _index("inside", self.inside, MEDIA)
        return Chamber(
            inner=self.inner,  # type: ignore[arg-type]
            thickness=self.wall,
            indices=(MEDIA["air"], wall, inside),
            open=self.open,
        )


def parse_chamber(table: Mapping[str, Any] | None, where: str) -> ChamberSettings | None:
    """Return the chamber of a table [chamber], in which [chamber.board] may lie."""
    if table is None:
        return None
    board = table.get("board")
    if board is None:
        return parse_table(ChamberSettings, table, where)
    if not isinstance(board, Mapping):
        raise FileFormatError(f"{where}: 'board' must be a table, [chamber.board]")
    spot = parse_table(BoardSpot, board, where.replace("[chamber]", "[chamber.board]"))
    return parse_table(ChamberSettings, {**table, "board": spot}, where)


def _index(key: str, given: str | float, known: dict[str, float]) -> float:
    """Return the index of refraction that a name or a number tells."""
    if not isinstance(given, str):
        return float(given)
    if given not in known:
        raise RigError(
            f"{key} = '{given}'; {suggest(given, known)}; or give an index of refraction, "
            f"{key} = {known[min(known)]:g}"
        )
    return known[given]
