"""How well a detector learned: the pages `training.html` and `evaluation.html`."""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from labcut3d.labels import LabelledImage
from labcut3d.skeleton import Skeleton
from labcut3d.viewers.page import (
    Number,
    Page,
    escape,
    figure_block,
    number_text,
    render,
    table_block,
)
from labcut3d.viewers.palette import CYCLE, MUTED, TEMPLATE, keypoint_colors, plain

if TYPE_CHECKING:  # these modules import torch, which a page has no use for
    from labcut3d.detection.evaluation import Evaluation
    from labcut3d.detection.training import TrainingReport

__all__ = [
    "draw_marks",
    "evaluation_page",
    "figure_curves",
    "figure_keypoint_errors",
    "jpeg_address",
    "training_page",
]

PICTURES = 8  # of typical images, and as many of the worst
PICTURE_WIDTH = 360  # px
CONTEXT = 0.45  # of the animal's size, shown around it

Image = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]


def training_page(report: "TrainingReport") -> str:
    """Return the page about a training: loss curves, and errors on images kept from training."""
    numbers = [
        Number(label="labelled images", value=f"{report.n_images:,}"),
        Number(label="labelled points", value=f"{report.n_labels:,}"),
        Number(label="training time", value=_duration(report.seconds)),
    ]
    body = "".join(f'<p class="card verdict warn">{escape(line)}</p>' for line in report.warnings)
    figures = {"curves": figure_curves(report)}
    note = "Loss against steps, on a logarithmic scale; dotted: images that were not trained on."
    body += figure_block("curves", "Learning", note, height=320)
    if report.evaluation is None:
        body += (
            '<p class="card">No images were kept from training, so nothing says how good the '
            "detector is on new ones: label more frames, then train again.</p>"
        )
    else:
        numbers += _error_numbers(report.evaluation)
        more, blocks = _evaluation_blocks(report.evaluation, report.held_out, report.skeleton)
        figures |= more
        body += blocks
    page = Page(
        kind="Training report",
        title=f"Detector of {report.skeleton.name}",
        subtitle="Errors are those of images kept from training.",
        numbers=numbers,
        body=body,
        figures=figures,
    )
    return render(page)


def evaluation_page(evaluation: "Evaluation", images: Sequence[LabelledImage] = ()) -> str:
    """Return the page about a detector's errors on labelled `images`, in the evaluation's order."""
    figures, body = _evaluation_blocks(evaluation, images, None)
    recordings = ", ".join(dict.fromkeys(evaluation.recordings))
    page = Page(
        kind="Evaluation",
        title="Detections against labels",
        subtitle=f"{len(evaluation.frames)} labelled images of {recordings}",
        numbers=_error_numbers(evaluation),
        body=body,
        figures=figures,
    )
    return render(page)


def figure_curves(report: "TrainingReport") -> go.Figure:
    """Return the loss of each network of a training against its steps, one panel a network."""
    names = list(report.curves)
    figure = make_subplots(
        cols=max(len(names), 1), subplot_titles=[plain(name) for name in names] or None
    )
    for index, name in enumerate(names):
        curve = report.curves[name]
        styles = (("training", curve.loss, "solid"), ("held out", curve.held_out, "dot"))
        for label, values, dash in styles:
            if not np.isfinite(values).any():
                continue
            figure.add_trace(
                go.Scatter(
                    x=curve.step,
                    y=values,
                    mode="lines" if dash == "solid" else "lines+markers",
                    name=label,
                    legendgroup=label,
                    showlegend=index == len(names) - 1,
                    connectgaps=True,
                    line={"color": CYCLE[0 if dash == "solid" else 1], "width": 1.6, "dash": dash},
                    meta={"network": name, "curve": label},
                ),
                row=1,
                col=index + 1,
            )
    figure.update_layout(template=TEMPLATE, legend={"x": 1, "xanchor": "right", "y": 1.06})
    figure.update_xaxes(title_text="step")
    figure.update_yaxes(type="log", title_text="loss", col=1)
    figure.update_yaxes(type="log")
    return figure


