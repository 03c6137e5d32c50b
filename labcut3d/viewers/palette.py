"""Colours that stay apart for the colour-blind, and the look that all figures share.

Keypoints: blues are left, oranges are right, and the midline runs from purple at the head to green
at the tail, so that a body part keeps its colour in every picture. Colours of keypoints and events
stand out from white and from black paper, by 3:1 or more (WCAG 2.1, 1.4.11); all others are named
here for light pages, and `DARK` gives their counterparts on dark ones.
"""

import html
from collections.abc import Sequence

import plotly.graph_objects as go

from labcut3d.skeleton import Skeleton

__all__ = [
    "BAD",
    "BODY",
    "CYCLE",
    "DARK",
    "EMPTY",
    "FONT",
    "GOOD",
    "INK",
    "MUTED",
    "PAPER",
    "RULE",
    "SAND",
    "SEQUENTIAL",
    "TEMPLATE",
    "WALL",
    "WARN",
    "event_color",
    "in_words",
    "keypoint_colors",
    "plain",
    "rgb_of",
    "sides_of",
    "translucent",
]

INK, MUTED, RULE, PAPER = "#1f2933", "#66727f", "#e3e8ec", "#ffffff"
WALL, BODY, SAND, EMPTY = "#fbfcfd", "#4a5560", "#e6d8b8", "#eceff1"
GOOD, WARN, BAD = "#117a5b", "#9a5b00", "#b3261e"
# After Okabe and Ito's set, darkened until it can be read on white; neighbours stay apart.
CYCLE = ("#0072b2", "#d55e00", "#00805c", "#b0558f", "#3a94c9", "#6f5200", "#767676", "#20262c")
LEFT = ((18, 104, 196), (60, 146, 208))
RIGHT = ((200, 66, 0), (192, 124, 10))
MIDLINE = ((170, 68, 150), (112, 116, 124), (28, 134, 70))
SEQUENTIAL = [[0.0, "#f4f7f9"], [0.35, "#a9cce3"], [0.7, "#3b8bbd"], [1.0, "#0b4f7d"]]
FONT = "Inter, 'Segoe UI', 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
EVENTS = {
    "egg_laying": "#c07c0a",
    "egg_deposited": "#d1372d",
    "ovipositor_contact": "#9a7420",
    "proboscis_extension": "#1268c4",
    "proboscis_contact": "#3a94c9",
    "walking": "#00805c",
    "resting": "#767676",
    "on_substrate": "#b0558f",
}

DARK = {
    INK: "#e6eaee",
    MUTED: "#98a4b0",
    RULE: "#2c343d",
    PAPER: "#161b21",
    WALL: "#191f26",
    BODY: "#b9c2cb",
    SAND: "#4a412c",
    EMPTY: "#222a32",
    GOOD: "#3fc298",
    WARN: "#e0a23a",
    BAD: "#ff8a80",
    "#f4f7f9": "#1d252d",
    "#a9cce3": "#2b5a78",
    "#0b4f7d": "#a9d6f2",
    **dict(
        zip(
            CYCLE,
            (
                "#3f9bd8",
                "#ff7f2a",
                "#1fb88a",
                "#e08cc4",
                "#86cbf2",
                "#f2d35c",
                "#8d979f",
                "#f7f9fa",
            ),
            strict=True,
        )
    ),
}
"""What stands on a dark page in the place of each colour of a light one; pages do it themselves."""

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


def in_words(event: object) -> str:
    """Return the name of a kind of event in words."""
    return str(event).replace("_", " ")


def event_color(name: str) -> str:
    """Return the colour of a kind of event, the same on every page."""
    return EVENTS.get(name, CYCLE[2 + sum(map(ord, name)) % (len(CYCLE) - 2)])


def rgb_of(color: str) -> tuple[int, int, int]:
    """Return the red, green and blue of "#rrggbb", 0 to 255."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def translucent(color: str, opacity: float) -> str:
    """Return "#rrggbb" as "rgba(...)" with an opacity from 0 to 1."""
    red, green, blue = rgb_of(color)
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
