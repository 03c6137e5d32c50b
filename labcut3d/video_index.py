"""What is in a video file: one look at all packets, which decodes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import av
import av.error
import numpy as np
import numpy.typing as npt

from labcut3d.errors import VideoError
from labcut3d.video_structure import first_break

__all__ = ["VideoIndex", "index_video", "video_stream"]

Stamps = npt.NDArray[np.int64]

# These note a time with each frame. In others (AVI, raw streams) frames are known by their order.
STAMPED = ("mov", "matroska", "mpegts", "asf", "flv")
REGULAR = 0.9  # share of equal intervals from which frames have places on a grid
REORDER = 16  # frames; the farthest that a frame may be stored from its place


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoIndex:
    """The frames of a video in the order they are shown.

    `stamps` (n,) are their time stamps in units of `unit` s, those of missing frames included; the
    frames from index `sure` on are missing. `keys` are the stamps of the frames that decoding can
    begin at. With `counted`, a frame is known by how many came before it. `trouble` says what is
    wrong with the file, "" where nothing is.
    """

    size: tuple[int, int]
    fps: float | None
    unit: float
    stamps: Stamps
    sure: int
    keys: Stamps
    counted: bool
    trouble: str


class _Packet(NamedTuple):
    """A compressed frame, in the order of decoding: when it is shown and decoded, where it lies."""

    shown: int | None
    decoded: int | None
    is_key: bool
    place: int


def index_video(path: Path, least: int = 0) -> VideoIndex:
    """Read the index of a video; raise `VideoError` where it is unreadable or has no frames.

    One that is damaged has as many frames as its header promises, or `least`.
    """
    try:
        with av.open(str(path)) as container:
            return _index(container, path, least)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise VideoError(
            f"{path}: not a readable video ({error}); re-encode it, for example with "
            f"ffmpeg -i IN -c:v libx264 OUT.mp4"
        ) from error


def video_stream(container: Any, path: Path) -> Any:
    """Return the first video stream."""
    if not container.streams.video:
        raise VideoError(f"{path}: holds no video stream; choose a video file")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise VideoError(f"{path}: its header is damaged, or no decoder is known; re-encode it")
    return stream


def _index(container: Any, path: Path, least: int) -> VideoIndex:
    """Return the index of an open video."""
    stream = video_stream(container, path)
    size = stream.codec_context.width, stream.codec_context.height
    packets, whole = _packets(container, stream, path)
    if not packets or min(size) < 1:
        raise VideoError(f"{path}: holds no video frames; record or copy it again")
    stamped = container.format.name.partition(",")[0] in STAMPED
    counted = any(packet.shown is None for packet in packets)
    counted |= not stamped and bool(stream.codec_context.has_b_frames)
    if counted:
        packets = [_Packet(n, n - REORDER, p.is_key, p.place) for n, p in enumerate(packets)]
    stamps = _stamps(packets)
    sure, trouble = len(stamps), ""
    if whole is not None:
        # A frame takes a byte at least: a header that promises more is hostile.
        promised = stream.frames if stream.frames <= path.stat().st_size else 0
        total = max(promised, least)
        stamps, sure, last = _completed(packets, whole, total, stamped, path)
        of_all = f" of {promised}" if promised else ""
        trouble = f"cut off or damaged behind frame {last}{of_all}"
    rate = stream.average_rate
    return VideoIndex(
        size=size,
        fps=float(rate) if rate else None,
        unit=float(1 / rate if counted and rate else stream.time_base or 1),
        stamps=stamps,
        sure=sure,
        keys=_stamps([packet for packet in packets if packet.is_key]),
        counted=counted,
        trouble=trouble,
    )


def _packets(container: Any, stream: Any, path: Path) -> tuple[list[_Packet], int | None]:
    """Return the frames in a file, and how many come before its first damage (None: no damage)."""
    packets, count, corrupt = [], 0, None
    for packet in container.demux(stream):
        if not packet.size:
            continue
        count += 1
        if packet.is_corrupt:
            corrupt = len(packets) if corrupt is None else corrupt
        elif not packet.is_discard:  # which are outside the edit list, not meant to be shown
            packets.append(_Packet(packet.pts, packet.dts, packet.is_keyframe, packet.pos or 0))
    if corrupt is None and stream.frames and count >= stream.frames:
        return packets, None  # all that the header promises
    broken = first_break(path, container.format.name)
    if broken is None:
        return packets, corrupt
    before = (n for n, packet in enumerate(packets) if packet.place >= broken)
    return packets, min(next(before, len(packets)), len(packets) if corrupt is None else corrupt)


def _stamps(packets: Iterable[_Packet]) -> Stamps:
    """Return the time stamps of frames in the order they are shown."""
    return np.unique(np.array([packet.shown for packet in packets], dtype=np.int64))


def _completed(
    packets: list[_Packet], whole: int, total: int, stamped: bool, path: Path
) -> tuple[Stamps, int, int]:
    """Return the stamps of all frames of a damaged file, how many are sure, and the last before it.

    Nothing but a regular grid of time stamps tells the numbers of frames after the first damage;
    where there is none, they count as missing. Nor does anything else tell whether all frames are
    there that are shown before the last ones and stored after them.
    """
    if not whole:
        raise VideoError(f"{path}: damaged from its first frame on; copy it again")
    before = _stamps(packets[:whole])
    decoded = max((p.decoded for p in packets[:whole] if p.decoded is not None), default=before[0])
    known = max(1, int(np.searchsorted(before, decoded, side="right")))
    stamps, rest = before[:known], _stamps(packets)
    rest = rest[rest > stamps[-1]]
    step = _step(_stamps(packets))
    if stamped and step and len(rest):
        places = np.round((rest - stamps[-1]) / step).astype(np.int64)
        if places[-1] <= path.stat().st_size and (np.diff(places, prepend=0) > 0).all():
            grid = stamps[-1] + np.round(np.arange(1, places[-1] + 1) * step).astype(np.int64)
            grid[places - 1] = rest
            stamps = np.concatenate([stamps, grid])
    sure = len(stamps)
    more = np.arange(1, total - sure + 1) * max(step, 1.0)
    return np.concatenate([stamps, stamps[-1] + np.ceil(more).astype(np.int64)]), sure, known - 1


def _step(stamps: Stamps) -> float:
    """Return the interval between regular stamps, 0 where they are not."""
    steps = np.diff(stamps)
    if not len(steps):
        return 0.0
    usual = steps[np.abs(steps - np.percentile(steps, 50, method="lower")) <= 1]
    # The mean of the usual ones, as a millisecond is too coarse for the interval of 30 frames/s.
    return float(usual.mean()) if len(usual) >= REGULAR * len(steps) else 0.0
