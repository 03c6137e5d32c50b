"""Caliscope: its own stored rig sees its own stored points, and what it cannot hold is refused."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from calibration import load_rig, save_rig
from calibration.errors import FileFormatError, RigError

ARRAY = """[cameras.{key}]
cam_id = 3
rotation_count = 1
error = 0.3
size = [1280, 720]
matrix = [[900.0, 0.0, 620.0], [0.0, 905.0, 380.0], [0.0, 0.0, 1.0]]
distortions = {lens}
translation = [0.1, -0.2, 2.0]
rotation = {rotation}
fisheye = {fisheye}
"""


def array(key="3", lens="[-0.3, 0.05, -0.004, 0.004, 0.06]", rotation=None, fisheye="false"):
    return ARRAY.format(
        key=key, lens=lens, rotation=rotation or "[0.3, -0.4, 0.5]", fisheye=fisheye
    )


def test_pixels_are_those_of_caliscope(tmp_path, points):
    """Caliscope projects with cv2.projectPoints, from a vector or, in older files, a matrix."""
    vector = np.array([0.3, -0.4, 0.5])
    matrix = np.array([[900.0, 0, 620], [0, 905, 380], [0, 0, 1]])
    lens = np.array([-0.3, 0.05, -0.004, 0.004, 0.06])
    seen = points / 1000
    expected, _ = cv2.projectPoints(seen, vector, np.array([0.1, -0.2, 2.0]), matrix, lens)
    for rotation in (vector.tolist(), cv2.Rodrigues(vector)[0].tolist()):
        (tmp_path / "camera_array.toml").write_text(array(rotation=rotation))
        rig = load_rig(tmp_path / "camera_array.toml")
        assert (rig.names, rig.unit) == (("cam_3",), "m")
        np.testing.assert_allclose(rig["cam_3"].project(seen), expected[:, 0], atol=1e-9)
        assert dict(rig["cam_3"].extra) == {"rotation_count": 1, "error": 0.3}


def test_a_fisheye_is_one(tmp_path, points):
    text = array(lens="[-0.02, 0.003, 0.001, -0.001]", fisheye="true")
    (tmp_path / "camera_array.toml").write_text(text)
    (camera,) = load_rig(tmp_path / "camera_array.toml").cameras
    seen = points[:, None] / 1000
    vector, shift = np.array([0.3, -0.4, 0.5]), np.array([0.1, -0.2, 2.0])
    lens = np.array([-0.02, 0.003, 0.001, -0.001])
    expected, _ = cv2.fisheye.projectPoints(seen, vector, shift, np.array(camera.matrix), lens)
    np.testing.assert_allclose(camera.project(seen[:, 0]), expected[:, 0], atol=1e-9)


def test_the_stored_rig_sees_its_stored_points(dataset):
    """Caliscope states an RMS of 1.66 px over 2,175 observations of its own points."""
    folder = dataset("charuco_4cam")
    rig = load_rig(folder / "camera_array.toml")
    table = folder / "calibration" / "extrinsic" / "CHARUCO"
    columns = {"delimiter": ",", "skip_header": 1}
    xyz = np.genfromtxt(table / "xyz_CHARUCO.csv", usecols=(0, 2, 3, 4, 5), **columns)
    xy = np.genfromtxt(table / "xy_CHARUCO.csv", usecols=(0, 1, 3, 4, 5), **columns)
    points = {(int(s), int(k)): point for s, k, *point in xyz}
    errors = []
    for sync, camera, keypoint, *pixel in xy:
        point = points.get((int(sync), int(keypoint)))
        if point is not None:
            errors.append(rig[f"cam_{int(camera)}"].project(point) - pixel)
    rms = np.sqrt(np.square(errors).sum(axis=1).mean())
    assert len(errors) > 2000
    assert rms == pytest.approx(STATED_RMS, abs=0.02)  # px


STATED_RMS = 1.66


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (array(key="left"), r"\[cameras.left\]: Caliscope's cameras are numbered"),
        (array().replace("rotation = ", "r = "), "'rotation' is missing"),
        (array(rotation="[nan, 0.0, 0.0]"), "NaN"),
        (array(rotation="[0.1, 0.2]"), "three numbers"),
        (array(rotation="[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]"), "not a rotation"),
        (array(lens="[[1.0], [2.0, 3.0]]"), "no array of numbers"),
        (array(lens="['a']"), "no array of numbers"),
        (array(lens="[1e300, 0.0, 0.0, 0.0, 0.0]"), "no camera has"),
        (array().replace("[1280, 720]", "[1280.5, 720]"), "two whole numbers"),
        (array() + "ignore = true\n", "its pose may be old"),
        ("[cameras]\n", "holds no tables"),
        ("[cameras]\n0 = 1\n", "must be a table"),
    ],
)
def test_broken_files_are_refused(text, reason, tmp_path):
    (tmp_path / "camera_array.toml").write_text(text)
    with pytest.raises((RigError, FileFormatError), match=reason) as caught:
        load_rig(tmp_path / "camera_array.toml")
    assert "camera_array.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (("cam_2", "cam_0"), (2, 0)),
        (("cam1", "cam2"), (1, 2)),
        (("left", "right"), (0, 1)),
        (("cam_0", "top"), (0, 1)),
        (("a1", "b1"), (0, 1)),
    ],
)
def test_cameras_are_numbered_by_their_names_or_their_order(names, numbers, make_rig, tmp_path):
    rig = named(make_rig(2), names)
    cautions = save_rig(rig, tmp_path / "a.toml", "caliscope")
    back = load_rig(tmp_path / "a.toml")
    for name, number in zip(names, numbers, strict=True):
        same = back[f"cam_{number}"]
        np.testing.assert_allclose(same.matrix, rig[name].matrix)
        assert f"{name} is cam_{number}" in "".join(cautions) or name == f"cam_{number}"
    assert bool(cautions) == any(n != f"cam_{k}" for n, k in zip(names, numbers, strict=True))


def test_a_number_is_not_given_to_another_camera(make_rig, tmp_path):
    with pytest.raises(RigError, match=r"'cam_0': .* would become cam_1; rename all to cam_0"):
        save_rig(named(make_rig(2), ("left", "cam_0")), tmp_path / "a.toml", "caliscope")


def named(rig, names):
    """The rig with its cameras called otherwise."""
    pairs = zip(rig, names, strict=True)
    return replace(rig, cameras=tuple(replace(camera, name=name) for camera, name in pairs))
