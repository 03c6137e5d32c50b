"""A ChArUco board printed on both sides of a plate, by which cameras that face each other meet.

    type = "two-sided"
    squares_x = 7
    squares_y = 5
    square_length = 20.0
    marker_length = 15.0
    dictionary = "DICT_4X4_100"
    unit = "mm"
    thickness = 5.0            # from one printed surface to the other
    turn = "y"                 # the sheet is turned about its upright axis, like a page

The back carries the same squares with other markers: by default those that follow the front's.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from calibration.boards.boardchecks import check_length
from calibration.boards.flatboards import CharucoBoard
from calibration.errors import BoardError
from calibration.geometry import Array, make_pose, transform

__all__ = ["TwoSidedBoard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSidedBoard:
    """A ChArUco board on both sides of a plate of `thickness`, in the unit of `front`.

    The board's frame is that of the front: z points through the plate, away from who looks at the
    front, so that the back's corners lie at z = +thickness. `turn` is the axis about which one
    turns the plate to see the back upright: "y", like a page (the back's columns run against x),
    or "x", like a sheet of a calendar (its rows run against y). Both outlines cover each other.
    The first half of the corners are the front's, in its order; then come the back's, in the order
    of the back as it is printed.
    """

    front: CharucoBoard
    thickness: float
    turn: Literal["x", "y"] = "y"
    back_first_marker: int | None = None
    type: ClassVar[str] = "two-sided"

    def __post_init__(self) -> None:
        check_length(self.thickness, "thickness")
        if self.turn not in ("x", "y"):
            raise BoardError(f"turn = {self.turn!r}: the back is turned about 'x' or 'y'")
        first, count = self.front.first_marker, self.front.n_markers
        if self.back_first_marker is None:
            object.__setattr__(self, "back_first_marker", first + count)
        try:
            back = self.back
        except BoardError as error:
            raise BoardError(f"the back: {error}") from error
        if abs(back.first_marker - first) < count:
            raise BoardError(
                f"back_first_marker = {self.back_first_marker}: the front has the markers {first} "
                f"to {first + count - 1}, and one that is on both sides does not tell them apart"
            )

    @property
    def back(self) -> CharucoBoard:
        """The back, as a board of its own."""
        first: Any = self.back_first_marker
        return replace(self.front, first_marker=first)

    @property
    def front_from_back(self) -> Array:
        """The rigid motion (4, 4) from the frame of the back, as a board of its own."""
        length, x_to_x = self.front.square_length, 1.0 if self.turn == "x" else -1.0
        size = length * np.array([self.front.squares_x, self.front.squares_y])
        shift = np.append(size * ([0, 1] if self.turn == "x" else [1, 0]), self.thickness)
        return make_pose(np.diag([x_to_x, -x_to_x, -1.0]), shift)

    @property
    def unit(self) -> str:
        """The unit of all lengths."""
        return self.front.unit

    @property
    def n_corners(self) -> int:
        """How many inner corners both sides have."""
        return 2 * self.front.n_corners

    @property
    def points(self) -> Array:
        """The corners (corner, 3) in the frame of the front: first the front's, then the back's."""
        back = transform(self.front_from_back, self.front.points)
        return np.concatenate([self.front.points, back])

    @property
    def faces(self) -> tuple[np.ndarray, ...]:
        """The corners of each flat part of the board, as indices: the front's, the back's."""
        half = self.front.n_corners
        return np.arange(half), np.arange(half, 2 * half)

    @property
    def neighbours(self) -> np.ndarray:
        """The pairs (pair, 2) of corners on one side that are one square apart."""
        pairs = self.front.neighbours
        return np.concatenate([pairs, pairs + self.front.n_corners])

    def describe(self) -> str:
        """Return the board in words."""
        return (
            f"two-sided {self.front.describe()}, {self.thickness:g} {self.unit} thick, back from "
            f"marker {self.back_first_marker}, turned about {self.turn}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the table that `parse_board` reads."""
        own = {
            "thickness": self.thickness,
            "turn": self.turn,
            "back_first_marker": self.back_first_marker,
        }
        return {"type": self.type, **asdict(self.front), **own}
