"""Pose2Sim and Anipose: two files much alike, one in metres and one in nobody knows what."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from calibration import Rig, load_rig, save_rig
from calibration.errors import FileFormatError, RigError
from calibration.foreign.registry import recognise_format

SCENE = """[int_cam01_img]
name = "int_cam01_img"
size = [ 1088.0, 1920.0]
matrix = [ [ 1671.5, 0.0, 564.6], [ 0.0, 1671.4, 933.0], [ 0.0, 0.0, 1.0]]
distortions = [ -0.0531, 0.151, -0.00012, 0.00065]
rotation = [ 1.6788, 1.0320, -0.3910]
translation = [ 0.2609, 0.9642, 2.9330]
fisheye = false

[metadata]
adjusted = false
error = 0.0
"""


def project_by_hand(points):
    """[K | 0] [R t; 0 1], with OpenCV's radial and tangential distortion written out."""
    rotation, _ = cv2.Rodrigues(np.array([1.6788, 1.0320, -0.3910]))
    seen = points @ rotation.T + [0.2609, 0.9642, 2.9330]
    x, y = (seen[:, :2] / seen[:, 2:]).T
    r2 = x**2 + y**2
    radial = 1 - 0.0531 * r2 + 0.151 * r2**2
    u = x * radial - 2 * 0.00012 * x * y + 0.00065 * (r2 + 2 * x**2)
    v = y * radial - 0.00012 * (r2 + 2 * y**2) + 2 * 0.00065 * x * y
    return np.stack([1671.5 * u + 564.6, 1671.4 * v + 933.0], axis=-1)


def test_pixels_are_those_of_pose2sim(tmp_path, points):
    (tmp_path / "Calib_scene.toml").write_text(SCENE)
    rig = load_rig(tmp_path / "Calib_scene.toml")
    assert (rig.names, rig.unit) == (("int_cam01_img",), "m")
    assert rig.cameras[0].size == (1088, 1920)
    expected = project_by_hand(points / 300)
    np.testing.assert_allclose(rig.project(points / 300)[0], expected, atol=1e-9)


def test_anipose_is_told_apart(tmp_path, points):
    """The same numbers under [cam_0] with a whole size: Anipose's, whose unit must be said."""
    anipose = SCENE.replace("[int_cam01_img]", "[cam_0]").replace("1088.0, 1920.0", "1088, 1920")
    path = tmp_path / "calibration.toml"
    path.write_text(anipose)
    assert recognise_format(path) == "anipose"
    with pytest.raises(RigError, match="does not say its unit"):
        load_rig(path)
    rig = load_rig(path, unit="m")
    np.testing.assert_allclose(rig.project(points / 300)[0], project_by_hand(points / 300))


def test_millimetres_become_metres(make_rig, points, tmp_path):
    rig = make_rig(2, unit="mm")
    save_rig(rig, tmp_path / "Calib.toml", "pose2sim")
    again = load_rig(tmp_path / "Calib.toml")
    assert again.unit == "m"
    np.testing.assert_allclose(again.project(points / 1000), rig.project(points), atol=1e-8)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("rotation = ", "turn = ", "'rotation' is missing"),
        ("[ 1088.0, 1920.0]", "[ 1088.0]", "two whole numbers"),
        ("[ 1088.0, 1920.0]", '"large"', "no array of numbers"),
        ("1671.5", "nan", "NaN"),
        ("0.2609, 0.9642, 2.9330", "0.2609, 0.9642", "translation"),
        ("[ 1671.5, 0.0", "[ -1671.5, 0.0", "focal lengths"),
    ],
)
def test_broken_files_are_refused(old, new, reason, tmp_path):
    (tmp_path / "Calib.toml").write_text(SCENE.replace(old, new))
    with pytest.raises((RigError, FileFormatError), match=reason) as caught:
        load_rig(tmp_path / "Calib.toml", "pose2sim")
    assert "Calib.toml" in str(caught.value)


def test_names_that_are_taken(make_rig, tmp_path):
    camera = replace(make_rig(1).cameras[0], name="metadata")
    with pytest.raises(RigError, match="rename the camera"):
        save_rig(Rig(cameras=(camera,), unit="m"), tmp_path / "a.toml", "pose2sim")
    (tmp_path / "b.toml").write_text("[metadata]\nerror = 0.0\n")
    with pytest.raises(FileFormatError, match="holds no camera"):
        load_rig(tmp_path / "b.toml", "pose2sim")
