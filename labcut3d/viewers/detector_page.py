"""How good a detector is: the pages of a training, an evaluation and a cross-validation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from labcut3d.labels import LabelledImage
from labcut3d.skeleton import Skeleton
from labcut3d.viewers.detector_figures import (
    figure_curves,
    figure_keypoint_errors,
    figure_reliability,
    figure_squared_errors,
)
from labcut3d.viewers.detector_pictures import picture_block, picture_of_animal, picture_of_labels
from labcut3d.viewers.detector_tables import error_tables, percent
from labcut3d.viewers.page import (
    Number,
    Page,
    escape,
    figure_block,
    half_block,
    number_text,
    render,
    table_block,
)
from labcut3d.viewers.palette import keypoint_colors

if TYPE_CHECKING:  # torch and pandas, which importing a page has no use for
    import pandas as pd

    from labcut3d.detection.evaluation import Evaluation
    from labcut3d.detection.training import TrainingReport

__all__ = ["Judged", "evaluation_page", "training_page"]

PICTURES = 8  # of typical images
WORST = 12  # labels shown
WORST_OF_AN_IMAGE = 2
HONEST_ERROR = 0.05  # expected calibration error of a confidence that can be relied on
HONEST_RATIO = (0.8, 1.2)  # of squared errors to the covariance
MARKS = "Crosses are labels, circles detections"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """An evaluation, and what its page shows with it.

    `images` are those of the evaluation, in its order, or none for a page without pictures;
    `trained` the same detectors' evaluation of images that they were trained on; `review` the table
    of `review_labels`; `notes` are sentences on how far the errors are to be trusted.
    """

    evaluation: "Evaluation"
    images: Sequence[LabelledImage] = ()
    skeleton: Skeleton | None = None
    trained: "Evaluation | None" = None
    review: "pd.DataFrame | None" = None
    notes: Sequence[str] = ()


def training_page(report: "TrainingReport") -> str:
    """Return the page about a training: loss curves, and errors on images kept from training."""
    numbers = [
        Number(label="labelled images", value=f"{report.n_images:,}"),
        Number(label="labelled points", value=f"{report.n_labels:,}"),
        Number(label="training time", value=_duration(report.seconds)),
    ]
    body = _note_cards(report.warnings)
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
        more, blocks = _blocks(
            Judged(evaluation=report.evaluation, images=report.held_out, skeleton=report.skeleton)
        )
        figures |= more
        body += blocks
    page = Page(
        kind="Training report",
        title=f"Detector of {report.skeleton.name}",
        subtitle="Errors are those of images kept from training, on which the confidence and "
        "covariance were also calibrated.",
        numbers=numbers,
        body=body,
        figures=figures,
    )
    return render(page)


def evaluation_page(judged: Judged, kind: str = "Evaluation") -> str:
    """Return the page about detectors' errors on labelled images; `kind` stands above its title."""
    evaluation = judged.evaluation
    figures, body = _blocks(judged)
    recordings = ", ".join(dict.fromkeys(evaluation.recordings))
    page = Page(
        kind=kind,
        title="Detections against labels",
        subtitle=f"{len(evaluation.frames)} labelled images of {recordings}",
        numbers=[*_error_numbers(evaluation), *_honesty_numbers(evaluation)],
        body=_note_cards(judged.notes) + body,
        figures=figures,
    )
    return render(page)


def _blocks(judged: Judged) -> tuple[dict[str, go.Figure], str]:
    """Return the figures and the HTML that show an evaluation."""
    evaluation = judged.evaluation
    figures = {
        "keypoints": figure_keypoint_errors(evaluation, judged.skeleton),
        "reliability": figure_reliability(evaluation),
        "squared": figure_squared_errors(evaluation),
    }
    note = f"One point an image; the dotted line is {evaluation.tolerance:g} px."
    body = figure_block("keypoints", "Error of each keypoint", note, height=380)
    body += error_tables(evaluation, judged.trained)
    body += _honesty_blocks(evaluation)
    if judged.review is not None:
        body += _review_blocks(judged, judged.review)
    if judged.images:
        body += _pictures(judged)
    return figures, body


def _honesty_blocks(evaluation: "Evaluation") -> str:
    """Return the HTML around the figures that check confidence and covariance."""
    error, ratio = evaluation.calibration_error(), evaluation.covariance_ratio()
    confidence = (
        f"Is the confidence a probability? The expected calibration error, the mean gap to the "
        f"diagonal, is {number_text(error, 2)}; at most {HONEST_ERROR:g} is wanted."
    )
    covariance = (
        f"Is the covariance the size of the errors? The median squared error is "
        f"{number_text(ratio, 3)} times what the covariance says; {HONEST_RATIO[0]:g} to "
        f"{HONEST_RATIO[1]:g} is wanted. Far errors to the right are mistakes, which the "
        "confidence speaks of."
    )
    return half_block("reliability", "Confidence", confidence) + half_block(
        "squared", "Covariance", covariance
    )


