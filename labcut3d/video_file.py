"""A video file as frames of a view."""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.video.reformatter import VideoReformatter

from labcut3d.compute import cores
from labcut3d.errors import VideoError
from labcut3d.region import Image, Region
from labcut3d.video_index import index_video, video_stream

__all__ = ["VideoFile"]

MOST_THREADS = 16  # that decode; more bring nothing
SEEK_FROM = 64  # frames decoded in vain before a seek is cheaper than going on


class VideoFile:
    """A video decoded with PyAV; frames are counted in the order they are shown.

    With `damaged`, a video that is cut off or damaged has the frames that its header promises or
    that are there, and `read` leaves out those that cannot be decoded; without, it is refused.
    """

    def __init__(
        self, path: Path, region: Region, *, damaged: bool = False, least: int = 0
    ) -> None:
        self.path = path
        self._region = region
        self._damaged = damaged
        self._index = index_video(path, least)
        self.fps = self._index.fps
        self.size = region.size(self._index.size, path)
        self.times: npt.NDArray[np.float64] = np.asarray(
            self._index.stamps * self._index.unit, dtype=np.float64
        )
        self.trouble = self._index.trouble
        if self.trouble and not damaged:
            raise VideoError(
                f"{path}: {self.trouble}; copy it again, or keep what is there with "
                "ffmpeg -i IN -c:v libx264 OUT.mp4"
            )

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The frame number of each index."""
        return np.arange(len(self), dtype=np.int64)

    def __len__(self) -> int:
        return len(self._index.stamps)

    def __iter__(self) -> Iterator[Image]:
        return (image for _, image in self.read())

    def __getitem__(self, index: int) -> Image:
        index = range(len(self))[index]
        for _, image in self.read([index]):
            return image
        raise self._unreadable(index)

    def read(self, indices: Sequence[int] | None = None) -> Iterator[tuple[int, Image]]:
        """Yield (index, RGB image) for rising `indices`, by default for all frames."""
        wanted = list(range(len(self)) if indices is None else indices)
        if wanted != sorted(wanted) or (wanted and not 0 <= wanted[0] <= wanted[-1] < len(self)):
            raise IndexError(f"{self.path}: frames must rise within 0 to {len(self) - 1}")
        reformatter = VideoReformatter()  # one for all frames, as each new one costs half a frame
        for index, frame in self._chosen(deque(wanted)):
            image = reformatter.reformat(frame, format="rgb24").to_ndarray()
            yield index, self._region.cut(np.asarray(image, dtype=np.uint8))

    def _chosen(self, queue: deque[int]) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield the frames of the indices in `queue`, emptying it; unreadable ones are left out."""
        while queue:
            starts = self._starts(queue[0])
            for start in starts:
                if (yield from self._run(start, queue, start == starts[-1])):
                    break

    def _run(
        self, start: int, queue: deque[int], last: bool
    ) -> Generator[tuple[int, av.VideoFrame], None, bool]:
        """Decode from `start`; yield what is in the queue until a seek is better or none is left.

        Returns False where decoding came in after the first frame asked for, which happens beside
        key frames whose neighbours lean on the frames before; unless this was the `last` try.
        """
        reached = last
        for index, frame in self._decode_from(start):
            reached = reached or index <= queue[0]
            if not reached:
                return False
            while queue and queue[0] < index:
                self._miss(queue.popleft())
            while queue and queue[0] == index:
                yield queue.popleft(), frame
            if not queue or (queue[0] - index > SEEK_FROM and self._starts(queue[0])[0] > index):
                return True
        while reached and queue:
            self._miss(queue.popleft())
        return reached

    def _starts(self, index: int) -> list[int]:
        """Return the frames to begin at for a frame: two key frames before it, and the first."""
        if self._index.counted:
            return [0]
        before = self._index.keys[self._index.keys <= self._index.stamps[index]][-2:]
        starts = np.searchsorted(self._index.stamps, before)[::-1].tolist()
        return list(dict.fromkeys([*starts, 0]))

    def _decode_from(self, start: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield (index, frame) in order of showing, from a key frame; damaged ones are left out.

        So are those that come after a damaged one and lean on it, up to the next key frame.
        """
        count, sound = 0, True
        with av.open(str(self.path)) as container:
            stream = video_stream(container, self.path)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = min(cores() + 1, MOST_THREADS)
            if start > 0:
                container.seek(int(self._index.stamps[start]), stream=stream, backward=True)
            for frame in self._decoded(container, stream):
                if frame is None or frame.is_corrupt:
                    sound = False
                    self._refuse_damage(start + count)
                    if self._index.counted:
                        return  # nothing tells the numbers of what follows
                    continue
                sound = sound or bool(frame.key_frame)
                index = self._index_of(count if self._index.counted else frame.pts)
                count += 1
                if sound and index is not None:
                    yield index, frame

    def _decoded(self, container: Any, stream: Any) -> Iterator[av.VideoFrame | None]:
        """Yield the frames as they are decoded, and None where a packet is damaged."""
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:  # nothing can be read from here on
                yield None
                return
            if packet is None:
                return
            if packet.is_corrupt:  # not in the index: the end of a file that is cut off
                continue
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                yield None
                continue
            yield from frames

    def _index_of(self, stamp: int | None) -> int | None:
        """Return the index of a time stamp, or None for one that is not in the index."""
        if stamp is None:
            return None
        index = int(np.searchsorted(self._index.stamps, stamp))
        known = index < self._index.sure and self._index.stamps[index] == stamp
        return index if known else None

    def _refuse_damage(self, index: int) -> None:
        """Raise `VideoError` at damage, unless asked to go on."""
        if not self._damaged:
            raise VideoError(
                f"{self.path}: damaged near frame {index} of {len(self)}; copy it again, or "
                "re-encode it with ffmpeg -i IN -c:v libx264 OUT.mp4"
            )

    def _miss(self, index: int) -> None:
        """Raise `VideoError` for a frame that cannot be decoded, unless that is allowed."""
        if not self._damaged:
            raise self._unreadable(index)

    def _unreadable(self, index: int) -> VideoError:
        """Return the error that names a frame that cannot be decoded."""
        return VideoError(
            f"{self.path}: frame {index} of {len(self)} cannot be decoded; "
            "the file is damaged or cut off: copy or re-encode it"
        )
