"""Boards of markers in images: drawn ones of known truth, and one real marker."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration import calibrate, detect_corners, observe
from calibration.boards.board import ChessBoard, Marker, MarkerBoard, parse_board
from calibration.camera import Camera
from calibration.fitting.boardposes import pose_candidates
from calibration.fitting.intrinsics import estimate_intrinsics
from calibration.geometry import Array, invert_pose, make_pose, rotation_from_vector, transform
from calibration.lens import Lens
from labcut3d.synthetic_rig import look_at

SAMPLES = 4  # along each side of a pixel
MODULES = 8  # a marker of six by six bits and its black border
PAPER = 1  # modules of white around a marker


def make_block() -> MarkerBoard:
    """Return AprilTags on a block: one flat, two on slopes, one on a step 12 mm behind."""
    places = [
        (3, [0, 0, 0], [0, 0, 0]),
        (11, [42, 0, 5], [0, 0.5, 0]),
        (40, [0, 42, 6], [-0.6, 0, 0]),
        (101, [46, 46, 12], [0, 0, 0.3]),
    ]
    markers = tuple(Marker.placed(number, 24.0, *place) for number, *place in places)
    return MarkerBoard(dictionary="DICT_APRILTAG_36h11", unit="mm", markers=markers)


def make_camera(name: str, center: list[float]) -> Camera:
    """Return a camera without distortion that looks at the middle of the block."""
    rotation, translation = look_at(
        np.array(center), np.array([18.0, 18.0, 5.0]), np.array([0.0, -1.0, 0.0])
    )
    return Camera(
        name=name,
        size=(640, 480),
        matrix=np.array([[720.0, 0, 325], [0, 720, 236], [0, 0, 1]]),
        lens=Lens(distortions=np.zeros(5)),
        rotation=rotation,
        translation=translation,
    )


def draw(camera: Camera, board: MarkerBoard, pose: Array, seed: int) -> np.ndarray:
    """Return a picture of the markers that face the camera, with noise of 2 grey values."""
    width, height = camera.size
    canvas = np.full((SAMPLES * height, SAMPLES * width), 120, np.uint8)
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    edge = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * MODULES * 10 + PAPER * 10 - 0.5
    for marker in board.markers:
        corners = transform(pose, np.array(marker.corners))
        away = np.cross(corners[1] - corners[0], corners[3] - corners[0])
        if np.dot(corners[0] - camera.center, away) <= 0:
            continue
        bits = cv2.aruco.generateImageMarker(dictionary, marker.id, MODULES * 10)
        sheet = np.pad(bits, PAPER * 10, constant_values=255)
        pixels = (camera.project(corners) + 0.5) * SAMPLES - 0.5
        warp, _ = cv2.findHomography(edge, pixels)
        drawn = cv2.warpPerspective(sheet, warp, canvas.shape[::-1], flags=cv2.INTER_AREA)
        inside = cv2.warpPerspective(np.full_like(sheet, 255), warp, canvas.shape[::-1])
        canvas = np.where(inside > 127, drawn, canvas)
    image = canvas.reshape(height, SAMPLES, width, SAMPLES).mean(axis=(1, 3))
    image = cv2.GaussianBlur(image, (0, 0), 0.6)
    noise = np.random.default_rng(seed).normal(scale=2.0, size=image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def read_images(folder: Path, pattern: str) -> list[np.ndarray]:
    """Return the grey images of a folder by the order of their names."""
    return [np.asarray(cv2.imread(str(path), 0)) for path in sorted(folder.glob(pattern))]


def poses_of_the_block(count: int) -> list[Array]:
    """Return poses world_from_board, turned about the block's middle."""
    rng = np.random.default_rng(3)
    middle = np.array([18.0, 18.0, 5.0])
    turns = rotation_from_vector(rng.uniform(-0.5, 0.5, (count, 3)))
    shifts = rng.uniform(-15, 15, (count, 3))
    return [
        make_pose(turn, middle + s - turn @ middle) for turn, s in zip(turns, shifts, strict=True)
    ]


