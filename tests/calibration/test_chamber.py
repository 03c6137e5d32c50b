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
    dry = replace(box, open=("+y",), indices=MEDIA["acrylic"][1])
    rig = dry.around(bare(make_rig(*MEDIA["water"])), np.eye(4))
    assert [camera.wall is None for camera in rig] == [False, True, True, False]


def test_an_open_face_of_a_full_box_is_the_surface_of_what_fills_it(box):
    rig = replace(box, open=("+y",)).around(bare(make_rig(*MEDIA["water"])), np.eye(4))
    surface = rig["cam1"].wall
    assert (surface.thickness, surface.indices) == (0.0, (1.0, 1.33, 1.33))
    assert surface.distance == -60.0  # mm; the brim
    assert rig["cam0"].wall.thickness == 3.0


def test_corners_are_called_after_their_signs(box):
    np.testing.assert_array_equal(box.corner("inner -x +y -z"), [-60, 60, -60])
    np.testing.assert_array_equal(box.corner("outer +x-y+z"), [63, -63, 63])
    corners = box.corners("inner")
    np.testing.assert_array_equal(corners[1, 0, 0], [60, -60, -60])
    for name in ("-x-y-z", "inner -x-y", "inner -y-x-z", "inner left", "corner 1"):
        with pytest.raises(RigError, match=f"no corner '{name}'"):
            box.corner(name)


def test_what_cannot_be_is_refused(box):
    rig = bare(make_rig(*MEDIA["water"]))
    with pytest.raises(RigError, match=r"camera 'cam0' stands inside the chamber of 120 x 120"):
        box.around(rig, make_pose(np.eye(3), [200.0, 60, 120]))
    with pytest.raises(RigError, match=r"face '\+x' of the chamber: camera 'cam0' stands"):
        box.around(rig, make_pose(np.eye(3), [188.5, 60, 120]))  # within the wall itself
    with pytest.raises(RigError, match="not a rigid motion"):
        box.around(rig, 2 * np.eye(4))
    with pytest.raises(RigError, match="positive lengths"):
        replace(box, inner=[1, 2, -3])
    with pytest.raises(RigError, match="chamber: its wall: thickness = -3"):
        replace(box, thickness=-3.0)
    with pytest.raises(RigError, match="chamber: its wall: thickness = nan"):
        replace(box, thickness=np.nan)
    with pytest.raises(RigError, match="give three positive lengths"):
        replace(box, inner=[1, np.nan, 3])
    with pytest.raises(RigError, match="no face 'top'"):
        replace(box, open=("top",))
    with pytest.raises(RigError, match="not a rigid motion"):
        box.around(rig, np.zeros(3))
