"""Which images of several views belong together, by their time stamps.

Stamps come from a `timestamps.csv` beside the videos (columns sync_index, cam_id, frame_time in
seconds, and others that are ignored: one row for each frame of each camera, in order), or else
from the videos' containers. A frame that a camera dropped leaves a gap, and what follows keeps its
place.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from calibration.corners.observations import Observations
from calibration.errors import CalibrationError, FileFormatError
from calibration.files import read_table
from calibration.geometry import Array
from calibration.timing.clocks import Clock

__all__ = ["Timeline", "pair_by_time", "read_timestamps", "with_times"]

COLUMNS = ("sync_index", "cam_id", "frame_time")
UNEVEN = 0.25  # of a frame: stamps farther than this off an even grid tell a variable frame rate
LARGEST_INDEX = 10**12
LATEST = 1e11  # s; time stamps are seconds, even those that count from 1970
MOST_GAPS = 1000  # frames left out for each that is there


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timeline:
    """When the images of one view were taken.

    `numbers` (image,) by which images of different views belong together; `times` (image,) s;
    `dropped` the numbers between the first and the last that the view did not record.
    """

    numbers: np.ndarray
    times: Array
    dropped: tuple[int, ...]


def read_timestamps(path: str | os.PathLike[str], counts: Mapping[str, int]) -> dict[str, Timeline]:
    """Read a timestamps.csv for views with `counts` frames in their videos.

    A view is the camera whose `cam_id` is its name, or the number its name ends in. Raises
    `FileFormatError` naming the file, the line and the view: a column or a camera is missing, a
    value is no number, time does not rise, or the count of rows is not that of the video's frames.
    """
    cameras = _rows_by_camera(Path(path))
    return {
        view: _timeline(Path(path), view, cameras[_camera_of(Path(path), view, cameras)], count)
        for view, count in counts.items()
    }


def pair_by_time(times: Mapping[str, Array]) -> dict[str, Timeline]:
    """Number the images of views from their videos' own time stamps, s, each starting at its 0.

    Where no view has a gap and all have equally many images, they are simply counted; gaps are
    dropped frames. Raises `CalibrationError` with the counts where the stamps do not tell which
    images belong together.
    """
    for view, stamps in times.items():
        if np.ndim(stamps) != 1 or not len(stamps) or not (np.abs(stamps) <= LATEST).all():
            raise CalibrationError(
                f"view '{view}': its time stamps must be a list of finite seconds, one an image"
            )
    if not times:
        raise CalibrationError("there are no time stamps to pair; give those of each view")
    starts = {view: np.asarray(s, dtype=float) - s[0] for view, s in times.items()}
    steps = np.concatenate([np.diff(stamps) for stamps in starts.values()])
    period = float(np.median(steps)) if steps.size else 1.0
    period = period if period > 0 else 1.0  # stamps that do not rise are told apart below
    slots = {view: np.round(s / period).astype(int) for view, s in starts.items()}
    counts = {view: len(stamps) for view, stamps in times.items()}
    even = all(_is_even(starts[view], slots[view], period) for view in times)
    if not even:
        if len(set(counts.values())) > 1:
            raise CalibrationError(_unpaired(counts, {}, "and their frame rate varies"))
        slots = {view: np.arange(count) for view, count in counts.items()}
    spans = {view: int(numbers[-1]) + 1 for view, numbers in slots.items()}
    if len(set(spans.values())) > 1 and len(set(counts.values())) > 1:
        raise CalibrationError(_unpaired(counts, spans, "and gaps in time do not explain it"))
    return {
        view: Timeline(numbers=slots[view], times=starts[view], dropped=_missing(slots[view]))
        for view in times
    }


def with_times(observations: Observations, timelines: Mapping[str, Timeline]) -> Observations:
    """Return observations with the time stamps and the dropped frames of their views.

    Every view needs its timeline, whose numbers are the observations' frames.
    """
    times = np.full(observations.corners.shape[:2], np.nan)
    for row, view in enumerate(observations.views):
        line = timelines[view]
        known = np.isin(line.numbers, observations.frames)
        times[row, np.searchsorted(observations.frames, line.numbers[known])] = line.times[known]
    clocks = tuple(Clock(view=v, dropped=timelines[v].dropped) for v in observations.views)
    return replace(observations, times=times, clocks=clocks)


def _rows_by_camera(path: Path) -> dict[str, list[tuple[int, int, float]]]:
    """Return (line, sync_index, frame_time) of each camera, in the order of the file."""
    cameras: dict[str, list[tuple[int, int, float]]] = {}
    for line, row in read_table(path, COLUMNS):
        cameras.setdefault(row["cam_id"].strip(), []).append(_parse_row(path, line, row))
    return cameras


def _parse_row(path: Path, line: int, row: Mapping[str, str]) -> tuple[int, int, float]:
    """Return (line, sync_index, frame_time) of one row."""
    try:
        index, time = int(row["sync_index"]), float(row["frame_time"])
    except ValueError:
        index, time = -1, float("nan")
    if not 0 <= index <= LARGEST_INDEX or not abs(time) <= LATEST:
        raise FileFormatError(
            f"{path}, line {line}: sync_index '{row['sync_index']}' and frame_time "
            f"'{row['frame_time']}' must be a whole number and seconds; leave out the row of a "
            "frame that was dropped"
        )
    return line, index, time


def _camera_of(path: Path, view: str, cameras: Mapping[str, object]) -> str:
    """Return the cam_id that is the view's name, or the number that its name ends in."""
    if view in cameras:
        return view
    number = re.search(r"\d+$", view)
    found = [c for c in cameras if number and c.isdecimal() and int(c) == int(number[0])]
    if len(found) != 1:
        raise FileFormatError(
            f"{path}: no rows for view '{view}'; its cam_id must be the view's name or the number "
            f"that the name ends in, but the file has cam_id {', '.join(map(repr, cameras))}"
        )
    return found[0]


