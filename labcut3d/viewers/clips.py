"""Small video clips for the viewer: one frame for each moment of the dataset, in every view.

Each clip is H.264 at a constant 30 frames a second whatever the camera's own rate, with a key frame
every half second, so that frame k of every clip is moment k of the dataset and seeking is quick.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import av
import cv2
import numpy as np
import numpy.typing as npt

from labcut3d.progress import Progress
from labcut3d.video import Frames
from labcut3d.video_writing import write_mp4

__all__ = ["CLIP_FPS", "GREY", "Clips", "make_clips", "read_pictures"]

Image = npt.NDArray[np.uint8]

CLIP_FPS = 30
KEY_EVERY = 15  # frames
QUALITY = "27"  # x264's constant rate factor
LEAST_BITS = 0.012  # bits a pixel below which a picture dissolves
SMALLEST = 0.25  # of the original width; smaller shows nothing
WIDEST = 1280  # px
GREY = 90  # of a moment without a frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Clips:
    """MP4 files in memory by view, and a sentence for the reader where there are none."""

    files: Mapping[str, bytes]
    note: str = ""


def make_clips(
    videos: Mapping[str, Frames],
    frames: Mapping[str, npt.NDArray[np.int64]],
    max_bytes: int,
    progress: Progress | None = None,
) -> Clips:
    """Encode the `frames` (time,) of each view's video, all together within `max_bytes`.

    `frames` are frame numbers, one a moment; a number that the video does not have or cannot show
    becomes a grey picture. Pictures are made smaller where the limit asks for it, and left out with
    a note where they would be too small to see.
    """
    views = [view for view in frames if view in videos]
    if not views:
        return Clips(files={}, note="Without videos: made from the dataset alone.")
    if "libx264" not in av.codecs_available:
        return Clips(files={}, note="Without videos: this PyAV cannot write H.264.")
    n_times = len(frames[views[0]])
    pixels = sum(videos[view].size[0] * videos[view].size[1] for view in views)
    scale = float(np.sqrt(8 * max_bytes / (LEAST_BITS * pixels * max(n_times, 1))))
    if scale < SMALLEST:
        note = (
            f"Without videos: {n_times} moments in {len(views)} views do not fit into "
            f"{max_bytes / 1e6:.0f} MB."
        )
        return Clips(files={}, note=note)
    files = {}
    for done, view in enumerate(views):
        source = videos[view]
        share = int(max_bytes * source.size[0] * source.size[1] / pixels)
        files[view] = _encode(source, frames[view], min(scale, 1.0), share)
        if progress:
            progress(done + 1, len(views), view)
    return Clips(files=files)


def _encode(source: Frames, numbers: npt.NDArray[np.int64], scale: float, limit: int) -> bytes:
    """Return an MP4 of the frames with these numbers, of at most about `limit` bytes."""
    scale = min(scale, WIDEST / source.size[0])
    width, height = (max(2, 2 * round(length * scale / 2)) for length in source.size)
    bits = int(8 * limit / max(len(numbers) / CLIP_FPS, 1))
    buffer = io.BytesIO()
    # The buffer of two seconds keeps the sum below the limit whatever the pictures hold.
    options = {
        "crf": QUALITY,
        "preset": "veryfast",
        "maxrate": str(bits),
        "bufsize": str(2 * bits),
        "g": str(KEY_EVERY),
    }
    write_mp4(buffer, read_pictures(source, numbers, (width, height)), CLIP_FPS, options)
    return buffer.getvalue()


def read_pictures(
    source: Frames, numbers: npt.NDArray[np.int64], size: tuple[int, int]
) -> Iterator[Image]:
    """Yield one picture of `size` for each of the frame `numbers`, grey where there is none.

    The source is read forwards once where possible.
    """
    place = np.minimum(np.searchsorted(source.numbers, numbers), len(source.numbers) - 1)
    wanted = np.where(source.numbers[place] == numbers, place, -1).tolist()
    grey = np.full((size[1], size[0], 3), GREY, dtype=np.uint8)
    known = [index for index in wanted if index >= 0]
    if known != sorted(known):  # clocks that run backwards: rare, and slow
        found = ((i, image) for index in known for i, image in source.read([index]))
    else:
        found = source.read(known)
    upcoming = next(found, None)
    for index in wanted:
        if upcoming is None or index != upcoming[0]:  # has no frame, or none that can be decoded
            yield grey
            continue
        yield _resize(upcoming[1], size)
        upcoming = next(found, None)


def _resize(image: Image, size: tuple[int, int]) -> Image:
    """Return an image of another (width, height), averaged where it shrinks."""
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
