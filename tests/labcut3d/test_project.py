"""Projects: what project.toml may say, and what is said where it is wrong."""

import os

import cv2
import numpy as np
import pytest

from labcut3d.errors import BoardError, FileFormatError, Labcut3dError, ProjectError, VideoError
from labcut3d.project import load_project
from labcut3d.template import edit_project, new_project

TOML = 'skeleton = "fly-egg-laying"\n[views.cam0]\n[views.cam1]\n'
BOARD = """[board]
squares_x = 7
squares_y = 5
square_length = 8.0
marker_length = 6.0
dictionary = "DICT_4X4_50"
unit = "mm"
"""


def project_with(tmp_path, text=TOML):
    (tmp_path / "project.toml").write_text(text)
    return load_project(tmp_path)


def add_images(folder, count, size=(16, 12)):
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(count):
        image = np.full((size[1], size[0], 3), 7 * k, np.uint8)
        cv2.imwrite(str(folder / f"{k}.png"), image)


def test_a_new_project_loads_as_it_is(tmp_path):
    made = new_project(tmp_path / "walk", views=["left", "right"], skeleton="mouse")
    assert tuple(made.views) == ("left", "right")
    assert made.name == "walk"
    assert made.skeleton.name == "mouse"
    assert made.board is None
    for folder in ("calibration", "recordings", "labels"):
        assert (made.root / folder).is_dir()


def test_the_board_of_the_template_is_a_board_once_uncommented(tmp_path):
    made = new_project(tmp_path / "walk", views=["left"], skeleton="mouse")
    path = made.root / "project.toml"
    lines = path.read_text().splitlines()
    start = lines.index("# [board]")
    lines[start : start + 8] = [line.removeprefix("# ") for line in lines[start : start + 8]]
    path.write_text("\n".join(lines))
    assert load_project(made.root).board.unit == "mm"


def test_a_new_project_overwrites_nothing(tmp_path):
    new_project(tmp_path, views=["left"], skeleton="mouse")
    before = (tmp_path / "project.toml").read_bytes()
    with pytest.raises(ProjectError, match="exists here already"):
        new_project(tmp_path, views=["right"], skeleton="mouse")
    assert (tmp_path / "project.toml").read_bytes() == before


def test_a_skeleton_file_is_copied_into_the_project(tmp_path):
    (tmp_path / "worm.toml").write_text('keypoints = ["head", "tail"]')
    made = new_project(tmp_path / "p", views=["a"], skeleton=str(tmp_path / "worm.toml"))
    (tmp_path / "worm.toml").unlink()
    assert load_project(made.root).skeleton.keypoints == ("head", "tail")


@pytest.mark.parametrize("views", [[], ["a", "a"], ["a b"], ["../a"], ["a.b"], ["<b>"]])
def test_views_have_simple_names_of_their_own(tmp_path, views):
    with pytest.raises(ProjectError, match="view"):
        new_project(tmp_path / "p", views=views, skeleton="mouse")
    assert not (tmp_path / "p").exists()


def test_settings_and_board_are_read(tmp_path):
    text = "fps = 120\n" + TOML + BOARD + "[detector]\nseed = 3\n"
    project = project_with(tmp_path, text)
    assert project.fps == 120.0
    assert project.detector.seed == 3
    assert project.board.squares_x == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "'views'.*required"),
        ('skeleton = "mouse"\n[views]\n', "views.*empty"),
        (TOML.replace("skeleton", "skelton"), "'skelton'.*did you mean 'skeleton'"),
        (TOML.replace("[views.cam0]", "[views.cam0]\ncorp = [0, 0, 1, 1]"), "'corp'.*'crop'"),
        (TOML.replace("[views.cam0]", "[views.cam0]\ncrop = [0, 0, 1]"), r"views.cam0.*'crop"),
        (TOML.replace("[views.cam0]", '[views.cam0]\nfile = "../x"'), "without folders"),
        (TOML.replace("cam0", '"a b"'), "'a b'"),
        (TOML.replace("fly-egg-laying", "flea"), "flea.*preset"),
        (TOML.replace("fly-egg-laying", "../x.toml"), "outside the project"),
        ("fps = -3\n" + TOML, "fps is -3"),
        ('fps = "fast"\n' + TOML, "'fps'.*number.*'fast'"),
        (TOML + "[detector]\nsede = 3\n", r"\[detector\].*'sede'.*did you mean 'seed'"),
        (TOML + '[detector]\nseed = "x"\n', r"\[detector\].*'seed'.*integer.*'x'"),
        (TOML + "[detector]\ncrop = -5\n", r"project\.toml \[detector\].*crop"),
        (TOML + "[events]\nbend_min_s = 0\n", r"project\.toml \[events\].*bend_min_s"),
        (TOML + BOARD.replace("squares_x", "sqares_x"), r"\[board\].*'squares_x'"),
        (TOML + BOARD.replace('unit = "mm"\n', ""), r"\[board\].*unit"),
        ("views = 3", "views"),
    ],
)
def test_what_is_wrong_in_project_toml_is_named(tmp_path, text, expected):
    with pytest.raises(Labcut3dError, match=expected) as caught:
        project_with(tmp_path, text)
    assert "project.toml" in str(caught.value) or "skeleton" in str(caught.value)


