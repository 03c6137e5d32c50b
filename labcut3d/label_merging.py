"""New labels into those that are there, without losing any."""

import math
from collections.abc import Sequence
from pathlib import Path

from labcut3d.errors import LabelError
from labcut3d.labels import LabelRow

__all__ = ["merge_label_rows"]

SAME = 0.01  # px; labels that differ by less are the same, stored with fewer digits


def merge_label_rows(
    path: Path, rows: Sequence[LabelRow], added: Sequence[LabelRow], replacing: bool
) -> list[LabelRow]:
    """Return the old rows and the new ones; raise `LabelError` where they contradict each other.

    Two labels of an image contradict each other where a point lies elsewhere or in one alone;
    `replacing` lets the new one stand. A single individual may have another name in another file;
    it keeps that of the old rows.
    """
    if not added:
        raise LabelError(f"{path}: nothing to import; the files have no labels of these views")
    names = dict.fromkeys(row.individual for row in (*rows, *added))
    counts = {len({row.individual for row in part}) for part in (*_views(added), rows) if part}
    if len(names) > 1 and counts == {1}:
        added = [row._replace(individual=next(iter(names))) for row in added]
    old, new = _images(rows), _images(added)
    differing = [key for key in new if key in old and not _same(old[key], new[key])]
    if differing and not replacing:
        frame, view = differing[0]
        raise LabelError(
            f"{path}: frame {frame} of view '{view}' is labelled already, with other points"
            + (f", and {len(differing) - 1} more images" if len(differing) > 1 else "")
            + "; keep one of the two, or let the new ones take their place with --replace"
        )
    kept = {**new, **old, **{key: new[key] for key in differing}}
    return [row for image in kept.values() for row in image]


def _views(rows: Sequence[LabelRow]) -> list[list[LabelRow]]:
    """Return the rows of each view."""
    views: dict[str, list[LabelRow]] = {}
    for row in rows:
        views.setdefault(row.view, []).append(row)
    return list(views.values())


def _images(rows: Sequence[LabelRow]) -> dict[tuple[int, str], list[LabelRow]]:
    """Return the rows of each image, by frame and view."""
    images: dict[tuple[int, str], list[LabelRow]] = {}
    for row in rows:
        images.setdefault((row.frame, row.view), []).append(row)
    return images


def _same(first: Sequence[LabelRow], second: Sequence[LabelRow]) -> bool:
    """Tell whether two labels of an image show the same points."""
    one, other = (
        {(row.individual, row.keypoint): row for row in rows if not math.isnan(row.x)}
        for rows in (first, second)
    )
    return one.keys() == other.keys() and all(
        abs(row.x - other[key].x) < SAME and abs(row.y - other[key].y) < SAME
        for key, row in one.items()
    )
