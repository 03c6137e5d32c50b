"""A known power law is recovered, with an interval that holds it; sizes are nested and spread."""

from itertools import pairwise

import numpy as np
import pytest

from labcut3d.detection import learningcurve
from labcut3d.detection.detector import Prediction
from labcut3d.detection.evaluation import Evaluation
from labcut3d.detection.learningcurve import LearningCurve, learning_curve, spread_order
from labcut3d.errors import DetectorError

MOMENTS = (5, 10, 20, 40)


def judged(distance: float, seed: int = 0) -> Evaluation:
    """An evaluation of 50 labels whose mean error is `distance` px."""
    error = np.random.default_rng(seed).normal(size=(50, 1, 2))
    error *= distance / np.linalg.norm(error, axis=-1).mean()
    return Evaluation(
        keypoints=("nose",),
        recordings=("r",) * 50,
        views=("top",) * 50,
        frames=tuple(range(50)),
        error=error,
        prediction=Prediction(
            position=error,
            confidence=np.ones((50, 1)),
            covariance=np.ones((50, 1, 1, 1)) * np.eye(2),
        ),
        tolerance=5.0,
    )


def curve(exponent: float, noise: float, rng, folds: int = 1) -> LearningCurve:
    """A curve of 8 * n ** exponent px, with errors of training and folds of unequal difficulty."""
    hard = rng.uniform(0.5, 2, folds)
    rows = [
        tuple(
            judged(8 * n**exponent * hard[f] * np.exp(noise * rng.normal())) for f in range(folds)
        )
        for n in MOMENTS
    ]
    return LearningCurve(moments=MOMENTS, evaluations=tuple(rows))


def test_a_power_law_is_recovered():
    law = curve(-0.5, 0.0, np.random.default_rng(0), folds=3).power_law("mean")
    assert law.exponent == pytest.approx(-0.5)
    assert law.gain == pytest.approx(1 - 2**-0.5)
    assert law.low == pytest.approx(law.high, abs=1e-6)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    laws = [curve(-0.4, 0.1, rng, folds=2).power_law("mean") for _ in range(300)]
    inside = np.mean([law.low < -0.4 < law.high for law in laws])
    assert inside == pytest.approx(0.9, abs=0.05)  # three standard errors of 300 draws


@pytest.mark.parametrize(
    ("exponent", "noise", "words"),
    [(-0.5, 0.02, "Doubling the labels would lower the mean error"), (0.0, 0.2, "cannot be told")],
)
def test_the_sentence_promises_only_what_is_sure(exponent, noise, words):
    sentence = curve(exponent, noise, np.random.default_rng(2)).sentence("mean")
    assert words in sentence
    assert "90 % interval" in sentence


def test_two_sizes_tell_no_interval():
    two = LearningCurve(moments=(5, 10), evaluations=((judged(4.0),), (judged(3.0),)))
    assert np.isnan(two.power_law("mean").low)
    assert "Too few" in two.sentence("mean")
    assert "from 4 to 3 px" in two.sentence("mean")


@pytest.mark.parametrize("count", [1, 2, 7, 40, 101])
def test_every_beginning_is_spread(count):
    order = spread_order(count)
    assert sorted(order) == list(range(count))
    for size in range(2, count + 1):
        gaps = np.diff([*sorted(order[:size]), order[0] + count])
        assert gaps.max() <= 2 * count / size + 1


def test_sizes_are_nested_and_judged_on_the_same_moments(monkeypatch, draw_dots, dots, quick):
    """Training is replaced by taking notes: what is asked here is who sees what."""
    shown, judged_on = [], []

    def train(images, *_, progress=None):
        if progress:
            progress(1, 2)
            progress(2, 2)
        shown.append({image.frame for image in images})
        return None, None

    def judge(_, images):
        judged_on.append([image.frame for image in images])
        return judged(3.0)

    monkeypatch.setattr(learningcurve, "train_detector", train)
    monkeypatch.setattr(learningcurve, "evaluate", judge)
    found = learning_curve(draw_dots(25, 0, views=("a", "b")), dots, quick)
    assert found.moments == (2, 5, 10, 20)
    assert [len(frames) for frames in shown] == [2, 5, 10, 20]
    assert all(small < large for small, large in pairwise(shown))
    assert judged_on == [[f for f in range(10, 15) for _ in "ab"]] * 4
    assert not shown[-1] & set(judged_on[0])
    assert max(np.diff(sorted(shown[1]))) <= 10  # also across what is left out
    told: list[float] = []
    learning_curve(
        draw_dots(25, 0),
        dots,
        quick,
        fractions=(0.5, 1),
        folds=3,
        progress=lambda done, total, note="": told.append(done / total),
    )
    assert len(judged_on) == 4 + 6
    np.testing.assert_allclose(told, np.arange(1, 13) / 12)


def test_too_few_moments_are_refused(draw_dots, dots, quick):
    with pytest.raises(DetectorError, match="too few for a learning curve"):
        learning_curve(draw_dots(5, 0), dots, quick, fractions=(0.1, 0.2))
    with pytest.raises(DetectorError, match="must lie above 0"):
        learning_curve(draw_dots(5, 0), dots, quick, fractions=(0.0, 1.5))


def test_no_folds_at_all_are_refused_as_in_cross_validation(draw_dots, dots, quick):
    with pytest.raises(DetectorError, match="0 folds of 8 labelled moments"):
        learning_curve(draw_dots(8, 0), dots, quick, folds=0)
