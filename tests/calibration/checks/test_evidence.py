"""Rigs against boards and clicks: the true rig passes, a bumped camera is named."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.checks.evidence import check_boards, check_clicks
from calibration.geometry import rotation_from_vector
from calibration.rig import Rig
from labcut3d.synthetic import Blemishes, make_scene


@pytest.fixture(scope="module")
def scene():
    return make_scene(2, n_boards=16, n_times=2, blemishes=Blemishes(noise=0.3))


def bump(rig: Rig, index: int, degrees: float) -> Rig:
    """The rig after somebody knocked against a camera."""
    cameras = list(rig.cameras)
    turn = rotation_from_vector([0.0, np.deg2rad(degrees), 0.0]) @ cameras[index].rotation
    cameras[index] = replace(cameras[index], rotation=turn)
    return replace(rig, cameras=tuple(cameras))


def levels(findings) -> dict[str, str]:
    """The level of each camera, by the name that its reason begins with."""
    return {finding.reason.split("'")[1]: finding.level for finding in findings}


def test_the_true_rig_fits_its_boards(scene):
    found = check_boards(scene.rig, scene.board, scene.observations)
    assert levels(found) == dict.fromkeys(scene.rig.names, "PASS")


def test_a_camera_that_moved_since_does_not(scene):
    found = check_boards(bump(scene.rig, 2, 1.0), scene.board, scene.observations)
    assert found[0].level == "FAIL"
    assert levels(found)["cam2"] == "FAIL"
    assert "no camera moved" in found[0].remedy


def test_boards_seen_by_one_camera_at_a_time_test_no_pose(scene):
    corners = scene.observations.corners.copy()
    for view in range(4):
        corners[view, np.arange(corners.shape[1]) % 4 != view] = np.nan
    alone = replace(scene.observations, corners=corners, misfits=np.zeros(0, dtype=bool))
    found = check_boards(scene.rig, scene.board, alone)
    assert any("no two cameras" in f.reason for f in found if f.level == "WARN")


def test_clicks_are_held_against_the_rig(scene):
    points = {name: scene.position[0, index] for index, name in enumerate("abcdefg")}
    clicks = {name: scene.rig.project(point) for name, point in points.items()}
    clicks["a"][1] = np.nan
    assert set(levels(check_clicks(scene.rig, clicks)).values()) == {"PASS"}
    found = check_clicks(bump(scene.rig, 3, 2.0), clicks)
    assert levels(found)["cam3"] == "FAIL"
    view = np.arange(4)[:, None]
    unseen = {name: np.where(view == 1, np.nan, xy) for name, xy in clicks.items()}
    assert levels(check_clicks(scene.rig, unseen))["cam1"] == "WARN"
