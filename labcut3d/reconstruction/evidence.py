"""What the detections say about points in space, and how much each of them can be believed.

A detection is a mixture: with some probability it shows the keypoint, with heavy-tailed (Student)
noise around the detector's covariance; otherwise it lies anywhere in the surroundings. Which of
the two is judged by how far it lies from where time, the skeleton and the other views put the
point (the E-step of expectation maximisation).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from calibration.geometry import Array
from calibration.points.imaging import project_points
from calibration.rig import Rig
from labcut3d.reconstruction.weighing import FREEDOM, POWER, Linear, add_up, linearized

__all__ = [
    "PARTS",
    "USED",
    "Evidence",
    "Judgement",
    "Noise",
    "against",
    "first_noise",
    "inverted",
    "judge",
    "learn_noise",
    "linearize",
    "log_likelihood",
    "sums",
]

PARTS = ("pixels", "information", "confidence", "share")  # of evidence, by detection
USED = 0.5  # probability of being right from which a view counts as used
SMALLEST_SURROUNDINGS = 10.0  # px
BINS = np.linspace(0.0, 1.0, 11)[1:-1]  # of confidence, in which the trust is learnt
CLAIMED = (np.arange(10) + 0.5) / 10  # the trust that a confidence asks for
PRIOR_COUNT = 20.0  # detections; how much data outweighs the detector's own confidence
SCALE_RANGE = (0.25, 100.0)  # of the factor on the detector's covariance
PRIOR_RANGE = (1e-3, 1 - 1e-3)  # of the probability that a detection is right
TINY = 1e-300
TOGETHER = 100_000  # detections worked at together, so that long recordings take little memory


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """The detections of one individual: arrays (view, keypoint, time, ...).

    `pixels` (..., 2) px; `information` (..., 2, 2) px^-2, the inverse of the detector's
    covariance; `confidence` (...). Where nothing was detected all are zero. `share` (..., 2) px is
    what was taken off the pixels as the calibration's own error (see `settling`). `stated` tells
    whether the covariance is the detector's; otherwise it is 1 px^2, of which only ratios count.
    """

    rig: Rig
    pixels: Array
    information: Array
    confidence: Array
    share: Array
    stated: bool

    @property
    def seen(self) -> np.ndarray:
        """Where there is a detection at all (view, keypoint, time)."""
        return self.confidence > 0

    @property
    def detected(self) -> Array:
        """The pixels (view, keypoint, time, 2) as the detector has them."""
        return self.pixels + self.share

    @property
    def covariance(self) -> Array:
        """The inverse of the information, 1 px^2 where there is none."""
        return inverted(np.where(self.seen[..., None, None], self.information, np.eye(2)))

    def of_keypoints(self, which: np.ndarray | slice) -> "Evidence":
        """Return the evidence on some keypoints, given by index; a slice takes no memory."""
        return replace(self, **{name: getattr(self, name)[:, which] for name in PARTS})

    def parts(self) -> list[slice]:
        """Return the keypoints that are worked at together: all of short recordings, or few."""
        _, keypoints, moments = self.confidence.shape
        size = max(TOGETHER // max(len(self.rig) * moments, 1), 1)
        return [slice(k, k + size) for k in range(0, keypoints, size)]

    def in_blocks(self, moments: int) -> "Iterator[Evidence]":
        """Yield the evidence on some moments after the other."""
        for start in range(0, max(self.confidence.shape[2], 1), moments):
            part = slice(start, start + moments)
            yield replace(self, **{name: getattr(self, name)[:, :, part] for name in PARTS})

    def exchanged(self, left: int, right: int, where: np.ndarray) -> "Evidence":
        """Return the evidence with two keypoints exchanged `where` (view, time)."""
        changed = {}
        for name in PARTS:
            if not getattr(self, name)[:, [left, right]].any():
                continue  # no share, which takes no memory as long as nobody writes
            array = getattr(self, name).copy()
            a, b = array[:, left][where].copy(), array[:, right][where].copy()
            array[:, left][where], array[:, right][where] = b, a
            changed[name] = array
        return replace(self, **changed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Noise:
    """What was learnt about the detections.

    `scale` (keypoint,) multiplies the detector's covariance; `trust` (bin,) is the share of
    detections of a bin of confidence that show their keypoint; `surroundings`, px, is how far
    from their keypoint the others lie (standard deviation).
    """

    scale: Array
    trust: Array
    surroundings: float

    def prior(self, confidence: Array) -> Array:
        """Return the probability, before looking at its place, that a detection is right."""
        return self.trust[np.digitize(confidence, BINS)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judgement:
    """How far each detection (view, keypoint, time) can be believed, given points in space.

    `right` is the probability that it shows its keypoint, `weight` what it counts in the next
    step of least squares, `squared` its squared distance in units of the noise.
    """

    right: Array
    weight: Array
    squared: Array

    def of_keypoints(self, which: slice) -> "Judgement":
        """Return the judgement on some keypoints."""
        parts = (self.right[:, which], self.weight[:, which], self.squared[:, which])
        return Judgement(right=parts[0], weight=parts[1], squared=parts[2])


def inverted(matrices: Array) -> Array:
    """Return the inverses of symmetric matrices (..., 2, 2)."""
    a, b, c = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]
    turned = np.stack([c, -b, -b, a], axis=-1) / (a * c - b * b)[..., None]
    return turned.reshape(matrices.shape)


def first_noise(evidence: Evidence, surroundings: float | None = None) -> Noise:
    """Return the noise that the detector itself claims.

    Its surroundings, px, by default the size of the animal in the images.
    """
    if surroundings is None:
        surroundings = _size_px(evidence)
    return Noise(scale=np.ones(evidence.pixels.shape[1]), trust=CLAIMED, surroundings=surroundings)


def _size_px(evidence: Evidence) -> float:
    """Return how far apart the keypoints of the animal lie in the images, px."""
    pixels = np.where(evidence.seen[..., None], evidence.pixels, np.nan)
    together = evidence.seen.sum(axis=1) > 1
    if not together.any():
        return SMALLEST_SURROUNDINGS
    one_picture = np.moveaxis(pixels, 1, 2)[together]
    spread = np.nanstd(one_picture, axis=1) * np.sqrt(2)  # of two keypoints from each other
    return max(float(np.median(np.sqrt((spread**2).mean(axis=-1)))), SMALLEST_SURROUNDINGS)


def judge(evidence: Evidence, noise: Noise, points: Array, widening: float = 1.0) -> Judgement:
    """Judge every detection by its distance to the image of `points` (keypoint, time, 3).

    `widening` multiplies the covariance: a wide noise first keeps a wrong start from deciding.
    """
    right, weight, squares = (np.empty(evidence.confidence.shape) for _ in range(3))
    odds = against(evidence, noise, widening)
    for own in evidence.parts():
        residual = evidence.pixels[:, own] - project_points(evidence.rig, points[own])
        x, y, told = residual[..., 0], residual[..., 1], evidence.information[:, own]
        scale = noise.scale[own, None] * widening
        squared = x * x * told[..., 0, 0] + 2 * x * y * told[..., 0, 1] + y * y * told[..., 1, 1]
        squared /= scale
        seen = evidence.seen[:, own] & np.isfinite(squared)
        squares[:, own] = squared = np.where(seen, squared, 0.0)
        wrong = odds[:, own] * (1 + squared / FREEDOM) ** POWER
        right[:, own] = np.where(seen, 1 / (1 + wrong), 0.0)
        weight[:, own] = right[:, own] * (FREEDOM + 2) / (FREEDOM + squared) / scale
    return Judgement(right=right, weight=weight, squared=squares)


def log_likelihood(evidence: Evidence, noise: Noise, judgement: Judgement) -> Array:
    """Return the log-likelihood (view, keypoint, time) of judged detections, 0 where none is."""
    prior = noise.prior(evidence.confidence).clip(*PRIOR_RANGE)
    elsewhere = (1 - prior) / (2 * np.pi * noise.surroundings**2)
    known = evidence.seen & (judgement.right > 0)
    return np.where(known, np.log(elsewhere / (1 - judgement.right).clip(min=TINY)), 0.0)


def against(evidence: Evidence, noise: Noise, widening: float = 1.0) -> Array:
    """Return the odds (view, keypoint, time) that a detection right at its point is wrong anyway.

    Infinite where there is no detection.
    """
    prior = noise.prior(evidence.confidence).clip(*PRIOR_RANGE)
    i = evidence.information
    peak = np.sqrt((i[..., 0, 0] * i[..., 1, 1] - i[..., 0, 1] ** 2).clip(min=0.0))
    peak *= noise.surroundings**2 / (noise.scale * widening)[:, None]
    with np.errstate(divide="ignore"):
        return np.where(evidence.seen, (1 - prior) / prior / peak, np.inf)


def linearize(evidence: Evidence, weight: Array, points: Array) -> tuple[Array, Array]:
    """Return information (keypoint, time, 3, 3) and vectors (keypoint, time, 3) around `points`."""
    information, vectors = np.empty((*points.shape, 3)), np.empty(points.shape)
    for own in evidence.parts():  # the slopes of all are large
        one = evidence.of_keypoints(own)
        linear = linearized(one.rig, one.pixels, points[own])
        information[own], vectors[own] = sums(one, linear, weight[:, own])
    return information, vectors


def sums(evidence: Evidence, linear: Linear, weight: Array) -> tuple[Array, Array]:
    """Return information and vectors as `linearize` does, of detections that are linear already."""
    shape = evidence.pixels.shape[1:3]
    information, vectors = np.zeros((*shape, 3, 3)), np.zeros((*shape, 3))
    add_up(linear, evidence.information, weight, information, vectors)
    return information, vectors


def learn_noise(evidence: Evidence, judgement: Judgement, noise: Noise, fitted: Array) -> Noise:
    """Return the noise under which the judged detections are most probable (the M-step).

    `fitted` (keypoint,) is the number of coordinates that the points themselves took from the
    detections: their residuals are the smaller for it.
    """
    right = judgement.right
    heavy = right * (FREEDOM + 2) / (FREEDOM + judgement.squared) * judgement.squared
    freedom = np.maximum(2 * right.sum(axis=(0, 2)) - fitted, 1.0)
    strong = right.sum(axis=(0, 2)) * 2 > 1.2 * fitted + 20
    factor = np.where(strong, heavy.sum(axis=(0, 2)) / freedom, 1.0)
    bins = np.digitize(evidence.confidence, BINS)
    count = np.bincount(bins[evidence.seen], minlength=len(CLAIMED))
    share = np.bincount(bins[evidence.seen], right[evidence.seen], minlength=len(CLAIMED))
    return replace(
        noise,
        scale=(noise.scale * factor).clip(*SCALE_RANGE),
        trust=(share + PRIOR_COUNT * CLAIMED) / (count + PRIOR_COUNT),
    )
