"""Where the structure of a video file breaks: a walk from element to element, decoding nothing.

FFmpeg goes on behind a damaged element without a word, and the frames in it are missing then.
"""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

__all__ = ["first_break"]


class _Element(NamedTuple):
    """An element at some place: where it ends, and where to go on, which is inside or there."""

    end: int
    after: int


def first_break(path: Path, container: str) -> int | None:
    """Return the byte at which a file is damaged or cut off; None where it is whole.

    `container` is FFmpeg's name. Only Matroska, MP4 and AVI are looked into; a transport stream is
    made of packets of 188 or 192 bytes.
    """
    size, place = path.stat().st_size, 0
    if container == "mpegts":
        return size if size % 188 and size % 192 else None
    read = next((READERS[name] for name in container.split(",") if name in READERS), None)
    if read is None:
        return None
    ends: list[float] = [math.inf]  # of the elements that the place is inside of
    with path.open("rb") as stream:
        while place < size:
            while place == ends[-1]:
                ends.pop()
            element = read(stream, place)
            if element is None or element.end > ends[-1] or element.after > size:
                return place
            if element.after < element.end:
                ends.append(element.end)
            place = element.after
    return size if any(size < end < math.inf for end in ends) else None


def _matroska(stream: BinaryIO, place: int) -> _Element | None:
    """Read an element of Matroska or WebM (RFC 9559): its id, and its size in 1 to 8 bytes."""
    stream.seek(place)
    head = stream.read(12)
    name = next((n for n in (1, 4) if head[:n] in MATROSKA), None)
    if name is None or len(head) <= name or not head[name]:
        return None
    width = 9 - head[name].bit_length()
    length = int.from_bytes(head[name : name + width]) & (1 << 7 * width) - 1
    body = place + name + width
    if length == (1 << 7 * width) - 1:  # of a live recording: not known when it began
        return _Element(body, body) if head[:name] in NESTED else None
    end = body + length
    return _Element(end, body if head[:name] in NESTED else end)


def _mp4(stream: BinaryIO, place: int) -> _Element | None:
    """Read a box of MP4 (ISO 14496-12): a size in 4 or 8 bytes, and four letters."""
    stream.seek(place)
    head = stream.read(16)
    size = os.fstat(stream.fileno()).st_size
    length, body = int.from_bytes(head[:4]), place + 8
    if length == 1:
        length, body = int.from_bytes(head[8:]), place + 16
    elif length == 0:
        length = size - place
    end = place + length
    if not _is_name(head[4:8]) or end < body:
        return None
    if head[4:8] == b"mdat":  # of whose frames those that are there are whole
        return _Element(end, min(end, size))
    return _Element(end, body if head[4:8] in NESTED else end)


def _avi(stream: BinaryIO, place: int) -> _Element | None:
    """Read a chunk of AVI: four letters, a size in 4 bytes; lists have four letters more."""
    stream.seek(place)
    head = stream.read(12)
    length = int.from_bytes(head[4:8], "little")
    end = place + 8 + length + length % 2
    if not _is_name(head[:4]):
        return None
    nested = head[:4] in NESTED and (head[:4] == b"RIFF" or head[8:] in (b"movi", b"rec "))
    return _Element(end, place + 12 if nested else end)


def _is_name(letters: bytes) -> bool:
    """Tell whether these can be the four letters that name an element."""
    return len(letters) == 4 and all(32 <= letter < 127 or letter == 0xA9 for letter in letters)


READERS: dict[str, Callable[[BinaryIO, int], _Element | None]] = {
    "matroska": _matroska,
    "mov": _mp4,
    "avi": _avi,
}
# The elements of Matroska that begin a file, a segment or what stands in a cluster.
MATROSKA = {
    bytes.fromhex(name)
    for line in (
        "1A45DFA3 18538067 114D9B74 1549A966 1654AE6B",
        "1F43B675 1C53BB6B 1254C367 1941A469 1043A770",
        "EC BF E7 A3 A0 A7 AB",
    )
    for name in line.split()
}
NESTED = {bytes.fromhex("18538067"), bytes.fromhex("1F43B675"), b"moof", b"traf", b"RIFF", b"LIST"}
