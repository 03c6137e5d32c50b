"""Labelled frames: reading labels/NAME.csv and pairing it with its images.

One row a point: `frame,view,individual,keypoint,x,y`; empty x and y say that the keypoint is not
visible. A frame of a view counts as labelled when it has any row at all; of keypoints that have no
row there nothing is known, as while a person is still labelling.
"""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from calibration.files import write_text
from labcut3d.errors import LabelError
from labcut3d.video import Frames

__all__ = [
    "COLUMNS",
    "LabelRow",
    "LabelledImage",
    "Labels",
    "label_line",
    "labelled_images",
    "read_label_rows",
    "read_labels",
    "write_label_rows",
]

COLUMNS = ("frame", "view", "individual", "keypoint", "x", "y")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The labels of one recording.

    `position` (n, view, individual, keypoint, 2) px, NaN = not visible or not labelled;
    `known` (n, view, individual, keypoint) tells which have a row, and `labelled` (n, view) whether
    a view of a frame has any.
    """

    recording: str
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    individuals: tuple[str, ...]
    frames: npt.NDArray[np.int64]
    position: npt.NDArray[np.float64]
    known: npt.NDArray[np.bool_]

    @property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """Which views of which frames were labelled at all."""
        return np.asarray(self.known.any(axis=(2, 3)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledImage:
    """One labelled image: `image` (h, w, 3) uint8 RGB; `points` (individual, keypoint, 2) px.

    A point that is NaN is hidden where it is `known`, as all are by default; where not, nothing is
    said about it, and neither training nor judging asks anything of it. `known` is broadcast to
    (individual, keypoint).
    """

    recording: str
    frame: int
    view: str
    image: npt.NDArray[np.uint8]
    points: npt.NDArray[np.float64]
    known: npt.NDArray[np.bool_] = field(default_factory=lambda: np.array(True))

    def __post_init__(self) -> None:
        """Say of every point whether it is known."""
        object.__setattr__(self, "known", np.broadcast_to(self.known, self.points.shape[:-1]))


class LabelRow(NamedTuple):
    """One line of a labels file: a point, NaN where it is not visible."""

    frame: int
    view: str
    individual: str
    keypoint: str
    x: float
    y: float


def read_labels(path: Path, *, views: Sequence[str], keypoints: Sequence[str]) -> Labels:
    """Read a labels file of the recording that it is named after.

    Raises `LabelError` naming the file, the line and what is expected there.
    """
    rows = read_label_rows(path, views, keypoints)
    frames = np.unique([row.frame for row in rows]).astype(np.int64)
    individuals = tuple(dict.fromkeys(row.individual for row in rows))
    shape = (len(frames), len(views), len(individuals), len(keypoints))
    position = np.full((*shape, 2), np.nan)
    known = np.zeros(shape, dtype=bool)
    for row in rows:
        n, v = int(np.searchsorted(frames, row.frame)), views.index(row.view)
        i, k = individuals.index(row.individual), keypoints.index(row.keypoint)
        position[n, v, i, k] = row.x, row.y
        known[n, v, i, k] = True
    return Labels(
        recording=path.stem,
        views=tuple(views),
        keypoints=tuple(keypoints),
        individuals=individuals,
        frames=frames,
        position=position,
        known=known,
    )


def labelled_images(labels: Labels, sources: Mapping[str, Frames]) -> list[LabelledImage]:
    """Read the image of every labelled frame of every view from `sources`.

    Raises `LabelError` where a frame does not exist or cannot be decoded, or a point lies outside
    its image.
    """
    images = []
    for v, view in enumerate(labels.views):
        rows = np.flatnonzero(labels.labelled[:, v])
        if not len(rows):
            continue
        frames = sources[view]
        indices = _indices(labels, rows, frames, view)
        found = dict(frames.read(indices))
        for row, index in zip(rows, indices, strict=True):
            if index not in found:
                raise LabelError(
                    f"labels/{labels.recording}.csv: frame {labels.frames[row]} of view '{view}' "
                    f"cannot be decoded from {frames.path}; remove its labels, or copy it again"
                )
            points = labels.position[row, v]
            _require_inside(points, frames, labels, view, int(labels.frames[row]))
            images.append(
                LabelledImage(
                    recording=labels.recording,
                    frame=int(labels.frames[row]),
                    view=view,
                    image=found[index],
                    points=points,
                    known=labels.known[row, v],
                )
            )
    return images


def read_label_rows(path: Path, views: Sequence[str], keypoints: Sequence[str]) -> list[LabelRow]:
    """Read and check the lines of a labels file; raises `LabelError` as `read_labels` does."""
    known = {"view": views, "keypoint": keypoints}
    rows: list[LabelRow] = []
    seen: set[tuple[int, str, str, str]] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise LabelError(
                    f"{path}: columns are {','.join(reader.fieldnames or ()) or 'missing'}; "
                    f"expected {','.join(COLUMNS)}"
                )
            for fields in reader:
                where = f"{path}, line {reader.line_num}"
                row = _parse_row(fields, known, where)
                if row[:4] in seen:
                    raise LabelError(f"{where}: this point is labelled twice; remove one row")
                seen.add(row[:4])
                rows.append(row)
    except FileNotFoundError as error:
        raise LabelError(f"{path}: no such labels file") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelError(f"{path}: not a readable CSV file ({error})") from error
    if not rows:
        raise LabelError(f"{path}: holds no labels; label some frames or remove the file")
    return rows


def write_label_rows(path: Path, rows: Iterable[LabelRow]) -> None:
    """Write a labels file, atomically, to a millionth of a pixel."""
    write_text(path, "\n".join([",".join(COLUMNS), *map(label_line, rows), ""]))


def label_line(row: LabelRow) -> str:
    """Return a row as a line of a labels file, without its end."""
    stream = StringIO()
    pixels = ("" if math.isnan(value) else f"{round(value, 6):.12g}" for value in row[4:])
    csv.writer(stream, lineterminator="").writerow([*row[:4], *pixels])
    return stream.getvalue()


def _parse_row(
    fields: Mapping[str | None, str | None], known: Mapping[str, Sequence[str]], where: str
) -> LabelRow:
    """Return one line as typed values; raise `LabelError` for the first that is wrong."""
    if None in fields or None in fields.values():
        raise LabelError(f"{where}: expected {len(COLUMNS)} values, {','.join(COLUMNS)}")
    text = {str(name): str(value).strip() for name, value in fields.items()}
    for column, names in known.items():
        if text[column] not in names:
            raise LabelError(
                f"{where}: {column} '{text[column]}' is none of the project's: {', '.join(names)}"
            )
    if not (text["frame"].isascii() and text["frame"].isdigit() and len(text["frame"]) < 10):
        raise LabelError(f"{where}: '{text['frame']}' in column frame is not a frame number")
    if not text["individual"]:
        raise LabelError(f"{where}: the individual has no name")
    if (text["x"] == "") != (text["y"] == ""):
        raise LabelError(
            f"{where}: only one of x and y is given; give both, "
            "or neither where the keypoint is not visible"
        )
    x, y = (_parse_pixel(text[column], column, where) for column in ("x", "y"))
    return LabelRow(int(text["frame"]), text["view"], text["individual"], text["keypoint"], x, y)


def _parse_pixel(text: str, column: str, where: str) -> float:
    """Return a coordinate, NaN where it is left empty."""
    if not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise LabelError(f"{where}: '{text}' in column {column} is not a coordinate in pixels")
    return value


def _indices(labels: Labels, rows: npt.NDArray[np.int64], frames: Frames, view: str) -> list[int]:
    """Return the index in `frames` of each labelled frame number."""
    numbers = labels.frames[rows]
    indices = np.searchsorted(frames.numbers, numbers)
    inside = np.minimum(indices, len(frames) - 1)
    missing = frames.numbers[inside] != numbers
    if missing.any():
        raise LabelError(
            f"labels/{labels.recording}.csv: frame {numbers[missing][0]} of view '{view}' is not "
            f"in {frames.path}, which has {len(frames)} frames"
        )
    return indices.tolist()


def _require_inside(
    points: npt.NDArray[np.float64], frames: Frames, labels: Labels, view: str, frame: int
) -> None:
    """Refuse a label outside its image; the outermost pixels reach half a pixel out."""
    limit = np.array(frames.size) - 0.5
    outside = ((points < -0.5) | (points > limit)).any(axis=-1)
    if outside.any():
        i, k = np.argwhere(outside)[0]
        x, y = points[i, k]
        raise LabelError(
            f"labels/{labels.recording}.csv: frame {frame}, view '{view}', keypoint "
            f"'{labels.keypoints[k]}': ({x:g}, {y:g}) lies outside the image of "
            f"{frames.size[0]}x{frames.size[1]} px; correct it, or leave x and y empty"
        )
