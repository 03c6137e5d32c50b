"""Finding boards: however they were printed, to a fraction of a pixel, and saying what was seen."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from calibration import detect_corners, observe
from calibration.boards.board import CharucoBoard, ChessBoard
from calibration.boards.flatboards import FlatBoard
from calibration.camera import Camera
from calibration.corners.markers import MarkerDetector
from calibration.corners.planarity import MisfitFinder
from calibration.errors import BoardError, CalibrationError
from calibration.geometry import make_pose, rotation_from_vector, transform
from calibration.lens import Lens
from labcut3d.synthetic_images import render_board

BOARD = CharucoBoard(
    squares_x=5,
    squares_y=6,
    square_length=10.0,
    marker_length=7.5,
    dictionary="DICT_4X4_50",
    unit="mm",
)
CHESS = ChessBoard(squares_x=6, squares_y=5, square_length=10.0, unit="mm")
CAMERA = Camera(
    name="cam0",
    size=(640, 480),
    matrix=np.array([[700.0, 0, 320], [0, 700, 240], [0, 0, 1]]),
    lens=Lens(distortions=np.array([-0.2, 0.05, 0, 0, 0])),
    rotation=np.eye(3),
    translation=np.zeros(3),
)


def make_view(board: FlatBoard, turn: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return an image of a board and the true pixels of its corners."""
    rotation = rotation_from_vector(turn)
    center = rotation @ board.points.mean(axis=0)
    pose = make_pose(rotation, np.array([2.0, -1.0, 130.0]) - center)
    image = render_board(CAMERA, board, pose, np.random.default_rng(0))
    return image, CAMERA.project(transform(pose, board.points))


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("inverted", [False, True])
def test_every_pattern_is_found_by_itself(legacy, inverted):
    printed = replace(BOARD, legacy=legacy, inverted=inverted)
    image, truth = make_view(printed, (0.3, -0.3, 0.1))
    found, seen = observe(BOARD, {"cam0": [image]})
    assert found == printed
    errors = np.linalg.norm(seen.corners[0, 0] - truth, axis=-1)
    assert np.isfinite(errors).all()
    assert np.mean(errors) < 0.1  # px, with grey-value noise of 2


@pytest.mark.parametrize("turn", [0.0, 1.5, 3.1, -1.5])
def test_chessboard_corners_are_numbered_from_the_same_end(turn):
    image, truth = make_view(CHESS, (0.1, 0.1, turn))
    found = detect_corners(CHESS, [image], view="cam0").corners[0]
    assert np.nanmax(np.linalg.norm(found - truth, axis=-1)) < 0.5  # px: the same corners
    assert np.nanmean(np.linalg.norm(found - truth, axis=-1)) < 0.15


def test_an_empty_image_is_refused_with_the_reason():
    view = detect_corners(BOARD, [np.full((480, 640), 128, np.uint8)], view="cam0", numbers=[7])
    assert np.isnan(view.corners).all()
    assert (view.refusals[0].frame, view.refusals[0].view) == (7, "cam0")
    assert "no marker" in view.refusals[0].reason
    assert "0 of 1 images" in view.remark


def test_the_dictionary_that_fits_is_named():
    image, _ = make_view(replace(BOARD, dictionary="DICT_6X6_50"), (0.2, 0.2, 0.0))
    view = detect_corners(BOARD, [image], view="cam0")
    assert "DICT_6X6" in view.remark


def test_images_of_two_sizes_are_refused():
    images = [np.zeros((480, 640), np.uint8), np.zeros((640, 480), np.uint8)]
    with pytest.raises(CalibrationError, match=r"'cam0', image 1.*\(480, 640\)"):
        detect_corners(BOARD, images, view="cam0")
    with pytest.raises(CalibrationError, match="no image"):
        detect_corners(BOARD, [], view="cam0")
    with pytest.raises(CalibrationError, match="float64"):
        detect_corners(BOARD, [np.zeros((480, 640))], view="cam0")


def test_progress_counts_the_images_of_all_views():
    calls = []
    images = [np.zeros((100, 100), np.uint8)] * 3
    observe(
        BOARD, {"a": images, "b": images}, progress=lambda done, total: calls.append((done, total))
    )
    assert sorted(calls) == [(i, 6) for i in range(1, 7)]


def test_views_are_matched_by_number():
    image, _ = make_view(BOARD, (0.2, 0.1, 0.0))
    _, seen = observe(BOARD, {"a": [image, image], "b": [image]}, numbers={"a": [3, 8], "b": [8]})
    assert seen.frames.tolist() == [3, 8]
    assert seen.coverage.tolist() == [[2, 1], [1, 1]]


