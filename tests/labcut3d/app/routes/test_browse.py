"""Folders to choose from: what is broken or much besides hides nothing that can be chosen."""

from pathlib import Path

import pytest

from labcut3d.app.routes import browse


@pytest.fixture
def folder(project) -> Path:
    """A folder that the browser may see, with a folder and a video in it."""
    folder = project.root.parent / "data"
    (folder / "zebra").mkdir(parents=True)
    (folder / "walk.mp4").write_bytes(b"x")
    return folder


def shown(client, folder):
    """The names of the folders and videos that are offered."""
    answer = client.get("/browse", params={"path": str(folder)})
    assert answer.status_code == 200, answer.text
    return [[entry["name"] for entry in answer.json()[kind]] for kind in ("folders", "videos")]


def test_a_link_to_a_video_that_is_gone_hides_nothing(client, folder):
    (folder / "gone.mp4").symlink_to(folder / "unplugged" / "gone.mp4")
    assert shown(client, folder) == [["zebra"], ["walk.mp4"]]


def test_a_folder_called_like_a_video_is_a_folder(client, folder):
    (folder / "images.mp4").mkdir()
    assert shown(client, folder) == [["images.mp4", "zebra"], ["walk.mp4"]]


def test_many_other_files_hide_nothing_that_can_be_chosen(client, folder, monkeypatch):
    monkeypatch.setattr(browse, "MOST", 2)
    for number in range(3):
        (folder / f"image{number}.png").write_bytes(b"x")
    assert shown(client, folder) == [["zebra"], ["walk.mp4"]]
