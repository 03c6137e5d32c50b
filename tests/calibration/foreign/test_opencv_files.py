"""OpenCV's files: their pixels are those of cv2.projectPoints, and OpenCV reads what we write."""

import cv2
import numpy as np
import pytest

from calibration import load_rig, save_rig
from calibration.errors import FileFormatError, RigError

PAIR = """%YAML:1.0
---
M1: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 534.8, 0., 335.7, 0., 535.1, 240.7, 0., 0., 1. ]
D1: !!opencv-matrix
   rows: 1
   cols: 14
   dt: d
   data: [ -0.28, 0.11, 1e-3, -5e-4, 0.02, 0.01, 0.02, 0.03, 0., 0., 0., 0., 0., 0. ]
M2: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 533.2, 0., 334.6, 0., 533.9, 242.1, 0., 0., 1. ]
D2: !!opencv-matrix
   rows: 5
   cols: 1
   dt: f
   data: [ -0.25, 0.05, 0., 0., 0. ]
"""
POSE = """%YAML:1.0
---
R: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 0.8, 0., 0.6, 0., 1., 0., -0.6, 0., 0.8 ]
T: !!opencv-matrix
   rows: 3
   cols: 1
   dt: d
   data: [ -83.3, 1.2, 0.4 ]
"""


def test_a_pair_sees_what_opencv_projects(tmp_path, points):
    """The same numbers, given to cv2.projectPoints by hand; the pose lies in a file beside."""
    (tmp_path / "intrinsics.yml").write_text(PAIR)
    (tmp_path / "extrinsics.yml").write_text(POSE)
    rig = load_rig(tmp_path / "intrinsics.yml", unit="mm", size=(640, 480))
    assert rig.names == ("left", "right")
    seen = points + np.array([0, 0, 900])
    matrix = np.array([[534.8, 0, 335.7], [0, 535.1, 240.7], [0, 0, 1]])
    lens = np.array([-0.28, 0.11, 1e-3, -5e-4, 0.02, 0.01, 0.02, 0.03])
    left, _ = cv2.projectPoints(seen, np.zeros(3), np.zeros(3), matrix, lens)
    np.testing.assert_allclose(rig["left"].project(seen), left[:, 0], atol=1e-9)
    turned = seen @ np.array([[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]]).T + [-83.3, 1.2, 0.4]
    matrix = np.array([[533.2, 0, 334.6], [0, 533.9, 242.1], [0, 0, 1]])
    lens = np.array([-0.25, 0.05, 0, 0, 0])
    right, _ = cv2.projectPoints(turned, np.zeros(3), np.zeros(3), matrix, lens)
    np.testing.assert_allclose(rig["right"].project(seen), right[:, 0], atol=1e-4)  # px, dt: f


def test_a_pair_without_its_pose_says_where_that_is(tmp_path):
    (tmp_path / "intrinsics.yml").write_text(PAIR)
    with pytest.raises(FileFormatError, match=r"writes these to extrinsics\.yml"):
        load_rig(tmp_path / "intrinsics.yml", unit="mm", size=(640, 480))
    (tmp_path / "extrinsics.yml").write_text(PAIR)
    with pytest.raises(FileFormatError, match=r"extrinsics\.yml: has no R and T"):
        load_rig(tmp_path / "intrinsics.yml", unit="mm", size=(640, 480))


def test_a_tilted_sensor_is_refused(tmp_path):
    tilted = PAIR.replace("0., 0., 0., 0., 0., 0. ]", "0., 0., 0., 0., 0.01, 0. ]", 1)
    (tmp_path / "a.yml").write_text(tilted + POSE.split("---\n")[1])
    with pytest.raises(RigError, match=r"a\.yml: camera 'left': the sensor is tilted"):
        load_rig(tmp_path / "a.yml", unit="mm", size=(640, 480))


