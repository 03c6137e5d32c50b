"""How good a detector is: distances from its detections to labels, by keypoint and view."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from calibration.gaussian import MEDIAN_CHI_SQUARE
from labcut3d.detection.detector import Detector, Prediction, RawPrediction
from labcut3d.errors import DetectorError
from labcut3d.labels import LabelledImage

__all__ = ["Evaluation", "evaluate", "look"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Detections beside labels, n images of k keypoints.

    `error` (n, k, 2) px is detection minus label, NaN where the label is hidden, or where there is
    none, which `known`, broadcast to (n, k), tells apart; `prediction` holds position, confidence
    and covariance; `views` and `frames` tell the images apart.
    """

    keypoints: tuple[str, ...]
    recordings: tuple[str, ...]
    views: tuple[str, ...]
    frames: tuple[int, ...]
    error: Array
    prediction: Prediction
    tolerance: float
    known: npt.NDArray[np.bool_] = field(default_factory=lambda: np.array(True))

    def __post_init__(self) -> None:
        """Say of every keypoint of every image whether it is known."""
        object.__setattr__(self, "known", np.broadcast_to(self.known, self.error.shape[:-1]))

    @classmethod
    def join(cls, parts: Sequence["Evaluation"]) -> "Evaluation":
        """Return the evaluations of different images by detectors of the same keypoints as one."""
        first = parts[0]
        return cls(
            keypoints=first.keypoints,
            recordings=tuple(name for part in parts for name in part.recordings),
            views=tuple(view for part in parts for view in part.views),
            frames=tuple(frame for part in parts for frame in part.frames),
            error=np.concatenate([part.error for part in parts]),
            prediction=Prediction(
                position=np.concatenate([part.prediction.position for part in parts]),
                confidence=np.concatenate([part.prediction.confidence for part in parts]),
                covariance=np.concatenate([part.prediction.covariance for part in parts]),
            ),
            tolerance=first.tolerance,
            known=np.concatenate([part.known for part in parts]),
        )

    @property
    def distance(self) -> Array:
        """Distances (n, k) px from detection to label, NaN where hidden or unknown."""
        return np.linalg.norm(self.error, axis=-1)

    @property
    def labels(self) -> Array:
        """The labels (n, k, 2) px, NaN where hidden or unknown."""
        return self.prediction.position - self.error

    def table(self) -> pd.DataFrame:
        """Return the figures of each keypoint in each view, and of all together.

        Columns: keypoint, view ("all" for either), labels (their number), mean (the mean Euclidean
        px that DeepLabCut names RMSE), rms, median and p95, all px; within (the fraction nearer
        than the tolerance); coverage (the fraction of labels detected with confidence >= 0.5).
        """
        views = np.array(self.views)
        rows = []
        for name, columns in (("all", slice(None)), *_named_columns(self.keypoints)):
            distance = self.distance[:, columns]
            confidence = self.prediction.confidence[:, columns]
            for view in ("all", *dict.fromkeys(self.views)):
                chosen = (views == view) | (view == "all")
                figures = _figures(distance[chosen], confidence[chosen], self.tolerance)
                rows.append({"keypoint": name, "view": view, **figures})
        return pd.DataFrame(rows)

    def summary(self) -> dict[str, float]:
        """Return the figures of all keypoints and views together; see `table`."""
        return _figures(self.distance, self.prediction.confidence, self.tolerance)

    def reliability(self, bins: int = 10) -> pd.DataFrame:
        """Return what the confidence promises and what came true, in bins of the confidence.

        Columns: confidence (the mean), right (the fraction nearer than the tolerance; a detection
        of a hidden keypoint is wrong), count. Empty bins are left out, and so are keypoints that
        nothing is known of.
        """
        confidence = self.prediction.confidence[self.known]
        right = (self.distance < self.tolerance)[self.known]
        index = np.minimum((confidence * bins).astype(int), bins - 1)
        rows = [
            (confidence[index == b].mean(), right[index == b].mean(), int(np.sum(index == b)))
            for b in np.unique(index)
        ]
        return pd.DataFrame(rows, columns=["confidence", "right", "count"])

    def calibration_error(self, bins: int = 10) -> float:
        """Return the expected calibration error of the confidence, hidden keypoints included.

        The mean gap, weighted by count, between confidence and the fraction that is right (Naeini
        et al., AAAI 2015).
        """
        table = self.reliability(bins)
        gaps = np.abs(table["confidence"].to_numpy() - table["right"].to_numpy())
        return float(np.average(gaps, weights=table["count"].to_numpy()))

    def normalized_squared_error(self) -> Array:
        """Return the squared errors (n, k) in units of the covariance: ideally chi-square of 2."""
        solved = np.linalg.solve(self.prediction.covariance, self.error[..., None])[..., 0]
        return np.sum(solved * self.error, axis=-1)

    def covariance_ratio(self) -> float:
        """Return the median of `normalized_squared_error` in that of chi-square: 1 is honest.

        Above 1, errors are larger than the covariance says; NaN without a visible label.
        """
        squared = self.normalized_squared_error()
        known = squared[np.isfinite(squared)]
        return float(np.median(known)) / MEDIAN_CHI_SQUARE if len(known) else float("nan")


