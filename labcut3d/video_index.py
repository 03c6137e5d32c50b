"""What is in a video file: one look at all packets, which decodes nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

from labcut3d.errors import VideoError

__all__ = ["VideoIndex", "index_video", "video_stream"]

Stamps = npt.NDArray[np.int64]

# These note a time with each frame. In others (AVI, raw streams) frames are known by their order.
STAMPED = ("mov", "matroska", "mpegts", "asf", "flv")
SLACK = 2  # frames; a duration in a header is rounded
REGULAR = 0.9  # share of equal intervals from which a longer one is a hole
REORDER = 16  # frames; the farthest that a frame may be stored from its place


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoIndex:
    """The frames of a video in the order they are shown.

    `stamps` (n,) are their time stamps in units of `unit` s, those of missing frames included,
    which are guesses from index `sure` on. `keys` are the stamps of the frames that decoding can
    begin at, `found` the number of frames there. Without `stamped`, the stamps are only a count,
    which damage would shift; with `counted`, a frame is known by how many came before it.
    """

    size: tuple[int, int]
    fps: float | None
    unit: float
    stamps: Stamps
    keys: Stamps
    found: int
    sure: int
    stamped: bool
    counted: bool


def index_video(path: Path) -> VideoIndex:
    """Read the index of a video; raise `VideoError` where it is unreadable or has no frames."""
    try:
        with av.open(str(path)) as container:
            return _index(container, path)
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


def _index(container: Any, path: Path) -> VideoIndex:
    """Return the index of an open video."""
    stream = video_stream(container, path)
    size = stream.codec_context.width, stream.codec_context.height
    stamped = container.format.name.partition(",")[0] in STAMPED
    # A damaged packet counts as missing; one outside the edit list is not meant to be shown.
    packets, cut_off = [], False
    for packet in container.demux(stream):
        cut_off |= packet.is_corrupt
        if packet.size and not packet.is_discard and not packet.is_corrupt:
            packets.append((packet.pts, packet.dts, packet.is_keyframe))
    if not packets or min(size) < 1:
        raise VideoError(f"{path}: holds no video frames; record or copy it again")
    counted = any(stamp is None for stamp, _, _ in packets)
    counted |= not stamped and bool(stream.codec_context.has_b_frames)
    if counted:
        packets = [(n, n - REORDER, key) for n, (_, _, key) in enumerate(packets)]
    stamps = np.unique(np.array([stamp for stamp, _, _ in packets], dtype=np.int64))
    found, decoded = len(stamps), [dts for _, dts, _ in packets if dts is not None]
    total, exact = _promised_frames(container, stream, stamps)
    cut_off |= found < total - (0 if exact else SLACK)
    stamps = _without_doubtful(stamps, max(decoded, default=None), cut_off)
    sure = len(stamps)
    if cut_off:
        stamps, sure = _completed(stamps, total, exact)
    rate = stream.average_rate
    return VideoIndex(
        size=size,
        fps=float(rate) if rate else None,
        unit=float(1 / rate if counted and rate else stream.time_base or 1),
        stamps=stamps,
        keys=np.unique(np.array([stamp for stamp, _, key in packets if key], dtype=np.int64)),
        found=found,
        sure=sure,
        stamped=stamped,
        counted=counted,
    )


def _promised_frames(container: Any, stream: Any, stamps: Stamps) -> tuple[int, bool]:
    """Return how many frames a file's header promises (0: untold), and whether that is a count.

    Containers without a count state a duration, which tells the number only of regular frames.
    """
    if stream.frames:
        return stream.frames, True
    step, only_video = _step(stamps), len(container.streams) == 1
    if not (step and only_video and container.duration and _is_regular(stamps)):
        return 0, False
    duration = container.duration / av.time_base / float(stream.time_base)
    if container.format.name.startswith("matroska"):
        duration -= int(stamps[0])  # there it is counted from zero, not from the first frame
    return round(duration / step), False


def _without_doubtful(stamps: Stamps, decoded: int | None, cut_off: bool) -> Stamps:
    """Return the stamps of frames of which all that come before are known.

    Frames are stored in the order of decoding: where a file is cut off, one may be there and its
    predecessors not. No frame is stored after the time `decoded` that is shown before it.
    """
    if decoded is None:
        return stamps
    safe = max(1, int(np.searchsorted(stamps, decoded, side="right")))
    if cut_off:
        return stamps[:safe]
    holes = np.flatnonzero(_skipped(stamps)[safe - 1 :] > 1)
    return stamps[: safe + holes[0]] if len(holes) else stamps


def _step(stamps: Stamps) -> float:
    """Return the usual interval between stamps, 0 where there is none."""
    steps = np.diff(stamps)
    if not len(steps):
        return 0.0
    # The mean of the usual ones, as a millisecond is too coarse for the interval of 30 frames/s.
    return float(steps[np.abs(steps - np.median(steps)) <= 1].mean())


def _is_regular(stamps: Stamps) -> bool:
    """Tell whether nearly all intervals between stamps are alike, up to rounding."""
    steps = np.diff(stamps)
    return bool(len(steps)) and bool(np.mean(np.abs(steps - _step(stamps)) <= 1) >= REGULAR)


def _skipped(stamps: Stamps) -> Stamps:
    """Return how many intervals lie between stamps (n - 1,): one each where they are irregular."""
    steps = np.diff(stamps)
    if not _is_regular(stamps):
        return np.ones(len(steps), dtype=np.int64)
    return np.maximum(1, np.round(steps / _step(stamps))).astype(np.int64)


def _completed(stamps: Stamps, total: int, exact: bool) -> tuple[Stamps, int]:
    """Return the stamps of `total` frames, of which those found have `stamps`, and how many are
    sure.

    Where a header counts the frames it also knows where each is, so those missing are the last.
    Otherwise a hole in regular stamps is missing frames if they add up to `total`; if not,
    nothing tells the numbers of the frames after it, and all of them count as missing.
    """
    skipped = _skipped(stamps)
    if not exact and (skipped > 1).any():
        places = np.concatenate([[0], np.cumsum(skipped)])
        if abs(places[-1] + 1 - total) <= SLACK + REORDER:
            grid = np.interp(np.arange(places[-1] + 1), places, stamps)
            stamps = np.round(grid).astype(np.int64)
        else:
            stamps = stamps[: int(np.argmax(skipped > 1)) + 1]
    more = np.arange(1, total - len(stamps) + 1) * max(1.0, _step(stamps))
    return np.concatenate([stamps, stamps[-1] + np.round(more).astype(np.int64)]), len(stamps)
