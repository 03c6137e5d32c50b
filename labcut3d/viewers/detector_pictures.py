"""Labelled images as pictures: labels as crosses, detections as circles."""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from labcut3d.labels import LabelledImage
from labcut3d.viewers.page import escape
from labcut3d.viewers.palette import rgb_of

if TYPE_CHECKING:  # brings torch along, which a page has no use for
    from labcut3d.detection.evaluation import Evaluation

__all__ = [
    "draw_animal",
    "jpeg_address",
    "picture_block",
    "picture_of_animal",
    "picture_of_labels",
    "picture_of_points",
]

Image = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]
Color = tuple[int, int, int]

WIDTH = 360  # px
CONTEXT = 0.45  # of the animal's size, shown around it
LEAST_HALF = 24.0  # px of the image, shown either side of the middle
SURE = 0.3  # confidence; less sure detections do not widen a picture
AROUND_LABEL = 0.45  # of the animal's size, shown either side of a label
WHITE = (255, 255, 255)
FAINT = 0.3  # opacity of what a picture is not about


class _Frame(NamedTuple):
    """The part of an image that a picture shows: picture px = scale * px + move."""

    scale: float
    move: Array

    def place(self, point: Array) -> tuple[int, int]:
        """Return a point of the image in the picture."""
        x, y = np.rint(self.scale * point + self.move).astype(int).tolist()
        return x, y

    def cut(self, image: Image) -> Image:
        """Return the part of the image, enlarged."""
        matrix = np.array([[self.scale, 0, self.move[0]], [0, self.scale, self.move[1]]])
        canvas = cv2.warpAffine(image, matrix, (WIDTH, WIDTH), flags=cv2.INTER_LINEAR)
        return np.asarray(canvas, dtype=np.uint8)


def picture_block(heading: str, note: str, pictures: Sequence[str]) -> str:
    """Return the HTML of a card with pictures side by side."""
    return (
        f'<section class="card"><h2>{escape(heading)}</h2><p>{escape(note)}</p>'
        f'<div class="pictures">{"".join(pictures)}</div></section>'
    )


def picture_of_animal(
    evaluation: "Evaluation", image: LabelledImage, index: int, colors: Sequence[str]
) -> str:
    """Return the whole animal of one image as an HTML figure, with all labels and detections.

    `index` is the image's place in the evaluation; `colors` are those of its keypoints.
    """
    labels, detected = evaluation.labels[index], evaluation.prediction.position[index]
    canvas = draw_animal(
        image.image, labels, detected, evaluation.prediction.confidence[index], colors
    )
    worst = int(np.nanargmax(evaluation.distance[index]))
    distance, name = evaluation.distance[index, worst], evaluation.keypoints[worst]
    return _figure(canvas, f"{_where(image)}: {distance:.1f} px at {name}")


def picture_of_points(image: LabelledImage, colors: Sequence[str], words: str) -> str:
    """Return the animal of an image with labels alone as an HTML figure, `words` in its caption."""
    points = image.points[0]
    nothing = np.full(points.shape, np.nan)
    canvas = draw_animal(image.image, points, nothing, np.zeros(len(points)), colors)
    return _figure(canvas, f"{_where(image)}: {words}")


def draw_animal(
    image: Image, labels: Array, detected: Array, confidence: Array, colors: Sequence[str]
) -> Image:
    """Return the part of an RGB image around the animal, enlarged, with crosses and circles.

    `labels` and `detected` are (keypoint, 2) px, crosses and circles; `confidence` (keypoint,)
    fades circles. At least one point must be known.
    """
    low, high = _box(np.concatenate([labels, detected[confidence > SURE]]))
    half = max(float((high - low).max()) * (0.5 + CONTEXT), LEAST_HALF)
    frame = _frame((low + high) / 2, half)
    canvas = frame.cut(image)
    for k, color in enumerate(map(rgb_of, colors)):
        strength = 0.25 + 0.75 * float(np.clip(confidence[k], 0, 1))
        canvas = _mark(canvas, frame, (labels[k], detected[k]), color, (1.0, strength))
    return canvas


