"""Sheets of black rectangles and type at exact size, written as PDF, SVG or PNG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

from calibration.errors import BoardError
from calibration.files import atomic_write, write_text

__all__ = ["TEXT", "WRITERS", "Rectangles", "Sheet", "Text"]

TEXT = 2.9  # mm, height of a line of type
MOST_PIXELS = 4e8  # an A1 sheet at 600 dpi; beyond this a PNG is the wrong format

Rectangles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A line of type; (x, y) mm is the left end of its baseline, or the middle if `centred`."""

    x: float
    y: float
    text: str
    size: float = TEXT
    centred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A page of `size` (width, height) mm with black rectangles (n, 4) x, y, w, h mm and text.

    `origin` (x, y) mm is where the board's upper left corner lies.
    """

    size: tuple[float, float]
    origin: tuple[float, float]
    rectangles: Rectangles
    texts: tuple[Text, ...]


def _write_svg(sheet: Sheet, path: Path, _: int) -> None:
    """Write a sheet as SVG; all black is one path, so that no seams show between rectangles."""
    width, height = sheet.size
    steps = [f"M{x:.6g} {y:.6g}h{w:.6g}v{h:.6g}h{-w:.6g}z" for x, y, w, h in sheet.rectangles]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {width:g} {height:g}">',
        f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
        '<path fill="black" d="' + "\n".join(steps) + '"/>',
        '<g font-family="Helvetica, Arial, sans-serif" fill="#333333">',
        *(_svg_text(text) for text in sheet.texts),
        "</g>",
        "</svg>",
    ]
    write_text(path, "\n".join(lines) + "\n")


def _svg_text(text: Text) -> str:
    """Return one line of type as an SVG element."""
    anchor = ' text-anchor="middle"' if text.centred else ""
    place = f'x="{text.x:.4g}" y="{text.y:.6g}" font-size="{text.size:.4g}"'
    return f"<text {place}{anchor}>{escape(text.text)}</text>"


def _write_pdf(sheet: Sheet, path: Path, _: int) -> None:
    """Write a sheet as PDF, in vectors."""
    from reportlab.pdfgen.canvas import Canvas  # here, because only this format needs it

    point = 72 / 25.4  # points a millimetre
    width, height = (length * point for length in sheet.size)
    with atomic_write(path) as temporary:
        canvas: Any = Canvas(str(temporary), pagesize=(width, height), invariant=True)
        canvas.setTitle("Calibration board")
        outline = canvas.beginPath()
        for x, y, w, h in sheet.rectangles * point:
            outline.rect(x, height - y - h, w, h)
        canvas.drawPath(outline, fill=1, stroke=0)
        canvas.setFillGray(0.2)
        for text in sheet.texts:
            canvas.setFont("Helvetica", text.size * point)
            draw = canvas.drawCentredString if text.centred else canvas.drawString
            draw(text.x * point, height - text.y * point, text.text)
        canvas.save()


def _write_png(sheet: Sheet, path: Path, dpi: int) -> None:
    """Write a sheet as a grey PNG that carries its resolution."""
    from PIL import Image, ImageDraw, ImageFont

    scale = dpi / 25.4  # pixels a millimetre
    size = tuple(round(length * scale) for length in sheet.size)
    if dpi < 1 or size[0] * size[1] > MOST_PIXELS:
        raise BoardError(f"{path}: {size[0]} x {size[1]} pixels at dpi = {dpi}; write a PDF or SVG")
    ink = _coverage(sheet.rectangles * scale, size)
    image = Image.fromarray(np.rint(255 * (1 - ink)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for text in sheet.texts:
        font = ImageFont.load_default(text.size * scale)
        place = (text.x * scale, text.y * scale)
        draw.text(place, text.text, fill=51, font=font, anchor="ms" if text.centred else "ls")
    with atomic_write(path) as temporary:
        image.save(temporary, format="PNG", dpi=(dpi, dpi))


def _coverage(rectangles: Rectangles, size: Sequence[int]) -> npt.NDArray[np.float32]:
    """Return how much of each pixel the rectangles (n, 4) px cover: exact box antialiasing."""
    ink = np.zeros((size[1], size[0]), dtype=np.float32)
    for x, y, w, h in rectangles:
        rows, down = _overlap(y, y + h, size[1])
        columns, across = _overlap(x, x + w, size[0])
        ink[rows, columns] += np.outer(down, across)
    return np.minimum(ink, 1, out=ink)


def _overlap(start: float, stop: float, limit: int) -> tuple[slice, npt.NDArray[np.float32]]:
    """Return the pixels that an interval touches, and how much of each it covers."""
    first, last = max(int(np.floor(start)), 0), min(int(np.ceil(stop)), limit)
    edges = np.arange(first, max(last, first) + 1)
    covered = np.diff(np.clip(edges, start, stop)).astype(np.float32)
    return slice(first, first + len(covered)), covered


WRITERS: dict[str, Callable[[Sheet, Path, int], None]] = {
    ".pdf": _write_pdf,
    ".svg": _write_svg,
    ".png": _write_png,
}
"""What writes a sheet to a file of each ending; the number is dpi, which counts for PNG alone."""
