"""Videos come into a project whole or not at all, and what was there is not touched."""

import pytest
from numbered_videos import write_video

from labcut3d import pipeline
from labcut3d.errors import Labcut3dError, ProjectError, VideoError
from labcut3d.template import new_project


@pytest.fixture
def project(tmp_path):
    return new_project(tmp_path / "project", views=["left", "right"], skeleton="fly-egg-laying")


@pytest.fixture
def videos(tmp_path):
    """Two videos of 8 frames by view, somewhere else and of other names."""
    paths = {"left": tmp_path / "camera A.MP4", "right": tmp_path / "camera B.mp4"}
    for path in paths.values():
        write_video(path, 8)
    return paths


def test_a_recording_gets_its_videos_under_the_names_of_its_views(project, videos):
    folder = pipeline.add_recording(project, "walk", videos)
    assert sorted(path.name for path in folder.iterdir()) == ["left.mp4", "right.mp4"]
    assert project.recordings() == ("walk",)
    assert len(project.recording_sources("walk")["left"]) == 8
    assert all(path.exists() for path in videos.values())


def test_a_file_on_the_same_disk_takes_no_room_twice(project, videos):
    folder = pipeline.add_recording(project, "walk", videos)
    assert (folder / "left.mp4").samefile(videos["left"])


def test_a_recording_that_exists_is_not_touched(project, videos):
    pipeline.add_recording(project, "walk", videos)
    with pytest.raises(ProjectError, match="exists"):
        pipeline.add_recording(project, "walk", videos)


@pytest.mark.parametrize("name", ["../out", "a b", "", ".hidden"])
def test_names_that_lead_elsewhere_are_refused(project, videos, name):
    with pytest.raises(ProjectError):
        pipeline.add_recording(project, name, videos)


def test_unequal_lengths_are_refused_and_leave_nothing(project, videos):
    write_video(videos["right"], 7)
    with pytest.raises(VideoError, match="left 8, right 7"):
        pipeline.add_recording(project, "walk", videos)
    assert not list((project.root / "recordings").iterdir())


def test_what_is_no_video_is_refused(project, videos):
    videos["right"].write_text("no video")
    with pytest.raises(Labcut3dError, match=r"camera B\.mp4"):
        pipeline.add_recording(project, "walk", videos)


def test_every_view_needs_its_video(project, videos):
    with pytest.raises(ProjectError, match="right"):
        pipeline.add_recording(project, "walk", {"left": videos["left"]})
    with pytest.raises(ProjectError, match="middle"):
        pipeline.add_recording(project, "walk", {**videos, "middle": videos["left"]})


def test_new_board_videos_take_the_place_of_the_old_which_are_kept(project, videos, tmp_path):
    pipeline.add_calibration(project, videos)
    write_video(tmp_path / "again.mkv", 5)
    again = dict.fromkeys(videos, tmp_path / "again.mkv")
    folder = pipeline.add_calibration(project, again)
    assert sorted(path.name for path in folder.iterdir()) == ["left.mkv", "right.mkv"]
    assert len(project.calibration_sources()["left"]) == 5
    old = project.root / "calibration-old-1"
    assert sorted(path.name for path in old.iterdir()) == ["left.mp4", "right.mp4"]