def picture_of_labels(
    evaluation: "Evaluation",
    image: LabelledImage,
    index: int,
    keypoints: Sequence[int],
    colors: Sequence[str],
    words: str = "",
) -> str:
    """Return the surroundings of some labels of one image as an HTML figure.

    Each label is joined to its detection by a line, with the ellipse of two standard deviations;
    the other keypoints are faint. `words` follow the names of the keypoints in the caption.
    """
    labels, detected = evaluation.labels[index], evaluation.prediction.position[index]
    chosen = list(keypoints)
    low, high = _box(np.concatenate([labels[chosen], detected[chosen]]))
    extent = float(np.ptp(_box(labels), axis=0).max()) if np.isfinite(labels).any() else 0.0
    half = max(0.65 * float((high - low).max()), AROUND_LABEL * extent, LEAST_HALF)
    frame = _frame((low + high) / 2, half)
    canvas = frame.cut(image.image)
    for k in sorted(range(len(colors)), key=lambda k: k in chosen):  # what it is about, on top
        strength = 1.0 if k in chosen else FAINT
        color, points = rgb_of(colors[k]), (labels[k], detected[k])
        if k in chosen:
            _ellipse(canvas, frame, detected[k], evaluation.prediction.covariance[index, k])
            _line(canvas, frame, points, color)
        canvas = _mark(canvas, frame, points, color, (strength, strength))
    named = " and ".join(evaluation.keypoints[k] for k in chosen)
    return _figure(canvas, f"{_where(image)}, {named}: {words}")


def _frame(middle: Array, half: float) -> _Frame:
    """Return the frame of a square around `middle`, `half` px either side."""
    scale = WIDTH / (2 * half)
    # Pixel (x, y) is centred on integers, hence the halves.
    return _Frame(scale, (WIDTH - 1) / 2 - scale * middle)


def _box(points: Array) -> tuple[Array, Array]:
    """Return the corners of the box around the points (n, 2) that are known."""
    known = points[np.isfinite(points).all(axis=1)]
    return known.min(axis=0), known.max(axis=0)


def _mark(
    canvas: Image,
    frame: _Frame,
    points: tuple[Array, Array],
    color: Color,
    strengths: tuple[float, float],
) -> Image:
    """Return a picture with a label's cross and a detection's circle, each with its opacity."""
    label, found = points
    layer = canvas.copy()
    if np.isfinite(found).all():
        cv2.circle(layer, frame.place(found), 7, WHITE, 3, cv2.LINE_AA)
        cv2.circle(layer, frame.place(found), 7, color, 2, cv2.LINE_AA)
        canvas = _blend(layer, canvas, strengths[1])
    if np.isfinite(label).all():
        layer = canvas.copy()
        place = frame.place(label)
        cv2.drawMarker(layer, place, WHITE, cv2.MARKER_CROSS, 12, 3, cv2.LINE_AA)
        cv2.drawMarker(layer, place, color, cv2.MARKER_CROSS, 11, 1, cv2.LINE_AA)
        canvas = _blend(layer, canvas, strengths[0])
    return canvas


def _line(canvas: Image, frame: _Frame, points: tuple[Array, Array], color: Color) -> None:
    """Join a label to its detection, where both are known."""
    if np.isfinite(points).all():
        start, stop = (frame.place(point) for point in points)
        cv2.line(canvas, start, stop, WHITE, 3, cv2.LINE_AA)
        cv2.line(canvas, start, stop, color, 1, cv2.LINE_AA)


def _ellipse(canvas: Image, frame: _Frame, middle: Array, covariance: Array) -> None:
    """Draw the ellipse of two standard deviations around a detection."""
    if np.isfinite(covariance).all() and np.isfinite(middle).all():
        values, axes = np.linalg.eigh(covariance)
        radii = np.rint(2 * frame.scale * np.sqrt(values)).clip(1, 2 * WIDTH).astype(int)
        angle = float(np.degrees(np.arctan2(axes[1, 0], axes[0, 0])))
        place = frame.place(middle)
        cv2.ellipse(canvas, place, radii.tolist(), angle, 0, 360, WHITE, 1, cv2.LINE_AA)


def _blend(layer: Image, canvas: Image, strength: float) -> Image:
    """Return a layer laid over a picture with an opacity from 0 to 1."""
    return np.asarray(cv2.addWeighted(layer, strength, canvas, 1 - strength, 0), dtype=np.uint8)


def _where(image: LabelledImage) -> str:
    """Return which image it is, in words."""
    return f"{image.recording}, {image.view}, frame {image.frame}"


def jpeg_address(image: Image) -> str:
    """Return an RGB image as a data address."""
    _, buffer = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])
    return "data:image/jpeg;base64," + base64.b64encode(buffer.tobytes()).decode("ascii")


def _figure(picture: Image, caption: str) -> str:
    """Return a picture with its caption as HTML."""
    text = escape(caption)
    address = jpeg_address(picture)
    return f'<figure><img src="{address}" alt="{text}"><figcaption>{text}</figcaption></figure>'