@pytest.mark.parametrize(("columns", "rows"), [(6, 5), (4, 5), (8, 5)])
def test_a_wrong_count_of_columns_is_named(columns, rows):
    """A board of 5 x 6 that is described with rows and columns swapped, or not even so."""
    image, _ = make_view(BOARD, (0.3, -0.3, 0.1))
    described = replace(BOARD, squares_x=columns, squares_y=rows)
    words = f"{columns} x 5 squares, but in the images it has 5 columns .* if it has {columns} rows"
    with pytest.raises(BoardError, match=words):
        observe(described, {"cam0": [image]})


def test_a_chessboard_counted_in_squares_is_named():
    image, _ = make_view(CHESS, (0.1, 0.1, 0.2))
    squares = replace(CHESS, squares_x=7, squares_y=6)
    view = detect_corners(squares, [image], view="cam0")
    assert "one of 6 x 5 inner corners was: they were counted as squares" in view.remark


def test_a_chessboard_with_rows_and_columns_swapped_is_the_same_board():
    image, _ = make_view(CHESS, (0.1, 0.1, 0.2))
    one = detect_corners(CHESS, [image], view="a").corners[0]
    turned = replace(CHESS, squares_x=5, squares_y=6)
    other = detect_corners(turned, [image], view="a").corners[0]
    apart = np.linalg.norm(one[:, None] - other[None], axis=-1)
    assert apart.min(axis=1).max() < 0.05  # px: the same corners, numbered the other way


def test_too_few_markers_do_not_settle_the_pattern():
    image, _ = make_view(replace(BOARD, legacy=True), (0.0, 0.0, 0.0))
    image = image.copy()
    quads = MarkerDetector(BOARD.dictionary, range(15)).find(image[..., 0])
    keep = quads[0], quads[1]
    mask = np.zeros(image.shape[:2], np.uint8)
    for quad in keep:
        cv2.fillConvexPoly(mask, cv2.convexHull(quad.astype(np.int32)), 1)
    image[cv2.dilate(mask, np.ones((25, 25), np.uint8)) == 0] = 230
    printed, seen = observe(BOARD, {"cam0": [image]})
    assert printed == BOARD
    assert not seen.seen.any()
    assert "do not tell how the board is printed" in seen.refusals[0].reason


def test_frames_without_motion_are_left_out_of_all_views_or_none():
    rng = np.random.default_rng(1)
    rest, _ = make_view(BOARD, (0.2, 0.1, 0.0))
    moved, _ = make_view(BOARD, (0.25, 0.1, 0.0))
    again = np.clip(rest + rng.normal(0, 2, rest.shape), 0, 255).astype(np.uint8)
    sources = {"a": [rest, again, again, rest], "b": [rest, again, moved, moved]}
    _, seen = observe(BOARD, sources)
    assert seen.usable.tolist() == [[True, False, True, False]] * 2  # at 2 b moves and a does not
    assert seen.describe_refusals("a") == "2 near-identical"
    _, seen = observe(BOARD, sources, keep_repeats=True)
    assert seen.usable.all()


def test_blurred_images_are_left_out_of_their_view_alone():
    images = [make_view(BOARD, (0.2 + 0.05 * i, 0.1, 0.0))[0] for i in range(6)]
    blurred = [*images[:5], cv2.GaussianBlur(images[5], (0, 0), 2.0)]
    _, seen = observe(BOARD, {"a": images, "b": blurred})
    assert seen.usable.tolist() == [[True] * 6, [*[True] * 5, False]]
    assert seen.describe_refusals("b") == "1 blurred"


def test_corners_off_the_board_are_found_through_lens_distortion():
    _, truth = make_view(BOARD, (0.4, 0.3, 0.2))
    pixels = truth + np.random.default_rng(0).normal(scale=0.1, size=truth.shape)
    pixels[[3, 11]] += [15.0, -8.0]
    misfits = MisfitFinder(BOARD.points).find(pixels, CAMERA.size)
    assert np.flatnonzero(misfits).tolist() == [3, 11]


def test_the_inverted_board_of_charuco_4cam_is_found(dataset):
    videos = sorted((dataset("charuco_4cam") / "calibration").rglob("cam_0.mp4"))
    capture = cv2.VideoCapture(str(videos[0]))
    images = [capture.read()[1][..., ::-1] for _ in range(3)]
    capture.release()
    board = CharucoBoard(
        squares_x=4,
        squares_y=5,
        square_length=54.0,
        marker_length=40.5,
        dictionary="DICT_4X4_1000",
        unit="mm",
    )
    found, seen = observe(board, {"cam_0": images})
    assert isinstance(found, CharucoBoard)
    assert found.inverted
    assert seen.seen.sum() >= 30  # of 36 corners
