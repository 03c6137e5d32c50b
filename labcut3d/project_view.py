"""A view of a project: its name, whose file it is in, and which part of the image it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labcut3d.errors import FileFormatError, ProjectError
from labcut3d.region import Region
from labcut3d.tables import parse_table

__all__ = ["View", "parse_view", "require_name"]

# View names become file names and TOML keys; what these letters spell is safe in both.
NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One view: whose file it is in, and which part of that file's image it is.

    `file` is the file's name without its ending, by default the view's own name; `crop` is
    (x, y, width, height) in pixels; `mirror` undoes the reflection of a view in a mirror.
    """

    file: str | None = None
    crop: tuple[int, int, int, int] | None = None
    mirror: bool = False

    def __post_init__(self) -> None:
        """Refuse a part that lies in no image."""
        _ = self.region

    @property
    def region(self) -> Region:
        """Which part of its file's image the view is."""
        return Region(crop=self.crop, mirror=self.mirror)


def parse_view(name: str, table: Mapping[str, Any], path: Path) -> View:
    """Return the view that a table [views.NAME] describes."""
    require_name(name, f"{path}: view")
    view = parse_table(View, table, f"{path} [views.{name}]")
    if view.file is not None and (Path(view.file).name != view.file or view.file == ".."):
        raise FileFormatError(
            f"{path} [views.{name}]: file '{view.file}' must be a file's name without folders"
        )
    return view


def require_name(name: str, what: str) -> None:
    """Refuse a name that could not stand in a path, a table key and a page alike."""
    if not NAME.fullmatch(name):
        raise ProjectError(f"{what} '{name}': use letters, digits, '-' and '_' only")
