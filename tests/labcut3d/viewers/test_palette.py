"""Colours: they can be read on light and dark paper, also by the colour-blind."""

import re
from itertools import combinations

import numpy as np
import pytest

from labcut3d.skeleton import load_skeleton
from labcut3d.viewers.page import STATIC
from labcut3d.viewers.palette import (
    BAD,
    CYCLE,
    DARK,
    EVENTS,
    GOOD,
    INK,
    MUTED,
    PAPER,
    WARN,
    keypoint_colors,
)

# Machado, Oliveira, Fernandes: "A physiologically-based model for simulation of color vision
# deficiency" (2009), severity 1.
BLINDNESS = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
    "none": np.eye(3),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])


def linear(color):
    values = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """WCAG's contrast of two colours."""
    dark, light = sorted(linear(color) @ XYZ[1] for color in (a, b))
    return (light + 0.05) / (dark + 0.05)


def difference(a, b, kind):
    """The distance of two colours in CIELAB (CIE76), as one kind of eye sees them."""

    def lab(color):
        xyz = XYZ @ np.clip(np.array(BLINDNESS[kind]) @ linear(color), 0, 1) / WHITE
        f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
        return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])

    return float(np.linalg.norm(lab(a) - lab(b)))


@pytest.mark.parametrize("preset", ["fly-egg-laying", "mouse"])
def test_keypoints_and_events_stand_out_on_both_papers(preset):
    skeleton = load_skeleton(preset)
    colors = {*keypoint_colors(skeleton.keypoints, skeleton).values(), *EVENTS.values()}
    for color in colors:
        assert contrast(color, PAPER) >= 3, color  # WCAG 2.1, 1.4.11
        assert contrast(color, DARK[PAPER]) >= 3, color


def test_all_other_colours_stand_out_on_their_paper():
    for color in CYCLE:
        assert contrast(color, PAPER) >= 3, color
        assert contrast(DARK[color], DARK[PAPER]) >= 3, color
    for color in (INK, MUTED, GOOD, WARN, BAD):  # of text: 1.4.3
        assert contrast(color, PAPER) >= 4.5, color
        assert contrast(DARK[color], DARK[PAPER]) >= 4.5, color


@pytest.mark.parametrize("kind", BLINDNESS)
def test_neighbouring_colours_differ_for_every_eye(kind):
    for colors in (CYCLE[:6], [DARK[color] for color in CYCLE[:6]]):
        for a, b in combinations(colors, 2):
            assert difference(a, b, kind) > 8, (a, b)  # 2.3 can just be noticed


@pytest.mark.parametrize("kind", BLINDNESS)
def test_left_right_and_midline_differ_for_every_eye(kind):
    skeleton = load_skeleton("fly-egg-laying")
    colors = keypoint_colors(skeleton.keypoints, skeleton)
    for left, right in skeleton.left_right:
        assert difference(colors[left], colors[right], kind) > 20


def test_pages_and_figures_use_the_same_colours():
    css = (STATIC / "page.css").read_text(encoding="utf-8")
    light, dark = re.findall(
        r"--ink: (#\w+); --muted: (#\w+); --rule: (#\w+); --paper: (#\w+)", css
    )
    assert light[0] == INK
    assert light[3] == PAPER
    assert dark == tuple(DARK[color] for color in light)
