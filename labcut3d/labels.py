"""Labelled frames: reading labels/NAME.csv and pairing it with its images.

One row a point: `frame,view,individual,keypoint,x,y`; empty x and y say that the keypoint is not
visible. A frame of a view counts as labelled when it has any row at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from labcut3d.errors import LabelError
from labcut3d.video import Frames

__all__ = ["COLUMNS", "LabelledImage", "Labels", "labelled_images", "read_labels"]

COLUMNS = ("frame", "view", "individual", "keypoint", "x", "y")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The labels of one recording.

    `position` (n, view, individual, keypoint, 2) px, NaN = not visible or not labelled;
    `labelled` (n, view) tells whether a view of a frame was labelled at all.
    """

    recording: str
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    individuals: tuple[str, ...]
    frames: npt.NDArray[np.int64]
    position: npt.NDArray[np.float64]
    labelled: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledImage:
    """One labelled image: `image` (h, w, 3) uint8 RGB; `points` (individual, keypoint, 2) px."""

    recording: str
    frame: int
    view: str
    image: npt.NDArray[np.uint8]
    points: npt.NDArray[np.float64]


def read_labels(path: Path, *, views: Sequence[str], keypoints: Sequence[str]) -> Labels:
    """Read a labels file of the recording that it is named after.

    Raises `LabelError` naming the file, the line and what is expected there.
    """
    table = _read_table(path)
    _require_known(table, "view", views, path)
    _require_known(table, "keypoint", keypoints, path)
    repeated = table.duplicated(["frame", "view", "individual", "keypoint"])
    if repeated.any():
        line = _line(table, repeated)
        raise LabelError(f"{path}, line {line}: this point is labelled twice; remove one row")
    half = table["x"].isna() != table["y"].isna()
    if half.any():
        raise LabelError(
            f"{path}, line {_line(table, half)}: only one of x and y is given; "
            "give both, or neither where the keypoint is not visible"
        )
    frames = np.unique(table["frame"].to_numpy(np.int64))
    individuals = tuple(dict.fromkeys(table["individual"]))
    where = (
        np.searchsorted(frames, table["frame"]),
        pd.Index(views).get_indexer(pd.Index(table["view"])),
        pd.Index(individuals).get_indexer(pd.Index(table["individual"])),
        pd.Index(keypoints).get_indexer(pd.Index(table["keypoint"])),
    )
    shape = (len(frames), len(views), len(individuals), len(keypoints))
    position = np.full((*shape, 2), np.nan)
    position[where] = table[["x", "y"]].to_numpy(float)
    labelled = np.zeros(shape[:2], dtype=bool)
    labelled[where[0], where[1]] = True
    return Labels(
        recording=path.stem,
        views=tuple(views),
        keypoints=tuple(keypoints),
        individuals=individuals,
        frames=frames,
        position=position,
        labelled=labelled,
    )


def labelled_images(labels: Labels, sources: Mapping[str, Frames]) -> list[LabelledImage]:
    """Read the image of every labelled frame of every view from `sources`.

    Raises `LabelError` where a frame does not exist or a point lies outside its image.
    """
    images = []
    for v, view in enumerate(labels.views):
        rows = np.flatnonzero(labels.labelled[:, v])
        if not len(rows):
            continue
        frames = sources[view]
        indices = _indices(labels, rows, frames, view)
        for row, (_, image) in zip(rows, frames.read(indices), strict=True):
            points = labels.position[row, v]
            _require_inside(points, frames, labels, view, int(labels.frames[row]))
            images.append(
                LabelledImage(
                    recording=labels.recording,
                    frame=int(labels.frames[row]),
                    view=view,
                    image=image,
                    points=points,
                )
            )
    return images


def _read_table(path: Path) -> pd.DataFrame:
    """Read the CSV file with typed columns."""
    try:
        names = {"view": str, "individual": str, "keypoint": str}
        table = pd.read_csv(path, dtype=names, keep_default_na=False, na_values={"x": "", "y": ""})
    except FileNotFoundError as error:
        raise LabelError(f"{path}: no such labels file") from error
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise LabelError(f"{path}: not a readable CSV file ({error})") from error
    if tuple(table.columns) != COLUMNS:
        raise LabelError(
            f"{path}: columns are {','.join(map(str, table.columns))}; expected {','.join(COLUMNS)}"
        )
    if table.empty:
        raise LabelError(f"{path}: holds no labels; label some frames or remove the file")
    for column in ("frame", "x", "y"):
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = numbers.isna() & (table[column].notna() | (column == "frame"))
        if column == "frame":
            wrong |= (numbers % 1 != 0) | (numbers < 0)
        else:
            wrong |= np.isinf(numbers)
        if wrong.any():
            line = _line(table, wrong)
            value: Any = table.loc[wrong, column].iloc[0]
            kind = "a frame number" if column == "frame" else "a coordinate in pixels"
            raise LabelError(f"{path}, line {line}: '{value}' in column {column} is not {kind}")
        table[column] = numbers
    return table


def _require_known(table: pd.DataFrame, column: str, known: Sequence[str], path: Path) -> None:
    """Refuse a view or keypoint that the project does not have."""
    unknown = ~table[column].isin(list(known))
    if unknown.any():
        name = table.loc[unknown, column].iloc[0]
        raise LabelError(
            f"{path}, line {_line(table, unknown)}: {column} '{name}' is none of the project's: "
            f"{', '.join(known)}"
        )


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


def _line(table: pd.DataFrame, mask: Any) -> int:
    """Return the line in the file of the first row where `mask` is true."""
    return int(np.flatnonzero(np.asarray(mask))[0]) + 2
