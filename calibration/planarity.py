"""Corners that cannot lie on one flat board, found without knowing the lens.

The lens is stood in for by the division model with its centre in the middle of the image,
`undistorted = distorted / (1 + strength r^2)` (Fitzgibbon 2001): after it, a flat board differs
from its image by a homography. A few strengths are tried and the best kept.
"""

import cv2
import numpy as np

from calibration.geometry import Array

__all__ = ["find_misfits"]

STRENGTHS = (0.0, -0.05, -0.1, -0.2, -0.3, 0.1)  # at a radius of half the image's diagonal
LARGEST_MISFIT = 0.12  # of a square's size in the image
SMALLEST_MISFIT = 3.0  # px; below it corners are left to the bundle adjustment
FEWEST = 8  # corners; with fewer a homography explains anything


def find_misfits(board_points: Array, pixels: Array, size: tuple[int, int]) -> np.ndarray:
    """Return which corners (corner,) fit no flat board.

    `board_points` (corner, 2) in the board's plane; `pixels` (corner, 2), NaN where not seen.
    """
    misfits = np.zeros(len(pixels), dtype=bool)
    seen = np.flatnonzero(np.isfinite(pixels[:, 0]))
    if len(seen) < FEWEST:
        return misfits
    plane, target = board_points[seen], pixels[seen]
    limit = max(SMALLEST_MISFIT, LARGEST_MISFIT * _square_size(plane, target))
    center = (np.array(size) - 1) / 2
    radius = np.hypot(*center)
    best, best_score = misfits[seen], np.inf
    for strength in STRENGTHS:
        offset = (target - center) / radius
        bent = 1 + strength * (offset**2).sum(axis=-1, keepdims=True)
        straight = offset / bent * radius
        homography, _ = cv2.findHomography(plane, straight, cv2.RANSAC, limit)
        if homography is None:
            continue
        fitted = cv2.perspectiveTransform(plane[None], homography)[0]
        errors = np.linalg.norm((fitted - straight) * bent, axis=-1)
        score = np.minimum(errors, limit).sum()
        if score < best_score:
            best, best_score = errors > limit, score
        if score < 0.1 * limit * len(seen):
            break
    misfits[seen] = best
    return misfits


def _square_size(plane: Array, pixels: Array) -> float:
    """Return the size of the board's smallest step in the image, px, from its whole extent."""
    step = np.abs(np.diff(plane[:, 0]))
    step = step[step > 0].min() if (step > 0).any() else np.ptp(plane[:, 1])
    return float(
        step * np.sqrt(np.ptp(pixels, axis=0).prod() / max(np.ptp(plane, axis=0).prod(), step**2))
    )
