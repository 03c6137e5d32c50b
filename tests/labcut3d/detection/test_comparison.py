"""Two detectors on the same labels: the difference, and how sure it is."""

import numpy as np
import pytest

from labcut3d.detection.comparison import Comparison
from labcut3d.detection.detector import Prediction
from labcut3d.detection.evaluation import Evaluation


def judged(distance, moments=20) -> Evaluation:
    """Two views a moment, one keypoint; errors along x."""
    error = np.stack([distance, np.zeros_like(distance)], axis=-1)[:, None]
    n = len(distance)
    prediction = Prediction(
        position=error,
        confidence=np.ones((n, 1)),
        covariance=np.broadcast_to(np.eye(2), (n, 1, 2, 2)),
    )
    return Evaluation(
        keypoints=("nose",),
        recordings=("walk",) * n,
        views=("left", "right") * (n // 2),
        frames=tuple(np.repeat(np.arange(moments), n // moments).tolist()),
        error=error,
        prediction=prediction,
        tolerance=5.0,
    )


def test_a_clear_gain_is_certain_and_its_mirror_image_is_not():
    rng = np.random.default_rng(0)
    before = rng.uniform(1, 3, 40)
    before[5] = np.nan  # hidden
    gain = Comparison(before=judged(before), after=judged(before - 0.5))
    assert gain.better
    assert gain.certainty() == 1.0
    loss = Comparison(before=gain.after, after=gain.before)
    assert not loss.better
    assert loss.certainty() == 0.0
    assert "mean fell in 100 % of resamples of the 20 held-out moments" in gain.sentence()


def test_chance_is_told_as_chance():
    """Of equals, one is better by chance, with a certainty that is uniform."""
    found = []
    for seed in range(60):
        before, after = np.random.default_rng(seed).uniform(1, 3, (2, 40))
        found.append(Comparison(before=judged(before), after=judged(after)).certainty())
    # Standard error of the mean of 60 uniform numbers: 0.04; three of them.
    assert np.mean(found) == pytest.approx(0.5, abs=0.12)
    assert np.quantile(found, 0.1) < 0.25
    assert np.quantile(found, 0.9) > 0.75


def test_equals_are_not_better_and_two_moments_tell_nothing():
    same = Comparison(before=judged(np.full(40, 2.0)), after=judged(np.full(40, 2.0)))
    assert not same.better
    assert same.certainty() == 0.0
    few = Comparison(before=judged(np.full(4, 2.0), 2), after=judged(np.full(4, 1.0), 2))
    assert few.better
    assert "too few to say" in few.sentence()
