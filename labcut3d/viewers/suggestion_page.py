"""Which moments to label next, with the images of all views: the page `suggestions.html`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from labcut3d.detection.suggestions import Suggestion
from labcut3d.skeleton import Skeleton
from labcut3d.viewers.detector_pictures import draw_animal, jpeg_address
from labcut3d.viewers.page import Number, Page, escape, figure_block, number_text, render
from labcut3d.viewers.palette import CYCLE, MUTED, TEMPLATE, keypoint_colors, plain

__all__ = ["Marks", "figure_when", "picture_of", "suggestion_page"]

Image = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]

WIDTH = 480  # px of a whole image
SHOWN = 0.3  # confidence from which a detection tells where the animal is
ROW = 34  # px of a recording's row in the figure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marks:
    """What was found in one image: (individual, keypoint, ...) arrays.

    `detected` (..., 2) px with its `confidence`; `projected` (..., 2) px, where the 3-D points lie.
    """

    detected: Array
    confidence: Array
    projected: Array
    keypoints: tuple[str, ...]
    skeleton: Skeleton


def picture_of(image: Image, marks: Marks | None) -> str:
    """Return an RGB image as a data address: around the animal, marked, where it was found."""
    if marks is not None:
        sure = np.isfinite(marks.detected).all(axis=-1) & (marks.confidence > SHOWN)
        if sure.any() or np.isfinite(marks.projected).all(axis=-1).any():
            colors = [*keypoint_colors(marks.keypoints, marks.skeleton).values()]
            projected, detected = (a.reshape(-1, 2) for a in (marks.projected, marks.detected))
            colors = colors * len(marks.detected)
            drawn = draw_animal(image, projected, detected, marks.confidence.ravel(), colors)
            return jpeg_address(drawn)
    scale = min(WIDTH / image.shape[1], 1.0)
    size = (round(image.shape[1] * scale), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return jpeg_address(np.asarray(small, dtype=np.uint8))


def suggestion_page(
    project: str,
    suggestions: Sequence[Suggestion],
    pictures: Mapping[tuple[str, int], Mapping[str, str]],
    labelled: Mapping[str, Sequence[int]],
    skeleton: Skeleton,
) -> str:
    """Return the page; `pictures` are data addresses by (recording, moment) and view.

    `labelled` are the labelled moments of each recording that was searched.
    """
    n_labelled = sum(len(moments) for moments in labelled.values())
    numbers = [
        Number(label="moments suggested", value=str(len(suggestions))),
        Number(label="labelled already", value=str(n_labelled)),
        Number(label="recordings searched", value=str(len(labelled))),
    ]
    body = figure_block(
        "when",
        "When they are",
        "Blue: suggested, the larger the more urgent; grey: labelled already.",
        height=90 + ROW * len(labelled),
    )
    body += _legend(skeleton)
    for rank, one in enumerate(suggestions, start=1):
        body += _card(rank, one, pictures[one.recording, one.moment])
    page = Page(
        kind="Suggestions",
        title=f"Moments of {project} to label next",
        subtitle="The most urgent first; a moment is labelled in all of its views.",
        numbers=numbers,
        body=body,
        figures={"when": figure_when(suggestions, labelled)},
    )
    return render(page)


def figure_when(
    suggestions: Sequence[Suggestion], labelled: Mapping[str, Sequence[int]]
) -> go.Figure:
    """Return where in each recording the suggested and the labelled moments lie."""
    figure = go.Figure()
    marked = [(name, moment) for name, moments in labelled.items() for moment in moments]
    figure.add_trace(
        go.Scatter(
            x=[moment for _, moment in marked],
            y=[plain(name) for name, _ in marked],
            mode="markers",
            marker={"symbol": "line-ns", "size": 12, "line": {"width": 1, "color": MUTED}},
            name="labelled",
            hovertemplate="%{y}, moment %{x}<extra>labelled</extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[one.moment for one in suggestions],
            y=[plain(one.recording) for one in suggestions],
            mode="markers",
            marker={
                "size": [8 + 8 * one.score for one in suggestions],
                "color": CYCLE[0],
                "opacity": 0.8,
            },
            text=[plain(one.reason) for one in suggestions],
            name="suggested",
            hovertemplate="%{y}, moment %{x}: %{text}<extra></extra>",
        )
    )
    figure.update_layout(template=TEMPLATE, showlegend=False, hovermode="closest")
    figure.update_xaxes(title_text="moment")
    names = [plain(name) for name in labelled]
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], automargin=True)
    return figure


def _legend(skeleton: Skeleton) -> str:
    """Return the HTML that tells the keypoints' colours and the marks."""
    keys = "".join(
        f'<span><span class="key" style="background:{color}"></span>{escape(name)}</span> '
        for name, color in keypoint_colors(skeleton.keypoints, skeleton).items()
    )
    return (
        '<section class="card"><h2>How to read the pictures</h2><p>Circles are detections, fainter '
        "where the detector is unsure; crosses are where the 3-D points lie in the image. Pictures "
        f"without marks show the whole image.</p><div>{keys}</div></section>"
    )


def _card(rank: int, one: Suggestion, pictures: Mapping[str, str]) -> str:
    """Return one suggested moment with the pictures of all views as HTML."""
    figures = "".join(
        f'<figure><img src="{address}" alt="{escape(view)}"><figcaption>{escape(view)}</figcaption>'
        "</figure>"
        for view, address in pictures.items()
    )
    heading = escape(f"{rank}. {one.recording}, frame {one.frame}: {one.reason}")
    score = escape(number_text(one.score, 2))
    return (
        f'<section class="card"><h2>{heading}</h2><p>Score {score}</p>'
        f'<div class="pictures">{figures}</div></section>'
    )
