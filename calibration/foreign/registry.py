"""Which program's calibration a file is, told by its content; and the reader and writer of each."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, get_args

from calibration.errors import FileFormatError
from calibration.files import read_toml, require_regular_file
from calibration.foreign.caliscope import (
    caliscope_cautions,
    holds_caliscope,
    load_caliscope,
    save_caliscope,
)
from calibration.foreign.filestorage import read_storage, starts_like_storage
from calibration.foreign.jarvis import (
    JARVIS_KEY,
    jarvis_cautions,
    jarvis_files,
    load_jarvis,
    save_jarvis,
)
from calibration.foreign.label3d import label3d_files, load_label3d, save_label3d
from calibration.foreign.matfile import starts_like_mat
from calibration.foreign.opencv import holds_opencv, load_opencv, save_opencv
from calibration.foreign.parts import Given, refuse_skew, refuse_walls
from calibration.foreign.pose2sim import holds_pose2sim, load_pose2sim, save_pose2sim
from calibration.rig import Rig

__all__ = ["RIG_FORMATS", "RigFormat", "load_rig", "recognise_format", "save_rig"]

PathLike = str | os.PathLike[str]
RigFormat = Literal["labcut3d", "anipose", "caliscope", "jarvis", "label3d", "opencv", "pose2sim"]
RIG_FORMATS: tuple[RigFormat, ...] = get_args(RigFormat)
BEGINNING = 512  # bytes that tell what kind of file it is


def load_rig(
    path: PathLike,
    format: RigFormat | None = None,
    unit: str | None = None,
    *,
    size: tuple[int, int] | None = None,
) -> Rig:
    """Read the cameras of any known program: a file, or the folder of JARVIS's or Label3D's files.

    `format` is told by the content where it is not given. `unit` of length and image `size`
    (width, height) px are for files that do not say theirs (Anipose: no unit; JARVIS, Label3D and
    OpenCV: no unit and often no size). Raises `FileFormatError` or `RigError` that name the file
    and the fix.
    """
    path = Path(path)
    known = _check_format(format, path) if format else recognise_format(path)
    return READERS[known](path, Given(unit=unit, size=size))


def save_rig(rig: Rig, path: PathLike, format: RigFormat) -> tuple[str, ...]:
    """Write a rig for another program; JARVIS's format is a folder with a file a camera.

    Returns sentences on what the program will not honour, or calls otherwise. Raises `RigError`
    naming the camera where the file cannot hold it (skew, fisheye, a long lens model, a wall, a
    name): nothing is dropped silently.
    """
    known = _check_format(format, Path(path))
    if known != "labcut3d":
        refuse_walls(rig, known)
    WRITERS[known](rig, path)
    cautions = CAUTIONS.get(known)
    return () if cautions is None else cautions(rig)


def recognise_format(path: PathLike) -> RigFormat:
    """Return which program's calibration a file or a folder is, by its content."""
    path = Path(path)
    if path.is_dir():
        return _recognise_folder(path)
    try:
        with require_regular_file(path).open("rb") as stream:
            start = stream.read(BEGINNING)
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror})") from error
    if starts_like_mat(start):
        return "label3d"
    if starts_like_storage(start.decode("utf-8", "replace")):
        values = read_storage(path)
        if JARVIS_KEY in values:
            return "jarvis"
        if holds_opencv(values):
            return "opencv"
    elif path.suffix.lower() == ".toml" or start:
        tables = read_toml(path)
        if holds_caliscope(tables):
            return "caliscope"
        if _says_unit(tables):
            return "labcut3d"
        if holds_pose2sim(tables):
            return "pose2sim"
        if any(key.startswith("cam_") for key in tables):
            return "anipose"
    raise FileFormatError(
        f"{path}: no calibration of a known program; labcut3d reads {', '.join(RIG_FORMATS)}"
    )


def _recognise_folder(path: Path) -> RigFormat:
    """Return whose folder of one file a camera it is."""
    yaml, mat = bool(jarvis_files(path)), bool(label3d_files(path))
    if yaml and mat:
        raise FileFormatError(
            f"{path}: a folder with .yaml and .mat files may be JARVIS's or Label3D's; say which: "
            'format="jarvis" or format="label3d"'
        )
    if not (yaml or mat):
        raise FileFormatError(
            f"{path}: is a folder without .yaml or .mat files; give a calibration file"
        )
    return "jarvis" if yaml else "label3d"


def _says_unit(tables: Mapping[str, object]) -> bool:
    """Tell whether a TOML file names its unit, as labcut3d's own do."""
    metadata = tables.get("metadata")
    return isinstance(metadata, dict) and "unit" in metadata


def _check_format(format: str, path: Path) -> RigFormat:
    """Return a format that is known."""
    for known in RIG_FORMATS:
        if format == known:
            return known
    raise FileFormatError(
        f"{path}: format = {format!r} is not known; use one of {', '.join(RIG_FORMATS)}"
    )


def _load_toml(path: PathLike, given: Given) -> Rig:
    """Read a rig.toml or Anipose's calibration.toml, which are one format."""
    return Rig.load(path, unit=given.unit)


def _save_anipose(rig: Rig, path: PathLike) -> None:
    """Write a calibration.toml that Anipose reads in full."""
    refuse_skew(rig, "Anipose")
    rig.save(path)


READERS: Mapping[RigFormat, Callable[[PathLike, Given], Rig]] = {
    "labcut3d": _load_toml,
    "anipose": _load_toml,
    "caliscope": load_caliscope,
    "jarvis": load_jarvis,
    "label3d": load_label3d,
    "opencv": load_opencv,
    "pose2sim": load_pose2sim,
}
WRITERS: Mapping[RigFormat, Callable[[Rig, PathLike], None]] = {
    "labcut3d": Rig.save,
    "anipose": _save_anipose,
    "caliscope": save_caliscope,
    "jarvis": save_jarvis,
    "label3d": save_label3d,
    "opencv": save_opencv,
    "pose2sim": save_pose2sim,
}
CAUTIONS: Mapping[RigFormat, Callable[[Rig], tuple[str, ...]]] = {
    "caliscope": caliscope_cautions,
    "jarvis": jarvis_cautions,
}
