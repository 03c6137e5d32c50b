"""Detectors of a small project of two views: what is refused, and before anything is trained."""

import cv2
import numpy as np
import pytest
from notes import Notes

from labcut3d import pipeline
from labcut3d.errors import DetectorError, LabelError
from labcut3d.labels import LabelRow, write_label_rows
from labcut3d.project import Project, load_project
from labcut3d.template import new_project

FRAMES = 12
VIEWS = ("left", "right")
KEYPOINTS = ("head", "tail")
QUICK = """
[detector]
largest_crop = 64
min_steps = 1
max_steps = 1
locator_steps = 1
batch = 2
"""


def write_labels(project: Project, views=VIEWS, keypoints=KEYPOINTS) -> None:
    rows = [
        LabelRow(frame, view, "bug", keypoint, 20.0 + frame + 9 * k, 30.0)
        for frame in range(FRAMES)
        for view in views
        for k, keypoint in enumerate(keypoints)
    ]
    write_label_rows(project.root / "labels" / "walk.csv", rows)


def set_detector(project: Project, line: str) -> Project:
    path = project.root / "project.toml"
    path.write_text(path.read_text() + line + "\n")
    return load_project(project.root)


@pytest.fixture
def project(tmp_path) -> Project:
    """A project with labels of both views and no detector."""
    (tmp_path / "bug.toml").write_text('name = "bug"\nkeypoints = ["head", "tail"]\n')
    made = new_project(tmp_path / "bugs", views=VIEWS, skeleton=str(tmp_path / "bug.toml"))
    path = made.root / "project.toml"
    path.write_text("fps = 30\n" + path.read_text() + QUICK)
    random = np.random.default_rng(0)
    for view in VIEWS:
        folder = made.root / "recordings" / "walk" / view
        folder.mkdir(parents=True)
        for number in range(FRAMES):
            noise = random.integers(0, 255, (64, 64, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / f"image{number:02d}.png"), noise)
    write_labels(made)
    return load_project(made.root)


@pytest.fixture
def trained(project) -> Project:
    """The project with a detector for both views, after one step of training."""
    pipeline.train(project)
    return project


@pytest.fixture
def no_training(monkeypatch) -> None:
    """Fail where a detector is trained."""

    def train(*_, **__):
        raise AssertionError("training began")

    monkeypatch.setattr("labcut3d.detection.training._train_pose", train)
    monkeypatch.setattr("labcut3d.detection.training._train_locator", train)


@pytest.mark.parametrize(
    "stage",
    [
        pipeline.train,
        lambda project: pipeline.cross_validate(project, 2),
        pipeline.learning_curve,
    ],
)
def test_a_view_without_labels_is_named_before_any_detector_is_trained(project, stage, no_training):
    project = set_detector(project, 'share = "none"')
    write_labels(project, views=["left"])
    with pytest.raises(LabelError, match=r"no labels of view right.*share = .views"):
        stage(project)


def test_a_view_that_lost_its_labels_is_named_by_the_evaluation(project):
    project = set_detector(project, 'share = "none"')
    pipeline.train(project)
    assert len(pipeline.evaluate(project)) == 4  # held out and trained on, of either view
    write_labels(project, views=["left"])
    with pytest.raises(LabelError, match="no labels of view right"):
        pipeline.evaluate(project)


@pytest.mark.parametrize("keypoints", ['"tail", "head"', '"head", "tail", "leg"'])
@pytest.mark.parametrize(
    "stage", [lambda project: pipeline.detect(project, "walk"), pipeline.evaluate]
)
def test_a_detector_of_another_skeleton_is_refused(trained, stage, keypoints):
    """In another order too: its heads would be called tails."""
    path = trained.root / "skeleton.toml"
    path.write_text(f'name = "bug"\nkeypoints = [{keypoints}]\n')
    with pytest.raises(DetectorError, match=r"model\.toml: finds head, tail, but.*labcut3d train"):
        stage(load_project(trained.root))
    assert not trained.results("walk").exists()


def test_the_evaluation_says_where_the_labels_are_not_those_trained_from(trained):
    """They divide differently into held out and trained on."""
    page = trained.root / "results" / "evaluation.html"
    pipeline.evaluate(trained)
    assert "not trained from the present labels" not in page.read_text()
    path = trained.root / "labels" / "walk.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-8]) + "\n")
    pipeline.evaluate(trained)
    assert "not trained from the present labels" in page.read_text()
    assert "changed: labels/walk.csv" in page.read_text()


def test_another_part_of_the_image_is_detected_in_anew(trained):
    pipeline.detect(trained, "walk")
    path = trained.root / "project.toml"
    path.write_text(path.read_text().replace("[views.left]", "[views.left]\nmirror = true"))
    said = Notes()
    pipeline.detect(load_project(trained.root), "walk", said)
    assert any("because of: crop and mirror" in note for note in said.notes)
