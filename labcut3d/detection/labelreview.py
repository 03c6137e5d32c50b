"""Labels that look wrong: where detectors that have not seen them disagree most, to be reviewed.

A label is weighed by how much likelier it is as a mistake than as a good label, given what a
detector found: with its probability c of being right, and the density of its errors. A mistaken
label may lie anywhere on the animal, or have changed places with its mirror image. So what counts
is not the distance but what the detector stakes on it; the mistake may still be the detector's.
"""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from labcut3d.detection.evaluation import Evaluation
from labcut3d.skeleton import Skeleton

__all__ = ["COLUMNS", "Reason", "review_labels"]

Array = npt.NDArray[np.float64]
Reason = Literal["elsewhere", "swapped", "visible", "hidden"]

COLUMNS = (
    *("recording", "frame", "view", "keypoint", "label_x", "label_y", "detected_x", "detected_y"),
    *("distance", "confidence", "suspicion", "reason"),
)
SENTENCES: dict[Reason, str] = {
    "swapped": "left and right seem swapped: {partner} fits here",
    "elsewhere": "the detector is sure of another place",
    "visible": "labelled hidden, but the detector is sure of it",
    "hidden": "labelled, but the detector is sure of nothing: hidden?",
}
STUDENT = 4.0  # degrees of freedom: errors have heavier tails than a Gaussian
UNSURE = 0.2  # confidence; below, a detector is sure of nothing
LEAST = 1.0  # natural logarithm; below, a label is hardly likelier wrong than right
LEAST_SIDE = 10.0  # of the animal, in tolerances: a single keypoint has no extent


class _Suspect(NamedTuple):
    """A label, by image and keypoint, how suspicious it is and why; its mirror image if swapped."""

    image: int
    keypoint: int
    suspicion: float
    reason: Reason
    partner: int = -1


def review_labels(evaluation: Evaluation, skeleton: Skeleton, *, most: int = 12) -> pd.DataFrame:
    """Return the labels most worth a second look: of each reason at most `most`, the worst first.

    `evaluation` should be of detectors that have not seen the labels (`cross_validate`). Columns:
    recording, frame, view, keypoint; label_x and label_y px, NaN where labelled hidden; detected_x
    and detected_y px; distance px; confidence; suspicion, the natural logarithm of how much more
    likely a mistake makes it; reason, a sentence. The rows' index is the image's in `evaluation`.
    """
    swapped = _swapped(evaluation, skeleton)
    explained = {(suspect.image, suspect.keypoint) for suspect in swapped}
    others = [s for s in _single(evaluation) if (s.image, s.keypoint) not in explained]
    ranked = sorted([*swapped, *others], key=lambda s: (-s.suspicion, s.image, s.keypoint))
    # What is hidden is a matter of taste, and would crowd out what is plainly wrong.
    worst = {reason: [s for s in ranked if s.reason == reason][:most] for reason in SENTENCES}
    chosen = [suspect for suspects in worst.values() for suspect in suspects]
    rows = [_row(evaluation, suspect) for suspect in chosen]
    return pd.DataFrame(rows, columns=list(COLUMNS), index=[s.image for s in chosen])


def _single(evaluation: Evaluation) -> list[_Suspect]:
    """Return the labels that are suspicious by themselves."""
    confidence = evaluation.prediction.confidence
    visible = np.isfinite(evaluation.distance)
    doubt = np.maximum(1 - confidence, 1e-6)
    density = confidence * _density(evaluation, evaluation.error)
    scores: dict[Reason, Array] = {
        "elsewhere": np.where(visible, -np.log(density * _area(evaluation) + doubt), -np.inf),
        "visible": np.where(evaluation.known & ~visible, -np.log(doubt), -np.inf),
        "hidden": _unseen(evaluation),
    }
    return [
        _Suspect(int(n), int(k), float(score[n, k]), reason)
        for reason, score in scores.items()
        for n, k in np.argwhere(score >= LEAST)
    ]


