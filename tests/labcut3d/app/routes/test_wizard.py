"""A new project from the form: told beforehand what is wrong, made as a whole."""

from pathlib import Path

import pytest
from numbered_videos import write_video

from labcut3d.project import load_project

BOARD = {
    "type": "charuco",
    "squares_x": 7,
    "squares_y": 5,
    "square_length": 8.0,
    "marker_length": 6.0,
    "dictionary": "DICT_4X4_50",
    "unit": "mm",
}
BOX = {"x": 8, "y": 8, "z": 5, "wall": 1, "unit": "mm", "material": "acrylic", "inside": "air"}


@pytest.fixture
def videos(workspace):
    """Two videos in the folder that may be seen, by view."""
    paths = {view: workspace.folders[0] / f"{view}.mp4" for view in ("a", "b")}
    for path in paths.values():
        write_video(path, 6)
    return {view: str(path) for view, path in paths.items()}


@pytest.fixture
def form(workspace, videos):
    """A form that is filled in."""
    return {
        "folder": str(workspace.folders[0]),
        "name": "flies & co",
        "views": ["a", "b"],
        "skeleton": "mouse",
        "recording_name": "walk",
        "recording": videos,
        "calibration": videos,
        "board": BOARD,
        "chamber": BOX,
    }


def test_the_project_has_all_that_the_form_says(client, workspace, form):
    assert client.post("/new/check", json=form).json()["wrong"] == {}
    assert client.post("/new", json=form).json() == {"name": "flies & co"}
    project = load_project(workspace.folders[0] / "flies & co")
    assert tuple(project.views) == ("a", "b")
    assert project.skeleton.name == "mouse"
    assert project.board.to_dict() == {**project.board.to_dict(), **BOARD}
    assert project.chamber.inner == (8, 8, 5)
    assert project.recordings() == ("walk",)
    assert len(project.calibration_sources()["b"]) == 6
    assert workspace.project().name == "flies & co"


def test_what_the_videos_hold_is_told(client, form):
    found = client.post("/new/check", json=form).json()["found"]
    assert found["recording"] == "2 videos of 6 frames, 25 frames a second, 64 × 48 pixels"


@pytest.mark.parametrize(
    ("change", "part", "told"),
    [
        ({"name": " "}, "name", "name"),
        ({"name": "project"}, "name", "exists already"),
        ({"views": ["a b"]}, "views", "letters"),
        ({"views": ["a", "a"]}, "views", "of its own"),
        ({"skeleton": "unicorn"}, "views", "preset"),
        ({"board": {**BOARD, "marker_length": 9.0}}, "board", "marker_length"),
        ({"board": {**BOARD, "squares_x": 2}}, "board", "squares_x"),
        ({"chamber": {**BOX, "wall": -1}}, "chamber", "thick"),
        ({"recording": {"a": "/nowhere/x.mp4"}}, "recording", "--data"),
        ({"calibration": {}, "recording": {}, "views": []}, "views", "empty"),
    ],
)
def test_what_is_wrong_is_told_beside_its_part_and_nothing_is_made(
    client, workspace, form, change, part, told
):
    before = sorted(workspace.folders[0].iterdir())
    wrong = client.post("/new/check", json={**form, **change}).json()["wrong"]
    assert told in wrong[part]
    assert client.post("/new", json={**form, **change}).status_code in (403, 422)
    assert sorted(workspace.folders[0].iterdir()) == before


def test_uploads_are_taken_in_and_then_gone(client, workspace, form, videos):
    content = {view: Path(path).read_bytes() for view, path in videos.items()}
    sent = {
        view: client.put(f"/uploads/{view}.mp4", content=data).json()["path"]
        for view, data in content.items()
    }
    assert client.post("/new", json={**form, "recording": sent}).status_code == 200
    taken = workspace.folders[0] / "flies & co" / "recordings" / "walk" / "a.mp4"
    assert taken.read_bytes() == content["a"]
    assert not [p for p in (workspace.folders[0] / ".labcut3d-uploads").rglob("*") if p.is_file()]


def test_board_chamber_and_recordings_come_later_too(client, workspace, form, videos):
    bare = {**form, "recording": {}, "calibration": {}, "board": None, "chamber": None}
    assert client.post("/new", json=bare).status_code == 200
    for path, body in (
        ("board", BOARD),
        ("chamber", BOX),
        ("calibration", {"videos": videos}),
        ("recording", {"videos": videos, "name": "rest"}),
    ):
        assert client.post(f"/project/{path}", json=body).status_code == 200, path
    project = workspace.project()
    assert project.board is not None
    assert project.chamber is not None
    assert project.recordings() == ("rest",)
    assert client.post("/project/chamber", json={}).status_code == 200
    assert workspace.project().chamber is None
    wrong = client.post("/project/board", json={**BOARD, "unit": "ells"})
    assert "ells" in wrong.json()["error"]
    assert workspace.project().board is not None
