"""Files of any format in and out: chosen by content when read, by name or ending when written."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import xarray as xr

from labcut3d.contract import TRAJECTORIES
from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.formats.exported import Export
from labcut3d.formats.format import Format
from labcut3d.formats.points import Points3d
from labcut3d.formats.recognizing import recognize
from labcut3d.formats.table import FORMATS
from labcut3d.formats.views import ViewDetections, combine_views
from labcut3d.schema import kind_of

__all__ = [
    "choose_format",
    "find_format",
    "read_dataset",
    "read_detections",
    "read_view",
    "write_dataset",
]

PathLike = str | os.PathLike[str]
NETCDF = ("netcdf", "movement")


def read_dataset(
    files: PathLike | Sequence[PathLike] | Mapping[str, PathLike],
    *,
    fps: float | None = None,
    unit: str | None = None,
) -> xr.Dataset:
    """Read files of any known program as one dataset, detections or trajectories.

    `files` is one file, or the 2-D files of several views: a mapping, or a sequence of
    "VIEW=FILE". `fps` and `unit` are for files that do not tell theirs. Raises `FileFormatError`
    or `DatasetError` naming the file and the fix.
    """
    files = _as_one_or_by_view(files)
    if not isinstance(files, Path):
        if unit is not None:
            raise DatasetError("unit goes with 3-D points; these files are read as pixels")
        if fps is None:
            raise DatasetError(
                "these files do not tell their frame rate: give fps (in the terminal --fps 30)"
            )
        return combine_views({view: read_view(path) for view, path in files.items()}, fps=fps)
    kind = recognize(files)
    if kind.name in NETCDF:
        return kind.load("reader")(files, fps=fps, unit=unit)
    found = kind.load("reader")(files)
    if isinstance(found, Points3d):
        return found.to_trajectories(fps=fps, unit=unit)
    raise DatasetError(f"{files}: is {kind.title} of one view; say which, as VIEW={files}")


def read_detections(
    files: PathLike | Sequence[PathLike] | Mapping[str, PathLike], *, fps: float | None = None
) -> xr.Dataset:
    """Read detections of any known program as one dataset, as `read_dataset` does.

    Raises `DatasetError` where the file holds trajectories.
    """
    dataset = read_dataset(files, fps=fps, unit=None)
    if kind_of(dataset) is TRAJECTORIES:
        raise DatasetError(
            f"{files}: 'space' is x, y, z: these are 3-D points; detections have x, y"
        )
    return dataset


def read_view(path: PathLike) -> ViewDetections:
    """Read the detections of one view, choosing the reader by what the file holds."""
    path = Path(path)
    kind = recognize(path)
    if kind.reads != "2-D":
        readable = ", ".join(one.title for one in FORMATS.values() if one.reads == "2-D")
        raise FileFormatError(
            f"{path}: is {kind.title}, not the detections of one view: those are {readable}"
        )
    return kind.load("reader")(path)


def find_format(path: PathLike | None, name: str | None, *, is_3d: bool) -> Format | None:
    """Return the format called `name`, or the first that the ending of `path` fits, else None."""
    fitting = [one for one in FORMATS.values() if one.takes(is_3d)]
    if name is not None:
        return next((one for one in fitting if one.name == name), None)
    lower = Path(path or "").name.lower()
    ends = [(end, one) for one in fitting for end in one.endings if lower.endswith(end)]
    longest = max((len(end) for end, _ in ends), default=0)
    return next((one for end, one in ends if len(end) == longest), None)


def choose_format(path: PathLike | None, name: str | None, *, is_3d: bool) -> Format:
    """Return what `find_format` finds, or raise `FileFormatError` listing what there is."""
    found = find_format(path, name, is_3d=is_3d)
    if found is not None:
        return found
    content = "trajectories" if is_3d else "detections"
    fitting = [one for one in FORMATS.values() if one.takes(is_3d)]
    names = ", ".join(one.name for one in fitting)
    if name is not None and name in FORMATS:
        raise FileFormatError(
            f"{FORMATS[name].title} cannot be written from {content}; formats that can: {names}"
        )
    if name is not None:
        raise FileFormatError(f"no format '{name}'; formats of {content}: {names}")
    known = ", ".join(dict.fromkeys(end for one in fitting for end in one.endings))
    raise FileFormatError(
        f"{path}: cannot write '{Path(path or '').suffix}' of {content}; endings known: {known}; "
        f"or say --to {names}"
    )


def write_dataset(export: Export, path: PathLike, to: str | None = None) -> tuple[Path, ...]:
    """Write an export in the format `to`, by default the one that the ending of `path` tells.

    A format that holds one view or individual gets a file for each, its name before the ending.
    Returns the paths written. Raises `FileFormatError` or `DatasetError` saying what does not fit.
    """
    kind = choose_format(path, to, is_3d=export.is_3d)
    write = kind.load("writer")
    parts = [("", export)]
    if kind.one_file_a == "view":
        parts = list(export.views())
    elif kind.one_file_a == "individual":
        parts = list(export.each_individual())
    written = []
    for part, one in parts:
        target = Path(path) if len(parts) == 1 else _with_part(Path(path), part, kind)
        write(replace(one, title=export.title), target)
        written.append(target)
    return tuple(written)


def _with_part(path: Path, part: str, kind: Format) -> Path:
    """Return a path with the name of a view or individual before its ending."""
    ending = next((e for e in kind.endings if path.name.lower().endswith(e)), path.suffix)
    stem = path.name[: len(path.name) - len(ending)]
    return path.with_name(f"{stem}_{part.replace('/', '_')}{ending}")


def _as_one_or_by_view(
    files: PathLike | Sequence[PathLike] | Mapping[str, PathLike],
) -> Path | Mapping[str, PathLike]:
    """Return one path, or paths by view."""
    if isinstance(files, Mapping):
        return files
    files = [files] if isinstance(files, str | os.PathLike) else list(files)
    if len(files) == 1 and ("=" not in os.fspath(files[0]) or Path(files[0]).is_file()):
        return Path(files[0])
    views: dict[str, Path] = {}
    for file in files:
        argument = os.fspath(file)
        view, equals, path = argument.partition("=")
        if not (view and equals and path):
            raise DatasetError(f"'{argument}': say which view it is, as VIEW=FILE")
        if view in views:
            raise DatasetError(f"view '{view}' is given twice: {views[view]} and {path}")
        views[view] = Path(path)
    return views
