"""How detections are weighed: the compiled weights against the plain ones."""

import numpy as np

from labcut3d.reconstruction.evidence import (
    Evidence,
    against,
    first_noise,
    inverted,
    judge,
    linearize,
    log_likelihood,
)
from labcut3d.reconstruction.weighing import linearized, weigh
from labcut3d.synthetic_rig import make_rig


def scene(rng: np.random.Generator, moments: int = 400) -> tuple[Evidence, np.ndarray]:
    """Two keypoints that stand still, seen with 1 px of noise."""
    rig = make_rig(3, rng)
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    points = np.repeat(middle + rng.uniform(-20, 20, (2, 1, 3)), moments, axis=1)
    pixels = rig.project(points)
    root = rng.normal(size=(*pixels.shape, 2))
    evidence = Evidence(
        rig=rig,
        pixels=pixels + rng.normal(0, 1, pixels.shape),
        information=root @ np.swapaxes(root, -1, -2) + np.eye(2),
        confidence=rng.uniform(0.2, 1.0, pixels.shape[:-1]),
        share=np.zeros(pixels.shape),
        stated=True,
    )
    return evidence, points


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
