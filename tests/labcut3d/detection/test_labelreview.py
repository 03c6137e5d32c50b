"""Labels planted wrong among good ones are the ones put forward, with the right reason."""

import dataclasses

import numpy as np
import pytest

from labcut3d.detection.detector import Prediction
from labcut3d.detection.evaluation import Evaluation
from labcut3d.detection.evaluation import evaluate as evaluate_detector
from labcut3d.detection.labelreview import COLUMNS, review_labels
from labcut3d.skeleton import Skeleton

BUG = Skeleton(
    name="bug",
    keypoints=("left_eye", "right_eye", "head", "tail"),
    left_right=(("left_eye", "right_eye"),),
)
N = 100
PLACE = np.array([[80.0, 100.0], [120.0, 100.0], [100.0, 80.0], [100.0, 160.0]])


def evaluate(labels, position, confidence) -> Evaluation:
    return Evaluation(
        keypoints=BUG.keypoints,
        recordings=("walk",) * len(labels),
        views=("top",) * len(labels),
        frames=tuple(range(0, 10 * len(labels), 10)),
        error=position - labels,
        prediction=Prediction(
            position=position,
            confidence=confidence,
            covariance=np.tile(2.0 * np.eye(2), (*confidence.shape, 1, 1)),
        ),
        tolerance=5.0,
    )


@pytest.fixture
def scene():
    """Labels, detections and confidences of a good detector: some hidden, some mistakes, unsure."""
    rng = np.random.default_rng(4)
    labels = PLACE + rng.uniform(-30, 30, (N, 1, 2))
    position = labels + rng.normal(scale=np.sqrt(2), size=labels.shape)
    confidence = rng.uniform(0.95, 0.99, (N, 4))
    position[40:45, 3] += 60  # the detector's own mistakes, which it is unsure of
    confidence[40:45, 3] = 0.4
    labels[60:90, 2] = np.nan
    confidence[60:90, 2] = 0.03
    return labels, position, confidence


def test_good_labels_are_left_alone(scene):
    assert review_labels(evaluate(*scene), BUG).empty


def test_planted_errors_are_found_and_named(scene):
    labels, position, confidence = scene
    labels[7, [0, 1]] = labels[7, [1, 0]]
    labels[21, 3] += [24.0, 18.0]  # 30 px
    labels[33, 0] = np.nan
    position[50, 2] += [40.0, 0.0]  # hidden in truth, and labelled by guess
    confidence[50, 2] = 0.02
    table = review_labels(evaluate(labels, position, confidence), BUG)
    assert tuple(table.columns) == COLUMNS
    found = {(row.Index, row.keypoint): row.reason for row in table.itertuples()}
    assert set(found) == {
        (7, "left_eye"),
        (7, "right_eye"),
        (21, "tail"),
        (33, "left_eye"),
        (50, "head"),
    }
    assert "left and right" in found[7, "left_eye"]
    assert "right_eye" in found[7, "left_eye"]
    assert "sure of another place" in found[21, "tail"]
    assert "labelled hidden" in found[33, "left_eye"]
    assert "hidden?" in found[50, "head"]
    assert list(table.index) == [7, 7, 21, 33, 50]  # by reason: plain mistakes, then what is hidden
    displaced = table[table["keypoint"] == "tail"].iloc[0]
    np.testing.assert_allclose([displaced.label_x, displaced.label_y], labels[21, 3])
    np.testing.assert_allclose([displaced.detected_x, displaced.detected_y], position[21, 3])
    assert displaced.frame == 210
    assert displaced.distance == pytest.approx(30, abs=5)


def test_a_swap_of_one_hidden_keypoint_is_a_swap(scene):
    labels, position, confidence = scene
    confidence[3, 1] = 0.02
    labels[3, 1], labels[3, 0] = labels[3, 0], np.nan  # seen on the left, labelled right
    table = review_labels(evaluate(labels, position, confidence), BUG)
    assert set(table["keypoint"]) == {"left_eye", "right_eye"}
    assert table["reason"].str.contains("left and right").all()


def test_a_detection_on_the_other_side_is_no_swap_while_its_partner_is_unsure(scene):
    labels, position, confidence = scene
    position[7, 1] = labels[7, 0]  # the right eye is found on the left one
    confidence[7, 0] = 0.3
    table = review_labels(evaluate(labels, position, confidence), BUG)
    assert list(table["keypoint"]) == ["right_eye"]
    assert "sure of another place" in table["reason"].iloc[0]


def test_the_detectors_unsure_mistakes_are_no_suspicion(scene):
    """A swap that the detector hardly believes in itself does not accuse the labels."""
    labels, position, confidence = scene
    position[7, [0, 1]] = position[7, [1, 0]]
    confidence[7, :2] = 0.3
    table = review_labels(evaluate(labels, position, confidence), BUG)
    assert table.empty


def test_a_real_detector_finds_planted_errors(trained):
    """Among 30 images of dots: one pair exchanged, one label 30 px off."""
    images = list(trained.unseen)
    swapped, displaced = images[4].points.copy(), images[11].points.copy()
    swapped[:, [0, 1]] = swapped[:, [1, 0]]
    displaced[0, 2] += [18.0, -24.0]
    images[4] = dataclasses.replace(images[4], points=swapped)
    images[11] = dataclasses.replace(images[11], points=displaced)
    table = review_labels(evaluate_detector(trained.detector, images), trained.report.skeleton)
    first = {(row.Index, row.keypoint): row.reason for row in table.head(6).itertuples()}
    assert {(4, "left"), (4, "right"), (11, "tail")} <= set(first)
    assert "left and right" in first[4, "left"]


def test_at_most_so_many(scene):
    labels, position, confidence = scene
    labels[:20, 3] += 30
    table = review_labels(evaluate(labels, position, confidence), BUG, most=6)
    assert len(table) == 6


def test_the_suspicion_does_not_depend_on_the_size_of_the_images(scene):
    labels, position, confidence = scene
    labels[21, 3] += [24.0, 18.0]
    small = evaluate(labels, position, confidence)
    large = Evaluation(
        **{name: getattr(small, name) for name in ("keypoints", "recordings", "views", "frames")},
        error=3 * small.error,
        prediction=Prediction(
            position=3 * position,
            confidence=confidence,
            covariance=9 * small.prediction.covariance,
        ),
        tolerance=15.0,
    )
    np.testing.assert_allclose(
        review_labels(small, BUG)["suspicion"], review_labels(large, BUG)["suspicion"]
    )


def test_nothing_labelled_gives_nothing():
    none = np.full((3, 4, 2), np.nan)
    table = review_labels(evaluate(none, np.zeros((3, 4, 2)), np.full((3, 4), 0.1)), BUG)
    assert table.empty
    assert tuple(table.columns) == COLUMNS
