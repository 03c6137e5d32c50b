"""Writing videos: RGB images, one after the other, as an MP4 that every player shows."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
import numpy.typing as npt

from labcut3d.errors import VideoError

__all__ = ["write_mp4"]

LARGEST_DENOMINATOR = 1001  # of frame rates: 30000/1001 is that of television


def write_mp4(
    target: Path | IO[bytes],
    images: Iterable[npt.NDArray[np.uint8]],
    fps: float,
    options: Mapping[str, str],
) -> int:
    """Write images (height, width, 3) of one size as H.264 at a constant rate; return their number.

    Sides that are odd get a black line, which the pixel format asks for. `options` are x264's.
    Raises `VideoError` where this PyAV cannot write H.264.
    """
    if "libx264" not in av.codecs_available:
        raise VideoError("this PyAV cannot write H.264; install it anew: pip install av")
    rate = Fraction(fps).limit_denominator(LARGEST_DENOMINATOR)
    count = 0
    name: Any = str(target) if isinstance(target, Path) else target
    with av.open(name, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=rate)
        stream.pix_fmt = "yuv420p"
        stream.max_b_frames = 0
        stream.time_base = 1 / rate
        stream.options = dict(options)
        for image in images:
            image = _even(image)
            if not count:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = count, 1 / rate
            container.mux(stream.encode(frame))
            count += 1
        if count:
            container.mux(stream.encode(None))
    return count


def _even(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return an image whose sides are even."""
    height, width = image.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return np.ascontiguousarray(image)
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)))
