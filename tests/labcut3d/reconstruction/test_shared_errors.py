"""Errors that do not average out: told by how they last."""

import numpy as np
from still_points import scene

from labcut3d.reconstruction.commons import Commons
from labcut3d.reconstruction.evidence import first_noise, judge
from labcut3d.reconstruction.shared_errors import persistence


def test_errors_that_last_are_found_for_each_keypoint():
    rng = np.random.default_rng(3)
    evidence, points = scene(rng)
    noise = rng.normal(size=evidence.pixels.shape)
    for t in range(1, noise.shape[2]):  # of the second keypoint alone
        noise[:, 1, t] = 0.6 * noise[:, 1, t - 1] + 0.8 * noise[:, 1, t]
    evidence.pixels[:] = evidence.rig.project(points) + noise
    judgement = judge(evidence, first_noise(evidence), points)
    commons = Commons().of_keypoints(np.arange(2), 2)
    many, none = np.zeros(points.shape[:2]), np.ones(points.shape[:2])
    factor = persistence(evidence, judgement, points, many, commons).mean(axis=1)
    assert (
        persistence(evidence, judgement, points, none, commons) == 1
    ).all()  # nothing is averaged
    assert factor[0] < 1.2
    # (1 + 0.6) / (1 - 0.6) = 4; the weights make the noise whiter, and lags beyond ten are left out
    assert 2.5 < factor[1] < 5
