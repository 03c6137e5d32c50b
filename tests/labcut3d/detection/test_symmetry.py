"""Mirror images are trained on where the labelled poses say that they could be real."""

import dataclasses
from math import radians

import numpy as np
import pytest

from labcut3d.detection.symmetry import Mirror, plausible_flips

ROLES = (1, 0, 2)
# Left and right of a body that points up, and its tail below.
BODY = np.array([[-12.0, -8.0], [12.0, -8.0], [0.0, 20.0]])


def _poses(draw_dots, turns):
    """Labelled images whose bodies are turned by `turns` degrees, slightly asymmetric at random."""
    rng = np.random.default_rng(0)
    images = draw_dots(len(turns), 0)
    posed = []
    for image, turn in zip(images, np.radians(turns), strict=True):
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        points = (BODY + rng.normal(0, 0.5, BODY.shape)) @ rotation.T + 60
        posed.append(dataclasses.replace(image, points=points[None]))
    return posed


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (np.linspace(-20, 20, 20), "horizontal"),  # points up: mirrored in x, it still does
        (np.linspace(70, 110, 20), "vertical"),  # points to the side, as it does mirrored in y
        (np.linspace(30, 60, 20), "none"),  # always aslant: neither mirror image ever occurs
    ],
)
def test_the_mirror_is_the_one_whose_images_occur(draw_dots, turns, expected):
    images = _poses(draw_dots, turns)
    assert plausible_flips(images, ROLES, 40.0, radians(5)) == expected


def test_hidden_keypoints_are_left_out_of_the_comparison(draw_dots):
    images = _poses(draw_dots, np.linspace(70, 110, 20))
    hidden = dataclasses.replace(images[0], points=np.full((1, 3, 2), np.nan))
    assert plausible_flips([hidden, *images], ROLES, 40.0, radians(5)) == "vertical"
    assert plausible_flips([hidden] * 20, ROLES, 40.0, radians(5)) == "horizontal"


def test_settings_name_the_mirror():
    assert Mirror.of("none", ROLES) is None
    assert Mirror.of("vertical", ROLES) == Mirror(direction=1, roles=ROLES)
