"""Moving corners to where the edges of the squares cross, to a fraction of a pixel."""

import cv2
import numpy as np

from calibration.geometry import Array

__all__ = ["refine"]

SMALLEST_WINDOW, LARGEST_WINDOW = 2, 11  # px, half the width
FARTHEST = 0.06  # of a square's size: a corner that moves more has slid to something else
STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 40, 0.002)


def refine(gray: np.ndarray, corners: Array, side: Array, window: Array) -> Array:
    """Return corners (corner, 2) px refined where the image allows, NaN elsewhere.

    `side` (corner,) is the size of a square in the image, px; `window` (corner,) half the width
    of the patch looked at. Too large a patch reaches the next edges and is pulled by them.
    """
    result = np.full(corners.shape, np.nan)
    height, width = gray.shape
    with np.errstate(invalid="ignore"):
        half = np.clip(np.round(window), SMALLEST_WINDOW, LARGEST_WINDOW)
        reach = half[:, None] + 1
        inside = ((corners >= reach) & (corners < np.array([width, height]) - reach)).all(axis=-1)
    for size in np.unique(half[inside]).astype(int).tolist():
        chosen = np.flatnonzero(inside & (half == size))
        start = np.ascontiguousarray(corners[chosen], dtype=np.float32)[:, None]
        found = cv2.cornerSubPix(gray, start.copy(), (size, size), (-1, -1), STOP)
        found = found.reshape(-1, 2).astype(float)
        moved = np.linalg.norm(found - corners[chosen], axis=-1)
        # OpenCV gives a corner back untouched where the search has left its patch.
        good = (moved > 0) & (moved < np.maximum(FARTHEST * side[chosen], 1.5))
        result[chosen[good]] = found[good]
    return result
