"""Many square markers, ArUco or AprilTag, mounted rigidly: on a cube, on a frame, or just one.

    type = "markers"
    dictionary = "DICT_APRILTAG_36h11"
    unit = "mm"
    marker_length = 30.0       # of the black square, for markers given by their centre

    [[markers]]
    id = 0
    center = [0.0, 0.0, 0.0]   # rotation = [0, 0, 0] where it is not given

    [[markers]]
    id = 7
    center = [40.0, 0.0, 25.0]
    rotation = [0.0, 1.5708, 0.0]   # a rotation vector, radians

    [[markers]]
    id = 9                     # or its four measured corners
    corners = [[0, 60, 0], [30, 60, 0], [30, 90, 0], [0, 90, 0]]

An unturned marker has x to the right and y downward as it is printed, and z points away from who
looks at it. Corners are those of the black square, clockwise from the upper left as printed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from calibration.boards.boardchecks import check_length, check_markers
from calibration.errors import BoardError
from calibration.files import reject_unknown_keys
from calibration.geometry import Array, rotation_from_vector
from calibration.units import check_unit

__all__ = ["Marker", "MarkerBoard"]

Point = tuple[float, float, float]

SQUARE = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])
LEAST_SQUARE = 0.8  # a measured side over the longest of the four
FLATNESS = 0.02  # of the board's extent: corners nearer than that to one plane are flat
MOST_MARKERS = 1000  # more is a typing error


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """One square marker: its `id` in the dictionary and its corners in the board's frame.

    `corners` are those of the black square, clockwise from the upper left as it is printed.
    """

    id: int
    corners: tuple[Point, Point, Point, Point]

    def __post_init__(self) -> None:
        try:
            corners: Array = np.array(self.corners, dtype=float)
        except (TypeError, ValueError):
            corners = np.zeros(0)
        if corners.shape != (4, 3) or not np.isfinite(corners).all():
            raise BoardError(
                f"marker {self.id!r}: corners = {self.corners!r} must be four points of three "
                "finite numbers"
            )
        points: Any = tuple(tuple(point) for point in corners.tolist())
        object.__setattr__(self, "corners", points)
        sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=-1)
        across = np.linalg.norm(corners[:2] - corners[2:], axis=-1)
        with np.errstate(invalid="ignore"):
            least = min(sides.min() / sides.max(), across.min() / across.max())
        if not least >= LEAST_SQUARE:
            raise BoardError(
                f"marker {self.id!r}: its corners have sides of "
                + ", ".join(f"{side:.3g}" for side in sides)
                + "; they must be those of a square, in order around it"
            )

    @classmethod
    def placed(
        cls, id: int, length: float, center: ArrayLike, rotation: ArrayLike = (0.0, 0.0, 0.0)
    ) -> "Marker":
        """Return a marker of side `length` by its centre (3,) and rotation vector (3,), radians."""
        check_length(length, f"marker {id!r}: marker_length")
        vectors = []
        for name, value in (("center", center), ("rotation", rotation)):
            try:
                vector = np.array(value, dtype=float)
            except (TypeError, ValueError):
                vector = np.zeros(0)
            if vector.shape != (3,) or not np.isfinite(vector).all():
                raise BoardError(f"marker {id!r}: {name} = {value!r} must be three finite numbers")
            vectors.append(vector)
        corners: Any = vectors[0] + length * SQUARE @ rotation_from_vector(vectors[1]).T
        return cls(id=id, corners=corners)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerBoard:
    """Square markers of one dictionary, mounted rigidly; their corners are the board's points."""

    dictionary: str
    unit: str
    markers: tuple[Marker, ...]
    type: ClassVar[str] = "markers"

    def __post_init__(self) -> None:
        check_unit(self.unit, "board", BoardError)
        if not 0 < len(self.markers) <= MOST_MARKERS:
            raise BoardError(
                f"a board of markers has {len(self.markers)} of them; it needs 1 to {MOST_MARKERS}"
            )
        seen: set[int] = set()
        for marker in self.markers:
            check_markers(self.dictionary, marker.id, marker.id)
            if marker.id in seen:
                raise BoardError(f"marker {marker.id} is there twice; each must have its own id")
            seen.add(marker.id)

    @property
    def n_corners(self) -> int:
        """How many corners the board has: four a marker."""
        return 4 * len(self.markers)

    @property
    def points(self) -> Array:
        """The corners (corner, 3), marker by marker."""
        return np.array([marker.corners for marker in self.markers]).reshape(-1, 3)

    @property
    def faces(self) -> tuple[np.ndarray, ...]:
        """The corners of each flat part, as indices: all, if the board is flat; else a marker's."""
        points = self.points - self.points.mean(axis=0)
        extent = np.linalg.svd(points, compute_uv=False)
        if extent[2] < FLATNESS * extent[1]:
            return (np.arange(len(points)),)
        return tuple(np.arange(len(points)).reshape(-1, 4))

    @property
    def neighbours(self) -> np.ndarray:
        """The pairs (pair, 2) of corners that are the ends of a marker's side."""
        first = np.arange(self.n_corners).reshape(-1, 4)
        return np.stack([first, np.roll(first, -1, axis=1)], axis=-1).reshape(-1, 2)

    def describe(self) -> str:
        """Return the board in words."""
        count = len(self.markers)
        names = ", ".join(str(marker.id) for marker in self.markers[:12])
        return (
            f"{count} marker{'s' if count != 1 else ''} of {self.dictionary} "
            f"({names}{', …' if count > 12 else ''}), in {self.unit}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the table that `parse_board` reads."""
        markers = [
            {"id": marker.id, "corners": [list(point) for point in marker.corners]}
            for marker in self.markers
        ]
        return {
            "type": self.type,
            "dictionary": self.dictionary,
            "unit": self.unit,
            "markers": markers,
        }

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: str) -> "MarkerBoard":
        """Return the board that a table describes; see the top of this file."""
        reject_unknown_keys(table, ["dictionary", "unit", "marker_length", "markers"], where)
        entries = table.get("markers")
        if not isinstance(entries, list) or not all(isinstance(e, Mapping) for e in entries):
            raise BoardError(f"{where}: needs [[markers]], one table for each marker")
        length = table.get("marker_length")
        markers = tuple(_marker(entry, length, where) for entry in entries)
        return cls(dictionary=table["dictionary"], unit=table["unit"], markers=markers)


def _marker(entry: Mapping[str, Any], length: Any, where: str) -> Marker:
    """Return the marker that one table of a file describes."""
    reject_unknown_keys(entry, ["id", "corners", "center", "rotation", "marker_length"], where)
    if "id" not in entry or ("corners" in entry) == ("center" in entry):
        raise BoardError(
            f"{where}: marker {dict(entry)!r} needs an id and either corners or a center"
        )
    if "corners" in entry:
        if "rotation" in entry or "marker_length" in entry:
            raise BoardError(
                f"{where}: marker {entry['id']!r} is given by its corners, which leave nothing to "
                "say by rotation or marker_length; delete those"
            )
        return Marker(id=entry["id"], corners=entry["corners"])
    length = entry.get("marker_length", length)
    if length is None:
        raise BoardError(
            f"{where}: 'marker_length' is missing; marker {entry['id']!r} is given by its centre"
        )
    return Marker.placed(entry["id"], length, entry["center"], entry.get("rotation", (0, 0, 0)))
