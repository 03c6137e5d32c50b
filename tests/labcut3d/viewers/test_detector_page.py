"""Training and evaluation pages: curves, tables and pictures of the images they are about."""

import base64
import dataclasses
import re

import cv2
import numpy as np
import pandas as pd
import pytest

from labcut3d.detection.detector import Prediction
from labcut3d.detection.evaluation import Evaluation
from labcut3d.detection.fitting import Curve
from labcut3d.detection.labelreview import COLUMNS
from labcut3d.detection.learningcurve import LearningCurve
from labcut3d.detection.settings import DetectorSettings
from labcut3d.detection.training import TrainingReport
from labcut3d.labels import LabelledImage
from labcut3d.skeleton import Skeleton
from labcut3d.viewers import Judged, evaluation_page, learning_curve_page, training_page
from labcut3d.viewers.detector_figures import (
    figure_curves,
    figure_keypoint_errors,
    figure_learning_curve,
    figure_reliability,
    figure_squared_errors,
)

SKELETON = Skeleton(name="bug", keypoints=("head", "left_leg", "right_leg"))


@pytest.fixture
def images() -> list[LabelledImage]:
    rng = np.random.default_rng(0)
    made = []
    for frame in range(6):
        points = rng.uniform(60, 180, (1, 3, 2))
        if frame == 2:
            points[0, 1] = np.nan
        image = np.full((240, 320, 3), 128, dtype=np.uint8)
        view = "ab"[frame % 2]
        made.append(
            LabelledImage(recording="one", frame=frame, view=view, image=image, points=points)
        )
    return made


@pytest.fixture
def evaluation(images) -> Evaluation:
    points = np.stack([image.points[0] for image in images])
    found = np.nan_to_num(points, nan=100.0) + np.array([3.0, 4.0])
    found[5, 0] += [30.0, 40.0]
    return Evaluation(
        keypoints=SKELETON.keypoints,
        recordings=("one",) * 6,
        views=tuple(image.view for image in images),
        frames=tuple(range(6)),
        error=found - points,
        prediction=Prediction(
            position=found,
            confidence=np.full((6, 3), 0.8),
            covariance=np.tile(np.eye(2), (6, 3, 1, 1)),
        ),
        tolerance=6.0,
    )


def report(images, evaluation) -> TrainingReport:
    curve = Curve(
        step=np.arange(10, 60, 10),
        loss=np.geomspace(1, 0.1, 5),
        held_out=np.array([np.nan, 0.8, np.nan, 0.3, np.nan]),
    )
    return TrainingReport(
        settings=DetectorSettings(),
        skeleton=SKELETON,
        n_images=30,
        n_labels=88,
        curves={"locator": curve, "pose": curve},
        held_out=tuple(images),
        evaluation=evaluation,
        seconds=75.0,
        warnings=("few <labels>",),
    )


def test_curves_show_every_network(images, evaluation):
    figure = figure_curves(report(images, evaluation))
    names = [(trace.meta["network"], trace.meta["curve"]) for trace in figure.data]
    assert names == [(n, c) for n in ("locator", "pose") for c in ("training", "held out")]
    np.testing.assert_allclose(figure.data[0].y, np.geomspace(1, 0.1, 5))
    assert figure.layout.yaxis.type == "log"


def test_errors_of_each_keypoint_are_all_there(evaluation):
    figure = figure_keypoint_errors(evaluation, SKELETON)
    assert [len(trace.y) for trace in figure.data] == [6, 5, 6]
    np.testing.assert_allclose(sorted(figure.data[0].y), [5, 5, 5, 5, 5, 55])
    assert "frame 5" in figure.data[0].text[5]


def test_training_page_shows_curves_tables_and_pictures(images, evaluation, read_page):
    page = training_page(report(images, evaluation))
    data = read_page(page)
    assert set(data["figures"]) == {"curves", "keypoints", "reliability", "squared"}
    for text in ("1 min 15 s", "few &lt;labels&gt;", "5.00 px", "right_leg", "55.0 px at head"):
        assert text in page
    assert page.count("<figcaption>") == 6 + 12  # typical images, worst labels (two an image)


def test_pictures_are_centred_on_the_animal(images, evaluation):
    page = evaluation_page(Judged(evaluation=evaluation, images=images))
    code = re.search(r'src="data:image/jpeg;base64,([^"]+)"', page).group(1)
    buffer = np.frombuffer(base64.b64decode(code), np.uint8)
    picture = cv2.imdecode(buffer, cv2.IMREAD_COLOR)
    assert picture.shape == (360, 360, 3)
    colored = np.argwhere(np.ptp(picture.astype(int), axis=-1) > 60)
    middle = (colored.min(axis=0) + colored.max(axis=0)) / 2
    assert np.abs(middle - 180).max() < 25  # px; the marks' own size


