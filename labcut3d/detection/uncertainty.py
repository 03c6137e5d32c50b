"""From what a network says to what it is worth: calibration on images it was not trained on.

A network is surer of itself than it should be. On held-out labels, two small fits make the
confidence a probability of being right and the covariance the size of the real errors.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from calibration.gaussian import MEDIAN_CHI_SQUARE

__all__ = ["UNCALIBRATED", "Calibration", "fit_calibration"]

Array = npt.NDArray[np.float64]

FEWEST = 20  # detections; with fewer held out, nothing is fitted
STUDENT = 4.0  # degrees of freedom: real errors have heavier tails than a Gaussian
MASS_LIMIT = 1e-4  # probabilities closer to 0 or 1 say no more than this one
SMALLEST = 1e-6  # px^2; below, a variance is rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Maps a peak's probability mass and spread to confidence and covariance.

    confidence = sigmoid(slope * logit(mass) + offset) (Platt 1999), and each principal variance v
    of the spread becomes exp(gain + power * log(v) + doubt * logit(mass)) px^2.
    """

    slope: float = 1.0
    offset: float = 0.0
    gain: float = -1.0
    power: float = 1.0
    doubt: float = 0.0

    def confidence(self, mass: Array) -> Array:
        """Return the probability of being right for probability masses (...)."""
        return 1 / (1 + np.exp(-(self.slope * _logit(mass) + self.offset)))

    def covariance(self, spread: Array, mass: Array) -> Array:
        """Return the covariance (..., 2, 2) px^2 for spreads (..., 2, 2) px^2 and masses (...)."""
        values, axes = np.linalg.eigh(spread)
        return (axes * self._variances(values, mass)[..., None, :]) @ np.swapaxes(axes, -1, -2)

    def _variances(self, values: Array, mass: Array) -> Array:
        """Return calibrated variances (..., 2) for the eigenvalues (..., 2) of a spread."""
        logs = np.log(np.maximum(values, SMALLEST))
        return np.exp(self.gain + self.power * logs + self.doubt * _logit(mass)[..., None])


UNCALIBRATED = Calibration()


def fit_calibration(
    *, mass: Array, spread: Array, error: Array, tolerance: float
) -> Calibration | None:
    """Fit a calibration to held-out detections, or return None where there are too few.

    `mass` (n,), `spread` (n, 2, 2) px^2 and `error` (n, 2) px, detection minus label, NaN where
    the keypoint is hidden. Right means nearer than `tolerance` px to a label.
    """
    distance = np.linalg.norm(error, axis=-1)
    right = distance < tolerance  # False for NaN: a detection of something hidden is not right
    near = distance < 3 * tolerance  # farther ones are mistakes, which confidence speaks of
    if near.sum() < FEWEST:
        return None
    slope, offset = _fit_confidence(_logit(mass), right)
    gain, power, doubt = _fit_covariance(spread[near], mass[near], error[near])
    return Calibration(slope=slope, offset=offset, gain=gain, power=power, doubt=doubt)


def _fit_confidence(score: Array, right: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and offset of the logistic regression of `right` on `score`.

    A weak pull to slope 1 and offset 0, worth a few detections, keeps few labels from deciding
    everything.
    """

    def objective(x: Array) -> float:
        z = x[0] * score + x[1]
        penalty = (x[0] - 1) ** 2 + 0.1 * x[1] ** 2
        return float(np.sum(np.logaddexp(0, z) - right * z) + penalty)

    found = minimize(objective, [1.0, 0.0], method="L-BFGS-B", bounds=[(0.05, 5), (-10, 10)])
    return float(found.x[0]), float(found.x[1])


def _fit_covariance(spread: Array, mass: Array, error: Array) -> tuple[float, float, float]:
    """Return gain, power and doubt of the variances that make the errors most likely.

    Student's t keeps single mistakes from swelling all variances; afterwards the gain is set so
    that the median of the normalised squared error is that of a Gaussian.
    """
    values, axes = np.linalg.eigh(spread)
    along = (np.swapaxes(axes, -1, -2) @ error[..., None])[..., 0]

    def squared(x: Array) -> Array:
        calibration = Calibration(gain=x[0], power=x[1], doubt=x[2])
        return np.log(along**2 + SMALLEST) - np.log(calibration._variances(values, mass))

    def objective(x: Array) -> float:
        ratio = squared(x)
        log_variance = np.log(along**2 + SMALLEST) - ratio
        heavy = (STUDENT + 1) / 2 * np.log1p(np.exp(ratio) / STUDENT)
        penalty = 4 * (x[1] - 1) ** 2 + 10 * x[2] ** 2
        return float(np.sum(heavy + 0.5 * log_variance) + penalty)

    start = [math.log(np.median(along**2) + SMALLEST) - math.log(np.median(values)), 1.0, 0.0]
    bounds = [(-20, 20), (0.0, 3.0), (-1.0, 0.0)]
    found = minimize(objective, start, method="L-BFGS-B", bounds=bounds)
    typical = float(np.median(np.exp(squared(found.x)).sum(axis=-1)))
    return (
        float(found.x[0] + math.log(max(typical, SMALLEST) / MEDIAN_CHI_SQUARE)),
        float(found.x[1]),
        float(found.x[2]),
    )


def _logit(mass: Array) -> Array:
    """Return the log odds of probabilities, away from 0 and 1."""
    clipped = np.clip(mass, MASS_LIMIT, 1 - MASS_LIMIT)
    return np.log(clipped) - np.log1p(-clipped)
