"""One look for all pages, light and dark: a self-contained HTML file with plotly inside.

Pages are safe to mail. Whatever a user named (views, keypoints, projects) is text, never markup:
HTML is escaped here, and data goes through `json_for_script`. A content-security policy forbids
every access but to videos beside the page, so a page shows the same offline in ten years.
"""

import base64
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from string import Template
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from calibration.notebook import table_markup
from calibration.units import METRES
from labcut3d.version import __version__
from labcut3d.viewers.palette import DARK

__all__ = [
    "TONES",
    "Number",
    "Page",
    "encode_array",
    "escape",
    "figure_block",
    "figure_grid",
    "half_block",
    "json_for_script",
    "length_text",
    "number_text",
    "readable_unit",
    "render",
    "table_block",
]

STATIC = resources.files("labcut3d.viewers") / "static"
escape = html.escape
TONES = {"PASS": "good", "WARN": "warn", "FAIL": "bad"}  # of the levels of findings
SMALL_LENGTH = 0.01  # in a unit; below, micrometres read better


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A figure in the header of a page: what it is, its value in words, and a tone for colour.

    `tone` is "", "good", "warn" or "bad".
    """

    label: str
    value: str
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page shows: plain-text headings and numbers, a trusted HTML body, figures and data.

    `body` is HTML whose user strings are already escaped; `figures` go to the elements of those
    ids; `data` is anything JSON for the page's own `scripts`, which are joined in their order and
    follow `theme.js`.
    """

    kind: str
    title: str
    subtitle: str
    numbers: Sequence[Number]
    body: str
    figures: Mapping[str, go.Figure] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    scripts: Sequence[str] = ("page.js",)
    styles: Sequence[str] = ("page.css",)


def render(page: Page) -> str:
    """Return the whole page as one HTML text that loads nothing from anywhere."""
    figures = {name: json.loads(fig.to_json() or "{}") for name, fig in page.figures.items()}
    return Template(_static("template.html")).substitute(
        kind=escape(page.kind),
        title=escape(page.title),
        subtitle=escape(page.subtitle),
        numbers="".join(_number_block(number) for number in page.numbers),
        body=page.body,
        version=escape(__version__),
        style="\n".join(_static(name) for name in page.styles),
        plotly=_plotly(),
        data=json_for_script({**page.data, "figures": figures, "darkColours": DARK}),
        script="\n".join(_static(name) for name in ("theme.js", *page.scripts)),
    )


def json_for_script(value: object) -> str:
    """Return JSON that cannot end the script element it stands in; NaN becomes null."""
    text = json.dumps(_without_nan(value), ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def encode_array(array: Any, dtype: str = "<f4") -> dict[str, Any]:
    """Return an array as base64 of little-endian numbers with its shape, for `viewer.js`."""
    values = np.ascontiguousarray(array, dtype=dtype)
    return {
        "dtype": dtype.lstrip("<|"),
        "shape": list(values.shape),
        "data": base64.b64encode(values.tobytes()).decode("ascii"),
    }


def figure_block(name: str, heading: str, note: str = "", *, height: int = 360) -> str:
    """Return the HTML of a card that the figure called `name` will fill."""
    caption = f"<p>{escape(note)}</p>" if note else ""
    return (
        f'<section class="card"><h2>{escape(heading)}</h2>{caption}'
        f'<div class="figure" id="{escape(name)}" style="height:{height}px"></div></section>'
    )


def half_block(name: str, heading: str, note: str = "", *, height: int = 360) -> str:
    """Return the card of a figure that takes half the width of a wide page."""
    return f'<div class="half">{figure_block(name, heading, note, height=height)}</div>'


def figure_grid(
    names: Sequence[str], heading: str, note: str = "", *, size: tuple[int, int]
) -> str:
    """Return the HTML of a card with several figures side by side, as many as there is room for.

    `size` gives their shape as (width, height).
    """
    caption = f"<p>{escape(note)}</p>" if note else ""
    shape = f"aspect-ratio: {size[0]} / {size[1]}"
    panels = "".join(
        f'<div class="figure" id="{escape(name)}" style="{shape}"></div>' for name in names
    )
    return (
        f'<section class="card"><h2>{escape(heading)}</h2>{caption}'
        f'<div class="panels">{panels}</div></section>'
    )


def table_block(
    heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str = ""
) -> str:
    """Return the HTML of a card with a table; the first column is text, the others numbers."""
    caption = f"<p>{escape(note)}</p>" if note else ""
    return (
        f'<section class="card"><h2>{escape(heading)}</h2>{caption}<div class="scroll"><table>'
        f"{table_markup(columns, rows)}</table></div></section>"
    )


def number_text(value: float, digits: int = 3, unit: str = "") -> str:
    """Return a number with `digits` significant digits and its unit, or a dash for NaN."""
    if not np.isfinite(value):
        return "–"
    magnitude = int(np.floor(np.log10(abs(value)))) if value else 0
    text = f"{value:.{max(digits - 1 - magnitude, 0)}f}"
    return f"{text} {unit}".rstrip()


def length_text(value: float, unit: str, digits: int = 3) -> str:
    """Return a length with its unit; in micrometres where it is small and the unit is metric."""
    shown, factor = readable_unit(value, unit)
    return number_text(value * factor, digits, shown)


def readable_unit(length: float, unit: str) -> tuple[str, float]:
    """Return the unit in which a length reads best, and the factor that leads to it."""
    if unit in ("mm", "cm", "m") and abs(length) < SMALL_LENGTH:
        return "µm", METRES[unit] / METRES["um"]
    return unit, 1.0


def _number_block(number: Number) -> str:
    """Return one number of the header as HTML."""
    return (
        f'<div class="number {escape(number.tone)}"><b>{escape(number.value)}</b>'
        f"<span>{escape(number.label)}</span></div>"
    )


def _without_nan(value: Any) -> Any:
    """Return JSON-able data with NaN and infinities as None, as JSON knows neither."""
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value


def _static(name: str) -> str:
    """Return one of the packaged template files."""
    return (STATIC / name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    """Return plotly.js from the installed package."""
    return get_plotlyjs()
