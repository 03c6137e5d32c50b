"""The quality dashboard: all recordings of a project side by side, `quality.html`."""

from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go

from labcut3d.viewers.page import (
    TONES,
    Number,
    Page,
    escape,
    figure_block,
    half_block,
    length_text,
    number_text,
    readable_unit,
    render,
    table_block,
)
from labcut3d.viewers.palette import CYCLE, INK, PAPER, SEQUENTIAL, TEMPLATE, plain
from labcut3d.viewers.quality import Array, Quality

__all__ = [
    "figure_point_uncertainty",
    "figure_reconstructed",
    "figure_view_errors",
    "quality_page",
    "quality_rows",
]

COLUMNS = (
    *("recording", "moments", "reconstructed", "reprojection, px", "95 %", "uncertainty"),
    *("overruled", "filled", "withheld", "swaps repaired", "drift"),
)
ENOUGH = 0.9  # of the points, below which a recording is marked
CELL, MARGINS = 30, 130  # px of a row, and of what is around


def quality_page(qualities: Sequence[Quality], *, project: str) -> str:
    """Return the dashboard of one or more recordings as a self-contained HTML page."""
    figures = {
        "reconstructed": figure_reconstructed(qualities),
        "errors": figure_view_errors(qualities),
        "uncertainty": figure_point_uncertainty(qualities),
    }
    note = (
        "Reprojection: median distance from the detections that were used. Uncertainty: median "
        "standard deviation of a point in space, as stated. Overruled: detections that do not show "
        "their keypoint. Filled: points that their moment alone does not tell. Withheld: points "
        "that would be a guess. Drift: whether cameras were moved, once 'labcut3d drift' was run."
    )
    page = Page(
        kind="Quality",
        title=project,
        subtitle=f"{len(qualities)} recording{'s' if len(qualities) != 1 else ''}",
        numbers=_header(qualities),
        body=_drifts(qualities)
        + table_block("Recordings", COLUMNS, quality_rows(qualities), note)
        + figure_block(
            "reconstructed",
            "Reconstructed, by keypoint",
            "Part of the moments in which a keypoint has a position.",
            height=MARGINS + CELL * len(qualities),
        )
        + half_block(
            "errors", "Reprojection error of each view", "Median, and up to where 95 % lie."
        )
        + half_block(
            "uncertainty", "Uncertainty of each keypoint", "Median, and up to where 95 % lie."
        ),
        figures=figures,
    )
    return render(page)


def quality_rows(qualities: Sequence[Quality]) -> list[tuple[str, ...]]:
    """Return a row for each recording, in the order of the page's columns."""
    return [
        (
            quality.name,
            f"{quality.moments:,}",
            f"{100 * quality.reconstructed.mean():.1f} %",
            number_text(_middle(quality.errors[:, 0]), 3),
            number_text(_middle(quality.errors[:, 1]), 3),
            length_text(_middle(quality.uncertainty[:, 0]), quality.unit, 2),
            *(
                "–" if count is None else f"{count:,}"
                for count in (
                    quality.overruled,
                    quality.filled,
                    quality.withheld,
                    quality.repaired,
                )
            ),
            "–" if quality.drift is None else quality.drift.level,
        )
        for quality in qualities
    ]


def figure_reconstructed(qualities: Sequence[Quality]) -> go.Figure:
    """Return a map of the part of the moments in which each keypoint was reconstructed."""
    keypoints = list(dict.fromkeys(name for quality in qualities for name in quality.keypoints))
    shares = np.full((len(qualities), len(keypoints)), np.nan)
    for row, quality in enumerate(qualities):
        shares[row, [keypoints.index(name) for name in quality.keypoints]] = quality.reconstructed
    names = [plain(quality.name) for quality in qualities]
    figure = go.Figure(
        go.Heatmap(
            x=[plain(name) for name in keypoints],
            y=names,
            z=100 * shares,
            zmin=0,
            zmax=100,
            colorscale=SEQUENTIAL,
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate="%{y}, %{x}: %{z:.1f} %<extra></extra>",
        )
    )
    for row, column in np.argwhere(np.isfinite(shares)):
        figure.add_annotation(
            x=int(column),
            y=int(row),
            text=f"{100 * shares[row, column]:.0f}",
            showarrow=False,
            font={"size": 11, "color": PAPER if shares[row, column] > 0.5 else INK},
        )
    figure.update_layout(template=TEMPLATE, margin={"l": 110, "t": 10, "b": 90})
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False)
    return figure


