"""World frames found from boards, points and distances of known truth."""

import numpy as np
import pytest

from calibration.alignment import WorldChange
from calibration.errors import CalibrationError
from calibration.geometry import make_pose, rotation_from_vector, transform
from calibration.world import change_scale, locate_points, world_from_board, world_from_points
from labcut3d.synthetic import BOARD
from labcut3d.synthetic_rig import make_rig

SIZE = np.array([7, 6, 0]) * 8.0


@pytest.fixture(scope="module")
def rig():
    """Four cameras around the origin of a world with z up, given in the first camera's frame."""
    return make_rig(4, np.random.default_rng(3))


@pytest.fixture(scope="module")
def floor(rig):
    """The pose (4, 4) of a board that lies before the cameras, its print towards them."""
    axes = np.stack([camera.rotation[2] for camera in rig])
    centers = np.stack([camera.center for camera in rig])
    middle = np.mean(centers + 300 * axes, axis=0)
    down = -np.mean(centers - middle, axis=0)
    z = down / np.linalg.norm(down)
    x = np.cross([0.0, 1.0, 0.0], z)
    x /= np.linalg.norm(x)
    rotation = np.stack([x, np.cross(z, x), z], axis=-1)
    return make_pose(rotation, middle - rotation @ (SIZE / 2))


def see(rig, floor):
    return rig.project(transform(floor, BOARD.points))


@pytest.mark.parametrize("views", [[0, 1, 2, 3], [2]])
def test_a_board_on_the_floor_sets_origin_and_up(rig, floor, views):
    corners = np.full((4, BOARD.n_corners, 2), np.nan)
    corners[views] = see(rig, floor)[views]
    change = world_from_board(rig, BOARD, corners)
    found = change.move_points(transform(floor, BOARD.points))
    # x along the columns, y against the rows, so that z points out of the print
    np.testing.assert_allclose(found, BOARD.points * [1, -1, -1], atol=1e-6)
    moved = change.move_rig(rig)
    assert all(camera.center[2] > 0 for camera in moved)
    assert np.linalg.det(change.motion[:3, :3]) == pytest.approx(1.0, abs=1e-12)
    assert change.scale == 1.0
    assert "charuco board on the floor" in moved.metadata["world"]


def test_the_origin_may_be_the_centre_and_the_floor_below_the_print(rig, floor):
    change = world_from_board(rig, BOARD, see(rig, floor), origin="centre", height=3.0)
    found = change.move_points(transform(floor, BOARD.points))
    np.testing.assert_allclose(found.mean(axis=0), [0, 0, 3.0], atol=1e-6)


def test_a_board_that_looks_down_through_glass_has_z_away_from_the_cameras(rig, floor):
    change = world_from_board(rig, BOARD, see(rig, floor), face_up=False)
    found = change.move_points(transform(floor, BOARD.points))
    np.testing.assert_allclose(found, BOARD.points, atol=1e-6)
    assert all(camera.center[2] < 0 for camera in change.move_rig(rig))


def test_boards_that_do_not_fit_are_refused(rig, floor):
    with pytest.raises(CalibrationError, match="6 corners or more"):
        world_from_board(rig, BOARD, np.full((4, BOARD.n_corners, 2), np.nan))
    with pytest.raises(CalibrationError, match="corners have shape"):
        world_from_board(rig, BOARD, np.zeros((2, BOARD.n_corners, 2)))
    moved = see(rig, floor)
    moved[2] += [0, 60]  # somebody knocked against the third camera
    with pytest.raises(CalibrationError, match="no camera moved"):
        world_from_board(rig, BOARD, moved)


KNOWN = {
    "a": [0.0, 0, 0],
    "b": [40.0, 0, 0],
    "c": [0, 30.0, 0],
    "d": [10.0, 10, 20],
    "e": [30.0, 30, 10],
}