def look(detector: Detector, images: Sequence[LabelledImage]) -> RawPrediction:
    """Return the uncalibrated detections in labelled images, each at the scale of its own view."""
    n, k = len(images), len(detector.keypoints)
    position, mass, spread = np.empty((n, k, 2)), np.empty((n, k)), np.empty((n, k, 2, 2))
    for view in dict.fromkeys(image.view for image in images):
        rows = [i for i, image in enumerate(images) if image.view == view]
        raw = detector.look([images[i].image for i in rows], view=view)
        position[rows], mass[rows], spread[rows] = raw.position, raw.mass, raw.spread
    return RawPrediction(position=position, mass=mass, spread=spread)


def evaluate(detector: Detector, images: Sequence[LabelledImage]) -> Evaluation:
    """Compare a detector with labels it has not been trained on.

    Raises `DetectorError` without images, or where their keypoints are not the detector's.
    """
    if not images:
        raise DetectorError("no labelled images to evaluate on; label frames of a recording")
    for image in images:
        if image.points.shape != (1, len(detector.keypoints), 2):
            raise DetectorError(
                f"recording '{image.recording}', frame {image.frame}, view '{image.view}': labels "
                f"of shape {image.points.shape}; the detector finds one animal with "
                f"{len(detector.keypoints)} keypoints"
            )
    prediction = detector.calibrate(look(detector, images))
    labels = np.stack([image.points[0] for image in images])
    return Evaluation(
        keypoints=detector.keypoints,
        recordings=tuple(image.recording for image in images),
        views=tuple(image.view for image in images),
        frames=tuple(image.frame for image in images),
        error=prediction.position - labels,
        prediction=prediction,
        tolerance=detector.settings.right_within,
        known=np.stack([image.known[0] for image in images]),
    )


def _named_columns(keypoints: tuple[str, ...]) -> list[tuple[str, slice]]:
    """Return each keypoint with its column."""
    return [(name, slice(k, k + 1)) for k, name in enumerate(keypoints)]


def _figures(distance: Array, confidence: Array, tolerance: float) -> dict[str, float]:
    """Return the figures of distances and confidences of one shape; NaN where nothing is seen."""
    seen = np.isfinite(distance)
    d = distance[seen]
    if not len(d):
        names = ("mean", "rms", "median", "p95", "within", "coverage")
        return {"labels": 0, **dict.fromkeys(names, float("nan"))}
    return {
        "labels": len(d),
        "mean": float(d.mean()),
        "rms": float(np.sqrt(np.mean(d**2))),
        "median": float(np.median(d)),
        "p95": float(np.quantile(d, 0.95)),
        "within": float(np.mean(d < tolerance)),
        "coverage": float(np.mean(confidence[seen] >= 0.5)),
    }