def _error_numbers(evaluation: "Evaluation") -> list[Number]:
    """Return the errors that matter for the header."""
    figures = evaluation.summary()
    return [
        Number(label="median error", value=number_text(figures["median"], 3, "px")),
        Number(label="mean error", value=number_text(figures["mean"], 3, "px")),
        Number(label="95th percentile", value=number_text(figures["p95"], 3, "px")),
        Number(label=f"within {evaluation.tolerance:g} px", value=percent(figures["within"])),
    ]


def _honesty_numbers(evaluation: "Evaluation") -> list[Number]:
    """Return whether confidence and covariance are what they say, for the header."""
    error, ratio = evaluation.calibration_error(), evaluation.covariance_ratio()
    low, high = HONEST_RATIO
    return [
        Number(
            label="calibration error",
            value=number_text(error, 2),
            tone="good" if error <= HONEST_ERROR else "warn",
        ),
        Number(
            label="squared error / covariance",
            value=number_text(ratio, 3),
            tone="good" if low <= ratio <= high else "warn",
        ),
    ]


def _pictures(judged: Judged) -> str:
    """Return pictures of typical images, and of the worst labels."""
    evaluation = judged.evaluation
    colors = _colors(judged)
    distance = np.nan_to_num(evaluation.distance, nan=-1.0)
    largest = distance.max(axis=1)
    order = [i for i in np.argsort(largest) if largest[i] >= 0]
    typical = order[:: max(1, len(order) // PICTURES)][:PICTURES]
    animals = [picture_of_animal(evaluation, judged.images[i], i, colors) for i in typical]
    note = f"{MARKS}, fainter where the detector is unsure; the number is the largest distance."
    body = picture_block("Typical images", note, animals)
    shown = dict.fromkeys(order, 0)
    worst = []
    for flat in np.argsort(-distance, axis=None):
        n, k = (int(i) for i in np.unravel_index(flat, distance.shape))
        if distance[n, k] >= 0 and shown[n] < WORST_OF_AN_IMAGE and len(worst) < WORST:
            shown[n] += 1
            sure = percent(evaluation.prediction.confidence[n, k])
            words = f"{distance[n, k]:.1f} px, confidence {sure}"
            worst.append(picture_of_labels(evaluation, judged.images[n], n, [k], colors, words))
    note = f"{MARKS}, the ellipse two standard deviations; at most {WORST_OF_AN_IMAGE} an image."
    return body + picture_block("Worst labels", note, worst)


def _review_blocks(judged: Judged, review: "pd.DataFrame") -> str:
    """Return the table and the pictures of labels to be looked at again."""
    heading = "Labels to review"
    if review.empty:
        return f'<p class="card">{heading}: none; no label is likelier wrong than right.</p>'
    note = (
        "Where detectors that have not seen a label disagree with it most, by what they stake on "
        "it; the mistake may be theirs. Correct the labels that are wrong, then train again."
    )
    rows = [
        [
            f"{row['recording']}, {row['view']}, frame {row['frame']}: {row['keypoint']}",
            _point(row["label_x"], row["label_y"]),
            _point(row["detected_x"], row["detected_y"]),
            number_text(float(row["distance"]), 3),
            percent(float(row["confidence"])),
            str(row["reason"]),
        ]
        for row in review.to_dict("records")
    ]
    columns = ["label", "labelled px", "detected px", "distance px", "confidence", "why"]
    body = table_block(f"{heading}: {len(rows)}", columns, rows, note)
    if not judged.images:
        return body
    colors, pictures = _colors(judged), []
    together: dict[tuple[int, float], list[tuple[int, str]]] = {}
    for index, name, suspicion, reason in zip(
        review.index, review["keypoint"], review["suspicion"], review["reason"], strict=True
    ):  # what is exchanged has one suspicion in one image, and is one picture
        place = judged.evaluation.keypoints.index(name)
        together.setdefault((index, suspicion), []).append((place, str(reason).split(":")[0]))
    for (index, _), members in together.items():
        image, keypoints = judged.images[index], [place for place, _ in members]
        words = members[0][1]
        pictures.append(
            picture_of_labels(judged.evaluation, image, index, keypoints, colors, words)
        )
    note = f"{MARKS}, the ellipse two standard deviations."
    return body + picture_block(f"{heading}, as pictures", note, pictures)


def _colors(judged: Judged) -> list[str]:
    """Return the colour of each keypoint."""
    return list(keypoint_colors(judged.evaluation.keypoints, judged.skeleton).values())


def _note_cards(notes: Sequence[str]) -> str:
    """Return sentences that the user should read first as HTML."""
    return "".join(f'<p class="card verdict warn">{escape(line)}</p>' for line in notes)


def _point(x: float, y: float) -> str:
    """Return a point in px, or "hidden"."""
    return f"{x:.1f}, {y:.1f}" if np.isfinite(x) else "hidden"


def _duration(seconds: float) -> str:
    """Return seconds as minutes and seconds."""
    return (
        f"{int(seconds // 60)} min {int(seconds % 60)} s" if seconds >= 60 else f"{seconds:.0f} s"
    )
