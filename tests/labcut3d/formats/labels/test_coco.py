"""COCO keypoints: visibility, names of individuals, and files that are none."""

import json

import numpy as np
import pytest

from labcut3d.errors import FileFormatError
from labcut3d.formats.labels.coco import read_coco


def write(tmp_path, annotations, images=None, categories=None):
    content = {
        "info": {"year": 2024},
        "images": images
        or [{"id": 7, "file_name": "walk/img_0012.png", "width": 64, "height": 48}],
        "categories": categories
        or [{"id": 1, "name": "mouse", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]}],
        "annotations": annotations,
    }
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(content))
    return path


def one(*keypoints, **changes):
    return {"id": 1, "image_id": 7, "category_id": 1, "keypoints": list(keypoints), **changes}


def test_only_visibility_and_the_corner_make_a_point_missing(tmp_path):
    (labels,) = read_coco(write(tmp_path, [one(3, 4, 0, 0.5, 0, 1)]))
    assert (labels.video, labels.frames.tolist(), labels.individuals) == ("walk", [12], ("mouse",))
    assert np.isnan(labels.position[0, 0, 0]).all()
    assert labels.position[0, 0, 1].tolist() == [0.5, 0]
    (labels,) = read_coco(write(tmp_path, [one(0, 0, 2, 5, 6, 2)]))
    assert np.isnan(labels.position[0, 0, 0]).all()
    assert "1 points marked as labelled at (0, 0)" in labels.notes[0]


def test_individuals_are_told_by_track_or_noted_as_guessed(tmp_path):
    pair = [one(1, 1, 2, 2, 2, 2), one(5, 5, 2, 6, 6, 2)]
    (labels,) = read_coco(write(tmp_path, pair))
    assert labels.individuals == ("mouse_1", "mouse_2")
    assert "order of the file" in labels.notes[0]
    tracked = [{**a, "track_id": n} for a, n in zip(pair, (4, 2), strict=True)]
    (labels,) = read_coco(write(tmp_path, tracked))
    assert labels.individuals == ("mouse_4", "mouse_2")
    assert not labels.notes


def test_boxes_without_keypoints_are_passed_over(tmp_path):
    (labels,) = read_coco(write(tmp_path, [one(1, 1, 2, 2, 2, 2), one(bbox=[0, 0, 5, 5])]))
    assert labels.position.shape == (1, 1, 2, 2)


def test_an_image_of_another_folder_is_not_taken_for_one_of_the_same_name(tmp_path):
    (tmp_path / "img_0012.png").touch()
    (labels,) = read_coco(write(tmp_path, [one(1, 1, 2, 2, 2, 2)]))
    assert labels.images == (None,)


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ([one(1, 2, 2)], "3 numbers; 2 keypoints"),
        ([one(1, 2, 5, 1, 1, 1)], "visibility other than"),
        ([one(1, "x", 1, 1, 1, 1)], r"annotations.0.keypoints.1"),
        ([one(1, 1, 1, 1, 1, 1, image_id=99)], "names image 99"),
        ([one(1, 1, 1, 1, 1, 1, category_id=3)], "category 3"),
        ([one(0, 0, 0, 0, 0, 0)], "no annotation has"),
        (2 * [one(1, 1, 1, 1, 1, 1, track_id=1)], "shows 'mouse_1' twice"),
        ("none", "'annotations'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, annotations, message):
    with pytest.raises(FileFormatError, match=message) as raised:
        read_coco(write(tmp_path, annotations))
    assert "coco.json" in str(raised.value)


@pytest.mark.parametrize("text", ["{", "[]", "{}", "[" * 20000, '{"images": 1' + "0" * 5000 + "}"])
def test_files_that_are_no_coco(tmp_path, text):
    path = tmp_path / "coco.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=r"coco\.json"):
        read_coco(path)


def test_more_animals_than_memory_holds_are_refused(tmp_path):
    images = [{"id": n, "file_name": f"walk/{n}.png"} for n in range(2000)]
    crowd = [one(1, 1, 2, 2, 2, 2, image_id=0, track_id=n) for n in range(20000)]
    with pytest.raises(FileFormatError, match="more than can be held"):
        read_coco(write(tmp_path, crowd, images))


@pytest.mark.parametrize("name", ["walk" * 100 + "/img_0012.png", "walk\x00/img_0012.png"])
def test_a_name_that_no_image_can_have_finds_none(tmp_path, name):
    images = [{"id": 7, "file_name": name, "width": 64, "height": 48}]
    (labels,) = read_coco(write(tmp_path, [one(3, 4, 2, 5, 6, 2)], images=images))
    assert (labels.frames.tolist(), labels.images) == ([12], (None,))
