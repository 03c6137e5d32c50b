"""Several animals before a camera that was moved: it is told, and not taken for other animals."""

import numpy as np
from bumped import FPS, bump, make_bumped, make_walk

from labcut3d.reconstruction import reconstruct
from labcut3d.reconstruction.drift import drift_of_recording
from labcut3d.reconstruction.report import describe
from labcut3d.schema import make_detections

TIMES = np.arange(40) / FPS


def two_animals(degrees: float):
    """A calibrated rig, and what it sees of two animals since cam2 was turned, 1 px of noise."""
    bumped = make_bumped(4, np.random.default_rng(2))
    now = bump(bumped.true, "cam2", degrees=degrees, shift=degrees / 2)
    walk = make_walk(4, TIMES)
    points = np.stack([walk, [90, 0, 0] - walk], axis=-2)
    pixels = now.project(points)
    pixels += np.random.default_rng(1).normal(size=pixels.shape)
    detections = make_detections(
        position=pixels.transpose(2, 0, 4, 1, 3),
        confidence=np.full((len(TIMES), 4, 4, 2), 0.95),
        views=now.names,
        keypoints=["head", "left", "right", "tail"],
        individuals=["one", "other"],
        fps=FPS,
    )
    return bumped, detections


def test_a_camera_moved_far_is_told_of_two_animals():
    """None of what it sees is where the others see an animal."""
    bumped, detections = two_animals(4)
    found = drift_of_recording(detections, bumped.rig, bumped.covariance)
    assert found.moved == ("cam2",)


def test_reconstructing_them_says_that_the_camera_may_have_been_moved():
    """Its animals fit no individual of the others, and are left out: that is told in words."""
    bumped, detections = two_animals(4)
    lines = describe(reconstruct(detections, bumped.rig))
    assert any("Warning" in line and "cam2" in line and "labcut3d drift" in line for line in lines)
    bumped, detections = two_animals(0)
    calm = describe(reconstruct(detections, bumped.true))
    assert not any("labcut3d drift" in line for line in calm)
