"""One click in one view: the curve on which the same point lies in another view.

Without distortion it is the epipolar line; lenses and walls bend it.
"""

import numpy as np
from numpy.typing import ArrayLike

from calibration.camera import Camera
from calibration.epipolar import baseline
from calibration.geometry import Array
from calibration.rig import Rig

__all__ = ["curve_in_view"]

NEAREST, FARTHEST = 1e-3, 1e3  # of the distance between the cameras, along the ray
COARSE, FINE = 400, 4000  # points looked at along the ray, first for where it is seen at all
STEP = 5.0  # px between the corners of the curve: an arc of radius 100 px sags by 0.03 px
MARGIN = 20.0  # px beyond the image's edge, so that the curve leaves it there
SAME_RAY = 1e-4  # rad between a point and the ray of its pixel; lens models fold far outside


def curve_in_view(rig: Rig, left: str, right: str, pixel: ArrayLike) -> Array:
    """Return the corners (m, 2) px of the curve that `pixel` (2,) of view `left` makes in `right`.

    From near to far, about 5 px apart; (0, 2) where the right view sees nothing of the ray, or
    both cameras stand in one place.
    """
    apart = baseline(rig, left, right)
    (origin, direction), camera = rig[left].rays(pixel), rig[right]
    if not apart > 0 or not np.isfinite(direction).all():
        return np.empty((0, 2))
    distances = apart * np.geomspace(NEAREST, FARTHEST, COARSE)
    shown = np.flatnonzero(_is_shown(camera, origin + distances[:, None] * direction))
    if not len(shown):
        return np.empty((0, 2))
    first, last = max(shown[0] - 1, 0), min(shown[-1] + 1, COARSE - 1)
    points = origin + np.geomspace(distances[first], distances[last], FINE)[:, None] * direction
    return _thinned(camera.project(points[_is_shown(camera, points)]))


def _is_shown(camera: Camera, points: Array) -> np.ndarray:
    """Tell which points (m, 3) a camera images in or just beside its image."""
    pixels = camera.project(points)
    with np.errstate(invalid="ignore"):
        inside = (pixels > -MARGIN) & (pixels < np.array(camera.size) + MARGIN)
    origins, directions = camera.rays(pixels)
    away = points - origins
    beside = np.linalg.norm(np.cross(directions, away), axis=-1)
    with np.errstate(invalid="ignore"):
        same_ray = beside <= SAME_RAY * np.linalg.norm(away, axis=-1)
    return inside.all(axis=-1) & same_ray


def _thinned(corners: Array) -> Array:
    """Return the corners (m, 2) about `STEP` apart, the first and the last among them."""
    along = np.cumsum(np.linalg.norm(np.diff(corners, axis=0, prepend=corners[:1]), axis=-1))
    passed = np.diff(np.floor(along / STEP), prepend=-1.0) > 0
    passed[-1:] = True
    return corners[passed]
