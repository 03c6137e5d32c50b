"""ChArUco corners against known truth: path-traced pictures of a board in known places."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from calibration import detect_corners, observe
from calibration.boards.board import CharucoBoard
from calibration.camera import Camera
from calibration.geometry import make_pose, rotation_from_vector, transform
from calibration.lens import Lens
from labcut3d.synthetic_images import render_board


def true_camera(entry: dict) -> Camera:
    """Return a camera as the truth's file has it."""
    return Camera(
        name=entry["name"],
        size=tuple(entry["size"]),
        matrix=np.array(entry["matrix"]),
        lens=Lens(distortions=np.array(entry["distortions"])),
        rotation=rotation_from_vector(entry["rotation"]),
        translation=np.array(entry["translation"]),
    )


def test_corners_are_within_a_fiftieth_of_a_pixel_of_the_truth(dataset: Callable[[str], Path]):
    folder = dataset("acrylic_box")
    board = CharucoBoard(**json.loads((folder / "board.json").read_text()))
    rig = json.loads((folder / "truth" / "rig.json").read_text())
    camera = true_camera(rig["cameras"][1])
    truth = camera.project(np.load(folder / "truth" / "corners.npz")["air"])
    paths = sorted((folder / "air" / camera.name).glob("*.jpg"))
    images = [np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)) for path in paths]
    found = detect_corners(board, images, view=camera.name).corners
    errors = np.linalg.norm(found - truth, axis=-1)
    assert np.isfinite(errors).sum() > 500
    assert np.nanmean(errors) < 0.02  # px; cornerSubPix leaves 0.06
    assert np.nanmax(errors) < 0.1


def test_markers_may_be_numbered_from_any_on():
    board = CharucoBoard(
        squares_x=5,
        squares_y=4,
        square_length=10.0,
        marker_length=7.0,
        dictionary="DICT_4X4_50",
        unit="mm",
        first_marker=20,
    )
    camera = Camera(
        name="cam0",
        size=(640, 480),
        matrix=np.array([[700.0, 0, 320], [0, 700, 240], [0, 0, 1]]),
        lens=Lens(distortions=np.zeros(5)),
        rotation=np.eye(3),
        translation=np.zeros(3),
    )
    pose = make_pose(rotation_from_vector([0.2, 0.15, 0.3]), [-25.0, -20.0, 100.0])
    image = render_board(camera, board, pose, np.random.default_rng(0))
    printed, seen = observe(board, {"cam0": [image]})
    assert printed == board
    errors = np.linalg.norm(
        seen.corners[0, 0] - camera.project(transform(pose, board.points)), axis=1
    )
    assert np.max(errors) < 0.1  # px
    other = detect_corners(replace(board, first_marker=0), [image], view="cam0")
    assert not np.isfinite(other.corners).any()
