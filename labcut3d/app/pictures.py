"""Frames of recordings as pictures for the browser, decoded once and kept while there is room.

JPEG of the highest quality and without thinned colours: what a person clicks on is what the
detector will learn from, and a picture of 640x480 px is ready in a few milliseconds.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
import numpy.typing as npt

from labcut3d.errors import LabelError
from labcut3d.project import Project
from labcut3d.video import Frames

__all__ = ["OpenRecording", "Pictures"]

MOST = 256 * 2**20  # bytes of pictures that are kept
MOST_OPEN = 8  # recordings whose videos stay indexed
ENCODING = [
    *(cv2.IMWRITE_JPEG_QUALITY, 95),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRecording:
    """The videos of a recording, by view, as they were when they were opened (`version`)."""

    name: str
    version: str
    sources: Mapping[str, Frames]

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The frame numbers; views are numbered alike, so the first one's count."""
        return next(iter(self.sources.values())).numbers

    def index(self, view: str, frame: int) -> int:
        """Return where a view has the frame of a number; raises `LabelError` where it has not."""
        if view not in self.sources:
            raise LabelError(
                f"recording '{self.name}': no view '{view}'; it has {', '.join(self.sources)}"
            )
        numbers = self.sources[view].numbers
        index = int(np.searchsorted(numbers, frame))
        if index == len(numbers) or numbers[index] != frame:
            raise LabelError(
                f"recording '{self.name}', view '{view}': no frame {frame}; they go from "
                f"{numbers[0]} to {numbers[-1]}"
            )
        return index


class Pictures:
    """The recordings that are open for labelling, and the pictures made of them so far."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: OrderedDict[Path, OpenRecording] = OrderedDict()
        self._made: OrderedDict[tuple[Path, str, str, int], bytes] = OrderedDict()
        self._size = 0
        self._opening: dict[tuple[Path, str], Lock] = {}

    def recording(self, project: Project, name: str) -> OpenRecording:
        """Return an open recording, opened anew where its files have changed.

        Raises `ProjectError` for a name that is none, `VideoError` where its videos do not fit.
        """
        (name,) = project.choose_recordings([name])
        folder = project.root / "recordings" / name
        version = _version(project.recording_paths(name).values())
        with self._turn(folder, ""):
            known = self._open.get(folder)
            if known is None or known.version != version:
                sources = project.recording_sources(name)
                known = OpenRecording(name=name, version=version, sources=sources)
            with self._lock:
                self._open[folder] = known
                self._open.move_to_end(folder)
                while len(self._open) > MOST_OPEN:
                    self._open.popitem(last=False)
        return known

    def picture(self, recording: OpenRecording, view: str, frame: int) -> bytes:
        """Return a frame of a view as a JPEG; raises `VideoError` where it cannot be decoded."""
        index, source = recording.index(view, frame), recording.sources[view]
        key = (source.path, view, recording.version, index)
        with self._turn(source.path, view):  # who asks for the same one waits for it
            made = self._take(key)
            if made is None:
                made = _encode(source[index])
                self._keep(key, made)
        return made

    def _turn(self, path: Path, view: str) -> Lock:
        """Return what lets one at a time open a recording, or decode a view."""
        with self._lock:
            return self._opening.setdefault((path, view), Lock())

    def _take(self, key: tuple[Path, str, str, int]) -> bytes | None:
        """Return a picture that is there, which is then the last to be dropped."""
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
            return self._made.get(key)

    def _keep(self, key: tuple[Path, str, str, int], picture: bytes) -> None:
        """Keep a picture, and drop those not asked for the longest where there are too many."""
        with self._lock:
            self._made[key] = picture
            self._size += len(picture)
            while self._size > MOST:
                _, dropped = self._made.popitem(last=False)
                self._size -= len(dropped)


def _encode(image: npt.NDArray[np.uint8]) -> bytes:
    """Return an RGB image as a JPEG."""
    _, buffer = cv2.imencode(".jpg", image[..., ::-1], ENCODING)
    return buffer.tobytes()


def _version(paths: Iterable[Path]) -> str:
    """Return what changes when one of the videos or image folders does."""
    states = (path.stat() for path in paths)
    return "-".join(f"{state.st_mtime_ns:x}.{state.st_size:x}" for state in states)
