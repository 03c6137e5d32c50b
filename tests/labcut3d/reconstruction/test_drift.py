"""Several animals before a camera that was moved: it is told, and not taken for other animals."""

import numpy as np
from bumped import FPS, bump, make_bumped, make_walk

from labcut3d.reconstruction.drift import drift_of_recording
from labcut3d.schema import make_detections

TIMES = np.arange(40) / FPS


def test_a_camera_moved_far_is_told_of_two_animals():
    """None of what it sees is where the others see an animal."""
    bumped = make_bumped(4, np.random.default_rng(2))
    now = bump(bumped.true, "cam2", degrees=4, shift=2)
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
    found = drift_of_recording(detections, bumped.rig, bumped.covariance)
    assert found.moved == ("cam2",)
