"""A recording's detection in chunks of frames: each is kept when done, and any process can do it.

results/NAME/.chunks/VIEW-START-STOP.npz     what was found in these frames of the view
results/NAME/.chunks/.stamps/                what each was made from

They are joined into detections.nc, and removed then.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from calibration.files import atomic_write
from calibration.npz import read_npz
from labcut3d.progress import Progress
from labcut3d.provenance import changed_inputs, write_stamp
from labcut3d.region import Region
from labcut3d.video import Frames, open_frames

if TYPE_CHECKING:  # torch is only loaded where it is used
    import xarray as xr

    from labcut3d.detection.detector import Detector

__all__ = ["Chunk", "detect_chunk", "join_chunks", "missing_in", "remove_chunks", "spans"]

Numbers = npt.NDArray[np.int64]

FOLDER = ".chunks"
LARGEST = 2**40  # bytes: chunks are our own, and as long as the settings ask
ARRAYS = ("position", "confidence", "covariance", "read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The frames `start` to `stop` of a view: all that a process needs to detect in them.

    `source` is the view's video or image folder, of `frames` frames, `region` its part that is the
    view; `model` the detector's folder, `inputs` the hashes of what the detections are made from.
    """

    folder: Path
    view: str
    source: Path
    region: Region
    frames: int
    start: int
    stop: int
    model: Path
    inputs: Mapping[str, str]

    @property
    def path(self) -> Path:
        """Where the detections are kept until they are joined."""
        return self.folder / FOLDER / f"{self.view}-{self.start}-{self.stop}.npz"

    @property
    def done(self) -> bool:
        """Whether the detections are there, whole, and made from the present inputs."""
        return not changed_inputs(self.path, self.inputs)


def spans(total: int, length: int) -> tuple[range, ...]:
    """Return the frames 0 to `total` in runs of `length`, the last one shorter."""
    return tuple(range(at, min(at + length, total)) for at in range(0, total, length))


def detect_chunk(chunk: Chunk, progress: Progress | None = None) -> None:
    """Find the keypoints in a chunk and keep them, unless that is done."""
    if chunk.done:
        return
    from labcut3d.detection.inference import detect_frames

    detector = _detector(chunk.model, chunk.inputs["model"])
    frames = _frames(chunk.source, chunk.region, chunk.frames, chunk.inputs["video"])
    span = range(chunk.start, chunk.stop)
    found = detect_frames(detector, frames, span, view=chunk.view, progress=progress)
    with atomic_write(chunk.path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **{name: getattr(found, name) for name in ARRAYS})
    write_stamp(chunk.path, chunk.inputs)


@lru_cache(maxsize=1)
def _detector(model: Path, version: str) -> "Detector":
    """Return a trained detector; a process keeps its last one, as long as it does not change."""
    from labcut3d.detection.storage import load_detector

    return load_detector(model)


@lru_cache(maxsize=8)
def _frames(source: Path, region: Region, frames: int, version: str) -> Frames:
    """Return an open video; a process keeps its last ones, whose index takes a while to read."""
    return open_frames(source, region, damaged=True, least=frames)


def missing_in(chunks: Sequence[Chunk], numbers: Mapping[str, Numbers]) -> str:
    """Return which frames could not be read in chunks that are all done, "" where there are none.

    `numbers` are the numbers of all frames by view.
    """
    from labcut3d.detection.inference import missing_frames

    read = {
        view: np.concatenate([_read(one, ("read",))["read"] for one in chunks if one.view == view])
        for view in numbers
    }
    return missing_frames(read, numbers)


def join_chunks(
    chunks: Sequence[Chunk],
    *,
    keypoints: Sequence[str],
    individual: str,
    fps: float,
    numbers: Mapping[str, Numbers],
    attrs: Mapping[str, str],
) -> "Iterator[xr.Dataset]":
    """Yield the detections of all views, frames after frames, out of chunks that are all done.

    `numbers` are the numbers of all frames by view; `attrs` are added to the attributes.
    """
    from labcut3d.detection.inference import ViewFound, combine_views

    rows: dict[range, dict[str, Chunk]] = {}
    for chunk in chunks:
        rows.setdefault(range(chunk.start, chunk.stop), {})[chunk.view] = chunk
    for span, row in rows.items():
        yield combine_views(
            {view: ViewFound(**_read(row[view], ARRAYS)) for view in numbers},
            keypoints=keypoints,
            individual=individual,
            fps=fps,
            numbers={view: all_of[span.start : span.stop] for view, all_of in numbers.items()},
            attrs=attrs,
        )


def remove_chunks(folder: Path) -> None:
    """Remove all chunks of a recording, whose results are in `folder`, and let go of its detector.

    Another process that is just writing one fails there: it need not be written any more.
    """
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    _detector.cache_clear()
    _frames.cache_clear()


def _read(chunk: Chunk, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read arrays of a chunk that is done; raises `FileFormatError` where it was spoilt since."""
    return read_npz(chunk.path, names, "a chunk of detections: delete it and detect again", LARGEST)
