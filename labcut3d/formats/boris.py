"""Events for BORIS, the program in which behaviour is coded by hand, to be looked at and corrected.

A .boris file is a project of its own: subjects, ethogram, and an observation for each recording
with its videos; BORIS opens it, or takes observations from it (File > Import observations). An
.xlsx file holds the events of one recording, which BORIS imports into an open observation. The
layouts are those that BORIS 9 reads: JSON of format version 7.0, and columns time, subject, code,
modifier, comment. A state is two rows of one code, its start and its stop; a point event is one.
"""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.files import atomic_write, write_text
from labcut3d.errors import FileFormatError

__all__ = ["BorisObservation", "boris_rows", "write_boris"]

FORMAT_VERSION = "7.0"
PLAYERS = 8  # videos that BORIS shows side by side
IMPORTED = ("time", "subject", "code", "modifier", "comment")
UNDATED = "1970-01-01T00:00:00"
KEYS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BorisObservation:
    """The events of one recording, with the columns of events.csv, and its videos (first first).

    `fps` is the videos' frame rate, `duration_s` their length, `date` when they were made, as in
    2026-01-31T12:00:00.
    """

    name: str
    events: pd.DataFrame
    fps: float
    duration_s: float
    date: str = UNDATED
    videos: Sequence[Path] = field(default=())


def write_boris(observations: Sequence[BorisObservation], path: str | os.PathLike[str]) -> None:
    """Write events as a .boris project, or those of one recording as an .xlsx table.

    Raises `FileFormatError` for another ending, for several recordings in one table, or where
    openpyxl, which writes .xlsx files, is not installed.
    """
    path = Path(path)
    if path.suffix == ".boris":
        write_text(path, json.dumps(_project(observations, path), indent=1) + "\n")
    elif path.suffix != ".xlsx":
        raise FileFormatError(f"{path}: BORIS reads .boris and .xlsx files; choose one of these")
    elif len(observations) != 1:
        raise FileFormatError(
            f"{path}: an .xlsx table holds one recording, not {len(observations)}; "
            "name one, or write a .boris file"
        )
    else:
        events = observations[0].events
        _write_table(boris_rows(events, _states(events)), path)


def boris_rows(events: pd.DataFrame, states: Collection[str]) -> pd.DataFrame:
    """Return the rows that BORIS keeps of events: `IMPORTED` and `frame`, by time.

    Events called as one of `states` have a row for their first frame and one for their last, others
    one row. The comment of the first tells the confidence, and the place where there is one.
    """
    rows: list[tuple[float, int, str, str, str, str, int]] = []
    for event in events.to_dict("records"):
        who, code = str(event["individual"]), str(event["event"])
        rows.append(
            (event["start_s"], 1, who, code, "", _comment(event), int(event["start_frame"]))
        )
        if code in states:
            order = 2 if event["stop_frame"] == event["start_frame"] else 0
            rows.append((event["stop_s"], order, who, code, "", "", int(event["stop_frame"])))
    # Where one ends as another begins, its end comes first.
    rows.sort(key=lambda row: row[:2])
    columns = ("time", "order", "subject", "code", "modifier", "comment", "frame")
    table = pd.DataFrame(rows, columns=list(columns)).drop(columns="order")
    return table.astype({"time": "float64", "frame": "int64"})


def _states(events: pd.DataFrame) -> set[str]:
    """Return the kinds of events of which any lasts longer than a frame."""
    lasting = events["stop_frame"] > events["start_frame"]
    return {str(name) for name in events.loc[lasting, "event"]}


def _write_table(rows: pd.DataFrame, path: Path) -> None:
    """Write rows as the first sheet of an .xlsx file, atomically."""
    try:
        with atomic_write(path) as temporary:
            rows[list(IMPORTED)].to_excel(temporary, index=False, engine="openpyxl")
    except ImportError as error:
        raise FileFormatError(
            f'{path}: .xlsx files need pip install "labcut3d[boris]"; a .boris file needs nothing'
        ) from error


def _project(observations: Sequence[BorisObservation], path: Path) -> dict[str, Any]:
    """Return a BORIS project as JSON has it."""
    events = pd.concat([one.events for one in observations], ignore_index=True)
    subjects = sorted({str(name) for name in events["individual"]})
    return {
        "time_format": "s",
        "project_name": path.stem,
        "project_date": "",
        "project_description": "events found by labcut3d",
        "project_format_version": FORMAT_VERSION,
        "subjects_conf": {
            str(index): {
                "key": str(index + 1) if index < 9 else "",
                "name": name,
                "description": "",
            }
            for index, name in enumerate(subjects)
        },
        "behaviors_conf": _ethogram(events),
        "observations": {
            one.name: _observation(one, _states(events), path.parent) for one in observations
        },
        "behavioral_categories": [],
        "behavioral_categories_config": {},
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
    }


def _ethogram(events: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Return the kinds of events: states where any lasts, else point events."""
    kinds, states = sorted({str(name) for name in events["event"]}), _states(events)
    return {
        str(index): {
            "type": "State event" if kind in states else "Point event",
            "key": KEYS[index] if index < len(KEYS) else "",
            "code": kind,
            "description": kind.replace("_", " "),
            "color": "",
            "category": "",
            "modifiers": "",
            "excluded": "",
            "coding map": "",
        }
        for index, kind in enumerate(kinds)
    }


def _observation(one: BorisObservation, states: set[str], folder: Path) -> dict[str, Any]:
    """Return a recording as JSON has it; videos in the project's folder are named from there."""
    names = [_relative(video, folder) for video in one.videos[:PLAYERS]]
    rows = boris_rows(one.events, states)
    return {
        "file": {str(p + 1): names[p : p + 1] for p in range(PLAYERS)},
        "type": "MEDIA" if names else "LIVE",
        "date": one.date,
        "description": "",
        "time offset": 0.0,
        "events": [
            [row[column] for column in (*IMPORTED, "frame")] for row in rows.to_dict("records")
        ],
        "observation time interval": [0, 0],
        "independent_variables": {},
        "visualize_spectrogram": False,
        "visualize_waveform": False,
        "media_creation_date_as_offset": False,
        "media_scan_sampling_duration": 0,
        "image_display_duration": 1,
        "close_behaviors_between_videos": False,
        "media_info": {
            "length": dict.fromkeys(names, one.duration_s),
            "fps": dict.fromkeys(names, one.fps),
            "hasVideo": dict.fromkeys(names, True),
            "hasAudio": dict.fromkeys(names, False),
            "offset": {str(p + 1): 0.0 for p in range(len(names))},
        },
    }


def _relative(video: Path, folder: Path) -> str:
    """Return how BORIS names a video: from the project's folder where it is below it."""
    full, root = video.resolve(), folder.resolve()
    return full.relative_to(root).as_posix() if full.is_relative_to(root) else full.as_posix()


def _comment(event: Mapping[Any, Any]) -> str:
    """Return in words how sure an event is, and where it was."""
    text = f"confidence {event['confidence']:.3f}"
    place = [event[axis] for axis in "xyz"]
    if all(pd.notna(value) for value in place):
        text += f", at {', '.join(f'{value:.4g}' for value in place)}"
    return text
