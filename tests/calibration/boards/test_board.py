"""Boards: what their files say, in our keys and Anipose's, and what is refused."""

import numpy as np
import pytest

from calibration.boards.board import CharucoBoard, ChessBoard, load_board, parse_board
from calibration.errors import BoardError, Labcut3dError

CHARUCO = {
    "squares_x": 7,
    "squares_y": 5,
    "square_length": 6.0,
    "marker_length": 4.5,
    "dictionary": "DICT_4X4_50",
    "unit": "mm",
}
CHESS = {"type": "chessboard", "squares_x": 9, "squares_y": 6, "square_length": 25, "unit": "mm"}
ANIPOSE = "board_x = 8\nboard_y = 11\nsquare_length = 24.0\nmarker_length = 18.75\n"


def test_charuco_corners_lie_row_by_row_inside_the_board():
    board = parse_board(CHARUCO, "board.toml")
    assert isinstance(board, CharucoBoard)
    assert board.points.shape == (board.n_corners, 3) == (24, 3)
    np.testing.assert_array_equal(board.points[:2], [[6, 6, 0], [12, 6, 0]])


def test_a_chessboard_counts_inner_corners():
    board = parse_board(CHESS, "board.toml")
    assert isinstance(board, ChessBoard)
    assert board.n_corners == 54
    assert not board.is_symmetric
    np.testing.assert_array_equal(board.points[[0, 9]], [[0, 0, 0], [0, 25, 0]])


@pytest.mark.parametrize("table", [CHARUCO, CHESS])
def test_boards_survive_the_round_trip(table):
    board = parse_board(table, "a")
    assert parse_board(board.to_dict(), "b") == board


def test_anipose_files_are_read_once_the_unit_is_known(tmp_path):
    path = tmp_path / "board.toml"
    path.write_text(ANIPOSE + "marker_bits = 4\ndict_size = 1000\n")
    with pytest.raises(BoardError, match=r"board.toml.*unit.*in the terminal --unit mm"):
        load_board(path)
    board = load_board(path, unit="mm")
    assert isinstance(board, CharucoBoard)
    assert (board.squares_x, board.squares_y, board.dictionary) == (8, 11, "DICT_4X4_1000")


def test_a_board_in_json_is_told_how_boards_are_described(tmp_path):
    with pytest.raises(
        BoardError, match=r"board.json: boards are described in TOML.*squares_x = 7"
    ):
        load_board(tmp_path / "board.json")


def test_a_board_may_lie_in_a_table_of_its_own(tmp_path):
    path = tmp_path / "board.toml"
    path.write_text("[board]\n" + ANIPOSE + 'unit = "cm"\n')
    assert load_board(path).unit == "cm"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"square_lenght": 3}, "did you mean 'square_length'"),
        ({"squares_x": 2}, "squares_x = 2"),
        ({"squares_x": 7.0}, "squares_x = 7.0"),
        ({"squares_y": True}, "squares_y = True"),
        ({"square_length": -1}, "square_length = -1"),
        ({"marker_length": 7}, "less than square_length"),
        ({"marker_length": float("nan")}, "marker_length = nan"),
        ({"dictionary": "DICT_9X9_50"}, "DICT_9X9_50"),
        ({"squares_x": 17, "squares_y": 17}, "has only 50"),
        ({"unit": "squares"}, "squares"),
        ({"type": "circles"}, "circles"),
    ],
)
def test_odd_values_are_refused(change, words):
    with pytest.raises(Labcut3dError, match=words) as caught:
        parse_board({**CHARUCO, **change}, "board.toml")
    assert str(caught.value).startswith("board.toml")


@pytest.mark.parametrize("missing", ["unit", "dictionary", "squares_x"])
def test_missing_keys_are_named(missing):
    table = {key: value for key, value in CHARUCO.items() if key != missing}
    with pytest.raises(BoardError, match="unit" if missing == "unit" else f"'{missing}'"):
        parse_board(table, "board.toml")


def test_conflicting_units_are_refused():
    with pytest.raises(BoardError, match=r"'mm'.*'cm'"):
        parse_board(CHARUCO, "board.toml", unit="cm")
