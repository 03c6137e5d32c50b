"""Synthetic scenes: reproducible, geometrically right, and as blemished as was asked."""

import cv2
import numpy as np
import pytest

from calibration.boards.board import CharucoBoard, ChessBoard
from calibration.geometry import transform
from labcut3d.schema import validate_detections
from labcut3d.synthetic import (
    Blemishes,
    detect_animal,
    make_animal,
    make_board_motion,
    make_scene,
    observe_board,
    observed_skeleton,
)
from labcut3d.synthetic_images import render_board, render_boards
from labcut3d.synthetic_rig import look_at, make_rig

CLEAN = Blemishes(noise=0.0)


@pytest.fixture(scope="module")
def scene():
    return make_scene(7, blemishes=CLEAN)


def test_the_seed_decides_everything():
    one, same, other = make_scene(3), make_scene(3), make_scene(4)
    assert one.rig == same.rig
    np.testing.assert_array_equal(one.observations.corners, same.observations.corners)
    assert one.detections.identical(same.detections)
    assert one.rig != other.rig


def test_the_world_is_the_first_cameras_frame(scene):
    np.testing.assert_allclose(scene.rig.cameras[0].rotation, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(scene.rig.cameras[0].translation, 0, atol=1e-9)


def test_look_at_puts_the_target_in_the_middle_and_up_on_top():
    center, target, up = np.array([3.0, 1.0, 2.0]), np.array([0.5, 0.0, 0.0]), np.array([0, 0, 1.0])
    rotation, translation = look_at(center, target, up)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    seen = rotation @ target + translation
    np.testing.assert_allclose(seen[:2], 0, atol=1e-12)
    assert seen[2] > 0
    assert (rotation @ (target + 0.1 * up) + translation)[1] < 0  # y points down


def test_clean_corners_are_the_projections_of_the_board(scene):
    points = transform(scene.board_poses, scene.board.points)
    expected = scene.rig.project(points)
    seen = scene.observations.seen
    np.testing.assert_allclose(scene.observations.corners[seen], expected[seen], atol=1e-9)


def test_every_camera_shares_views_of_the_board_with_another(scene):
    shared = scene.observations.coverage
    assert (np.diag(shared) >= 8).all()
    assert (np.sort(shared - np.diag(np.diag(shared)), axis=1)[:, -1] >= 5).all()


def test_the_animal_is_seen_and_keeps_its_shape(scene):
    assert np.isfinite(scene.detections["position"]).mean() > 0.98
    ear = [scene.skeleton.keypoints.index(name) for name in ("left_ear", "right_ear")]
    width = np.linalg.norm(scene.position[:, ear[0]] - scene.position[:, ear[1]], axis=-1)
    assert np.ptp(width) < 0.01 * width.mean()
    step = np.linalg.norm(np.diff(scene.position, axis=0), axis=-1)
    assert step.max() < 10  # mm a moment: it walks, it does not jump


def test_detections_are_valid_and_project_the_truth(scene):
    validate_detections(scene.detections)
    found = scene.detections["position"].isel(individual=0)
    found = found.transpose("view", "time", "keypoint", "space").values
    expected = scene.rig.project(scene.position)
    assert np.nanmax(np.abs(found - expected)) < 1e-3  # px; float32


def test_blemishes_are_as_frequent_and_as_large_as_asked():
    rng = np.random.default_rng(0)
    rig = make_rig(3, rng)
    skeleton = observed_skeleton()
    position = make_animal(rig, skeleton, 600, rng)
    blemishes = Blemishes(noise=0.5, missing=0.1, outliers=0.05)
    found = detect_animal(rig, skeleton, position, rng, blemishes)["position"].isel(individual=0)
    found = found.transpose("view", "time", "keypoint", "space").values
    error = found - rig.project(position)
    assert np.isnan(error[..., 0]).mean() == pytest.approx(0.1, abs=0.02)
    distance = np.linalg.norm(error, axis=-1)
    assert np.nanmean(distance > 5) == pytest.approx(0.05, abs=0.01)
    spread = np.std(error[distance < 5])
    assert spread == pytest.approx(0.5, abs=0.03)  # px


@pytest.mark.parametrize(
    "board",
    [
        CharucoBoard(
            squares_x=6,
            squares_y=5,
            square_length=9.0,
            marker_length=6.75,
            dictionary="DICT_4X4_50",
            unit="mm",
            inverted=inverted,
            legacy=legacy,
        )
        for inverted, legacy in [(False, False), (True, False), (False, True)]
    ],
)
def test_pictures_show_the_corners_where_they_are(board):
    rng = np.random.default_rng(1)
    rig = make_rig(3, rng)
    camera = rig.cameras[1]
    poses = make_board_motion(rig, board, 30, rng)
    clean = observe_board(rig, board, poses, rng, CLEAN)
    frame = int(np.argmax(clean.seen[1].sum(axis=-1)))
    image = render_board(camera, board, poses[frame], rng)
    assert image.shape == (camera.size[1], camera.size[0], 3)
    assert image.dtype == np.uint8
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    size = (board.squares_x, board.squares_y)
    pattern = cv2.aruco.CharucoBoard(size, board.square_length, board.marker_length, dictionary)
    pattern.setLegacyPattern(board.legacy)
    grey = 255 - image[..., 0] if board.inverted else image[..., 0].copy()
    corners, ids, _, _ = cv2.aruco.CharucoDetector(pattern).detectBoard(grey)
    assert ids is not None
    assert len(ids) > 0.8 * board.n_corners
    error = corners.reshape(-1, 2) - clean.corners[1, frame, ids.ravel()]
    assert np.nanmedian(np.linalg.norm(error, axis=-1)) < 0.15  # px; OpenCV's own accuracy


def test_chessboards_are_drawn_around_their_first_corner():
    rng = np.random.default_rng(2)
    rig = make_rig(3, rng)
    board = ChessBoard(squares_x=6, squares_y=5, square_length=8.0, unit="mm")
    poses = make_board_motion(rig, board, 30, rng)
    clean = observe_board(rig, board, poses, rng, CLEAN)
    frame = int(np.argmax(clean.seen[0].sum(axis=-1)))
    image = render_board(rig.cameras[0], board, poses[frame], rng)
    found, corners = cv2.findChessboardCornersSB(image[..., 0].copy(), (6, 5))
    assert found
    distance = np.linalg.norm(corners.reshape(-1, 1, 2) - clean.corners[0, frame], axis=-1)
    assert distance.min(axis=1).max() < 0.5  # px


def test_a_board_seen_from_its_back_is_not_drawn(scene):
    pose = scene.board_poses[0].copy()
    pose[:3, :3] = pose[:3, :3] @ np.diag([1.0, -1.0, -1.0])
    camera = scene.rig.cameras[0]
    images = render_boards(camera, scene.board, pose[None], np.random.default_rng(0), noise=0.0)
    assert len(images) == 1
    assert np.ptp(images[0]) == 0