def test_what_the_file_does_not_tell_is_asked_for(tmp_path):
    (tmp_path / "a.yml").write_text(PAIR + POSE.split("---\n")[1])
    with pytest.raises(RigError, match=r'unit of length; give it: load_rig\(path, unit="mm"\)'):
        load_rig(tmp_path / "a.yml", size=(640, 480))
    with pytest.raises(RigError, match="does not tell the size of the images"):
        load_rig(tmp_path / "a.yml", unit="mm")
    with pytest.raises(RigError, match="'yards' is not a unit"):
        load_rig(tmp_path / "a.yml", unit="yards", size=(640, 480))


def test_a_rotation_that_is_none(tmp_path):
    bent = POSE.replace("0.8, 0., 0.6", "0.9, 0., 0.6")
    (tmp_path / "a.yml").write_text(PAIR + bent.split("---\n")[1])
    with pytest.raises(RigError, match=r"a\.yml: camera 'right': rotation .* is not a rotation"):
        load_rig(tmp_path / "a.yml", unit="mm", size=(640, 480))


@pytest.mark.parametrize("ending", ["yml", "yaml", "xml", "json"])
def test_opencv_reads_what_we_write(ending, make_rig, points, tmp_path):
    rig = make_rig(2, 12)
    save_rig(rig, tmp_path / f"rig.{ending}", "opencv")
    storage = cv2.FileStorage(str(tmp_path / f"rig.{ending}"), cv2.FILE_STORAGE_READ)
    rotation, shift, matrix, lens = (storage.getNode(k).mat() for k in ("R", "T", "M2", "D2"))
    first = points @ rig.cameras[0].rotation.T + rig.cameras[0].translation
    pixels, _ = cv2.projectPoints(first, cv2.Rodrigues(rotation)[0], shift, matrix, lens)
    np.testing.assert_allclose(pixels[:, 0], rig.cameras[1].project(points), atol=1e-8)


def test_the_world_of_a_pair_survives(make_rig, points, tmp_path):
    rig = make_rig(2)
    save_rig(rig, tmp_path / "rig.xml", "opencv")
    np.testing.assert_allclose(
        load_rig(tmp_path / "rig.xml").project(points), rig.project(points), atol=1e-9
    )


def test_rigs_that_opencv_cannot_hold(make_rig, tmp_path):
    with pytest.raises(RigError, match=r"this rig has 3; select two: rig.select\(\['cam_0'"):
        save_rig(make_rig(3), tmp_path / "rig.yml", "opencv")
    with pytest.raises(FileFormatError, match=r"end in \.yml, \.yaml, \.xml, \.json, not '\.txt'"):
        save_rig(make_rig(2), tmp_path / "rig.txt", "opencv")


def test_opencvs_own_files(dataset):
    """A single camera of OpenCV's sample; and its other files, which hold no camera, say so."""
    folder = dataset("stereo_pair")
    rig = load_rig(folder / "left_intrinsics.yml", unit="m")
    (camera,) = rig.cameras
    assert (camera.name, camera.size) == ("left_intrinsics", (640, 480))
    seen = np.array([[0.1, -0.05, 0.5], [0.0, 0.1, 1.0]])
    matrix = np.array([[535.91573396163199, 0, 342.28315473308373], [0, 535.91573396163199, 0]])
    matrix = np.vstack([matrix, [0, 0, 1]])
    matrix[1, 2] = 235.57082909788173
    lens = [-0.26637260909660682, -0.038588898922304653, 0.0017831947042852964]
    lens += [-0.00028122100441115472, 0.23839153080878486]
    expected, _ = cv2.projectPoints(seen, np.zeros(3), np.zeros(3), matrix, np.array(lens))
    np.testing.assert_allclose(camera.project(seen), expected[:, 0], atol=1e-9)
    for name in ("calibration.yml", "stereo_calib.xml"):
        with pytest.raises(FileFormatError, match="holds no camera"):
            load_rig(folder / name, "opencv")


def test_names_that_are_no_list_are_refused(tmp_path):
    (tmp_path / "i.yml").write_text(PAIR + "names: 5\n")
    (tmp_path / "extrinsics.yml").write_text(POSE)
    with pytest.raises(FileFormatError, match="names = 5"):
        load_rig(tmp_path / "i.yml", unit="mm", size=(640, 480))