def test_a_folder_without_a_project_says_how_to_make_one(tmp_path):
    with pytest.raises(ProjectError, match="labcut3d new"):
        load_project(tmp_path)


def test_recordings_are_found_and_unknown_ones_refused(tmp_path):
    project = project_with(tmp_path)
    with pytest.raises(ProjectError, match="no recordings"):
        project.choose_recordings([])
    add_images(tmp_path / "recordings" / "walk" / "cam0", 3)
    assert project.choose_recordings([]) == ("walk",)
    with pytest.raises(ProjectError, match=r"'run'.*walk"):
        project.choose_recordings(["run"])


@pytest.mark.parametrize("name", [b"\xff\xfe", b"new\nline", b"C:\\data"])
def test_a_recording_whose_name_no_file_can_hold_is_to_be_renamed(tmp_path, name):
    project = project_with(tmp_path)
    for known in (name, "s p ä ce 日本".encode()):
        (tmp_path / "recordings" / os.fsdecode(known)).mkdir(parents=True)
    assert len(project.recordings()) == 2  # listed, not hidden
    assert project.choose_recordings(["s p ä ce 日本"]) == ("s p ä ce 日本",)
    with pytest.raises(ProjectError, match="rename the folder"):
        project.choose_recordings([])


def test_unequal_frame_counts_are_refused_with_the_counts(tmp_path):
    project = project_with(tmp_path)
    add_images(tmp_path / "recordings" / "walk" / "cam0", 3)
    add_images(tmp_path / "recordings" / "walk" / "cam1", 5)
    with pytest.raises(VideoError, match="cam0 3, cam1 5"):
        project.recording_sources("walk")


def test_a_missing_view_is_named(tmp_path):
    project = project_with(tmp_path)
    add_images(tmp_path / "recordings" / "walk" / "cam0", 3)
    with pytest.raises(VideoError, match=r"'cam1'.*found: cam0"):
        project.recording_sources("walk")


def test_two_views_may_share_a_file(tmp_path):
    text = (
        'skeleton = "mouse"\n[views.direct]\nfile = "film"\ncrop = [0, 0, 10, 12]\n'
        '[views.mirror]\nfile = "film"\ncrop = [10, 0, 6, 12]\nmirror = true\n'
    )
    project = project_with(tmp_path, text)
    add_images(tmp_path / "recordings" / "walk" / "film", 2)
    sources = project.recording_sources("walk")
    assert {view: frames.size for view, frames in sources.items()} == {
        "direct": (10, 12),
        "mirror": (6, 12),
    }


def test_images_need_a_frame_rate(tmp_path):
    add_images(tmp_path / "recordings" / "walk" / "cam0", 2)
    add_images(tmp_path / "recordings" / "walk" / "cam1", 2)
    project = project_with(tmp_path)
    with pytest.raises(ProjectError, match="set fps"):
        project.frame_rate(project.recording_sources("walk"))
    project = project_with(tmp_path, "fps = 50\n" + TOML)
    assert project.frame_rate(project.recording_sources("walk")) == 50.0


def test_a_broken_project_toml_is_named(tmp_path):
    with pytest.raises(FileFormatError, match=r"project\.toml: not valid TOML"):
        project_with(tmp_path, "views = [")


def test_editing_keeps_comments_and_refuses_what_would_be_wrong(tmp_path):
    project = new_project(tmp_path / "p", views=["cam0"], skeleton="fly-egg-laying")
    board = {"type": "chessboard", "squares_x": 9, "squares_y": 6, "square_length": 2.0}
    with pytest.raises(BoardError, match="unit"):
        edit_project(project.root, {"board": board})
    assert load_project(project.root).board is None
    edited = edit_project(project.root, {"board": {**board, "unit": "mm"}, "fps": 60.0})
    assert edited == load_project(project.root)
    assert edited.fps == 60.0
    assert "# One table a view" in (project.root / "project.toml").read_text()
    assert edit_project(project.root, {"board": None}).board is None