def figure_keypoint_errors(evaluation: "Evaluation", skeleton: Skeleton | None = None) -> go.Figure:
    """Return the distances to the labels of each keypoint as points and boxes, px, logarithmic."""
    colors = keypoint_colors(evaluation.keypoints, skeleton)
    figure = go.Figure()
    for index, name in enumerate(evaluation.keypoints):
        distance = evaluation.distance[:, index]
        seen = np.isfinite(distance)
        text = [
            f"{plain(evaluation.recordings[i])}, {plain(evaluation.views[i])}, "
            f"frame {evaluation.frames[i]}"
            for i in np.flatnonzero(seen)
        ]
        figure.add_trace(
            go.Box(
                y=np.maximum(distance[seen], 1e-2),
                name=plain(name),
                text=text,
                boxpoints="all",
                jitter=0.5,
                pointpos=0,
                marker={"size": 4, "opacity": 0.55, "color": colors[name]},
                line={"width": 1.2, "color": colors[name]},
                fillcolor="rgba(0,0,0,0)",
                hovertemplate="%{y:.2f} px<br>%{text}<extra></extra>",
                showlegend=False,
                meta={"keypoint": name},
            )
        )
    figure.update_layout(template=TEMPLATE, hovermode="closest")
    figure.update_yaxes(type="log", title_text="distance to label (px)")
    figure.add_hline(y=evaluation.tolerance, line={"color": MUTED, "dash": "dot", "width": 1})
    return figure


def _evaluation_blocks(
    evaluation: "Evaluation", images: Sequence[LabelledImage], skeleton: Skeleton | None
) -> tuple[dict[str, go.Figure], str]:
    """Return the figures and the HTML that show an evaluation."""
    figures = {"keypoints": figure_keypoint_errors(evaluation, skeleton)}
    note = f"One point an image; the dotted line is {evaluation.tolerance:g} px."
    body = figure_block("keypoints", "Error of each keypoint", note, height=380)
    body += _error_table(evaluation)
    if images:
        body += _pictures(evaluation, images, skeleton)
    return figures, body


def _error_numbers(evaluation: "Evaluation") -> list[Number]:
    """Return the errors that matter for the header."""
    figures = evaluation.summary()
    return [
        Number(label="median error", value=number_text(figures["median"], 3, "px")),
        Number(label="mean error", value=number_text(figures["mean"], 3, "px")),
        Number(label="95th percentile", value=number_text(figures["p95"], 3, "px")),
        Number(label=f"within {evaluation.tolerance:g} px", value=_percent(figures["within"])),
    ]


def _error_table(evaluation: "Evaluation") -> str:
    """Return the table of errors: all views in full, and the median in each view."""
    figures = {
        (str(row["keypoint"]), str(row["view"])): row
        for row in evaluation.table().to_dict("records")
    }
    views = list(dict.fromkeys(evaluation.views))
    rows = []
    for name in dict.fromkeys(keypoint for keypoint, _ in figures):
        every = figures[name, "all"]
        rows.append(
            [
                name,
                str(int(every["labels"])),
                *(number_text(float(every[key]), 3) for key in ("mean", "median", "p95")),
                _percent(every["within"]),
                _percent(every["coverage"]),
                *(number_text(float(figures[name, view]["median"]), 3) for view in views),
            ]
        )
    columns = ["keypoint", "labels", "mean px", "median px", "95 % px"]
    columns += [f"within {evaluation.tolerance:g} px", "confident", *(f"{v} median" for v in views)]
    return table_block("Errors by keypoint and view", columns, rows)


