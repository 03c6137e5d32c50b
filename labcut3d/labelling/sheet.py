"""A labels file as marks that can be changed one by one: the lines of all others stay as they are.

Each change says what it found there before, so that two people, or two tabs, who change the same
mark are told instead of overwriting each other; a change that was made already counts as made.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from calibration.files import read_text, write_text
from labcut3d.labels import COLUMNS, LabelRow, label_line, read_label_rows

__all__ = ["Change", "LabelSheet", "Mark", "Spot", "read_sheet", "write_sheet"]

Mark = tuple[float, float] | Literal["hidden"] | None
"""A point (x, y) px, "hidden" where it cannot be seen, None where nothing was said yet."""

SAME = 1e-6  # px to which labels are written


class Spot(NamedTuple):
    """What a mark is of: a keypoint of an individual in a view of a frame."""

    frame: int
    view: str
    individual: str
    keypoint: str


class Change(NamedTuple):
    """A mark that takes the place of another one."""

    spot: Spot
    before: Mark
    after: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSheet:
    """The marks of one labels file, and the line of each as it stands there."""

    marks: Mapping[Spot, Mark] = field(default_factory=dict)
    lines: Mapping[Spot, str] = field(default_factory=dict)

    @property
    def individuals(self) -> tuple[str, ...]:
        """The names of the individuals, in the order of the file."""
        return tuple(dict.fromkeys(spot.individual for spot in self.marks))

    def of_frame(self, frame: int) -> dict[Spot, Mark]:
        """Return the marks of one frame."""
        return {spot: mark for spot, mark in self.marks.items() if spot.frame == frame}

    def changed(self, changes: Iterable[Change]) -> tuple["LabelSheet", list[Change]]:
        """Return the sheet with the changes, and those that found something else than they say.

        Those are left out; `after` is what they found.
        """
        marks, lines = dict(self.marks), dict(self.lines)
        conflicts = []
        for change in changes:
            there = marks.get(change.spot)
            if _same(there, change.after):
                continue
            if not _same(there, change.before):
                conflicts.append(change._replace(after=there))
            elif change.after is None:
                del marks[change.spot], lines[change.spot]
            else:
                marks[change.spot] = change.after
                lines[change.spot] = label_line(_row_of(change.spot, change.after))
        return LabelSheet(marks=marks, lines=lines), conflicts


def read_sheet(path: Path, views: Sequence[str], keypoints: Sequence[str]) -> LabelSheet:
    """Read a labels file, which need not exist; raises `LabelError` as `read_label_rows` does."""
    if not path.exists():
        return LabelSheet()
    rows = read_label_rows(path, views, keypoints)
    lines = [line.rstrip("\r") for line in read_text(path).split("\n")[1:] if line.strip()]
    if len(lines) != len(rows):  # a name that holds the end of a line
        lines = [label_line(row) for row in rows]
    spots = [Spot(*row[:4]) for row in rows]
    marks: list[Mark] = ["hidden" if math.isnan(row.x) else (row.x, row.y) for row in rows]
    return LabelSheet(
        marks=dict(zip(spots, marks, strict=True)), lines=dict(zip(spots, lines, strict=True))
    )


def write_sheet(
    path: Path, sheet: LabelSheet, views: Sequence[str], keypoints: Sequence[str]
) -> None:
    """Write a labels file, atomically, sorted by frame, view, individual and keypoint.

    One without any mark is removed, as a labels file holds labels.
    """
    if not sheet.marks:
        path.unlink(missing_ok=True)
        return
    places = [{name: i for i, name in enumerate(n)} for n in (views, sheet.individuals, keypoints)]

    def place(spot: Spot) -> tuple[int, ...]:
        return (spot.frame, *(places[i][name] for i, name in enumerate(spot[1:])))

    lines = [sheet.lines[spot] for spot in sorted(sheet.lines, key=place)]
    write_text(path, "\n".join([",".join(COLUMNS), *lines, ""]))


def _row_of(spot: Spot, mark: tuple[float, float] | Literal["hidden"]) -> LabelRow:
    """Return a mark as a row of a labels file."""
    x, y = (math.nan, math.nan) if mark == "hidden" else mark
    return LabelRow(*spot, float(x), float(y))


def _same(one: Mark, other: Mark) -> bool:
    """Tell whether two marks say the same."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return all(abs(a - b) <= SAME for a, b in zip(one, other, strict=True))
    return one == other
