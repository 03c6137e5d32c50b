"""Frames from a video or a folder of images: frame k is always frame k.

A view may be a part of a shared file: `crop` cuts a rectangle out of each frame, and `mirror`
undoes the reflection of a view that was filmed through a mirror. All coordinates everywhere else
are those of the cropped and unmirrored image.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import av
import av.error
import cv2
import numpy as np
import numpy.typing as npt

from labcut3d.errors import VideoError

__all__ = ["IMAGE_ENDINGS", "VIDEO_ENDINGS", "Frames", "Region", "find_source", "open_frames"]

VIDEO_ENDINGS = (".mp4", ".avi", ".mov", ".mkv", ".m4v", ".webm", ".mpg", ".mpeg", ".wmv")
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
# Frames decoded in vain before a seek is cheaper than going on.
SEEK_FROM = 64

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The part of a file's image that is a view: `crop` (x, y, width, height) px, then `mirror`."""

    crop: tuple[int, int, int, int] | None = None
    mirror: bool = False

    def size(self, whole: tuple[int, int], where: Path) -> tuple[int, int]:
        """Return the view's (width, height); raise `VideoError` where the crop leaves the image."""
        if self.crop is None:
            return whole
        x, y, width, height = self.crop
        inside = x >= 0 and y >= 0 and x + width <= whole[0] and y + height <= whole[1]
        if not (inside and width > 0 and height > 0):
            raise VideoError(
                f"{where}: crop {list(self.crop)} does not lie inside the image of "
                f"{whole[0]}x{whole[1]} px; crop is [x, y, width, height]"
            )
        return width, height

    def cut(self, image: Image) -> Image:
        """Return the view's part of an image of the file, as a contiguous array."""
        if self.crop is not None:
            x, y, width, height = self.crop
            image = image[y : y + height, x : x + width]
        if self.mirror:
            image = image[:, ::-1]
        return np.ascontiguousarray(image)


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


class ImageFolder:
    """A folder of images, ordered and numbered by the last number in each name."""

    fps: float | None = None

    def __init__(self, path: Path, region: Region) -> None:
        self.path = path
        self._region = region
        images = [p for p in path.iterdir() if p.suffix.lower() in IMAGE_ENDINGS]
        if not images:
            raise VideoError(f"{path}: holds no images ({', '.join(IMAGE_ENDINGS)})")
        numbered = sorted((_last_number(image), image) for image in images)
        self._paths = [image for _, image in numbered]
        self.numbers = np.array([number for number, _ in numbered], dtype=np.int64)
        for index in np.flatnonzero(np.diff(self.numbers) == 0):
            raise VideoError(
                f"{path}: {self._paths[index].name} and {self._paths[index + 1].name} both end in "
                f"the number {self.numbers[index]}; images are matched by it, so rename one"
            )
        height, width = self._load(0).shape[:2]
        self._size = region.size((width, height), path)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the view."""
        return self._size

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[Image]:
        return (image for _, image in self.read())

    def __getitem__(self, index: int) -> Image:
        image = self._region.cut(self._load(range(len(self))[index]))
        if image.shape[1::-1] != self.size:
            raise VideoError(
                f"{self._paths[index]}: {image.shape[1]}x{image.shape[0]} px, but the first image "
                f"of the folder has {self.size[0]}x{self.size[1]}; keep images of one size"
            )
        return image

    def read(self, indices: Sequence[int] | None = None) -> Iterator[tuple[int, Image]]:
        """Yield (index, RGB image) for `indices`, by default for all images."""
        for index in range(len(self)) if indices is None else indices:
            yield index, self[index]

    def _load(self, index: int) -> Image:
        """Read one whole image as RGB."""
        data = np.fromfile(self._paths[index], dtype=np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
        if image is None:
            raise VideoError(f"{self._paths[index]}: not a readable image; export it again")
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def _last_number(path: Path) -> int:
    """Return the last number in a file's name."""
    digits = re.findall(r"\d+", path.stem)
    if not digits:
        raise VideoError(
            f"{path}: no number in the name; images of different views are matched by it"
        )
    return int(digits[-1][-18:])
