"""Labels: what a row means, and a line number for each mistake."""

from pathlib import Path

import numpy as np
import pytest

from labcut3d.errors import LabelError
from labcut3d.labels import labelled_images, read_labels

HEADER = "frame,view,individual,keypoint,x,y\n"
VIEWS, KEYPOINTS = ("left", "right"), ("head", "tail")


class Gray:
    """Frames of one grey, 20 of 10x8 px."""

    path = Path("gray.mp4")
    size = (10, 8)
    fps = 30.0
    numbers = np.arange(20)

    def __len__(self):
        return 20

    def __getitem__(self, index):
        return np.full((8, 10, 3), index, np.uint8)

    def read(self, indices=None):
        for index in range(20) if indices is None else indices:
            yield index, self[index]


def read(tmp_path, rows, header=HEADER):
    path = tmp_path / "walk.csv"
    path.write_text(header + rows)
    return read_labels(path, views=VIEWS, keypoints=KEYPOINTS)


def test_empty_means_not_visible_and_absent_means_not_labelled(tmp_path):
    labels = read(tmp_path, "7,left,fly,head,1.5,2\n7,left,fly,tail,,\n3,right,fly,tail,4,5\n")
    assert labels.recording == "walk"
    assert labels.frames.tolist() == [3, 7]
    assert labels.labelled.tolist() == [[False, True], [True, False]]
    assert labels.position[1, 0, 0, 0].tolist() == [1.5, 2.0]
    assert np.isnan(labels.position[1, 0, 0, 1]).all()


def test_images_come_with_their_points(tmp_path):
    labels = read(tmp_path, "7,left,fly,head,1.5,2\n3,left,fly,tail,4,5\n")
    images = labelled_images(labels, {"left": Gray(), "right": Gray()})
    assert [(i.frame, i.view, int(i.image[0, 0, 0])) for i in images] == [
        (3, "left", 3),
        (7, "left", 7),
    ]
    assert images[1].points.shape == (1, 2, 2)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1,top,fly,head,1,1\n", "line 2.*view 'top'.*left, right"),
        ("1,left,fly,head,1,1\n1,left,fly,nose,1,1\n", "line 3.*keypoint 'nose'"),
        ("1,left,fly,head,1,\n", "only one of x and y"),
        ("1,left,fly,head,one,1\n", "'one' in column x"),
        ("1,left,fly,head,inf,1\n", "'inf' in column x"),
        ("1.5,left,fly,head,1,1\n", "'1.5' in column frame"),
        ("-1,left,fly,head,1,1\n", "'-1' in column frame"),
        ("1,left,,head,1,1\n", "individual has no name"),
        ("1,left,fly,head,1,1\n1,left,fly,head,2,2\n", "line 3.*twice"),
        ("1,left,fly\n", "expected 6 values"),
        ("1,left,fly,head,1,1,1\n", "expected 6 values"),
        ("", "no labels"),
    ],
)
def test_each_mistake_has_its_line(tmp_path, rows, expected):
    with pytest.raises(LabelError, match=expected) as caught:
        read(tmp_path, rows)
    assert "walk.csv" in str(caught.value)


def test_other_columns_are_refused(tmp_path):
    with pytest.raises(LabelError, match="columns are frame,x,y; expected frame,view"):
        read(tmp_path, "", header="frame,x,y\n")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "walk.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LabelError, match="not a readable CSV"):
        read_labels(path, views=VIEWS, keypoints=KEYPOINTS)


@pytest.mark.parametrize("x", [-0.6, 9.6, 1e9])
def test_a_label_outside_its_image_is_refused(tmp_path, x):
    labels = read(tmp_path, f"7,left,fly,head,{x},2\n")
    with pytest.raises(LabelError, match=r"'head'.*outside the image of 10x8"):
        labelled_images(labels, {"left": Gray(), "right": Gray()})


def test_a_label_of_a_frame_that_is_not_there_is_refused(tmp_path):
    labels = read(tmp_path, "20,left,fly,head,1,2\n")
    with pytest.raises(LabelError, match=r"frame 20 of view 'left'.*gray\.mp4.*20 frames"):
        labelled_images(labels, {"left": Gray(), "right": Gray()})
