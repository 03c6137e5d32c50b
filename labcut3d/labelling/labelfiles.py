"""Labels files on disk, kept in memory while they are what lies there; one writer at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np

from labcut3d.errors import LabelError
from labcut3d.labelling.sheet import Change, LabelSheet, Spot, read_sheet, write_sheet

__all__ = ["LabelFile", "LabelFiles", "Outcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFile:
    """Where the labels of a recording lie, and what may stand there.

    `sizes` are the (width, height) px of each view, in order; `numbers` the frames of each view.
    """

    path: Path
    sizes: Mapping[str, tuple[int, int]]
    numbers: Mapping[str, np.ndarray]
    keypoints: Sequence[str]

    def require(self, change: Change) -> None:
        """Raise `LabelError` for a mark that cannot be in this file."""
        spot, where = change.spot, f"{self.path.name}: frame {change.spot.frame}"
        for what, name, names in (
            ("view", spot.view, tuple(self.sizes)),
            ("keypoint", spot.keypoint, self.keypoints),
        ):
            if name not in names:
                raise LabelError(
                    f"{where}: {what} '{name}' is none of the project's: {', '.join(names)}"
                )
        if spot.frame not in self.numbers[spot.view]:
            raise LabelError(f"{where}: view '{spot.view}' has no such frame")
        if spot.individual != spot.individual.strip() or not spot.individual.isprintable():
            raise LabelError(f"{where}: '{spot.individual}' is no name of an individual")
        if not 0 < len(spot.individual) <= 100:
            raise LabelError(f"{where}: give the individual a name of 1 to 100 letters")
        if isinstance(change.after, tuple):
            self._require_inside(spot, change.after, where)

    def _require_inside(self, spot: Spot, point: tuple[float, float], where: str) -> None:
        """Refuse a point outside its image, whose outermost pixels reach half a pixel out."""
        width, height = self.sizes[spot.view]
        x, y = point
        if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
            raise LabelError(
                f"{where}, view '{spot.view}', keypoint '{spot.keypoint}': ({x:g}, {y:g}) lies "
                f"outside the image of {width}x{height} px; put it inside, or mark it as hidden"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of changes: the `sheet` as it is now, its `revision`, and the `conflicts`."""

    sheet: LabelSheet
    revision: str
    conflicts: Sequence[Change] = field(default_factory=tuple)


class LabelFiles:
    """All labels files that were opened, for all tabs of the app."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[Path, Outcome] = {}

    def read(self, file: LabelFile) -> Outcome:
        """Return a labels file as it is now; raises `LabelError` where it is broken."""
        with self._lock:
            return self._read(file)

    def change(self, file: LabelFile, changes: Sequence[Change]) -> Outcome:
        """Change marks of a labels file; what is returned is on disk.

        All changes are looked at before any is made: `LabelError` leaves the file as it was.
        """
        for change in changes:
            file.require(change)
        with self._lock:
            before = self._read(file)
            sheet, conflicts = before.sheet.changed(changes)
            if sheet.marks != before.sheet.marks:
                write_sheet(file.path, sheet, tuple(file.sizes), file.keypoints)
            after = Outcome(sheet=sheet, revision=_revision(file.path))
            self._known[file.path] = after
            return Outcome(sheet=sheet, revision=after.revision, conflicts=tuple(conflicts))

    def _read(self, file: LabelFile) -> Outcome:
        """Return a labels file, read anew where another program has changed it."""
        known, revision = self._known.get(file.path), _revision(file.path)
        if known is None or known.revision != revision:
            sheet = read_sheet(file.path, tuple(file.sizes), file.keypoints)
            known = self._known[file.path] = Outcome(sheet=sheet, revision=revision)
        return known


def _revision(path: Path) -> str:
    """Return what changes whenever a file does; "" where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return ""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"
