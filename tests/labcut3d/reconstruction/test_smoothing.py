"""The banded smoother against the same equations written out in full."""

import numpy as np
import pytest

from labcut3d.reconstruction.smoothing import (
    accelerations,
    log_evidence,
    posterior_covariances,
    posterior_motion,
    smooth,
)

ROUNDING = 1e-10  # relative to numbers of order one


def problem(tracks: int, moments: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(moments)
    root = rng.normal(size=(tracks, moments, 3, 3))
    information = root @ np.swapaxes(root, -1, -2) + 0.1 * np.eye(3)
    vectors = rng.normal(size=(tracks, moments, 3))
    return information, vectors, rng.uniform(0.5, 3, (tracks, max(moments - 2, 0)))


def in_full(information: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """The matrix of the normal equations of one track."""
    moments = len(information)
    matrix = np.zeros((3 * moments, 3 * moments))
    for t in range(moments):
        matrix[3 * t : 3 * t + 3, 3 * t : 3 * t + 3] = information[t]
    for t in range(moments - 2):
        row = np.kron([1.0, -2.0, 1.0], np.eye(3))
        matrix[3 * t : 3 * t + 9, 3 * t : 3 * t + 9] += precision[t] * row.T @ row
    return matrix


@pytest.mark.parametrize("moments", [1, 2, 3, 4, 11])
def test_solution_and_covariance_are_exact(moments: int) -> None:
    information, vectors, precision = problem(2, moments)
    points = smooth(information, vectors, precision)
    np.testing.assert_array_equal(log_evidence(information, vectors, precision)[1], points)
    covariance, unsteady = posterior_covariances(information, precision)
    for track in range(2):
        matrix = in_full(information[track], precision[track])
        expected = np.linalg.solve(matrix, vectors[track].ravel()).reshape(-1, 3)
        assert points[track] == pytest.approx(expected, abs=ROUNDING)
        inverse = np.linalg.inv(matrix).reshape(moments, 3, moments, 3)
        blocks = np.stack([inverse[t, :, t] for t in range(moments)])
        assert covariance[track] == pytest.approx(blocks, abs=ROUNDING)
        bend = np.diff(np.eye(moments), n=2, axis=0)
        variance = np.einsum("at,tisi,as->a", bend, inverse, bend)
        assert unsteady[track] == pytest.approx(variance, abs=10 * ROUNDING)


def test_log_evidence_differs_as_the_gaussian_integral_does() -> None:
    information, vectors, precision = problem(1, 9)

    def integral(scale: float) -> float:
        matrix = in_full(information[0], scale * precision[0])
        fit = 0.5 * vectors[0].ravel() @ np.linalg.solve(matrix, vectors[0].ravel())
        return fit - 0.5 * np.linalg.slogdet(matrix)[1] + 0.5 * 3 * 7 * np.log(scale)

    difference = (
        log_evidence(information, vectors, 5 * precision)[0]
        - log_evidence(information, vectors, precision)[0]
    )[0]
    assert difference == pytest.approx(integral(5) - integral(1), abs=1e-9)


def test_likelihood_finds_the_acceleration_that_made_a_track() -> None:
    rng = np.random.default_rng(0)
    truth = 0.05
    track = np.cumsum(np.cumsum(rng.normal(0, truth, (2000, 3)), axis=0), axis=0)[None]
    noise = 0.2
    information = np.broadcast_to(np.eye(3) / noise**2, (1, 2000, 3, 3))
    vectors = (track + rng.normal(0, noise, track.shape)) / noise**2
    tried = np.geomspace(0.01, 0.25, 29)
    scores = [
        log_evidence(information, vectors, np.full((1, 1998), 1 / size**2))[0][0] for size in tried
    ]
    # 6000 accelerations fix their size to a few per cent; the grid is 12 % wide.
    assert tried[int(np.argmax(scores))] == pytest.approx(truth, rel=0.15)


def test_accelerations_are_second_differences() -> None:
    times = np.arange(6.0)[:, None]
    assert accelerations(np.hstack([times, times**2, 0 * times])) == pytest.approx(
        np.tile([0.0, 2.0, 0.0], (4, 1))
    )


@pytest.mark.parametrize("moments", [1, 2, 3, 11])
def test_covariances_of_differences_are_exact(moments: int) -> None:
    information, _, precision = problem(2, moments)
    points, *found = posterior_motion(information, precision)
    np.testing.assert_array_equal(points, posterior_covariances(information, precision)[0])
    count = max(moments - 2, 0)
    for weights, covariance in zip([(-0.5, 0, 0.5), (1, -2, 1)], found, strict=True):
        assert covariance.shape == (2, moments, 3, 3)
        assert np.isnan(covariance[:, [0, -1]]).all()
        row = np.kron(np.asarray(weights, dtype=float), np.eye(3))
        for track in range(2):
            inverse = np.linalg.inv(in_full(information[track], precision[track]))
            expected = [
                row @ inverse[3 * t : 3 * t + 9, 3 * t : 3 * t + 9] @ row.T for t in range(count)
            ]
            assert covariance[track, 1:-1] == pytest.approx(
                np.reshape(expected, (-1, 3, 3)), abs=ROUNDING
            )
