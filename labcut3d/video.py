"""Frames from a video or a folder of images: frame k is always frame k."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from labcut3d.errors import VideoError
from labcut3d.image_folder import ImageFolder
from labcut3d.region import Image, Region

__all__ = [
    "PLAYED_BY_BROWSERS",
    "VIDEO_ENDINGS",
    "Frames",
    "find_source",
    "open_frames",
    "require_equal_lengths",
]

VIDEO_ENDINGS = (".mp4", ".avi", ".mov", ".mkv", ".m4v", ".webm", ".mpg", ".mpeg", ".wmv")
PLAYED_BY_BROWSERS = (".mp4", ".m4v", ".mov", ".webm")


@runtime_checkable
class Frames(Protocol):
    """A sequence of RGB images of one size, with exact access by index."""

    path: Path
    trouble: str
    """What is wrong with the file, where it was opened as `damaged`; "" where nothing is."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        ...

    @property
    def fps(self) -> float | None:
        """Frames a second as the file says, or None for a folder of images."""
        ...

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The frame number of each index: 0, 1, 2... in a video; from the names in a folder."""
        ...

    @property
    def times(self) -> npt.NDArray[np.float64] | None:
        """When each frame is shown, s, as the file says; None for a folder of images."""
        ...

    def __len__(self) -> int:
        """Return the number of frames."""
        ...

    def __iter__(self) -> Iterator[Image]:
        """Yield all frames in order."""
        ...

    def __getitem__(self, index: int) -> Image:
        """Return one frame, (height, width, 3) uint8 RGB."""
        ...

    def read(self, indices: Sequence[int] | None = None) -> Iterator[tuple[int, Image]]:
        """Yield (index, RGB image) for rising `indices`, by default for all frames.

        Frames that cannot be decoded are left out where the file was opened as `damaged`.
        """
        ...


def open_frames(
    path: str | os.PathLike[str],
    region: Region | None = None,
    *,
    damaged: bool = False,
    least: int = 0,
) -> Frames:
    """Open a video file or a folder of images.

    A video that is cut off or damaged is refused, unless `damaged`: then `read` leaves out the
    frames that cannot be decoded or numbered, and all others keep their numbers. Raw streams and
    MPEG program streams (.mpg) do not tell what they lack: of them, only decoding errors are seen.
    One that is known to be cut off has `least` frames, so many as the other views.
    Raises `VideoError` naming the path where it is missing, unreadable or empty.
    """
    path = Path(path)
    region = region or Region()
    if path.is_dir():
        return ImageFolder(path, region)
    if not path.exists():
        raise VideoError(f"{path}: no such video or image folder; check the name")
    if not path.is_file():
        raise VideoError(f"{path}: is a pipe or a device; give a video file or a folder of images")
    from labcut3d.video_file import VideoFile  # here, because folders of images need no decoder

    return VideoFile(path, region, damaged=damaged, least=least)


def require_equal_lengths(sources: Mapping[str, Frames], what: str) -> None:
    """Raise `VideoError` listing the frame counts of views where they differ; `what` begins it."""
    counts = {view: len(frames) for view, frames in sources.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{view} {count}" for view, count in counts.items())
        raise VideoError(
            f"{what} have unequal numbers of frames ({listed}), so they are not synchronised "
            "frame by frame; cut them to the same moments first"
        )


def find_source(folder: Path, stem: str) -> Path:
    """Return the video `stem.*` or the image folder `stem` in `folder`.

    Raises `VideoError` saying what was looked for and what is there instead.
    """
    if not folder.is_dir():
        raise VideoError(f"{folder}: no such folder; create it and put the videos into it")
    found = [path for path in sorted(folder.iterdir()) if _is_source(path) and path.stem == stem]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found)
        raise VideoError(f"{folder}: several sources for view '{stem}': {names}; keep one")
    present = ", ".join(path.name for path in sorted(folder.iterdir()) if _is_source(path))
    raise VideoError(
        f"{folder}: no video or image folder named '{stem}' (such as {stem}.mp4); "
        f"found: {present or 'none'}"
    )


def _is_source(path: Path) -> bool:
    """Tell whether a path looks like a video or a folder of images."""
    if path.name.startswith("."):
        return False
    return path.is_dir() or path.suffix.lower() in VIDEO_ENDINGS
