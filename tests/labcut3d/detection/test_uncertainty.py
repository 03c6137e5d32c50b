"""Calibration recovers what the errors really are."""

import numpy as np
import pytest

from labcut3d.detection.uncertainty import UNCALIBRATED, Calibration, fit_calibration

N = 4000


def _detections(rng):
    """Masses, spreads and errors of detections whose true calibration is known."""
    mass = rng.uniform(0.05, 0.95, N)
    angle = rng.uniform(0, np.pi, N)
    axes = np.stack(
        [
            np.stack([np.cos(angle), -np.sin(angle)], -1),
            np.stack([np.sin(angle), np.cos(angle)], -1),
        ],
        axis=-2,
    )
    values = np.exp(rng.uniform(2, 4, (N, 2)))
    spread = (axes * values[:, None, :]) @ np.swapaxes(axes, -1, -2)
    truth = np.exp(-2 + 0.8 * np.log(values))
    error = (axes @ (np.sqrt(truth) * rng.standard_normal((N, 2)))[..., None])[..., 0]
    right = rng.random(N) < 1 / (1 + np.exp(-1.5 * np.log(mass / (1 - mass)) - 0.5))
    error[~right] = np.nan
    return mass, spread, error, truth, axes


def test_a_known_calibration_is_recovered():
    mass, spread, error, _, _ = _detections(np.random.default_rng(0))
    found = fit_calibration(mass=mass, spread=spread, error=error, tolerance=50.0)
    assert found is not None
    # Three standard errors of a fit to 4000 detections.
    assert found.slope == pytest.approx(1.5, abs=0.2)
    assert found.offset == pytest.approx(0.5, abs=0.15)
    assert found.power == pytest.approx(0.8, abs=0.15)
    covariance = found.covariance(spread, mass)
    squared = np.einsum("ni,nij,nj->n", error, np.linalg.inv(covariance), error)
    # The median of chi-square with two degrees of freedom, 1.386, within 3 %.
    assert np.nanmedian(squared) == pytest.approx(1.386, rel=0.03)


def test_confidence_rises_with_mass_and_stays_a_probability():
    calibration = Calibration(slope=2.0, offset=-1.0)
    confidence = calibration.confidence(np.linspace(0, 1, 50))
    assert (np.diff(confidence) >= 0).all()
    assert ((confidence >= 0) & (confidence <= 1)).all()


def test_covariances_are_positive_even_without_spread():
    covariance = UNCALIBRATED.covariance(np.zeros((3, 2, 2)), np.array([0.0, 0.5, 1.0]))
    assert (np.linalg.eigvalsh(covariance) > 0).all()


def test_too_few_detections_fit_nothing():
    mass, spread, error, _, _ = _detections(np.random.default_rng(0))
    few = slice(0, 15)
    assert (
        fit_calibration(mass=mass[few], spread=spread[few], error=error[few], tolerance=50.0)
        is None
    )
