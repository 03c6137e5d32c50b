"""Boxes: every camera gets the wall that it looks through, wherever the box stands."""

from dataclasses import replace

import numpy as np
import pytest
from walled import MEDIA, make_rig

from calibration.alignment import WorldChange
from calibration.chamber import Chamber
from calibration.errors import RigError
from calibration.geometry import make_pose, rotation_from_vector


def bare(rig):
    return replace(rig, cameras=tuple(replace(camera, wall=None) for camera in rig))


@pytest.fixture
def box() -> Chamber:
    thickness, indices = MEDIA["water"]
    return Chamber(inner=[120, 120, 120], thickness=thickness, indices=indices)


def test_cameras_get_the_walls_they_look_through(box):
    truth = make_rig(*MEDIA["water"])
    points = np.random.default_rng(0).uniform(-30, 30, (50, 3))
    found = box.around(bare(truth), np.eye(4))
    assert np.abs(found.project(points) - truth.project(points)).max() < 1e-9
    motion = make_pose(rotation_from_vector([0.3, 1.0, -0.4]), [500.0, -20, 70])
    change = WorldChange(motion=motion, how="a test")
    found = box.around(bare(change.move_rig(truth)), motion)
    assert np.abs(found.project(change.move_points(points)) - truth.project(points)).max() < 1e-8


def test_an_open_face_has_no_wall(box):
    rig = replace(box, open=("+y",)).around(bare(make_rig(*MEDIA["water"])), np.eye(4))
    assert [camera.wall is None for camera in rig] == [False, True, True, False]


def test_what_cannot_be_is_refused(box):
    rig = bare(make_rig(*MEDIA["water"]))
    with pytest.raises(RigError, match=r"face '\+x' of the chamber: camera 'cam0' stands"):
        box.around(rig, make_pose(np.eye(3), [200.0, 60, 120]))
    with pytest.raises(RigError, match="not a rigid motion"):
        box.around(rig, 2 * np.eye(4))
    with pytest.raises(RigError, match="positive lengths"):
        replace(box, inner=[1, 2, -3])
    with pytest.raises(RigError, match="no face 'top'"):
        replace(box, open=("top",))
