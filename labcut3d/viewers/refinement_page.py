"""Whether refined detectors are better, and what they were refined with: `refinement.html`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from labcut3d.labels import LabelledImage
from labcut3d.skeleton import Skeleton
from labcut3d.viewers.detector_pictures import picture_block, picture_of_points
from labcut3d.viewers.detector_tables import comparison_table
from labcut3d.viewers.page import Number, Page, escape, figure_block, number_text, render
from labcut3d.viewers.palette import CYCLE, MUTED, TEMPLATE, keypoint_colors, plain

if TYPE_CHECKING:  # brings torch along, which a page has no use for
    from labcut3d.detection.comparison import Comparison

__all__ = ["Refined", "figure_before_after", "refinement_page"]

PICTURES = 12  # pseudo-labelled images shown


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refined:
    """One refined detector: its errors beside the old one's, and what it was trained on.

    `labelled` counts the images that a person labelled, `pseudo` are those that geometry did.
    """

    comparison: "Comparison"
    labelled: int
    pseudo: tuple[LabelledImage, ...]


def refinement_page(project: str, refined: Mapping[str, Refined], skeleton: Skeleton) -> str:
    """Return the page; `refined` by the view of each detector, "" for a shared one."""
    numbers, figures, body = [], {}, ""
    for name, one in refined.items():
        before, after = one.comparison.before.summary(), one.comparison.after.summary()
        of = f", {name}" if name else ""
        tone = "good" if one.comparison.better else "warn"
        text = f"{number_text(before['mean'])} → {number_text(after['mean'], unit='px')}"
        numbers += [Number(label=f"mean error{of}", value=text, tone=tone)]
        body += _verdict(one.comparison, of)
        figure = f"keypoints{len(figures)}"
        figures[figure] = figure_before_after(one.comparison)
        note = "Mean distance to the held-out labels: open circles before, full ones after."
        body += figure_block(figure, f"Error of each keypoint{of}", note, height=380)
        body += comparison_table(one.comparison, f"Errors on the held-out labels{of}")
        body += _pictures(one, skeleton, of)
    first = next(iter(refined.values()))
    numbers += [
        Number(label="labelled images", value=f"{sum(r.labelled for r in refined.values()):,}"),
        Number(
            label="pseudo-labelled images",
            value=f"{sum(len(r.pseudo) for r in refined.values()):,}",
        ),
        Number(label="held-out labels", value=f"{first.comparison.after.summary()['labels']:,}"),
    ]
    page = Page(
        kind="Refinement",
        title=f"Detectors of {project}, refined by geometry",
        subtitle="Trained once more, also on points that the calibrated views agree on; judged by "
        "labels that neither detector was trained on.",
        numbers=numbers,
        body=body,
        figures=figures,
    )
    return render(page)


def figure_before_after(comparison: "Comparison") -> go.Figure:
    """Return the mean error of each keypoint before and after, px, logarithmic."""
    keypoints = comparison.before.keypoints
    names = [plain(name) for name in keypoints]
    figure = go.Figure()
    rows = {}
    for title, evaluation in (("before", comparison.before), ("after", comparison.after)):
        table = evaluation.table().query("view == 'all'").set_index("keypoint")["mean"]
        rows[title] = table.loc[list(keypoints)].to_numpy()
    for k, name in enumerate(names):
        pair = [rows["before"][k], rows["after"][k]]
        figure.add_scatter(
            x=[name, name],
            y=pair,
            mode="lines",
            line={"color": MUTED, "width": 1.4},
            showlegend=False,
            hoverinfo="skip",
        )
    for title, symbol in (("before", "circle-open"), ("after", "circle")):
        figure.add_scatter(
            x=names,
            y=rows[title],
            mode="markers",
            marker={"symbol": symbol, "size": 9, "color": CYCLE[0], "line": {"width": 2}},
            name=title,
            hovertemplate="%{x}: %{y:.2f} px<extra>" + title + "</extra>",
        )
    figure.update_layout(template=TEMPLATE)
    figure.update_yaxes(type="log", title_text="mean distance to label (px)")
    return figure


def _verdict(comparison: "Comparison", of: str) -> str:
    """Return what was decided as HTML."""
    tone = "good" if comparison.better else "warn"
    words = (
        f"The refined detector{of} is kept"
        if comparison.better
        else f"The refined detector{of} is no better on the held-out labels, so the old one stays"
    )
    return f'<p class="card verdict {tone}">{escape(f"{words}: {comparison.sentence()}.")}</p>'


def _pictures(one: Refined, skeleton: Skeleton, of: str) -> str:
    """Return some of the pseudo-labelled images as HTML."""
    colors = list(keypoint_colors(skeleton.keypoints, skeleton).values())
    shown: Sequence[LabelledImage] = one.pseudo[:: max(1, -(-len(one.pseudo) // PICTURES))]
    pictures = [
        picture_of_points(image, colors, f"{int(np.isfinite(image.points[..., 0]).sum())} points")
        for image in shown
    ]
    note = "Crosses are 3-D points that the views agree on; all others are hidden, or left unknown."
    return picture_block(f"Pseudo-labels{of}", note, pictures)
