"""What views saw: matched by number, counted, and refused for reasons that are told."""

import numpy as np
import pytest

from calibration.corners.observations import (
    FEWEST_CORNERS,
    Observations,
    Refusal,
    ViewCorners,
    combine,
    fewest_corners,
)
from calibration.errors import CalibrationError


def make_view(view: str, frames: list[int], n_corners: int = 9) -> ViewCorners:
    """Return what a view saw: corner k of frame f at (f, k)."""
    corners = np.stack(
        [np.column_stack([np.full(n_corners, f), np.arange(n_corners)]) for f in frames]
    ).astype(float)
    return ViewCorners(
        view=view,
        size=(100, 100),
        frames=np.array(frames),
        corners=corners,
        misfits=np.zeros(corners.shape[:2], dtype=bool),
        refusals=(),
        noise=0.02,
        remark="",
    )


def test_views_are_matched_by_frame_number():
    seen = combine([make_view("a", [3, 8]), make_view("b", [8, 9])])
    assert seen.frames.tolist() == [3, 8, 9]
    assert seen.usable.tolist() == [[True, True, False], [False, True, True]]
    np.testing.assert_array_equal(seen.corners[:, 1, :, 0], 8)
    assert seen.coverage.tolist() == [[2, 1], [1, 2]]


def test_a_lone_marker_needs_its_four_corners():
    assert (fewest_corners(4), fewest_corners(24)) == (4, FEWEST_CORNERS)
    seen = combine([make_view("a", [0, 1], n_corners=4)])
    assert seen.usable.all()
    seen.corners[0, 1, 2] = np.nan
    assert seen.usable.tolist() == [[True, False]]


def test_refusals_are_counted_by_reason():
    reasons = [
        "only 3 corners were seen; 6 are needed",
        "blurred: its edges are twice as soft as in the view's other images",
        "only 5 corners were seen; 6 are needed",
        "2 corners fit no flat board and were left out",
    ]
    refusals = tuple(Refusal(view="a", frame=i, reason=text) for i, text in enumerate(reasons))
    seen = Observations(
        views=("a", "b"),
        sizes=((9, 9), (9, 9)),
        frames=np.arange(4),
        corners=np.full((2, 4, 9, 2), np.nan),
        refusals=refusals,
    )
    assert seen.describe_refusals("a") == (
        "2 with too few corners, 1 blurred, 1 with corners that fit no flat board"
    )
    assert seen.describe_refusals("b") == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"frames": [[0, 1]]}, "whole numbers"),
        ({"frames": [0.5, 1.0]}, "whole numbers"),
        ({"frames": [3, 3]}, "only once"),
        ({"corners": "none"}, "not an array of numbers"),
        ({"misfits": np.zeros((1, 2), dtype=bool)}, "misfits"),
        ({"times": [[0.0]]}, "times"),
        ({"remarks": ("one", "two")}, "remarks"),
        ({"sizes": (640,)}, "size = 640"),
        ({"sizes": ((640, -1),)}, "size = "),
    ],
)
def test_what_does_not_belong_together_is_refused(change, words):
    fields = {
        "views": ("a",),
        "sizes": ((640, 480),),
        "frames": [4, 7],
        "corners": np.zeros((1, 2, 9, 2)),
    }
    assert Observations(**fields).frames.tolist() == [4, 7]
    with pytest.raises(CalibrationError, match=words):
        Observations(**{**fields, **change})
