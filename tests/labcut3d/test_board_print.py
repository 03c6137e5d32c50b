"""Boards on paper: the right pattern, at the right size, in every format."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.boards.board import Board, CharucoBoard, ChessBoard
from calibration.errors import BoardError
from labcut3d.board_print import PAPERS, board_cells, board_sheet, print_board


def charuco(**changes) -> CharucoBoard:
    fields = {
        "squares_x": 5,
        "squares_y": 4,
        "square_length": 20.0,
        "marker_length": 15.0,
        "dictionary": "DICT_4X4_50",
        "unit": "mm",
    }
    return CharucoBoard(**{**fields, **changes})


def opencv_board(board: CharucoBoard) -> cv2.aruco.CharucoBoard:
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    size = (board.squares_x, board.squares_y)
    made = cv2.aruco.CharucoBoard(size, board.square_length, board.marker_length, dictionary)
    made.setLegacyPattern(board.legacy)
    return made


def render_svg(path: Path, per_mm: float) -> np.ndarray:
    """Paint the rectangles of an SVG of ours, 8 bits, `per_mm` pixels a millimetre."""
    text = path.read_text()
    width, height = re.search(r'width="([\d.]+)mm" height="([\d.]+)mm"', text).groups()
    image = np.full((round(float(height) * per_mm), round(float(width) * per_mm)), 255, np.uint8)
    number = r"(-?[\d.e-]+)"
    for x, y, w, h in re.findall(rf"M{number} {number}h{number}v{number}h-[\d.e-]+z", text):
        left, top = round(float(x) * per_mm), round(float(y) * per_mm)
        right, bottom = (float(x) + float(w)) * per_mm, (float(y) + float(h)) * per_mm
        image[top : round(bottom), left : round(right)] = 0
    return image


def assert_detected(board: CharucoBoard, image: np.ndarray, per_mm: float) -> None:
    """All corners are found, at the places in mm that the layout says (0.1 px of subpixel)."""
    if board.inverted:
        image = 255 - image
    detector = cv2.aruco.CharucoDetector(opencv_board(board))
    corners, ids, _, _ = detector.detectBoard(image)
    assert ids is not None
    assert len(ids) == board.n_corners
    found = corners.reshape(-1, 2)[np.argsort(ids.ravel())]
    expected = (board.points[:, :2] + board_sheet(board).origin) * per_mm - 0.5
    assert np.abs(found - expected).max() < 0.1 + 0.5  # px; half a pixel of rounding in the SVG
    spacing = np.linalg.norm(found[1] - found[0]) / per_mm
    assert spacing == pytest.approx(board.square_length, abs=1 / per_mm)


VARIANTS = [
    charuco(),
    charuco(legacy=True),
    charuco(inverted=True),
    charuco(legacy=True, inverted=True, squares_x=6, squares_y=6),
    charuco(dictionary="DICT_5X5_100", squares_x=7, squares_y=5, marker_length=14.0),
]


@pytest.mark.parametrize("board", VARIANTS)
def test_svg_holds_the_board_at_exact_size(board, tmp_path):
    print_board(board, tmp_path / "board.svg")
    assert_detected(board, render_svg(tmp_path / "board.svg", 8.0), 8.0)


@pytest.mark.parametrize("board", VARIANTS[:3])
def test_png_holds_the_board_and_its_resolution(board, tmp_path):
    from PIL import Image

    print_board(board, tmp_path / "board.png", dpi=150)
    with Image.open(tmp_path / "board.png") as image:
        assert image.info["dpi"] == pytest.approx((150, 150), rel=1e-4)  # stored per metre
        pixels = np.asarray(image)
    assert_detected(board, pixels, 150 / 25.4)


def test_pdf_holds_the_board_at_exact_size(tmp_path):
    pdfium = pytest.importorskip("pypdfium2")
    board = charuco(legacy=True)
    sheet = print_board(board, tmp_path / "board.pdf")
    document = pdfium.PdfDocument(tmp_path / "board.pdf")
    page = document[0]
    size_mm = np.array(page.get_size()) * 25.4 / 72
    np.testing.assert_allclose(size_mm, sheet.size, atol=0.01)  # mm
    pixels = page.render(scale=6 * 25.4 / 72, grayscale=True).to_numpy().squeeze().copy()
    page.close()
    document.close()
    assert_detected(board, pixels, 6.0)
    assert (tmp_path / "board.pdf").stat().st_size < 100_000  # vectors, not an image


@pytest.mark.parametrize("board", VARIANTS)
def test_cells_are_the_pattern_that_opencv_draws(board):
    cells, cell = board_cells(board)
    drawn = opencv_board(board).generateImage(cells.shape[::-1], marginSize=0) < 128
    assert cell * cells.shape[1] == pytest.approx(board.squares_x * board.square_length)
    # OpenCV rounds each marker to whole pixels, which moves its edges by up to one cell.
    assert (drawn != board.inverted).shape == cells.shape
    assert np.mean((drawn != board.inverted) != cells) < 0.02


def test_chessboard_has_one_square_more_than_corners():
    cells, cell = board_cells(ChessBoard(squares_x=9, squares_y=6, square_length=25.0, unit="mm"))
    assert cells.shape == (7, 10)
    assert cell == 25.0
    assert cells[0, 0]
    assert (cells[:, 1:] != cells[:, :-1]).all()


def test_printed_chessboard_is_found_at_its_size(tmp_path):
    board = ChessBoard(squares_x=9, squares_y=6, square_length=2.0, unit="cm")
    print_board(board, tmp_path / "board.png", dpi=100)
    image = cv2.imread(str(tmp_path / "board.png"), cv2.IMREAD_GRAYSCALE)
    found, corners = cv2.findChessboardCornersSB(image, (9, 6))
    assert found
    spacing = np.linalg.norm(np.diff(corners.reshape(6, 9, 2), axis=1), axis=-1) * 25.4 / 100
    np.testing.assert_allclose(spacing, 20.0, atol=0.03)  # mm; 0.1 px at 100 dpi


@settings(max_examples=20, deadline=None)
@given(
    square=st.floats(0.5, 60).map(lambda x: round(x, 2)),
    ratio=st.sampled_from([0.5, 0.6, 0.7, 0.75, 0.8, 7 / 9]),
)
def test_marker_size_is_kept_to_a_thousandth_of_a_square(square, ratio):
    board = charuco(square_length=square, marker_length=square * ratio)
    cells, cell = board_cells(board)
    per_square = round(square / cell)
    # The second square of the first row is white and holds marker 0, whose border is black.
    columns = cells[:per_square, per_square : 2 * per_square].any(axis=0)
    assert columns.sum() * cell == pytest.approx(square * ratio, abs=2e-3 * square)
    assert abs(np.argmax(columns) - np.argmax(columns[::-1])) == 0  # centred


def test_rulers_measure_what_they_say():
    sheet = board_sheet(charuco())
    long = sheet.rectangles[sheet.rectangles[:, 2:].max(axis=1) > 99.9]
    widths = long[np.isclose(long[:, 3], 0.15)][:, 2]
    heights = long[np.isclose(long[:, 2], 0.15)][:, 3]
    assert np.isclose(widths, 100.15).any()  # line width included
    assert np.isclose(heights, 100.15).any()
    assert "100" in [text.text for text in sheet.texts]


@pytest.mark.parametrize(
    ("board", "size"),
    [
        (charuco(), PAPERS["a4"]),
        (charuco(squares_x=11, squares_y=7), PAPERS["a4"][::-1]),
        (charuco(square_length=0.05, marker_length=0.04, unit="m"), PAPERS["a3"]),
    ],
)
def test_auto_takes_the_smallest_sheet_that_fits(board, size):
    sheet = board_sheet(board)
    assert sheet.size == size
    assert (sheet.rectangles[:, :2] >= 0).all()
    assert (sheet.rectangles[:, :2] + sheet.rectangles[:, 2:] <= sheet.size).all()


def test_mistakes_are_named(tmp_path):
    with pytest.raises(BoardError, match=r"board\.gif.*\.pdf, \.svg or \.png"):
        print_board(charuco(), tmp_path / "board.gif")
    with pytest.raises(BoardError, match="does not fit on a4"):
        board_sheet(charuco(square_length=80.0), paper="a4")
    with pytest.raises(BoardError, match="paper = 'b7'"):
        board_sheet(charuco(), paper="b7")
    with pytest.raises(BoardError, match="write a PDF or SVG"):
        print_board(charuco(), tmp_path / "board.png", dpi=100_000)
    assert not list(tmp_path.iterdir())


def _names(board: Board) -> str:
    return " ".join(text.text for text in board_sheet(board).texts)


def test_caption_says_all_that_detection_needs():
    caption = _names(charuco(legacy=True, inverted=True))
    for word in ("5 x 4", "20 mm", "15 mm", "DICT_4X4_50", "legacy", "inverted", "100 %"):
        assert word in caption
    assert "inner corners" in _names(
        ChessBoard(squares_x=9, squares_y=6, square_length=25.0, unit="mm")
    )
