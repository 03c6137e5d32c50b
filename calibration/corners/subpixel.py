"""Moving corners to where the edges of the squares cross, to a few hundredths of a pixel.

First the gradients in a small patch bring a corner to within a fraction of a pixel
(`cv2.cornerSubPix`), then two soft edges are fitted to the picture along the squares' sides
(`calibration.corners.cornerfit`).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from calibration.corners.cornerfit import fit_corners
from calibration.geometry import Array

__all__ = ["Refined", "refine"]

SMALLEST_WINDOW, LARGEST_WINDOW = 2, 11  # px, half the width of the patch
FARTHEST = 0.06  # of a square's size: a corner that moves more has slid to something else
SLACK, SLACK_OF_END = 1.5, 2.5  # px that a corner may move, however small the square
SMALLEST_SQUARE = 6.0  # px; the edges of smaller ones run into each other
ARM = 0.5  # squares along each line: half way to the next crossing
CLEAR_OF_NEXT = 0.85  # of the way to the next edge is looked at
LARGEST_MISFIT = 0.5  # residual over contrast; beyond it the picture is of something else
LEAST_SHARE = 0.7  # of the pixels along the lines must lie in the image
BLUR = 0.907  # the standard deviation of the derivative of tanh
STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 20, 0.02)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refined:
    """Refined `corners` (corner, 2) px, NaN where the image does not allow it.

    `deviations` (corner,) px are what the noise of the grey values makes of them, standard
    deviations; `blur` (corner,) px how soft the edges are, the standard deviation of a Gaussian.
    """

    corners: Array
    deviations: Array
    blur: Array

    @classmethod
    def join(cls, *parts: "Refined") -> "Refined":
        """Return the corners of several parts one after another."""
        return cls(
            corners=np.concatenate([part.corners for part in parts]),
            deviations=np.concatenate([part.deviations for part in parts]),
            blur=np.concatenate([part.blur for part in parts]),
        )


def refine(
    gray: np.ndarray, corners: Array, axes: Array, clear: float, *, ends: bool = False
) -> Refined:
    """Return corners (corner, 2) px moved to where the edges cross.

    `axes` (corner, 2, 2) px: the columns are the images of a square's two sides, there. `clear`,
    in squares, is how far from a line nothing but the two squares lies; too large a patch reaches
    the next edges and is pulled by them. `ends` tells that the edges end at the corner, as those
    of a marker, whose sides are the axes; else they cross.
    """
    values = np.full((len(corners), 4), np.nan)
    side = np.linalg.norm(axes, axis=1).min(axis=-1)
    usable = np.isfinite(corners).all(axis=-1) & np.isfinite(axes).all(axis=(1, 2))
    with np.errstate(invalid="ignore"):
        usable &= (side > SMALLEST_SQUARE) & (np.abs(np.linalg.det(axes)) > side)
    start = corners
    if not ends:  # a marker's corners come from its sides already; its paper's would attract them
        start = _approach(gray, corners, np.where(usable, clear * side, np.nan))
        usable &= np.isfinite(start[:, 0])
    if usable.any():
        fits = fit_corners(gray, start[usable], axes[usable], CLEAR_OF_NEXT * clear, ARM, ends)
        moved = np.linalg.norm(fits[:, :2] - corners[usable], axis=-1)
        with np.errstate(invalid="ignore"):
            good = moved < np.maximum(FARTHEST * side[usable], SLACK_OF_END if ends else SLACK)
            good &= (fits[:, 4] < LARGEST_MISFIT) & (fits[:, 5] > LEAST_SHARE)
        values[usable] = np.where(good[:, None], fits[:, :4], np.nan)
    return Refined(corners=values[:, :2], deviations=values[:, 3], blur=BLUR * values[:, 2])


def _approach(gray: np.ndarray, corners: Array, window: Array) -> Array:
    """Return corners moved to where the gradients in a patch meet, NaN where it leaves the image.

    `window` (corner,) px is half the patch's width. A corner whose search has left its patch
    stays where it was.
    """
    result = np.full(corners.shape, np.nan)
    height, width = gray.shape
    half = np.clip(np.round(window), SMALLEST_WINDOW, LARGEST_WINDOW)
    reach = half[:, None] + 1
    with np.errstate(invalid="ignore"):
        inside = ((corners >= reach) & (corners < np.array([width, height]) - reach)).all(axis=-1)
    for size in np.unique(half[inside]).astype(int).tolist():
        chosen = np.flatnonzero(inside & (half == size))
        start = corners[chosen].astype(np.float32).reshape(-1, 1, 2)
        found = cv2.cornerSubPix(gray, start, (size, size), (-1, -1), STOP)
        result[chosen] = found.reshape(-1, 2)
    return result