def _timeline(path: Path, view: str, rows: list[tuple[int, int, float]], count: int) -> Timeline:
    """Return the timeline of one view whose video has `count` frames."""
    lines, numbers, times = (np.array(column) for column in zip(*rows, strict=True))
    order = np.argsort(numbers, kind="stable")
    lines, numbers, times = lines[order], numbers[order], times[order]
    for values, name in ((numbers, "sync_index"), (times, "frame_time")):
        for late in np.flatnonzero(np.diff(values) <= 0)[:1] + 1:
            raise FileFormatError(
                f"{path}, line {lines[late]}: view '{view}': {name} {values[late]} does not come "
                f"after {values[late - 1]}, that of its frame before; time must rise"
            )
    if len(numbers) != count:
        raise FileFormatError(
            f"{path}: {len(numbers)} rows for view '{view}', but its video has {count} frames; "
            "each frame needs its row: take the file that was recorded with these videos, or "
            "remove it to pair frames by their count"
        )
    return Timeline(numbers=numbers, times=times, dropped=_missing(numbers))


def _missing(numbers: np.ndarray) -> tuple[int, ...]:
    """Return the numbers that rising numbers leave out.

    Raises `CalibrationError` where they leave out so many that they cannot be frame numbers.
    """
    span = int(numbers[-1]) - int(numbers[0])
    if span > MOST_GAPS * (len(numbers) + MOST_GAPS):
        raise CalibrationError(
            f"frame numbers or times from {numbers[0]} to {numbers[-1]} for {len(numbers)} frames: "
            "nearly all would be missing; look for a mistyped one in the time stamps"
        )
    return tuple(np.setdiff1d(np.arange(numbers[0], numbers[-1] + 1), numbers).tolist())


def _is_even(stamps: Array, slots: np.ndarray, period: float) -> bool:
    """Tell whether stamps are frames of one rate, but for some that were dropped."""
    steps = np.diff(stamps) / period
    return bool((np.diff(slots) > 0).all() and (np.abs(steps - np.round(steps)) < UNEVEN).all())


def _unpaired(counts: Mapping[str, int], spans: Mapping[str, int], why: str) -> str:
    """Return the message for videos whose frames cannot be told to belong together."""
    listed = ", ".join(
        f"{view} {count}"
        + (f" ({spans[view] - count} dropped)" if spans and spans[view] > count else "")
        for view, count in counts.items()
    )
    return (
        f"the board videos have unequal numbers of frames ({listed}) {why}, so which frames belong "
        "together is unknown; cut them to the same moments, or put a timestamps.csv "
        f"({', '.join(COLUMNS)}) beside them"
    )
