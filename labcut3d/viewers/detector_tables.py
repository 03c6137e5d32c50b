"""Tables of a detector's errors: by keypoint and view, and unseen images beside trained ones."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labcut3d.viewers.page import number_text, table_block

if TYPE_CHECKING:  # these modules import torch, which a page has no use for
    from labcut3d.detection.comparison import Comparison
    from labcut3d.detection.evaluation import Evaluation
    from labcut3d.detection.learningcurve import LearningCurve

__all__ = ["comparison_table", "error_tables", "learning_table", "percent"]

COMPARED = ("mean", "rms", "median", "p95")
EXPLAINED = (
    'Mean is the mean Euclidean distance, which DeepLabCut names "RMSE"; RMS the root of the mean '
    "square. Within is the fraction of labels nearer than that (PCK); confident the fraction whose "
    "detection has a confidence of at least 50 %."
)


def error_tables(evaluation: "Evaluation", trained: "Evaluation | None" = None) -> str:
    """Return the errors by keypoint, and by view where there are several, as HTML.

    With `trained`, an evaluation of images that were trained on, its errors stand beside.
    """
    rows = _rows_by_name(evaluation)
    beside = {} if trained is None else _rows_by_name(trained)
    columns = _columns(evaluation.tolerance)
    keys = () if trained is None else ("mean", "median")
    keypoints = ("all", *evaluation.keypoints)
    lines = [
        [
            name if name != "all" else "all keypoints",
            *_cells(rows[name, "all"]),
            *(number_text(float(beside[name, "all"][key]), 3) for key in keys),
        ]
        for name in keypoints
    ]
    note = EXPLAINED
    if trained is not None:
        note += " On the right, the same for images that the detector was trained on."
    html = table_block(
        "Errors by keypoint",
        ["keypoint", *columns, *(f"trained on: {key}" for key in keys)],
        lines,
        note,
    )
    views = list(dict.fromkeys(evaluation.views))
    if len(views) == 1:
        return html
    lines = [[view, *_cells(rows["all", view])] for view in views]
    html += table_block("Errors by view, all keypoints", ["view", *columns], lines)
    lines = [
        [f"{name}, {view}", *_cells(rows[name, view])]
        for name in evaluation.keypoints
        for view in views
    ]
    table = table_block("Errors by keypoint and view", ["keypoint, view", *columns], lines)
    return f"{html}<details><summary>Errors by keypoint and view</summary>{table}</details>"


def learning_table(curve: "LearningCurve") -> str:
    """Return the errors for each number of labelled moments as HTML."""
    judged = curve.joined()
    lines = [
        [str(moments), *_cells(part.summary())]
        for moments, part in zip(curve.moments, judged, strict=True)
    ]
    columns = ["labelled moments", *_columns(judged[0].tolerance)]
    return table_block("Errors by number of labels", columns, lines, EXPLAINED)


def comparison_table(comparison: "Comparison", heading: str) -> str:
    """Return the errors of two detectors on the same labels, by keypoint, as HTML."""
    before, after = _rows_by_name(comparison.before), _rows_by_name(comparison.after)
    lines = []
    for name in ("all", *comparison.before.keypoints):
        old, new = before[name, "all"], after[name, "all"]
        pairs = [(number_text(float(row[key]), 3) for row in (old, new)) for key in COMPARED]
        right = [percent(float(row["within"])) for row in (old, new)]
        title = name if name != "all" else "all keypoints"
        lines.append([title, str(int(old["labels"])), *(" → ".join(p) for p in (*pairs, right))])
    columns = ["keypoint", "labels", "mean px", "RMS px", "median px", "95 % px"]
    within = f"within {comparison.before.tolerance:g} px"
    return table_block(heading, [*columns, within], lines, "Before → after.")


def percent(fraction: float) -> str:
    """Return a fraction as a percentage, or a dash for NaN."""
    return "–" if not np.isfinite(fraction) else f"{100 * fraction:.1f}\N{NO-BREAK SPACE}%"


def _columns(tolerance: float) -> Sequence[str]:
    """Return the headings of `_cells`."""
    names = ("labels", "mean px", "RMS px", "median px", "95 % px")
    return (*names, f"within {tolerance:g} px", "confident")


def _cells(row: Mapping[str, Any]) -> list[str]:
    """Return the figures of `Evaluation.table` or `summary` in words."""
    return [
        str(int(row["labels"])),
        *(number_text(float(row[key]), 3) for key in ("mean", "rms", "median", "p95")),
        *(percent(float(row[key])) for key in ("within", "coverage")),
    ]


def _rows_by_name(evaluation: "Evaluation") -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the rows of an evaluation's table by keypoint and view."""
    records = evaluation.table().to_dict("records")
    return {(str(row["keypoint"]), str(row["view"])): row for row in records}
