"""What is saved is what is loaded; damaged and hostile files are named, never half-read."""

import pickle
import re

import numpy as np
import pytest
import tomlkit
from safetensors.torch import load_file, save_file

from calibration.files import sha256_of
from labcut3d.detection.storage import load_detector, save_detector
from labcut3d.errors import DetectorError


@pytest.fixture
def folder(trained, tmp_path):
    save_detector(trained.detector, tmp_path / "model")
    return tmp_path / "model"


def _weights(folder):
    return next(folder.glob("weights-*.safetensors"))


def _edit(folder, **changes):
    path = folder / "model.toml"
    table = tomlkit.parse(path.read_text())
    table.update(changes)
    path.write_text(tomlkit.dumps(table))


def test_a_loaded_detector_predicts_the_same(trained, folder):
    images = [image.image for image in trained.unseen[:4]]
    loaded = load_detector(folder)
    before, after = trained.detector.detect(images), loaded.detect(images)
    for name in ("position", "confidence", "covariance"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    assert loaded.settings == trained.detector.settings
    assert loaded.keypoints == trained.detector.keypoints


def test_saving_again_leaves_two_files(trained, folder):
    save_detector(trained.detector, folder)
    assert len(list(folder.iterdir())) == 2


def test_a_missing_detector_says_how_to_get_one(tmp_path):
    with pytest.raises(DetectorError, match=re.escape(str(tmp_path / "model.toml"))):
        load_detector(tmp_path)


@pytest.mark.parametrize("kept", [0, 10, 5000])
def test_truncated_weights_are_named(folder, kept):
    weights = _weights(folder)
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(DetectorError, match=weights.name):
        load_detector(folder)


def test_a_pickle_in_place_of_weights_is_not_opened(folder):
    weights = _weights(folder)
    weights.write_bytes(pickle.dumps({"pose": 1}))
    _edit(folder, sha256=sha256_of(weights))
    with pytest.raises(DetectorError, match=weights.name):
        load_detector(folder)


def test_weights_of_another_shape_and_not_finite_are_named(folder):
    weights = _weights(folder)
    tensors = load_file(weights)
    save_file({**tensors, "pose.head.weight": tensors["pose.head.weight"][:2].clone()}, weights)
    _edit(folder, sha256=sha256_of(weights))
    with pytest.raises(DetectorError, match="do not fit 3 keypoints"):
        load_detector(folder)
    save_file({**tensors, "pose.head.weight": tensors["pose.head.weight"] * np.nan}, weights)
    _edit(folder, sha256=sha256_of(weights))
    with pytest.raises(DetectorError, match="not finite"):
        load_detector(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, "format is 99"),
        ({"weights": "../../etc/passwd"}, "passwd"),
        ({"keypoints": ["a", "a", "b"]}, "different names"),
        ({"keypoints": 3}, "different names"),
        ({"mirrored": [1, 2, 0]}, "mirror image"),
        ({"mirrored": [0, 1]}, "mirror image"),
        ({"sizes": {"": -1.0}}, "must be px > 0"),
        ({"sizes": {}}, "sizes"),
        ({"settings": {"largest_crop": 100}}, "multiple of 32"),
        ({"settings": {"batsh": 96}}, "did you mean 'batch'"),
        ({"settings": {"batch": "many"}}, "batch"),
        ({"calibration": {"slope": float("inf")}}, "slope"),
        ({"calibration": 1}, "calibration"),
        ({"surprise": 1}, "unknown key 'surprise'"),
    ],
)
def test_a_wrong_value_in_model_toml_is_named(folder, changes, message):
    _edit(folder, **changes)
    with pytest.raises(DetectorError, match=re.escape(message)) as caught:
        load_detector(folder)
    assert "model.toml" in str(caught.value) or "detector setting" in str(caught.value)


def test_text_that_is_not_toml_is_named(folder):
    (folder / "model.toml").write_text("keypoints = [")
    with pytest.raises(DetectorError, match="not valid TOML"):
        load_detector(folder)
