"""What more labels would bring: detectors trained on a part of them, judged on the same others.

Errors fall about as a power of the number of labels (Cortes et al., NIPS 1993), until they reach
the labels' own jitter. So a straight line through the logarithms says what doubling would bring,
and its residuals say how far that is to be trusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from labcut3d.detection.crossvalidation import Folds, split
from labcut3d.detection.evaluation import Evaluation, evaluate
from labcut3d.detection.settings import DetectorSettings
from labcut3d.detection.training import train_detector
from labcut3d.errors import DetectorError
from labcut3d.labels import LabelledImage
from labcut3d.progress import Progress, part_of
from labcut3d.skeleton import Skeleton

__all__ = ["FRACTIONS", "Figure", "LearningCurve", "PowerLaw", "learning_curve", "spread_order"]

Array = npt.NDArray[np.float64]
Figure = Literal["mean", "median"]

FRACTIONS = (1 / 8, 1 / 4, 1 / 2, 1.0)
PARTS = 5  # of the moments; one is left out to judge on, unless folds are asked for
FEWEST = 2  # moments to train on
COVERAGE = 0.9  # of the interval


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLaw:
    """The error as a power of the number of moments: `scale` * moments ** `exponent` px.

    `low` and `high` bound the exponent with 90 % probability, NaN where too few detectors were
    trained to tell.
    """

    scale: float
    exponent: float
    low: float
    high: float

    def at(self, moments: Array) -> Array:
        """Return the error, px, for numbers of labelled moments."""
        return self.scale * np.asarray(moments) ** self.exponent

    @property
    def gain(self) -> float:
        """The fraction by which doubling the labels lowers the error."""
        return 1 - 2**self.exponent

    @property
    def gain_interval(self) -> tuple[float, float]:
        """The bounds of `gain`, the smaller first."""
        return 1 - 2**self.high, 1 - 2**self.low


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """Errors against labels: `moments` (s,) trained on, in rising order.

    `evaluations` holds for each number of moments the evaluation of each fold, on the same
    left-out images for all numbers.
    """

    moments: tuple[int, ...]
    evaluations: tuple[tuple[Evaluation, ...], ...]

    def joined(self) -> tuple[Evaluation, ...]:
        """Return one evaluation for each number of moments, of all folds together."""
        return tuple(Evaluation.join(parts) for parts in self.evaluations)

    def errors(self, figure: Figure) -> Array:
        """Return the mean or median distance (sizes, folds) px."""
        return np.array([[part.summary()[figure] for part in row] for row in self.evaluations])

    def power_law(self, figure: Figure) -> PowerLaw:
        """Fit a power law to the errors of all folds, each fold with a scale of its own.

        A fold may be hard or easy, but its left-out images are the same for all sizes; what is left
        is the luck of training and the bend of the curve, and it sets the interval (Student's t).
        """
        x = np.log(np.array(self.moments, dtype=float))
        y = np.log(np.maximum(self.errors(figure), 1e-6))
        within_x, within_y = x - x.mean(), y - y.mean(axis=0)
        power = float(np.sum(within_x @ within_y) / (y.shape[1] * np.sum(within_x**2)))
        scale = float(np.exp(y.mean() - power * x.mean()))
        freedom = y.size - y.shape[1] - 1
        half = float("nan")
        if freedom > 0:
            residual = within_y - power * within_x[:, None]
            variance = np.sum(residual**2) / freedom / (y.shape[1] * np.sum(within_x**2))
            half = float(student.ppf((1 + COVERAGE) / 2, freedom) * np.sqrt(variance))
        return PowerLaw(scale=scale, exponent=power, low=power - half, high=power + half)

    def sentence(self, figure: Figure) -> str:
        """Return what doubling the labels would bring, in words, and how sure that is."""
        law = self.power_law(figure)
        low, high = (100 * bound for bound in law.gain_interval)
        last = self.joined()[-2:]
        before, after = (part.summary()[figure] for part in last)
        step = self.moments[-1] / self.moments[-2]
        seen = f"the last {step:.2g}-fold increase changed it from {before:.3g} to {after:.3g} px"
        if not np.isfinite(low):
            return f"Too few detectors to tell what more labels would bring; {seen}."
        interval = f"90 % interval: {low:.0f} to {high:.0f} %"
        if low <= 0:
            return (
                f"Whether more labels would lower the {figure} error cannot be told from these "
                f"detectors (doubling: by {100 * law.gain:.0f} %, {interval}); {seen}."
            )
        return (
            f"Doubling the labels would lower the {figure} error by about {100 * law.gain:.0f} % "
            f"({interval}), if it goes on falling as it did; {seen}."
        )


def learning_curve(
    images: Sequence[LabelledImage],
    skeleton: Skeleton,
    settings: DetectorSettings | None = None,
    *,
    fractions: Sequence[float] = FRACTIONS,
    folds: int | None = None,
    kind: Folds = "blocks",
    progress: Progress | None = None,
) -> LearningCurve:
    """Train on nested parts of the labelled moments, all judged on the same left-out ones.

    `fractions` are of the moments not left out. A fifth of the moments, the middle block, is left
    out; with `folds`, each fold in turn, which takes as many times longer and tells more. Raises
    `DetectorError` where there are too few moments, as `split` and `train_detector` do.
    """
    if not all(0 < fraction <= 1 for fraction in fractions):
        raise DetectorError(f"fractions {list(fractions)}: each must lie above 0 and at most at 1")
    parts = split(images, PARTS if folds is None else folds, kind)
    chosen = [parts[PARTS // 2]] if folds is None else parts
    orders = [_order(images, part) for part in chosen]
    least = min(len(order) for order in orders)
    sizes = sorted({size for f in fractions if (size := round(f * least)) >= FEWEST})
    if len(sizes) < 2:
        raise DetectorError(
            f"{least} labelled moments to train on are too few for a learning curve of fractions "
            f"{', '.join(f'{f:g}' for f in fractions)}; label more moments"
        )
    rows: list[list[Evaluation]] = [[] for _ in sizes]
    count = len(chosen) * len(sizes)
    for number, (part, order) in enumerate(zip(chosen, orders, strict=True)):
        unseen = [images[index] for index in part]
        for row, size in enumerate(sizes):
            taken = set(order[:size])
            shown = [image for image in images if (image.recording, image.frame) in taken]
            done = number * len(sizes) + row
            tell = part_of(progress, done, count, f"{size} moments", equal=True)
            detector, _ = train_detector(shown, skeleton, settings, progress=tell)
            rows[row].append(evaluate(detector, unseen))
    return LearningCurve(moments=tuple(sizes), evaluations=tuple(tuple(row) for row in rows))


def spread_order(count: int) -> list[int]:
    """Return 0 to `count` - 1 so that every beginning is spread evenly (van der Corput, base 2)."""
    bits = max(1, (count - 1).bit_length())
    reversed_bits = [int(f"{i:0{bits}b}"[::-1], 2) for i in range(2**bits)]
    return list(dict.fromkeys(place * count >> bits for place in reversed_bits))


def _order(images: Sequence[LabelledImage], left_out: Sequence[int]) -> list[tuple[str, int]]:
    """Return the moments that are not left out, every beginning of them spread over time."""
    unseen = {(images[index].recording, images[index].frame) for index in left_out}
    moments = sorted({(image.recording, image.frame) for image in images} - unseen)
    return [moments[place] for place in spread_order(len(moments))]
