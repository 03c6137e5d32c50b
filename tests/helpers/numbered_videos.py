"""Videos of which every picture spells its own number, in all the ways that cameras store them."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIZE = (64, 48)
FPS = 25
OPEN_GOP = {"x264-params": "open-gop=1:keyint=12:min-keyint=12:scenecut=0"}


def picture(k: int, noise: int = 0) -> np.ndarray:
    """Return an image of eight bars: a white one and the seven bits of `k`, inverted below.

    The inversion shows where a decoder patched a picture from others; `noise` grey values make
    pictures as large in the file as those of a camera.
    """
    bits = np.array([1, *(k >> bit & 1 for bit in range(7))], dtype=np.int64)
    row = np.repeat(bits * 255, SIZE[0] // 8)
    image = np.repeat(np.stack([row, 255 - row]), SIZE[1] // 2, axis=0)[..., None]
    spread = np.random.default_rng(k).integers(-noise, noise + 1, (*image.shape[:2], 3))
    return np.clip(image + spread, 0, 255).astype(np.uint8)


def number_of(image: np.ndarray) -> int:
    """Return the number that a picture spells, -1 where it is not a picture of that number."""
    bright = image[..., 0] > 127
    bars = bright[: SIZE[1] // 2].reshape(SIZE[1] // 2, 8, SIZE[0] // 8).mean(axis=(0, 2)) > 0.5
    number = int(bars[1:] @ (1 << np.arange(7)))
    spoilt = (bright != (picture(number)[..., 0] > 127)).mean()
    return number if spoilt < 0.02 else -1


def write_video(
    path: Path,
    count: int = 100,
    *,
    codec: str = "libx264",
    stamps: Sequence[int] | None = None,
    noise: int = 0,
    container: dict[str, str] | None = None,
    **options: str,
) -> Path:
    """Write `count` numbered pictures; `stamps` are their times in ms, `options` the encoder's."""
    # Always the same bytes, so that a test that spoils some of them always does the same.
    with av.open(str(path), "w", options={"fflags": "bitexact", **(container or {})}) as file:
        stream = file.add_stream(codec, rate=FPS)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        defaults = {"libx264": {"bf": "2", "g": "12", "crf": "10", "mbtree": "0"}}.get(codec, {})
        stream.options = {**defaults, **options}
        if stamps is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for k in range(count):
            frame = av.VideoFrame.from_ndarray(picture(k, noise), format="rgb24")
            if stamps is not None:
                frame.pts, frame.time_base = int(stamps[k]), Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path
