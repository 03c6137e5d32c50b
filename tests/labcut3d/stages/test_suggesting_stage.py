"""Suggesting in a project of two views: what is written, and how far it depends on results."""

import csv
import re

import cv2
import numpy as np
import pytest
from notes import Notes

from labcut3d import pipeline
from labcut3d.errors import DatasetError, LabelError, ProjectError
from labcut3d.image_folder import ImageFolder
from labcut3d.project import Project, load_project
from labcut3d.region import Region
from labcut3d.schema import make_detections, save_dataset
from labcut3d.template import new_project

FIRST = 5  # the number of the first image
KINDS = np.repeat([0, 1, 2], (20, 8, 4))
LABELS = "frame,view,individual,keypoint,x,y\n"


def draw(kind: int, rng: np.random.Generator) -> np.ndarray:
    image = rng.integers(60, 80, (48, 64, 3)).astype(np.uint8)
    shift = int(rng.integers(-1, 2))
    if kind == 0:
        cv2.ellipse(image, (32 + shift, 24), (20, 5), 0, 0, 360, (220, 120, 30), -1)
    elif kind == 1:
        cv2.circle(image, (32 + shift, 24), 14, (30, 200, 220), -1)
    else:
        image[::4] = 240
    return image


@pytest.fixture
def project(tmp_path) -> Project:
    """A recording of three postures, unequally frequent, and no label."""
    skeleton = tmp_path / "bug.toml"
    skeleton.write_text('name = "bug"\nkeypoints = ["head", "tail"]\n')
    made = new_project(tmp_path / "bugs", views=["left", "right"], skeleton=str(skeleton))
    rng = np.random.default_rng(0)
    for view in made.views:
        folder = made.root / "recordings" / "walk" / view
        folder.mkdir(parents=True)
        for number, kind in enumerate(KINDS, start=FIRST):
            cv2.imwrite(str(folder / f"image{number:03d}.png"), draw(int(kind), rng))
    path = made.root / "project.toml"
    path.write_text("fps = 30\n" + path.read_text())
    return load_project(made.root)


def save_detections(project: Project, n_times: int = len(KINDS)) -> None:
    """Detections along a straight path, surely right but for a jump at moment 12 in view right."""
    position = np.empty((n_times, 2, 2, 2, 1))
    position[:] = 20 + np.linspace(0, 4, n_times)[:, None, None, None, None]
    position[12, 1, 0, 1] += 15
    detections = make_detections(
        position=position,
        confidence=np.full((n_times, 2, 2, 1), 0.95),
        views=list(project.views),
        keypoints=project.skeleton.keypoints,
        individuals=["bug"],
        fps=30.0,
    )
    save_dataset(detections, project.results("walk") / "detections.nc")


def kinds_of(suggestions) -> list[int]:
    return [int(KINDS[one.moment]) for one in suggestions]


def read_csv(project: Project) -> list[dict[str, str]]:
    with (project.root / "results" / "suggestions.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_without_detections_each_kind_of_posture_is_suggested_once(project, tmp_path):
    found = pipeline.suggest(project, count=3, images=tmp_path / "out")
    assert kinds_of(found) == [0, 1, 2]
    assert [one.frame - one.moment for one in found] == [FIRST] * 3
    rows = read_csv(project)
    assert [int(row["frame"]) for row in rows] == [one.frame for one in found]
    assert list(rows[0]) == ["recording", "frame", "reason", "score"]
    assert rows[0]["reason"] == "looks like 62 % of the moments"
    for view in project.views:  # numbered as labels are, so that they find their way back
        written = ImageFolder(tmp_path / "out" / "walk" / view, Region())
        assert written.numbers.tolist() == sorted(one.frame for one in found)
        original = project.recording_sources("walk")[view]
        assert np.array_equal(written[0], original[int(written.numbers[0]) - FIRST])


def test_labelled_postures_are_not_suggested_again(project):
    lines = "".join(f"{FIRST + moment},left,bug,head,3,4\n" for moment in (4, 30))  # kinds 0 and 2
    (project.root / "labels" / "walk.csv").write_text(LABELS + lines)
    assert kinds_of(pipeline.suggest(project, count=1)) == [1]
    page = (project.root / "results" / "suggestions.html").read_text()
    assert re.search(r"<b>2</b><span>labelled already", page)


def test_where_all_is_labelled_it_says_so(project):
    lines = "".join(f"{FIRST + moment},left,bug,head,3,4\n" for moment in range(len(KINDS)))
    (project.root / "labels" / "walk.csv").write_text(LABELS + lines)
    listener = Notes()
    assert not pipeline.suggest(project, reporter=listener)
    assert "all frames are labelled" in listener.notes[-1]


def test_doubts_come_first_and_appearance_fills_up(project):
    save_detections(project)
    found = pipeline.suggest(project, count=4)
    assert (found[0].moment, found[0].frame) == (12, 17)
    assert re.fullmatch(r"tail jumps 15 px off its path in right", found[0].reason)
    assert [one.reason[:10] for one in found[1:]] == ["looks like"] * 3
    assert len({one.moment for one in found}) == 4
    assert kinds_of(found[1:])[:2] == [1, 2]  # what moment 12 shows is known


def test_either_way_can_be_forced(project):
    save_detections(project)
    (only,) = pipeline.suggest(project, count=4, by="geometry")
    assert only.moment == 12
    assert kinds_of(pipeline.suggest(project, count=3, by="appearance")) == [0, 1, 2]


def test_a_labelled_doubt_is_left_out(project):
    save_detections(project)
    (project.root / "labels" / "walk.csv").write_text(LABELS + f"{FIRST + 12},right,bug,head,3,4\n")
    assert pipeline.suggest(project, count=4, by="geometry") == []
    assert read_csv(project) == []
    assert "0</b><span>moments suggested" in (
        project.root / "results" / "suggestions.html"
    ).read_text(encoding="utf-8")


def test_the_table_of_suggestions_is_not_taken_for_labels_or_a_recording(project):
    pipeline.suggest(project, count=1)
    assert project.label_files() == ()
    assert project.recordings() == ("walk",)


def test_geometry_without_detections_says_what_to_run(project):
    with pytest.raises(ProjectError, match=r"detections\.nc.*labcut3d reconstruct"):
        pipeline.suggest(project, by="geometry")


def test_detections_of_a_longer_video_are_refused(project):
    save_detections(project, len(KINDS) + 1)
    with pytest.raises(DatasetError, match=r"33 moments.*have 32.*detect again"):
        pipeline.suggest(project)


def test_labels_of_frames_that_do_not_exist_are_refused(project):
    (project.root / "labels" / "walk.csv").write_text(LABELS + "2,left,bug,head,3,4\n")
    with pytest.raises(LabelError, match=r"walk\.csv: frame 2 is not in recording 'walk'.*32"):
        pipeline.suggest(project)