def test_corners_of_april_tags_are_exact():
    board, camera = make_block(), make_camera("cam0", [10.0, -20.0, -160.0])
    images = [draw(camera, board, pose, i) for i, pose in enumerate(poses_of_the_block(6))]
    found = detect_corners(board, images, view="cam0").corners
    truth = np.stack([camera.project(transform(p, board.points)) for p in poses_of_the_block(6)])
    errors = np.linalg.norm(found - truth, axis=-1)
    assert np.isfinite(errors).mean() > 0.9
    assert np.nanmean(errors) < 0.05  # px; OpenCV's own refinement leaves 0.15
    assert np.nanmax(errors) < 0.3


def test_cameras_are_calibrated_by_markers_in_space():
    board = make_block()
    cameras = [make_camera("a", [-60.0, -20.0, -150.0]), make_camera("b", [90.0, 10.0, -140.0])]
    poses = poses_of_the_block(12)
    sources = {c.name: [draw(c, board, p, i) for i, p in enumerate(poses)] for c in cameras}
    printed, seen = observe(board, sources)
    assert printed == board
    result = calibrate(printed, seen)
    assert result.rms < 0.15  # px
    relative = cameras[1].camera_from_world @ invert_pose(cameras[0].camera_from_world)
    found = result.rig.cameras[1].camera_from_world
    np.testing.assert_allclose(found[:3, :3], relative[:3, :3], atol=5e-3)  # rad
    np.testing.assert_allclose(found[:3, 3], relative[:3, 3], atol=1.5)  # mm of 150


def test_one_marker_is_a_board(dataset: Callable[[str], Path]):
    folder = dataset("single_marker") / "aruco_extrinsic"
    table = {
        "type": "markers",
        "dictionary": "DICT_4X4_100",
        "unit": "mm",
        "marker_length": 100.0,
        "markers": [{"id": 0, "center": [0, 0, 0]}],
    }
    board = parse_board(table, "board.toml")
    sources = {f"cam_{i}": read_images(folder, f"cam_{i}_*.jpg") for i in range(4)}
    _, seen = observe(board, sources)
    # As many as OpenCV finds with the whole dictionary.
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_100)
    plain = cv2.aruco.ArucoDetector(dictionary, cv2.aruco.DetectorParameters())
    expected = [
        [ids is not None and 0 in ids for ids in (plain.detectMarkers(i)[1] for i in images)]
        for images in sources.values()
    ]
    assert seen.usable.sum() >= np.sum(expected) >= 20
    # Every marker is where it can be: the chessboards' camera explains its four corners.
    chessboard = ChessBoard(squares_x=9, squares_y=6, square_length=25.0, unit="mm")
    grids = read_images(dataset("single_marker") / "chessboard_intrinsic", "cam_0_*.jpg")
    view = detect_corners(chessboard, grids, view="cam_0")
    camera = estimate_intrinsics(chessboard, view.corners, view="cam_0", size=view.size)
    poses = pose_candidates(camera, board.points, seen.corners[0])[:, 0]
    errors = np.linalg.norm(
        camera.project(transform(poses, board.points)) - seen.corners[0], axis=-1
    )
    assert np.nanmax(errors) < 1.5  # px; these few chessboards leave the lens uncertain
    assert ((poses[:, 2, 3] > 300) | np.isnan(poses[:, 2, 3])).all()  # mm before the camera


def test_the_dictionary_of_markers_is_named():
    board, camera = make_block(), make_camera("cam0", [10.0, -20.0, -160.0])
    image = draw(camera, board, np.eye(4), 0)
    other = MarkerBoard(dictionary="DICT_6X6_250", unit="mm", markers=board.markers)
    view = detect_corners(other, [image], view="cam0")
    assert "markers of DICT_APRILTAG_36h11 fit better" in view.remark


@pytest.mark.parametrize("value", [0, 255])
def test_empty_pictures_show_no_marker(value):
    view = detect_corners(make_block(), [np.full((480, 640), value, np.uint8)], view="cam0")
    assert np.isnan(view.corners).all()
    assert "no marker" in view.refusals[0].reason