def _pictures(
    evaluation: "Evaluation", images: Sequence[LabelledImage], skeleton: Skeleton | None
) -> str:
    """Return pictures of typical and of the worst images, with labels and detections."""
    distance = np.nan_to_num(evaluation.distance, nan=-1.0).max(axis=1)
    order = [i for i in np.argsort(distance) if distance[i] >= 0]
    typical = order[:: max(1, len(order) // PICTURES)][:PICTURES]
    worst = order[::-1][:PICTURES]
    blocks = ""
    for heading, chosen in (("Typical images", typical), ("Worst images", worst)):
        figures = "".join(_picture(evaluation, images[i], i, skeleton) for i in chosen)
        blocks += (
            f'<section class="card"><h2>{heading}</h2><p>Crosses are labels, circles detections, '
            "fainter where the detector is unsure; the number is the largest distance.</p>"
            f'<div class="pictures">{figures}</div></section>'
        )
    return blocks


def _picture(
    evaluation: "Evaluation", image: LabelledImage, index: int, skeleton: Skeleton | None
) -> str:
    """Return one labelled image as an HTML figure."""
    detected = evaluation.prediction.position[index]
    picture = draw_marks(
        image.image,
        detected - evaluation.error[index],
        detected,
        evaluation.prediction.confidence[index],
        list(keypoint_colors(evaluation.keypoints, skeleton).values()),
    )
    worst = int(np.nanargmax(evaluation.distance[index]))
    caption = (
        f"{image.recording}, {image.view}, frame {image.frame}: "
        f"{evaluation.distance[index, worst]:.1f} px at {evaluation.keypoints[worst]}"
    )
    text = escape(caption)
    address = jpeg_address(picture)
    return f'<figure><img src="{address}" alt="{text}"><figcaption>{text}</figcaption></figure>'


def draw_marks(
    image: Image, labels: Array, detected: Array, confidence: Array, colors: Sequence[str]
) -> Image:
    """Return the part of an image around the animal, enlarged, with crosses and circles.

    `labels`, `detected` (keypoint, 2) px; `confidence` (keypoint,).
    """
    points = np.concatenate([labels, detected[confidence > 0.3]])
    points = points[np.isfinite(points).all(axis=1)]
    low, high = points.min(axis=0), points.max(axis=0)
    half = max(float((high - low).max()) * (0.5 + CONTEXT), 24.0)
    middle = (low + high) / 2
    scale = PICTURE_WIDTH / (2 * half)
    # Pixel (x, y) is centred on integers, hence the halves.
    move = (PICTURE_WIDTH - 1) / 2 - scale * middle
    matrix = np.array([[scale, 0, move[0]], [0, scale, move[1]]])
    size = (PICTURE_WIDTH, PICTURE_WIDTH)
    canvas = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)
    for point, found, sure, color in zip(labels, detected, confidence, colors, strict=True):
        rgb = tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))
        if np.isfinite(found).all():
            place = tuple(np.rint(scale * found + move).astype(int).tolist())
            layer = canvas.copy()
            cv2.circle(layer, place, 7, (255, 255, 255), 3, cv2.LINE_AA)
            cv2.circle(layer, place, 7, rgb, 2, cv2.LINE_AA)
            strength = 0.25 + 0.75 * float(np.clip(sure, 0, 1))
            canvas = cv2.addWeighted(layer, strength, canvas, 1 - strength, 0)
        if np.isfinite(point).all():
            place = tuple(np.rint(scale * point + move).astype(int).tolist())
            cv2.drawMarker(canvas, place, (255, 255, 255), cv2.MARKER_CROSS, 12, 3, cv2.LINE_AA)
            cv2.drawMarker(canvas, place, rgb, cv2.MARKER_CROSS, 11, 1, cv2.LINE_AA)
    return np.asarray(canvas, dtype=np.uint8)


def jpeg_address(image: Image) -> str:
    """Return an RGB image as a data address."""
    _, buffer = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])
    return "data:image/jpeg;base64," + base64.b64encode(buffer.tobytes()).decode("ascii")


def _percent(fraction: float) -> str:
    """Return a fraction as a percentage, or a dash for NaN."""
    return "–" if not np.isfinite(fraction) else f"{100 * fraction:.1f} %"


def _duration(seconds: float) -> str:
    """Return seconds as minutes and seconds."""
    return (
        f"{int(seconds // 60)} min {int(seconds % 60)} s" if seconds >= 60 else f"{seconds:.0f} s"
    )
