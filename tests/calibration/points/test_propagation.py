"""The covariance of points from pixels and cameras, tried by simulation on rigs that err."""

import numpy as np
import pytest
from erring_rigs import STEPS, erring, uncertain

from calibration import RigCovariance, calibration_covariance, triangulate_points
from calibration.errors import RigError
from calibration.solver.uncertainty import predict_uncertainty, rig_parameters
from labcut3d.synthetic_rig import make_rig

RIGS, TRIALS = 6, 450


def squared_errors(rng: np.random.Generator, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Squared Mahalanobis errors (trial,) with both parts of the covariance, and with noise alone.

    Each trial has its own calibration error, point and pixel noise of about 1.5 `size` px; the
    detector knows its noise.
    """
    rig = make_rig(int(rng.integers(2, 5)), rng)
    covariance = uncertain(rig, rng)
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    steps = rng.multivariate_normal(np.zeros(len(covariance.names)), covariance.matrix, TRIALS)
    root = rng.normal(size=(2, 2))
    noise = np.broadcast_to(size**2 * (root @ root.T + np.eye(2)), (len(rig), 2, 2))
    both, alone = np.empty(TRIALS), np.empty(TRIALS)
    for trial, step in enumerate(steps):
        point = middle + rng.uniform(-30, 30, 3)
        error = np.linalg.cholesky(noise) @ rng.normal(size=(len(rig), 2, 1))
        wrong = erring(rig, step)
        pixels = rig.project(point) + error[..., 0]
        found = triangulate_points(wrong, pixels, covariance=noise, rig_covariance=covariance)
        information = np.linalg.inv(noise) * found.inliers[:, None, None]
        ours = calibration_covariance(wrong, covariance, found.points, information)
        away = found.points - point
        both[trial] = away @ np.linalg.solve(found.covariance, away)
        alone[trial] = away @ np.linalg.solve(found.covariance - ours, away)
    return both, alone


@pytest.mark.parametrize("size", [1.0, 0.1])  # the cameras' errors are 0.7 px
def test_the_covariance_holds_the_truth_as_often_as_it_says(size):
    rng = np.random.default_rng(0)
    found = [squared_errors(rng, size) for _ in range(RIGS)]
    both, alone = (np.concatenate(part) for part in zip(*found, strict=True))
    # Chi-square with three degrees of freedom; of 2700 trials a share is known to 0.9 %.
    assert np.mean(both < 3.506) == pytest.approx(0.68, abs=0.02)
    assert np.mean(both < 7.815) == pytest.approx(0.95, abs=0.02)
    assert np.mean(alone < 7.815) < 0.9  # the cameras' errors are no trifle here


def test_points_follow_the_cameras_as_it_says():
    """The covariance of one parameter at a time against triangulation with that parameter moved."""
    rng = np.random.default_rng(1)
    rig = make_rig(3, rng)
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    points = middle + rng.uniform(-20, 20, (4, 3))
    pixels, names = rig.project(points), rig_parameters(rig)
    information = rng.uniform(0.5, 2.0, (3, 4, 1, 1)) * np.eye(2)
    for index, name in enumerate(names):
        step = np.zeros(len(names))
        step[index] = 0.1 * STEPS.get(name.split(".")[1][0], 1e-3)
        covariance = np.linalg.inv(information)
        moves = [
            triangulate_points(erring(rig, sign * step), pixels, covariance=covariance).points
            for sign in (1, -1)
        ]
        move = (moves[0] - moves[1]) / 2
        one = RigCovariance(names=names, matrix=np.outer(step, step), gauge="the others")
        expected = calibration_covariance(rig, one, points, information)
        scale = np.sqrt(np.trace(expected, axis1=1, axis2=2).max()) + 1e-12
        found = move[:, :, None] * move[:, None, :]
        np.testing.assert_allclose(found / scale**2, expected / scale**2, atol=1e-3)


def test_a_calibration_that_explains_a_view_does_not_excuse_a_wrong_one():
    rng = np.random.default_rng(5)
    rig = make_rig(4, rng)
    covariance = uncertain(rig, rng)
    step = rng.multivariate_normal(np.zeros(len(covariance.names)), covariance.matrix)
    wrong = erring(rig, step)
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    pixels = rig.project(middle + rng.uniform(-20, 20, (200, 3)))
    pixels += rng.normal(0, 0.1, pixels.shape)
    pixels[2, :20] += 40.0
    pixels[3, 20:40] = np.nan
    noise = np.broadcast_to(0.01 * np.eye(2), (*pixels.shape, 2))
    strict = triangulate_points(wrong, pixels, covariance=noise)
    found = triangulate_points(wrong, pixels, covariance=noise, rig_covariance=covariance)
    assert strict.inliers[:, 40:].mean() < 0.9  # cameras taken for exact contradict each other
    expected = np.ones((4, 200), dtype=bool)
    expected[2, :20] = expected[3, 20:40] = False
    assert np.array_equal(found.inliers, expected)


def test_triangulation_adds_it_for_the_views_it_used():
    rng = np.random.default_rng(2)
    rig = make_rig(4, rng)
    covariance = uncertain(rig, rng)
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    pixels = rig.project(middle + rng.uniform(-20, 20, (2, 5, 3)))
    pixels[0, 0, 0] += 300.0
    pixels[1, 0, 1] = np.nan
    pixels[1:, 0, 2] = np.nan
    noise = np.broadcast_to([[0.5, 0.2], [0.2, 1.0]], (*pixels.shape, 2))
    confidence = rng.uniform(0.5, 1.0, pixels.shape[:-1])
    given = {"covariance": noise, "confidence": confidence}
    plain = triangulate_points(rig, pixels, **given)
    found = triangulate_points(rig, pixels, **given, rig_covariance=covariance)
    assert np.array_equal(found.points, plain.points, equal_nan=True)
    assert not found.inliers[0, 0, 0]
    weights = confidence * found.inliers
    information = weights[..., None, None] * np.linalg.inv(noise)
    added = calibration_covariance(rig, covariance, plain.points, information)
    np.testing.assert_allclose(found.covariance, plain.covariance + added)
    assert np.isnan(found.covariance[0, 2]).all()
    assert np.isfinite(found.covariance[1]).all()


def test_views_that_count_alike_are_as_predicted():
    rng = np.random.default_rng(3)
    rig = make_rig(3, rng)
    covariance = uncertain(rig, rng)
    points = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)[None]
    information = np.broadcast_to(np.eye(2), (3, 1, 2, 2))
    found = calibration_covariance(rig, covariance, points, information)
    np.testing.assert_allclose(found, predict_uncertainty(rig, covariance, points, 0.0))


def test_what_does_not_fit_is_refused():
    rig = make_rig(2, np.random.default_rng(4))
    other = RigCovariance(names=("cam7.fx",), matrix=np.eye(1), gauge="all else")
    with pytest.raises(RigError, match="another rig"):
        triangulate_points(rig, np.zeros((2, 3, 2)), rig_covariance=other)
    with pytest.raises(RigError, match=r"\(2, \.\.\., 2, 2\)"):
        calibration_covariance(rig, other, np.zeros((4, 3)), np.zeros((2, 3, 2, 2)))
