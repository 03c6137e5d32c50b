"""Which reader takes a file, and which of its videos is meant."""

from pathlib import Path

import numpy as np
import pytest

from labcut3d.errors import FileFormatError
from labcut3d.formats.labels import VideoLabels, choose_video, read_label_file


@pytest.mark.parametrize("name", ["a.txt", "a.slp", "a.json", "a.h5"])
def test_what_is_no_labels_file_lists_what_is(tmp_path, name):
    (tmp_path / name).write_text("Dear diary")
    with pytest.raises(FileFormatError, match=r"SLEAP's \.slp, Lightning Pose's \.csv, and COCO"):
        read_label_file(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileFormatError, match="no such file or folder"):
        read_label_file(tmp_path / "a.csv")
    with pytest.raises(FileFormatError, match="no CollectedData"):
        read_label_file(tmp_path)


def labels_of(*videos):
    return [
        VideoLabels(
            file=Path("all.slp"),
            video=video,
            keypoints=("nose",),
            individuals=("fly",),
            frames=np.array([0]),
            position=np.zeros((1, 1, 1, 2)),
            images=(None,),
        )
        for video in videos
    ]


def test_the_most_telling_name_that_one_video_has():
    videos = labels_of("/d/run/left", "/d/walk/left", "/d/walk/right", "/d/uleft")
    assert choose_video(videos, ("walk/left", "left"), "left").video == "/d/walk/left"
    assert choose_video(videos, ("x", "right"), "right").video == "/d/walk/right"
    assert choose_video(videos, (), "left", "uleft").video == "/d/uleft"
    with pytest.raises(FileFormatError, match="say --video left=NAME"):
        choose_video(videos, ("left", "walk"), "left")
    with pytest.raises(FileFormatError, match="several videos 'left'"):
        choose_video(videos, ("walk/left",), "left", "left")
    assert choose_video(videos[:1], ("other",), "left").video == "/d/run/left"
