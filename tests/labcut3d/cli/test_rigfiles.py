"""`check` and `convert`: exit status 1 on FAIL, every format there and back."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from calibration.rig import Rig
from calibration.units import METRES
from labcut3d.synthetic import make_scene
from labcut3d.synthetic_images import render_board
from labcut3d.synthetic_rig import make_rig

BOARD = (
    "squares_x = 7\nsquares_y = 6\nsquare_length = 8.0\nmarker_length = 6.0\n"
    'dictionary = "DICT_4X4_50"\nunit = "mm"\n'
)


@pytest.fixture(scope="module")
def scene():
    return make_scene(4, n_boards=12, n_times=2)


def test_a_good_rig_passes(tmp_path, labcut3d):
    make_rig(3, np.random.default_rng(1)).save(tmp_path / "rig.toml")
    status, text = labcut3d("check", tmp_path / "rig.toml")
    assert status == 0, text
    assert "rig.toml: PASS" in text


def test_the_broken_mouse_calibration_fails(dataset, labcut3d):
    status, text = labcut3d("check", dataset("mouse_4cam") / "calibration.toml")
    assert status == 1
    assert "cameras 'side' and 'top' have the same pose" in text
    assert "--unit mm" in text
    assert "Traceback" not in text


def test_a_file_that_holds_no_rig_is_one_sentence(tmp_path, labcut3d):
    (tmp_path / "rig.toml").write_text("[cam_0]\nname = 'a'\n[metadata]\nunit = 'mm'\n")
    status, text = labcut3d("check", tmp_path / "rig.toml")
    assert status == 1
    assert "FAIL" in text
    assert "'size' is missing" in text


def test_a_rig_is_held_against_boards(tmp_path, labcut3d, scene):
    (tmp_path / "board.toml").write_text(BOARD)
    rng = np.random.default_rng(0)
    for camera in scene.rig.cameras[:2]:
        (tmp_path / camera.name).mkdir()
        for number, pose in enumerate(scene.board_poses[:3]):
            image = render_board(camera, scene.board, pose, rng)
            cv2.imwrite(str(tmp_path / camera.name / f"{number}.png"), image)
    scene.rig.save(tmp_path / "rig.toml")
    sources = ["cam0=cam0", "cam1=cam1"]
    status, text = labcut3d("check", "rig.toml", "--board", "board.toml", *sources, cwd=tmp_path)
    assert status == 0, text
    assert "corners of the board lie 0." in text
    camera = scene.rig.cameras[1]
    bumped = replace(camera, translation=camera.translation + np.array([5.0, 0, 0]))
    replace(scene.rig, cameras=(scene.rig.cameras[0], bumped)).save(tmp_path / "bumped.toml")
    status, text = labcut3d("check", "bumped.toml", "--board", "board.toml", *sources, cwd=tmp_path)
    assert status == 1
    assert "no camera moved" in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["check", "rig.toml", "cam0=x"], "--board"),
        (["check", "rig.toml", "--board", "b.toml"], "--board"),
        (["check", "rig.toml", "--size", "big"], "1280x1024"),
    ],
)
def test_wrong_usage_is_explained(tmp_path, labcut3d, arguments, expected):
    status, text = labcut3d(*arguments, cwd=tmp_path)
    assert status == 2
    assert expected in text


@pytest.mark.parametrize(
    ("format", "name", "options"),
    [("anipose", "a.toml", []), ("opencv", "o.yml", ["--unit", "mm"]), ("pose2sim", "p.toml", [])],
)
def test_rigs_go_to_other_programs_and_back(tmp_path, labcut3d, format, name, options):
    rig = make_rig(2, np.random.default_rng(2))
    rig.save(tmp_path / "rig.toml")
    status, text = labcut3d("convert", "rig.toml", name, "--format", format, cwd=tmp_path)
    assert status == 0, text
    status, text = labcut3d("convert", name, "back.toml", *options, cwd=tmp_path)
    assert status == 0, text
    back = Rig.load(tmp_path / "back.toml")
    point = rig.cameras[0].center + 300 * rig.cameras[0].rotation[2]  # mm
    same = point * METRES["mm"] / METRES[back.unit]
    np.testing.assert_allclose(back.project(same), rig.project(point), atol=1e-3)  # px


def test_a_pair_of_a_larger_rig_goes_to_opencv(tmp_path, labcut3d, scene):
    scene.rig.save(tmp_path / "rig.toml")
    arguments = ["convert", "rig.toml", "pair.yml", "--format", "opencv"]
    status, text = labcut3d(*arguments, cwd=tmp_path)
    assert status == 1
    assert "--views cam0,cam1" in text
    status, text = labcut3d(*arguments, "--views", "cam2,cam0", cwd=tmp_path)
    assert status == 0, text
    status, text = labcut3d("convert", "pair.yml", "back.toml", cwd=tmp_path)
    assert status == 0, text
    assert Rig.load(tmp_path / "back.toml").names == ("cam2", "cam0")
    status, text = labcut3d(*arguments, "--views", "cam2,zz", cwd=tmp_path)
    assert status == 1
    assert "'zz'" in text


def test_caliscopes_names_are_told(tmp_path, labcut3d, scene):
    scene.rig.save(tmp_path / "rig.toml")
    status, text = labcut3d("convert", "rig.toml", "c.toml", "--format", "caliscope", cwd=tmp_path)
    assert status == 0, text
    assert "cam0 is cam_0, cam1 is cam_1" in text


def test_a_camera_that_the_rig_lacks_is_named_before_any_work(tmp_path, labcut3d, scene):
    (tmp_path / "board.toml").write_text(BOARD)
    scene.rig.save(tmp_path / "rig.toml")
    status, text = labcut3d("check", "rig.toml", "--board", "board.toml", "zz=x.mp4", cwd=tmp_path)
    assert status == 2
    assert "zz" in text


def test_a_rig_is_not_converted_onto_itself(tmp_path, labcut3d, scene):
    """Its unit and metadata would be lost."""
    scene.rig.save(tmp_path / "rig.toml")
    before = (tmp_path / "rig.toml").read_bytes()
    status, text = labcut3d("convert", "rig.toml", "rig.toml", "--format", "pose2sim", cwd=tmp_path)
    assert status == 2
    assert "the rig itself" in text
    assert (tmp_path / "rig.toml").read_bytes() == before


def test_cautions_show_names_as_they_are(tmp_path, labcut3d, monkeypatch):
    make_rig(2, np.random.default_rng(1)).save(tmp_path / "rig.toml")
    monkeypatch.setattr(
        "calibration.foreign.registry.save_rig", lambda *_: ["camera '[/red]left' loses its wall"]
    )
    status, text = labcut3d("convert", "rig.toml", "out.toml", cwd=tmp_path)
    assert status == 0, text
    assert "camera '[/red]left' loses its wall" in text
