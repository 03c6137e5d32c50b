"""Where the animal is in consecutive frames: located in few of them, and in between on the way."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["between", "confirmed"]

Array = npt.NDArray[np.float64]

CONFIDENT = 0.5  # of probability around a peak; surer keypoints tell where the animal is


def between(locate: Callable[[Sequence[int]], Array], count: int, near: float) -> Array:
    """Return the middle of the animal (n, 2) px in `count` consecutive frames.

    `locate` finds it in chosen frames by themselves. The first and the last are located, and
    wherever it is more than `near` px from one located frame to the next, the frame half way
    between them, and so on; frames in between are on the straight line. So a resting animal costs
    two looks and a darting one a look a frame, and no frame depends on what was found before.
    """
    centers = np.full((count, 2), np.nan)
    wanted = sorted({0, count - 1})
    while wanted:
        centers[wanted] = locate(wanted)
        known = np.flatnonzero(np.isfinite(centers[:, 0]))
        moved = np.linalg.norm(np.diff(centers[known], axis=0), axis=1)
        gaps = zip(known[:-1], known[1:], moved > near, strict=True)
        wanted = [int(a + b) // 2 for a, b, far in gaps if far and b - a > 1]
    rows = np.arange(count)
    return np.stack([np.interp(rows, known, centers[known, i]) for i in range(2)], axis=1)


def confirmed(position: Array, mass: Array, centers: Array, near: float) -> npt.NDArray[np.bool_]:
    """Tell in which images (n,) the keypoints found lie around the centre of their square.

    `position` (n, k, 2) px, `mass` (n, k) and `centers` (n, 2) px. Not where no keypoint is sure,
    or where the middle of the sure ones is more than `near` px away.
    """
    sure = (mass >= CONFIDENT)[..., None]
    low = np.where(sure, position, np.inf).min(axis=1)
    high = np.where(sure, position, -np.inf).max(axis=1)
    there = np.isfinite(low).all(axis=-1)
    middle = np.where(there[:, None], (np.where(there[:, None], low, 0) + high) / 2, np.inf)
    return np.linalg.norm(middle - centers, axis=-1) <= near
