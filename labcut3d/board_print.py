"""Calibration boards to print at exact size: PDF and SVG as vectors, PNG with its resolution.

Each sheet has margins, the board, a ruler along each direction (printers stretch the two
differently) and a caption with all that detection needs to know.
"""

import os
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from calibration.boards.board import Board, CharucoBoard, MarkerBoard, TwoSidedBoard
from calibration.boards.flatboards import FlatBoard
from calibration.errors import BoardError
from calibration.units import METRES
from labcut3d.sheets import TEXT, WRITERS, Rectangles, Sheet, Text

__all__ = ["PAPERS", "board_cells", "board_sheet", "print_board"]

PAPERS = {
    "a4": (210.0, 297.0),
    "a3": (297.0, 420.0),
    "a2": (420.0, 594.0),
    "a1": (594.0, 841.0),
    "a0": (841.0, 1189.0),
    "letter": (215.9, 279.4),
}
"""Paper sizes (width, height) in mm, upright."""

MARGIN = 14.0  # mm; most printers leave 5 mm white
FOOTER = 24.0  # mm below the board: ruler and caption
RULER = 7.0  # mm from the left edge to the upright ruler
FINEST = 0.2  # mm; smaller cells come out ragged on office printers
TICK = 1.2  # mm, the shortest tick of a ruler
LINE = 0.15  # mm, width of a ruler's line


