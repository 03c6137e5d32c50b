"""The curve of one click passes through the same point in every other view, also through walls."""

import numpy as np
import pytest
from walled import MEDIA
from walled import make_rig as make_walled_rig

from labcut3d.labelling.curves import curve_in_view
from labcut3d.synthetic_rig import make_rig

NEAR = 0.1  # px; what the eye cannot see


def distance_to(curve, point):
    """Return how far a point lies from a line of straight pieces, px."""
    start, piece = curve[:-1], np.diff(curve, axis=0)
    along = ((point - start) * piece).sum(-1) / (piece**2).sum(-1)
    nearest = start + along.clip(0, 1)[:, None] * piece
    return np.linalg.norm(nearest - point, axis=-1).min()


def points_in_view(rig, points):
    """Return pixels (view, n, 2) and which of the points all cameras see in their images."""
    pixels = rig.project(points)
    sizes = np.array([camera.size for camera in rig])[:, None]
    inside = ((pixels > 0) & (pixels < sizes - 1)).all(axis=-1)
    return pixels, inside


@pytest.mark.parametrize("medium", ["none", *MEDIA])
def test_the_curve_passes_through_the_point(medium):
    rng = np.random.default_rng(1)
    if medium == "none":
        rig = make_rig(4, rng)
        points = np.array([0, 0, 300.0]) + rng.uniform(-40, 40, (6, 3))
    else:
        rig = make_walled_rig(*MEDIA[medium])
        points = rng.uniform(-45, 45, (6, 3))
    pixels, inside = points_in_view(rig, points)
    tried = 0
    for a, left in enumerate(rig.names):
        for b, right in enumerate(rig.names):
            for n in np.flatnonzero(inside[a] & inside[b] & (a != b)):
                curve = curve_in_view(rig, left, right, pixels[a, n])
                assert distance_to(curve, pixels[b, n]) < NEAR
                tried += 1
    assert tried > 30


def test_lenses_bend_it():
    """So that a straight line through its ends would miss what it shows."""
    rng = np.random.default_rng(2)
    rig = make_rig(4, rng)
    corner = rig["cam0"].project(np.array([35.0, -30.0, 290.0]))
    curve = curve_in_view(rig, "cam0", "cam1", corner)
    ends = curve[[0, -1]]
    along = np.diff(ends, axis=0)[0] / np.linalg.norm(np.diff(ends, axis=0))
    offset = curve - ends[0]
    assert np.abs(offset[:, 0] * along[1] - offset[:, 1] * along[0]).max() > 5 * NEAR


def test_where_nothing_is_seen_there_is_no_curve():
    rng = np.random.default_rng(3)
    rig = make_rig(2, rng)
    assert curve_in_view(rig, "cam0", "cam0", [320.0, 240.0]).shape == (0, 2)
    assert curve_in_view(rig, "cam0", "cam1", [np.nan, 240.0]).shape == (0, 2)
    assert curve_in_view(rig, "cam0", "cam1", [-90000.0, 240.0]).shape == (0, 2)
