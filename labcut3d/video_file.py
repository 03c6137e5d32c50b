"""A video file as frames of a view."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

from labcut3d.errors import VideoError
from labcut3d.region import Image, Region

__all__ = ["VideoFile"]

SEEK_FROM = 64  # frames decoded in vain before a seek is cheaper than going on


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