def placed(known: dict) -> dict:
    """The points as they lie in the rig's own world."""
    pose = make_pose(rotation_from_vector([0.3, -1.0, 2.0]), np.array([5.0, -7.0, 300.0]))
    points = transform(pose, np.array(list(known.values())))
    return dict(zip(known, points, strict=True))


def test_known_points_set_the_world_rigidly(rig):
    found = placed(KNOWN)
    change = world_from_points(found, KNOWN, "mm")
    assert change.scale == 1.0
    for name, where in KNOWN.items():
        assert change.move_points(found[name]) == pytest.approx(np.array(where), abs=1e-9)


def test_clicks_locate_points(rig):
    middle = np.mean([c.center + 300 * c.rotation[2] for c in rig], axis=0)
    true = {name: middle + np.array(where) - 15 for name, where in KNOWN.items()}
    clicks = {name: rig.project(point) for name, point in true.items()}
    clicks["a"][2:] = np.nan
    found = locate_points(rig, clicks)
    for name, point in true.items():
        assert found[name] == pytest.approx(point, abs=1e-6)
    clicks["b"][1:] = np.nan
    with pytest.raises(CalibrationError, match="'b' was clicked in 1 views"):
        locate_points(rig, clicks)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({n: np.array(p) * [1, 1, -1] for n, p in KNOWN.items()}, "mirror image"),
        ({n: np.array(p) * 10 for n, p in KNOWN.items()}, "10 times"),
        ({**KNOWN, "b": [40.0, 25, 0]}, "without 'b'"),
        ({n: KNOWN[n] for n in "ab"}, "three or more"),
        ({"a": [0, 0, 0], "b": [1, 2, 3], "c": [2, 4, 6]}, "one line"),
    ],
)
def test_points_that_cannot_be_right_are_refused(known, reason):
    with pytest.raises(CalibrationError, match=reason):
        world_from_points(placed(KNOWN), known, "mm")


def test_a_distance_changes_the_scale_and_nothing_else(rig):
    change = change_scale(50.0, 52.0, ("a", "b"), "mm")
    assert isinstance(change, WorldChange)
    assert change.scale == pytest.approx(1.04, rel=1e-15)
    np.testing.assert_array_equal(change.motion, np.eye(4))
    moved = change.move_rig(rig)
    for before, after in zip(rig, moved, strict=True):
        np.testing.assert_allclose(after.center, 1.04 * before.center, rtol=1e-12)
        np.testing.assert_array_equal(after.rotation, before.rotation)
    assert "a to b is 52 mm" in moved.metadata["world_scale_from"]
    with pytest.raises(CalibrationError, match="not positive"):
        change_scale(0.0, 52.0, ("a", "b"), "mm")


@pytest.mark.parametrize("height", [np.nan, np.inf, 1e308])
def test_a_height_that_no_board_has_is_named(rig, floor, height):
    with pytest.raises(CalibrationError, match="height"):
        world_from_board(rig, BOARD, see(rig, floor), height=height)


@pytest.mark.parametrize("true", [1e308, 1e-320])
def test_a_distance_that_is_a_slip_of_the_pen_is_refused(true):
    with pytest.raises(CalibrationError, match="give the true length"):
        change_scale(50.0, true, ("a", "b"), "mm")


def test_of_three_points_none_is_called_the_wrong_one():
    """Without one of them two are left, which any distance fits: nothing tells them apart."""
    known = {"a": (0.0, 0.0, 0.0), "b": (10.0, 0.0, 0.0), "c": (0.0, 25.0, 3.0)}
    found = {"a": (0.0, 0.0, 0.0), "b": (10.0, 0.0, 0.0), "c": (0.0, 10.0, 0.0)}
    with pytest.raises(CalibrationError, match="click a fourth point") as refusal:
        world_from_points(found, known, "mm")
    assert "without" not in str(refusal.value)


def test_no_clicks_locate_no_points(rig):
    assert locate_points(rig, {}) == {}