def _unseen(evaluation: Evaluation) -> Array:
    """Return how suspicious (n, k) labels are where the detector is sure of nothing, else -inf.

    The odds, counted, that a keypoint with so unsure a detection is labelled hidden.
    """
    confidence = evaluation.prediction.confidence
    hidden = evaluation.known & ~np.isfinite(evaluation.distance)
    unsure = confidence < UNSURE
    missed = unsure & (evaluation.distance >= evaluation.tolerance)
    odds = (np.sum(unsure & hidden) + 1) / (np.sum(missed) + 1)
    return np.where(missed, np.log(odds) - confidence, -np.inf)  # the less sure, the likelier


def _swapped(evaluation: Evaluation, skeleton: Skeleton) -> list[_Suspect]:
    """Return the labels of left/right pairs that fit better exchanged.

    Detectors confuse left and right too, so an exchange, however well it fits, tells no more
    against the labels than the odds that the less sure of the detections concerned is right.
    """
    found = []
    for pair in skeleton.left_right:
        columns = [evaluation.keypoints.index(name) for name in pair]
        gain = _fit(evaluation, columns, columns[::-1]) - _fit(evaluation, columns, columns)
        visible = np.isfinite(evaluation.distance[:, columns])
        partners = evaluation.prediction.confidence[:, columns[::-1]]
        sure = np.clip(np.where(visible, partners, 1.0).min(axis=1), 1e-6, 1 - 1e-6)
        suspicion = np.minimum(gain, np.log(sure / (1 - sure)))
        for n in np.flatnonzero(suspicion >= LEAST):
            for column, partner in zip(columns, columns[::-1], strict=True):
                found.append(_Suspect(int(n), column, float(suspicion[n]), "swapped", partner))
    return found


def _fit(evaluation: Evaluation, detected: list[int], labelled: list[int]) -> Array:
    """Return the log likelihood (n,) of the labels of some keypoints as those of the detected."""
    confidence = evaluation.prediction.confidence[:, detected]
    position = evaluation.prediction.position[:, detected]
    error = position - evaluation.labels[:, labelled]
    density = _density(evaluation, error, detected) * _area(evaluation)
    doubt = np.maximum(1 - confidence, 1e-6)
    likelihood = np.where(np.isfinite(density), confidence * density + doubt, doubt)
    return np.log(likelihood).sum(axis=1)


def _density(
    evaluation: Evaluation, error: Array, columns: list[int] | slice = slice(None)
) -> Array:
    """Return the density, px^-2, of errors (n, k, 2) of the detections of some keypoints.

    A Student's t of two dimensions whose scale is the calibrated covariance; NaN where hidden.
    """
    covariance = evaluation.prediction.covariance[:, columns]
    squared = np.sum(np.linalg.solve(covariance, error[..., None])[..., 0] * error, axis=-1)
    peak = 1 / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
    return peak * (1 + squared / STUDENT) ** (-(STUDENT + 2) / 2)


def _area(evaluation: Evaluation) -> float:
    """Return the area, px^2, in which a label that is wrong may lie: the animal's, typically."""
    seen = evaluation.labels[np.isfinite(evaluation.distance).any(axis=1)]
    sides = np.nanmax(seen, axis=1) - np.nanmin(seen, axis=1) if len(seen) else np.zeros((1, 2))
    return max(float(np.median(sides.max(axis=1))), LEAST_SIDE * evaluation.tolerance) ** 2


def _row(evaluation: Evaluation, suspect: _Suspect) -> tuple[object, ...]:
    """Return the line of a suspicious label; see `review_labels`."""
    n, k = suspect.image, suspect.keypoint
    partner = evaluation.keypoints[suspect.partner] if suspect.reason == "swapped" else ""
    return (
        evaluation.recordings[n],
        evaluation.frames[n],
        evaluation.views[n],
        evaluation.keypoints[k],
        *(float(value) for value in evaluation.labels[n, k]),
        *(float(value) for value in evaluation.prediction.position[n, k]),
        float(evaluation.distance[n, k]),
        float(evaluation.prediction.confidence[n, k]),
        suspect.suspicion,
        SENTENCES[suspect.reason].format(partner=partner),
    )
