"""Figures are what their names say, on errors that are known."""

import dataclasses

import numpy as np
import pytest

from labcut3d.detection.detector import Prediction
from labcut3d.detection.evaluation import Evaluation, evaluate
from labcut3d.errors import DetectorError


def _evaluation() -> Evaluation:
    error = np.array([[[3.0, 4.0], [0.0, 0.0]], [[0.0, 1.0], [np.nan, np.nan]]])
    return Evaluation(
        keypoints=("nose", "tail"),
        recordings=("r", "r"),
        views=("cam0", "cam1"),
        frames=(0, 0),
        error=error,
        prediction=Prediction(
            position=np.zeros((2, 2, 2)),
            confidence=np.array([[0.9, 0.2], [0.6, 0.1]]),
            covariance=np.broadcast_to(4 * np.eye(2), (2, 2, 2, 2)),
        ),
        tolerance=2.0,
    )


def test_figures_of_known_errors():
    figures = _evaluation().summary()
    assert figures["labels"] == 3
    assert figures["mean"] == pytest.approx(2.0)
    assert figures["rms"] == pytest.approx(np.sqrt(26 / 3))
    assert figures["median"] == pytest.approx(1.0)
    assert figures["within"] == pytest.approx(2 / 3)
    assert figures["coverage"] == pytest.approx(2 / 3)


def test_the_table_has_a_row_for_each_keypoint_and_view():
    table = _evaluation().table().set_index(["keypoint", "view"])
    assert len(table) == 9
    assert table.loc[("nose", "cam0"), "mean"] == pytest.approx(5)
    assert table.loc[("tail", "cam1"), "labels"] == 0
    assert np.isnan(table.loc[("tail", "cam1"), "mean"])
    assert table.loc[("all", "all"), "mean"] == pytest.approx(2)


def test_normalized_squared_error_is_in_units_of_the_covariance():
    squared = _evaluation().normalized_squared_error()
    assert squared[0, 0] == pytest.approx(25 / 4)
    assert np.isnan(squared[1, 1])


def test_calibration_error_of_known_confidences():
    # Right: (0.2, 0.6); wrong: (0.9, and 0.1 for the hidden one).
    assert _evaluation().calibration_error() == pytest.approx((0.9 + 0.8 + 0.4 + 0.1) / 4)


def test_reliability_counts_every_detection_once():
    table = _evaluation().reliability(bins=2)
    np.testing.assert_allclose(table["confidence"], [0.15, 0.75])
    np.testing.assert_allclose(table["right"], [0.5, 0.5])
    assert list(table["count"]) == [2, 2]


def test_the_covariance_ratio_of_honest_errors_is_one():
    rng = np.random.default_rng(0)
    honest = Evaluation(
        keypoints=("nose",),
        recordings=("r",) * 20_000,
        views=("cam0",) * 20_000,
        frames=tuple(range(20_000)),
        error=rng.normal(scale=3.0, size=(20_000, 1, 2)),
        prediction=Prediction(
            position=np.zeros((20_000, 1, 2)),
            confidence=np.ones((20_000, 1)),
            covariance=np.broadcast_to(9 * np.eye(2), (20_000, 1, 2, 2)),
        ),
        tolerance=5.0,
    )
    # Three standard errors of a median of 20,000, 1 / sqrt(n) of the median over log 2.
    assert honest.covariance_ratio() == pytest.approx(1, abs=0.03)


def test_images_that_cannot_be_evaluated_are_refused(trained):
    with pytest.raises(DetectorError, match="no labelled images"):
        evaluate(trained.detector, [])
    wrong = dataclasses.replace(trained.unseen[0], points=np.zeros((1, 5, 2)), known=np.array(True))
    with pytest.raises(DetectorError, match="frame 0, view 'cam0'"):
        evaluate(trained.detector, [wrong])


def test_what_nothing_is_known_of_is_neither_right_nor_wrong():
    """A picture that is half labelled says nothing about the rest, as in training."""
    half = dataclasses.replace(_evaluation(), known=np.array([[True, True], [True, False]]))
    assert half.calibration_error() == pytest.approx((0.9 + 0.8 + 0.4) / 3)
    assert half.reliability()["count"].sum() == 3
    assert half.summary() == _evaluation().summary()  # figures of distances need a label anyway
    assert Evaluation.join([half, _evaluation()]).known.sum() == 7
