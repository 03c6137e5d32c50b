"""Paths that a browser names, kept inside the folders that it may see.

A name is looked at as text first (no NUL, no drive, no backslash, no `..`), then resolved with all
its links: what a link leads to must lie inside as well.
"""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from labcut3d.errors import ProjectError

__all__ = ["ForbiddenPath", "inside", "inside_any", "plain_name"]

LONGEST = 4096  # characters; what file systems allow


class ForbiddenPath(ProjectError):
    """A path that leads out of the folders that the browser may see, or is no path at all."""


def inside(folder: Path, relative: str) -> Path:
    """Return the file or folder that `relative`, with `/` between its parts, names in `folder`.

    It need not exist. Raises `ForbiddenPath` where it leads out of `folder`, also by a link.
    """
    _refuse_odd(relative)
    if "\\" in relative or PureWindowsPath(relative).drive or PurePosixPath(relative).is_absolute():
        raise ForbiddenPath(f"{relative!r}: must be a path inside the project, such as a/b.mp4")
    if ".." in PurePosixPath(relative).parts:
        raise ForbiddenPath(f"{relative!r}: '..' is not allowed")
    return _resolved(folder / relative, [folder], relative)


def inside_any(folders: Sequence[Path], path: str) -> Path:
    """Return the absolute `path`, which must lie in one of `folders`; `ForbiddenPath` otherwise."""
    _refuse_odd(path)
    if not Path(path).is_absolute() or ".." in Path(path).parts:
        raise ForbiddenPath(f"{path!r}: must be a whole path without '..'")
    return _resolved(Path(path), folders, path)


def plain_name(name: str) -> str:
    """Return a file's name that stands for no other place; raises `ForbiddenPath` otherwise."""
    _refuse_odd(name)
    if not name.strip() or name.startswith(".") or any(sign in name for sign in '/\\:*?"<>|'):
        raise ForbiddenPath(f"{name!r}: is no plain file name; rename the file")
    if len(os.fsencode(name)) > 200:
        raise ForbiddenPath(f"{name[:40]!r}...: the name is too long; rename the file")
    return name


def _resolved(path: Path, folders: Sequence[Path], told: str) -> Path:
    """Return `path` with its links followed, or refuse it where that is in none of `folders`."""
    try:
        real = Path(os.path.realpath(path))
    except OSError as error:
        raise ForbiddenPath(f"{told!r}: cannot be followed ({error.strerror})") from error
    if not any(real.is_relative_to(os.path.realpath(folder)) for folder in folders):
        listed = ", ".join(str(folder) for folder in folders)
        raise ForbiddenPath(
            f"{told!r}: lies outside of {listed}; to allow another folder, start labcut3d app "
            "with --data FOLDER"
        )
    return real


def _refuse_odd(path: str) -> None:
    """Refuse what no path holds: control characters, nothing at all, or too much."""
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in path):
        raise ForbiddenPath(f"{path!r}: holds a control character")
    if len(path) > LONGEST:
        raise ForbiddenPath(f"{path[:40]!r}...: is too long to be a path")
