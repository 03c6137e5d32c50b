"""Corners that cannot lie on one flat board, found without knowing the lens.

The lens is stood in for by the division model with its centre in the middle of the image,
`undistorted = distorted / (1 + strength r^2)` (Fitzgibbon 2001): after it, a flat board differs
from its image by a homography. The strength is searched in the first images and then followed.
"""

import cv2
import numpy as np

from calibration.geometry import Array

__all__ = ["MisfitFinder"]

STRENGTHS = np.arange(-0.7, 0.21, 0.05)  # at a radius of half the image's diagonal
LARGEST_MISFIT = 6.0  # medians of the other corners' errors: 5 standard deviations
SMALLEST_MISFIT = 1.0  # px; below it corners are left to the bundle adjustment
ISOLATED = 0.05  # of the corners: misfits so few do not tell that the strength is wrong
FEWEST = 12  # corners; with fewer a homography explains too much


class MisfitFinder:
    """Finds the corners that fit no flat board, in image after image of one view.

    A board of several faces needs one finder for each.
    """

    def __init__(self, board_points: Array) -> None:
        """Take the board's corners (corner, 3), or (corner, 2) of a plane."""
        flat = np.pad(board_points, ((0, 0), (0, 3 - board_points.shape[1])))
        centered = flat - flat.mean(axis=0)
        self._plane = centered @ np.linalg.svd(centered, full_matrices=False)[2][:2].T
        self._best: int | None = None

    def find(self, pixels: Array, size: tuple[int, int]) -> np.ndarray:
        """Return which corners (corner,) of `pixels` (corner, 2), NaN where not seen, misfit."""
        misfits = np.zeros(len(pixels), dtype=bool)
        seen = np.flatnonzero(np.isfinite(pixels[:, 0]))
        if len(seen) < FEWEST:
            return misfits
        if self._best is not None:  # mostly the strength that was best before is still right
            errors = _errors(self._plane[seen], pixels[seen], size, STRENGTHS[self._best])
            wrong = _too_far(errors)
            if wrong.sum() <= ISOLATED * len(seen):
                misfits[seen] = wrong
                return misfits
        if self._best is None:
            self._best, _ = self._search(range(0, len(STRENGTHS), 3), seen, pixels, size)
        near = range(max(self._best - 2, 0), min(self._best + 3, len(STRENGTHS)))
        self._best, errors = self._search(near, seen, pixels, size)
        misfits[seen] = _too_far(errors)
        return misfits

    def _search(
        self, tries: range, seen: np.ndarray, pixels: Array, size: tuple[int, int]
    ) -> tuple[int, Array]:
        """Return the best strength of some, as an index, and the errors of corners with it."""
        tried = {i: _errors(self._plane[seen], pixels[seen], size, STRENGTHS[i]) for i in tries}
        best = min(tried, key=lambda i: np.median(tried[i]))
        return best, tried[best]


def _too_far(errors: Array) -> np.ndarray:
    """Return which errors (corner,) px are far beyond those of most corners."""
    return errors > max(SMALLEST_MISFIT, LARGEST_MISFIT * float(np.median(errors)))


def _errors(plane: Array, pixels: Array, size: tuple[int, int], strength: float) -> Array:
    """Return how far corners (corner,) px lie from the homography most of them agree on."""
    center = (np.array(size) - 1) / 2
    radius = np.hypot(*center)
    offset = (pixels - center) / radius
    straight = offset / (1 + strength * (offset**2).sum(axis=-1, keepdims=True)) * radius
    homography, _ = cv2.findHomography(plane, straight, cv2.LMEDS)
    if homography is None:
        return np.full(len(plane), np.inf)
    fitted = cv2.perspectiveTransform(plane[None], homography)[0]
    return np.linalg.norm(fitted - straight, axis=-1)