def print_board(
    board: Board, path: str | os.PathLike[str], *, paper: str = "auto", dpi: int = 600
) -> Sheet:
    """Write a board to a .pdf, .svg or .png file, to be printed at 100 %.

    `paper` is a name of `PAPERS`; "auto" is the smallest A size that holds the board, or a page
    cut to it; "board" is always the latter. `dpi` counts for PNG alone. A two-sided board becomes
    two files, NAME-front and NAME-back, and the front's sheet is returned. Raises `BoardError` for
    another ending, for a board that does not fit its paper, and for one that is no sheet.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITERS:
        raise BoardError(f"{path}: cannot write '{path.suffix}'; choose .pdf, .svg or .png")
    if isinstance(board, MarkerBoard):
        raise BoardError(
            f"{path}: markers that are mounted in space cannot be drawn on one sheet; print each "
            "by itself and describe where it was mounted"
        )
    if isinstance(board, TwoSidedBoard):
        print_board(board.back, path.with_stem(f"{path.stem}-back"), paper=paper, dpi=dpi)
        return print_board(board.front, path.with_stem(f"{path.stem}-front"), paper=paper, dpi=dpi)
    sheet = board_sheet(board, paper=paper)
    WRITERS[path.suffix.lower()](sheet, path, dpi)
    return sheet


def board_sheet(board: FlatBoard, *, paper: str = "auto") -> Sheet:
    """Lay a board out on paper, centred, with rulers and caption; see `print_board`."""
    cells, cell = board_cells(board)
    scale = METRES[board.unit] / METRES["mm"]
    width, height = cells.shape[1] * cell * scale, cells.shape[0] * cell * scale
    page = _choose_page((width, height), paper)
    origin = ((page[0] - width) / 2, MARGIN + (page[1] - FOOTER - 2 * MARGIN - height) / 2)
    black = _runs(cells) * cell * scale + [*origin, 0, 0]
    length = 10.0 * max(1, int(min(100.0, page[0] - 2 * MARGIN) // 10))
    tall = 10.0 * max(1, int(min(100.0, page[1] - 2 * MARGIN - FOOTER) // 10))
    base = page[1] - MARGIN - 2.2 * TEXT - 7.5
    across, across_texts = _ruler(length)
    down, down_texts = _ruler(tall)
    across[:, :2] += [MARGIN, base]
    # The upright ruler is the other one reflected at the diagonal, along the left edge.
    down = down[:, [1, 0, 3, 2]] + [RULER, MARGIN, 0, 0]
    texts = [
        *(Text(x=t.x + MARGIN, y=t.y + base, text=t.text, size=2.2, centred=True)
          for t in across_texts[1:]),
        *(Text(x=RULER + 3.2, y=t.x + MARGIN + 0.8, text=t.text, size=2.2)
          for t in down_texts[1:]),
        *_caption(board, page, length),
    ]  # fmt: skip
    rectangles = np.concatenate([black, across, down])
    return Sheet(size=page, origin=origin, rectangles=rectangles, texts=tuple(texts))


def board_cells(board: FlatBoard) -> tuple[npt.NDArray[np.bool_], float]:
    """Return the board as a grid of cells, True where black, and a cell's length in board.unit.

    A cell is the largest length of which squares, markers and bits are whole multiples; where
    there is none above 1/1000 of a square, lengths are rounded to that.
    """
    if not isinstance(board, CharucoBoard):  # inner corners: there is one square more each way
        rows, columns = np.mgrid[0 : board.squares_y + 1, 0 : board.squares_x + 1]
        return (rows + columns) % 2 == 0, board.square_length
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    modules = dictionary.markerSize + 2  # one cell of black border around the bits
    per_square, per_module = _whole_multiples(board.marker_length / board.square_length, modules)
    shifted = board.legacy and board.squares_y % 2 == 0
    black = np.zeros((board.squares_y * per_square, board.squares_x * per_square), dtype=bool)
    margin = (per_square - modules * per_module) // 2
    marker = 0
    for row, column in np.ndindex(board.squares_y, board.squares_x):
        corner = np.array([row, column]) * per_square
        if (row + column + shifted) % 2 == 0:
            black[corner[0] : corner[0] + per_square, corner[1] : corner[1] + per_square] = True
            continue
        bits = cv2.aruco.generateImageMarker(dictionary, board.first_marker + marker, modules) == 0
        bits = np.kron(bits, np.ones((per_module, per_module), dtype=bool))
        top, left = corner + margin
        black[top : top + len(bits), left : left + len(bits)] = bits
        marker += 1
    return black != board.inverted, board.square_length / per_square


def _whole_multiples(ratio: float, modules: int) -> tuple[int, int]:
    """Return cells a square and cells a module, for a marker of `ratio` of the square's side.

    The white on both sides of the marker must come out alike: their sum is even.
    """
    for per_square in range(1, 4001):
        per_module = ratio * per_square / modules
        whole = round(per_module)
        even = (per_square - whole * modules) % 2 == 0
        if whole > 0 and even and abs(per_module - whole) < 1e-9 * per_square:
            return per_square, whole
    whole = max(1, round(ratio * 4000 / modules))
    return 4000 + (whole * modules) % 2, whole


def _runs(black: npt.NDArray[np.bool_]) -> Rectangles:
    """Return rectangles (n, 4) x, y, w, h that tile the black cells: runs, merged downwards."""
    merged: list[tuple[int, ...]] = []
    starts = np.flatnonzero(np.r_[True, (black[1:] != black[:-1]).any(axis=1)])
    ends = np.r_[starts[1:], len(black)]
    for top, bottom in zip(starts.tolist(), ends.tolist(), strict=True):
        edges = np.flatnonzero(np.diff(np.r_[0, black[top].astype(np.int8), 0]))
        merged += [(a, top, b - a, bottom - top) for a, b in edges.reshape(-1, 2).tolist()]
    return np.array(merged, dtype=float).reshape(-1, 4)


def _choose_page(board: tuple[float, float], paper: str) -> tuple[float, float]:
    """Return the page (width, height) mm for a board of (width, height) mm."""
    need = (board[0] + 2 * MARGIN, board[1] + 2 * MARGIN + FOOTER)
    cut = (max(need[0], 100.0), max(need[1], 60.0))
    if paper == "board":
        return cut
    if paper != "auto" and paper.lower() not in PAPERS:
        raise BoardError(f"paper = {paper!r}; choose auto, board, {', '.join(PAPERS)}")
    names = [n for n in PAPERS if n != "letter"] if paper == "auto" else [paper.lower()]
    for name in names:
        short, long = PAPERS[name]
        for page in ((short, long), (long, short)):
            if need[0] <= page[0] and need[1] <= page[1]:
                return page
    if paper == "auto":
        return cut
    raise BoardError(
        f"the board is {board[0]:.1f} x {board[1]:.1f} mm and with margins does not fit on "
        f"{paper}; choose a larger paper, or paper = 'board'"
    )


def _ruler(length: float) -> tuple[Rectangles, list[Text]]:
    """Return the lines and numbers of a horizontal ruler of `length` mm, from (0, 0)."""
    millimetres = np.arange(round(length) + 1)
    heights = np.select([millimetres % 10 == 0, millimetres % 5 == 0], [2.6, 1.9], default=TICK)
    lines = [[-LINE / 2, -LINE / 2, length + LINE, LINE]]
    lines += [[x - LINE / 2, 0.0, LINE, h] for x, h in zip(millimetres, heights, strict=True)]
    texts = [Text(x=float(x), y=4.6, text=str(x), centred=True) for x in millimetres if x % 10 == 0]
    return np.array(lines), texts


def _caption(board: FlatBoard, page: tuple[float, float], length: float) -> list[Text]:
    """Return the lines of type that say what the board is and how to print it."""
    what = board.describe()
    advice = f"Print at 100 %, without fitting to the page; the rulers must measure {length:g} mm."
    cell = board_cells(board)[1] * METRES[board.unit] / METRES["mm"]
    if cell < FINEST:
        advice = f"Cells of {cell:.2g} mm: use a photographic print or film. {advice}"
    size = min(TEXT, (page[0] - 2 * MARGIN) / max(len(what), len(advice)) / 0.53)
    y = page[1] - MARGIN
    return [
        Text(x=MARGIN, y=y - 1.35 * size, text=what, size=size),
        Text(x=MARGIN, y=y, text=advice, size=size),
    ]
