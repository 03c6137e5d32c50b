"""How detections are weighed: the compiled weights against the plain ones."""

import numpy as np
from still_points import scene

from labcut3d.reconstruction.evidence import (
    against,
    first_noise,
    inverted,
    judge,
    linearize,
    log_likelihood,
)
from labcut3d.reconstruction.weighing import linearized, weigh


def test_compiled_weights_are_those_of_the_judgement():
    evidence, points = scene(np.random.default_rng(0))
    evidence.confidence[0, 0, :10] = 0.0
    evidence.information[0, 0, :10] = 0.0
    noise = first_noise(evidence)
    expected = judge(evidence, noise, points, 4.0)
    weight = np.empty(evidence.confidence.shape)
    linear = linearized(evidence.rig, evidence.pixels, points)
    odds = against(evidence, noise, 4.0)
    weigh(linear, evidence.information, odds, 4.0 * noise.scale, points, weight)
    np.testing.assert_allclose(weight, expected.weight, rtol=1e-9)
    assert (weight[0, 0, :10] == 0).all()
    assert np.isfinite(log_likelihood(evidence, noise, expected)).all()


def test_what_the_views_say_is_summed():
    evidence, points = scene(np.random.default_rng(1), 5)
    weight = np.random.default_rng(2).uniform(0, 1, evidence.confidence.shape)
    information, vectors = linearize(evidence, weight, points)
    expected, pull = np.zeros((2, 5, 3, 3)), np.zeros((2, 5, 3))
    for view, camera in enumerate(evidence.rig):
        slopes = camera.project_jacobian(points)
        weighed = np.swapaxes(slopes, -1, -2) @ evidence.information[view]
        weighed *= weight[view][..., None, None]
        expected += weighed @ slopes
        residual = evidence.pixels[view] - camera.project(points)
        pull += (weighed @ (residual[..., None] + slopes @ points[..., None]))[..., 0]
    np.testing.assert_allclose(information, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(vectors, pull, rtol=1e-9)


def test_pairs_are_inverted():
    evidence, _ = scene(np.random.default_rng(4), 5)
    np.testing.assert_allclose(inverted(evidence.information), evidence.covariance)
    np.testing.assert_allclose(evidence.covariance, np.linalg.inv(evidence.information))
