"""Colours that stay apart for the colour-blind, and the look that all figures share.

Keypoints: blues are left, oranges are right, and the midline runs from purple at the head to green
at the tail, so that a body part keeps its colour in every picture.
"""

import html
from collections.abc import Sequence

import plotly.graph_objects as go

from labcut3d.skeleton import Skeleton

__all__ = [
    "BAD",
    "CYCLE",
    "FONT",
    "GOOD",
    "INK",
    "MUTED",
    "RULE",
    "SEQUENTIAL",
    "TEMPLATE",
    "WARN",
    "event_color",
    "keypoint_colors",
    "plain",
    "sides_of",
    "translucent",
]

INK, MUTED, RULE, PAPER = "#1f2933", "#66727f", "#e3e8ec", "#ffffff"
GOOD, WARN, BAD = "#117a5b", "#b26a00", "#b3261e"
# Okabe and Ito's set, in an order that keeps neighbours apart.
CYCLE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5b5b5b", "#8c6d1f")
LEFT = ((0, 90, 156), (86, 180, 233))
RIGHT = ((190, 76, 0), (240, 165, 30))
MIDLINE = ((136, 46, 114), (110, 110, 118), (34, 136, 51))
SEQUENTIAL = [[0.0, "#f4f7f9"], [0.35, "#a9cce3"], [0.7, "#3b8bbd"], [1.0, "#0b4f7d"]]
FONT = "Inter, 'Segoe UI', 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
EVENTS = {
    "egg_laying": "#e69f00",
    "egg_deposited": "#b3261e",
    "ovipositor_contact": "#8c6d1f",
    "proboscis_extension": "#0072b2",
    "proboscis_contact": "#56b4e9",
    "walking": "#009e73",
    "resting": "#cc79a7",
    "on_substrate": "#5b5b5b",
}

TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 12, "color": INK},
        "paper_bgcolor": PAPER,
        "plot_bgcolor": PAPER,
        "colorway": list(CYCLE),
        "margin": {"l": 56, "r": 16, "t": 28, "b": 42},
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "xaxis": {"gridcolor": RULE, "zerolinecolor": RULE, "linecolor": RULE, "ticks": ""},
        "yaxis": {"gridcolor": RULE, "zerolinecolor": RULE, "linecolor": RULE, "ticks": ""},
    }
)
"""The plotly template of every figure here: light, quiet, one typeface."""


def plain(text: object) -> str:
    """Return a user's text for use inside a plotly figure, whose labels read a little HTML."""
    return html.escape(str(text))


def keypoint_colors(keypoints: Sequence[str], skeleton: Skeleton | None = None) -> dict[str, str]:
    """Return a colour, "#rrggbb", for every keypoint, by its side and its place along the body."""
    sides = sides_of(keypoints, skeleton)
    ramps = {"left": LEFT, "right": RIGHT, "middle": MIDLINE}
    colors = {}
    for side, ramp in ramps.items():
        members = [name for name in keypoints if sides[name] == side]
        for index, name in enumerate(members):
            colors[name] = _ramp(ramp, index / max(len(members) - 1, 1))
    return {name: colors[name] for name in keypoints}


def sides_of(keypoints: Sequence[str], skeleton: Skeleton | None = None) -> dict[str, str]:
    """Return "left", "right" or "middle" for every keypoint, from its skeleton or its name."""
    lefts = {pair[0] for pair in skeleton.left_right} if skeleton else set()
    rights = {pair[1] for pair in skeleton.left_right} if skeleton else set()
    sides = {}
    for name in keypoints:
        parts = name.lower().replace("-", "_").split("_")
        if name in lefts or (name not in rights and {"left", "l"} & {parts[0], parts[-1]}):
            sides[name] = "left"
        elif name in rights or {"right", "r"} & {parts[0], parts[-1]}:
            sides[name] = "right"
        else:
            sides[name] = "middle"
    return sides


def event_color(name: str) -> str:
    """Return the colour of a kind of event, the same on every page."""
    return EVENTS.get(name, CYCLE[2 + sum(map(ord, name)) % (len(CYCLE) - 2)])


def translucent(color: str, opacity: float) -> str:
    """Return "#rrggbb" as "rgba(...)" with an opacity from 0 to 1."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def _ramp(stops: Sequence[tuple[int, int, int]], fraction: float) -> str:
    """Return the colour at `fraction` of the way through evenly spaced stops."""
    place = fraction * (len(stops) - 1)
    index = min(int(place), len(stops) - 2)
    blend = [
        round(a + (b - a) * (place - index))
        for a, b in zip(stops[index], stops[index + 1], strict=True)
    ]
    return "#" + "".join(f"{value:02x}" for value in blend)
