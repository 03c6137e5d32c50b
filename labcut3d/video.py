"""Frames from a video or a folder of images: frame k is always frame k."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import av
import av.error
import numpy as np
import numpy.typing as npt

from labcut3d.errors import VideoError
from labcut3d.image_folder import ImageFolder
from labcut3d.region import Image, Region

__all__ = ["VIDEO_ENDINGS", "Frames", "find_source", "open_frames", "require_equal_lengths"]

VIDEO_ENDINGS = (".mp4", ".avi", ".mov", ".mkv", ".m4v", ".webm", ".mpg", ".mpeg", ".wmv")
# Frames decoded in vain before a seek is cheaper than going on.
SEEK_FROM = 64


@runtime_checkable
class Frames(Protocol):
    """A sequence of RGB images of one size, with exact access by index."""

    path: Path

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
        """Yield (index, RGB image) for rising `indices`, by default for all frames."""
        ...


def open_frames(path: str | os.PathLike[str], region: Region | None = None) -> Frames:
    """Open a video file or a folder of images.

    Raises `VideoError` naming the path where it is missing, unreadable or empty.
    """
    path = Path(path)
    region = region or Region()
    if path.is_dir():
        return ImageFolder(path, region)
    if not path.exists():
        raise VideoError(f"{path}: no such video or image folder; check the name")
    return VideoFile(path, region)


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


class VideoFile:
    """A video decoded with PyAV; frames are counted in the order they are shown."""

    def __init__(self, path: Path, region: Region) -> None:
        self.path = path
        self._region = region
        try:
            with av.open(str(path)) as container:
                stream = self._stream(container)
                whole = stream.codec_context.width, stream.codec_context.height
                self.fps = float(stream.average_rate) if stream.average_rate else None
                unit = float(stream.time_base)
                stamps = [p.pts for p in container.demux(stream) if p.pts is not None]
                promised = _promised_frames(container, stream)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise VideoError(
                f"{path}: not a readable video ({error}); re-encode it, for example with "
                f"ffmpeg -i IN -c:v libx264 OUT.mp4"
            ) from error
        if not stamps or min(whole) < 1:
            raise VideoError(f"{path}: holds no video frames; record or copy it again")
        if len(stamps) < promised:
            raise VideoError(
                f"{path}: cut off: its header promises {promised} frames and {len(stamps)} are "
                "there; copy it again, or keep what is there with ffmpeg -i IN -c:v libx264 OUT.mp4"
            )
        self.size = region.size(whole, path)
        # Packets come in decoding order; sorted time stamps are the order of showing.
        self._stamps = np.unique(np.asarray(stamps, dtype=np.int64))
        self.times: npt.NDArray[np.float64] = self._stamps.astype(np.float64) * unit

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The frame number of each index."""
        return np.arange(len(self), dtype=np.int64)

    def __len__(self) -> int:
        return len(self._stamps)

    def __iter__(self) -> Iterator[Image]:
        return (image for _, image in self.read())

    def __getitem__(self, index: int) -> Image:
        for _, image in self.read([range(len(self))[index]]):
            return image
        raise IndexError(index)

    def read(self, indices: Sequence[int] | None = None) -> Iterator[tuple[int, Image]]:
        """Yield (index, RGB image) for rising `indices`, by default for all frames."""
        wanted = list(range(len(self)) if indices is None else indices)
        if wanted != sorted(wanted) or (wanted and not 0 <= wanted[0] <= wanted[-1] < len(self)):
            raise IndexError(f"{self.path}: frames must rise within 0 to {len(self) - 1}")
        queue = iter(wanted)
        target = next(queue, None)
        with av.open(str(self.path)) as container:
            stream = self._stream(container)
            stream.thread_type = "AUTO"
            while target is not None:
                started = target
                for index, frame in self._decode_from(container, stream, target):
                    while target is not None and index == target:
                        image = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
                        yield target, self._region.cut(image)
                        target = next(queue, None)
                    # Seek again only once something was found, or a far seek would repeat forever.
                    if target is None or (target != started and target - index > SEEK_FROM):
                        break
                if target is not None and target == started:
                    raise VideoError(
                        f"{self.path}: frame {target} of {len(self)} cannot be decoded; "
                        "the file is damaged or cut off: copy or re-encode it"
                    )

    def _decode_from(
        self, container: Any, stream: Any, index: int
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield (index, frame) in order of showing, starting at or before `index`."""
        try:
            container.seek(int(self._stamps[index]), stream=stream, backward=True)
            for frame in container.decode(stream):
                if frame.pts is not None:
                    yield int(np.searchsorted(self._stamps, frame.pts)), frame
        except av.error.FFmpegError as error:
            raise VideoError(
                f"{self.path}: decoding stopped near frame {index} of {len(self)} ({error}); "
                "the file is damaged or cut off: copy or re-encode it"
            ) from error

    def _stream(self, container: Any) -> Any:
        """Return the first video stream."""
        if not container.streams.video:
            raise VideoError(f"{self.path}: holds no video stream; choose a video file")
        return container.streams.video[0]


def _promised_frames(container: Any, stream: Any) -> int:
    """Return how many frames a file's header promises at least; 0 where it does not tell.

    Containers without a count state a duration; two frames of slack leave room for its rounding.
    """
    if stream.frames:
        return stream.frames
    rate, only_video = stream.average_rate, len(container.streams) == 1
    if not (rate and only_video and container.duration):
        return 0
    return int(container.duration / av.time_base * rate) - 2
