"""A result is up to date exactly when nothing that it was made from has changed."""

import numpy as np
import pytest

from labcut3d.provenance import changed_inputs, fingerprint, fingerprint_frames, write_stamp
from labcut3d.skeleton import Skeleton
from labcut3d.video import open_frames

INPUTS = {"rig": "1", "settings": "2"}


@pytest.fixture
def result(tmp_path):
    path = tmp_path / "trajectories.nc"
    path.write_bytes(b"data")
    write_stamp(path, INPUTS)
    return path


def test_an_untouched_result_is_up_to_date(result):
    assert changed_inputs(result, INPUTS) == ()


def test_changed_new_and_gone_inputs_are_named(result):
    assert changed_inputs(result, {"rig": "9", "settings": "2"}) == ("rig",)
    assert changed_inputs(result, {**INPUTS, "video": "3"}) == ("video",)
    assert changed_inputs(result, {"rig": "1"}) == ("settings",)


def test_an_edited_or_missing_result_is_made_again(result):
    result.write_bytes(b"edited")
    assert changed_inputs(result, INPUTS) == ("result",)
    result.unlink()
    assert changed_inputs(result, INPUTS) == ("result",)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"inputs": 3, "sha256": ""}', "\0"])
def test_a_damaged_stamp_counts_as_none(result, text):
    (result.parent / ".stamps" / "trajectories.nc.json").write_text(text)
    assert changed_inputs(result, INPUTS) == ("result",)


def test_fingerprints_tell_settings_apart():
    one = Skeleton(name="a", keypoints=("x", "y"))
    assert fingerprint(one) == fingerprint(Skeleton(name="a", keypoints=("x", "y")))
    assert fingerprint(one) != fingerprint(Skeleton(name="a", keypoints=("y", "x")))


def test_fingerprints_of_frames_follow_the_files(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((4, 4), np.uint8))
    first = fingerprint_frames(open_frames(tmp_path))
    assert fingerprint_frames(open_frames(tmp_path)) == first
    cv2.imwrite(str(tmp_path / "2.png"), np.zeros((4, 4), np.uint8))
    assert fingerprint_frames(open_frames(tmp_path)) != first