def test_evaluation_page_sets_unseen_beside_trained_and_every_view(images, evaluation, read_page):
    trained = dataclasses.replace(evaluation, error=evaluation.error / 10)
    page = evaluation_page(
        Judged(evaluation=evaluation, images=images, trained=trained, notes=("beware of <b>",))
    )
    data = read_page(page)
    assert set(data["figures"]) == {"keypoints", "reliability", "squared"}
    for text in ("trained on: median", "beware of &lt;b&gt;", "left_leg, b", "calibration error"):
        assert text in page
    row = re.search(r"<td>head</td>(.*?)</tr>", page).group(1)
    cells = re.findall("<td>(.*?)</td>", row)
    rms = np.sqrt((5 * 25 + 55**2) / 6)  # five labels 5 px off, one 55
    assert cells == [
        "6",
        "13.3",
        f"{rms:.1f}",
        "5.00",
        "42.5",
        "83.3\N{NO-BREAK SPACE}%",
        "100.0\N{NO-BREAK SPACE}%",
        "1.33",
        "0.500",
    ]


def test_what_to_review_is_listed_and_shown(images, evaluation, read_page):
    rows = [
        ("one", 5, "b", "head", 70.0, 80.0, 100.0, 120.0, 50.0, 0.9, 2.1, "sure of another place"),
        ("one", 2, "a", "left_leg", np.nan, np.nan, 103.0, 104.0, np.nan, 0.8, 1.6, "hidden <i>"),
        ("one", 4, "a", "left_leg", 70.0, 80.0, 70.0, 80.0, 1.0, 0.8, 1.2, "swapped: right_leg"),
        ("one", 4, "a", "right_leg", 70.0, 80.0, 70.0, 80.0, 1.0, 0.8, 1.2, "swapped: left_leg"),
    ]
    review = pd.DataFrame(rows, columns=list(COLUMNS), index=[5, 2, 4, 4])
    judged = Judged(evaluation=evaluation, images=images, skeleton=SKELETON, review=review)
    page = evaluation_page(judged)
    read_page(page)
    for text in (
        "Labels to review: 4",
        "one, b, frame 5: head",
        "<td>hidden</td><td>103.0, 104.0</td><td>–</td>",
        "hidden &lt;i&gt;",
        "frame 4, left_leg and right_leg: swapped<",
    ):
        assert text in page, text
    assert page.count("<figcaption>") == 6 + 12 + 3
    none = evaluation_page(dataclasses.replace(judged, review=review[:0]))
    assert "Labels to review: none" in none


def test_the_reliability_diagram_shows_the_bins(evaluation):
    figure = figure_reliability(evaluation)
    np.testing.assert_allclose(figure.data[1].x, [0.8])
    np.testing.assert_allclose(figure.data[1].y, [16 / 18])  # 16 labels within 6 px
    assert list(figure.data[1].customdata) == [18]


def test_squared_errors_stand_beside_chi_square(evaluation):
    ideal, found = figure_squared_errors(evaluation).data
    np.testing.assert_allclose(ideal.y, 1 - np.exp(-ideal.x / 2))  # of two degrees of freedom
    np.testing.assert_allclose(found.x, [*[25.0] * 16, 55.0**2])
    assert (np.diff(found.y) > 0).all()


def test_a_learning_curve_has_a_point_for_each_detector(evaluation, read_page):
    shrunk = [dataclasses.replace(evaluation, error=evaluation.error / f) for f in (1, 2, 3)]
    curve = LearningCurve(moments=(4, 8, 16), evaluations=tuple((part, part) for part in shrunk))
    figure = figure_learning_curve(curve)
    points = next(t for t in figure.data if t.meta == {"statistic": "median"})
    np.testing.assert_allclose(points.x, [4, 4, 8, 8, 16, 16])
    np.testing.assert_allclose(points.y, [5, 5, 2.5, 2.5, 5 / 3, 5 / 3])
    page = learning_curve_page(curve)
    assert set(read_page(page)["figures"]) == {"learning"}
    for text in ("Doubling the labels would lower the mean error", "2 folds", "labelled moments"):
        assert text in page


def test_pages_without_images_or_held_out_labels(images, evaluation, read_page):
    read_page(evaluation_page(Judged(evaluation=evaluation)))
    page = training_page(report(images, None))
    assert set(read_page(page)["figures"]) == {"curves"}
    assert "label more frames" in page


def test_an_image_without_visible_labels_is_left_out(images, evaluation):
    evaluation.error[3] = np.nan
    page = evaluation_page(Judged(evaluation=evaluation, images=images))
    assert "frame 3" not in page.split("<script>")[0]
