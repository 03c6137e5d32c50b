"""Boards of markers: what their files say, and what is refused."""

import numpy as np
import pytest

from calibration.boards.board import Marker, MarkerBoard, load_board, parse_board
from calibration.errors import BoardError, Labcut3dError

TOML = """
type = "markers"
dictionary = "DICT_APRILTAG_36h11"
unit = "mm"
marker_length = 30.0

[[markers]]
id = 0
center = [0.0, 0.0, 0.0]

[[markers]]
id = 7
center = [40.0, 0.0, 25.0]
rotation = [0.0, 1.5707963267948966, 0.0]
marker_length = 20.0

[[markers]]
id = 9
corners = [[0, 60, 0], [30, 60, 0], [30, 90, 0], [0, 90, 0]]
"""
SINGLE = {
    "type": "markers",
    "dictionary": "DICT_4X4_100",
    "unit": "m",
    "marker_length": 0.1,
    "markers": [{"id": 0, "center": [0, 0, 0]}],
}


def test_markers_are_placed_by_centre_or_by_corners(tmp_path):
    path = tmp_path / "board.toml"
    path.write_text(TOML)
    board = load_board(path)
    assert isinstance(board, MarkerBoard)
    assert board.points.shape == (12, 3)
    np.testing.assert_allclose(board.points[0], [-15, -15, 0])  # upper left, as printed
    # A quarter turn about y takes x to -z, so that the right edge comes nearer.
    np.testing.assert_allclose(board.points[4:6], [[40, -10, 35], [40, -10, 15]], atol=1e-12)
    np.testing.assert_array_equal(board.points[8], [0, 60, 0])
    assert [len(face) for face in board.faces] == [4, 4, 4]


def test_boards_of_markers_survive_the_round_trip():
    board = parse_board(SINGLE, "a")
    assert parse_board(board.to_dict(), "b") == board
    assert len({board, parse_board(board.to_dict(), "b")}) == 1


def test_a_flat_board_of_markers_has_one_face():
    markers = [{"id": i, "center": [50.0 * i, 0, 0.1 * (i % 2)]} for i in range(4)]
    board = parse_board({**SINGLE, "marker_length": 30, "markers": markers}, "a")
    assert len(board.faces) == 1  # a tenth of a millimetre out of plane


def test_neighbours_are_the_sides_of_the_markers():
    board = parse_board(SINGLE, "a")
    a, b = board.neighbours.T
    np.testing.assert_allclose(np.linalg.norm(board.points[a] - board.points[b], axis=1), 0.1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dictionary": "DICT_9X9_9"}, "DICT_9X9_9.*not known"),
        ({"dictionary": ["x"]}, "not known"),
        ({"markers": []}, "has 0 of them"),
        ({"markers": 3}, r"\[\[markers\]\]"),
        ({"markers": [{"id": 100, "center": [0, 0, 0]}]}, "marker 100 is not in DICT_4X4_100"),
        ({"markers": [{"id": -1, "center": [0, 0, 0]}]}, "marker -1 is not in"),
        ({"markers": [{"id": "0", "center": [0, 0, 0]}]}, "whole number"),
        ({"markers": [{"id": 0, "center": [0, 0, 0]}] * 2}, "marker 0 is there twice"),
        ({"markers": [{"id": 0}]}, "corners or a center"),
        ({"markers": [{"id": 0, "center": [0, 0]}]}, "center = .* three finite numbers"),
        ({"markers": [{"id": 0, "center": ["a", 0, 0]}]}, "three finite numbers"),
        ({"markers": [{"id": 0, "center": [0, 0, float("nan")]}]}, "three finite numbers"),
        ({"markers": [{"id": 0, "centre": [0, 0, 0]}]}, "did you mean 'center'"),
        ({"marker_length": -1.0}, "marker_length = -1.0"),
        ({"marker_length": 1e300}, r"marker_length = 1e\+300"),
        ({"marker_length": None}, "marker_length"),
        ({"unit": "feet"}, "feet"),
        ({"marker_lenght": 1}, "did you mean 'marker_length'"),
    ],
)
def test_odd_values_are_refused(change, words):
    with pytest.raises(Labcut3dError, match=words) as caught:
        parse_board({**SINGLE, **change}, "board.toml")
    assert str(caught.value).startswith("board.toml")


@pytest.mark.parametrize(
    "corners",
    [
        [[0, 0, 0], [1, 0, 0], [1, 1, 0]],
        [[0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0]],  # crosswise
        [[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]],
        [[0, 0, 0]] * 4,
        [[0, 0, 0], [1, 0, 0], [1, float("inf"), 0], [0, 1, 0]],
        "square",
    ],
)
def test_corners_that_make_no_square_are_refused(corners):
    with pytest.raises(BoardError, match="marker 3"):
        Marker(id=3, corners=corners)


def test_a_missing_length_is_named():
    table = {key: value for key, value in SINGLE.items() if key != "marker_length"}
    with pytest.raises(BoardError, match=r"a: 'marker_length' is missing; marker 0"):
        parse_board(table, "a")