def figure_view_errors(qualities: Sequence[Quality]) -> go.Figure:
    """Return the reprojection error of each view, px: medians, with bars up to 95 %."""
    return _medians(qualities, lambda one: (one.views, one.errors, 1.0), "reprojection error (px)")


def figure_point_uncertainty(qualities: Sequence[Quality]) -> go.Figure:
    """Return the stated standard deviation of each keypoint: medians, with bars up to 95 %."""
    medians = np.concatenate([quality.uncertainty[:, 0] for quality in qualities])
    shown, factor = readable_unit(_middle(medians), qualities[0].unit)
    return _medians(
        qualities,
        lambda one: (one.keypoints, one.uncertainty, factor),
        f"standard deviation ({plain(shown)})",
    )


def _medians(
    qualities: Sequence[Quality],
    values: Callable[[Quality], tuple[Sequence[str], Array, float]],
    title: str,
) -> go.Figure:
    """Return points side by side: values (n, 2), median and 95 %, of named things."""
    figure = go.Figure()
    for index, quality in enumerate(qualities):
        names, numbers, factor = values(quality)
        color = CYCLE[index % len(CYCLE)]
        figure.add_bar(
            x=[plain(name) for name in names],
            y=factor * numbers[:, 0],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": factor * (numbers[:, 1] - numbers[:, 0]),
                "arrayminus": np.zeros(len(numbers)),
                "color": color,
                "thickness": 1.4,
                "width": 3,
            },
            marker={"color": color},
            name=plain(quality.name),
            hovertemplate="%{x}: %{y:.3g}<extra></extra>",
        )
    figure.update_layout(template=TEMPLATE, barmode="group", bargap=0.35, margin={"b": 80, "r": 30})
    figure.update_yaxes(title_text=title, rangemode="tozero")
    return figure


def _header(qualities: Sequence[Quality]) -> list[Number]:
    """Return the numbers of the header: the recordings together, and the worst of them."""
    shares = np.array([quality.reconstructed.mean() for quality in qualities])
    worst = qualities[int(shares.argmin())]
    errors = [_middle(quality.errors[:, 0]) for quality in qualities]
    tone = "good" if shares.min() >= ENOUGH else "warn"
    judged = [quality.drift for quality in qualities if quality.drift is not None]
    moved = sum(finding.level == "FAIL" for finding in judged)
    return [
        Number(label="reconstructed", value=f"{100 * shares.mean():.1f} %"),
        Number(label=f"least, in {worst.name}", value=f"{100 * shares.min():.1f} %", tone=tone),
        Number(label="median reprojection", value=number_text(_middle(errors), 3, "px")),
        Number(
            label="cameras moved",
            value=f"in {moved} of {len(judged)}" if judged else "not looked at",
            tone="bad" if moved else ("good" if judged else ""),
        ),
    ]


def _drifts(qualities: Sequence[Quality]) -> str:
    """Return the verdicts on moved cameras that are not good, as HTML."""
    return "".join(
        f'<section class="card verdict {TONES[quality.drift.level]} {quality.drift.level.lower()}">'
        f"<p><b>{escape(quality.name)}</b>: {escape(quality.drift.reason)}. "
        f"{escape(quality.drift.remedy)}</p></section>"
        for quality in qualities
        if quality.drift is not None and quality.drift.level != "PASS"
    )


def _middle(values: Array | Sequence[float]) -> float:
    """Return the median of what is known, NaN where nothing is."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else np.nan
