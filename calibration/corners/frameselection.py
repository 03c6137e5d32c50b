"""Images that would add nothing: blurred ones, and those in which nothing has moved.

Blur is measured by how soft the edges at the corners are, against the view's other images: a lens
out of focus softens all of them alike, a board moved too fast only some. A frame is near-identical
to an earlier one if in no view the corners have moved by more than their own noise; it is left out
of all views together, since its views belong together.
"""

import numpy as np

from calibration.geometry import Array, any_seen

__all__ = ["BLURRED", "NEAR_IDENTICAL", "find_blurred", "find_repeats"]

BLURRED = "blurred: its edges are twice as soft as in the view's other images"
NEAR_IDENTICAL = "near-identical: since an earlier frame no corner has moved in any view"

SOFTER = 2.0  # times as soft as the median image of the view
LEAST_BLUR = 1.0  # px; softer than that an edge costs accuracy
FEWEST_IMAGES = 5  # of a view, before any of them is called blurred
STILL = 10.0  # deviations that grey noise gives a corner; compression and flicker make up to three
FEWEST_COMMON = 4  # corners seen in both frames


def find_blurred(blur: Array) -> np.ndarray:
    """Return which images (frame,) of one view are blurred, from the blur of their edges, px.

    NaN stands for images without corners, which are not called blurred.
    """
    known = np.isfinite(blur)
    if known.sum() < FEWEST_IMAGES:
        return np.zeros(len(blur), dtype=bool)
    limit = max(SOFTER * float(np.median(blur[known])), LEAST_BLUR)
    return np.asarray(np.where(known, blur, 0.0) > limit)


def find_repeats(corners: Array, noise: Array) -> np.ndarray:
    """Return which frames (frame,) show what an earlier frame has shown to the same views.

    `corners` (view, frame, corner, 2) px, NaN where not seen; `noise` (view,) px, a corner's
    standard deviation. Frames are compared with the last one that is kept, so that a board that
    creeps is seen again once it has moved.
    """
    repeats = np.zeros(corners.shape[1], dtype=bool)
    limit = STILL * noise
    filled = any_seen(corners)
    still = _are_still(corners[:, :-1], corners[:, 1:], limit)
    kept = 0
    for frame in range(1, corners.shape[1]):
        # What moved since the frame before may yet stand where the kept one did: a chance not
        # worth a comparison.
        if filled[:, frame].any() and still[frame - 1]:
            pair = corners[:, [kept]], corners[:, [frame]]
            repeats[frame] = kept == frame - 1 or bool(_are_still(*pair, limit)[0])
        if not repeats[frame]:
            kept = frame
    return repeats


def _are_still(before: Array, after: Array, limit: Array) -> np.ndarray:
    """Return in which frames (frame,) no view that sees the board sees it moved by `limit` px."""
    moved = np.linalg.norm(after - before, axis=-1)
    common = np.isfinite(moved).sum(axis=-1)
    blind = ~any_seen(after)
    middle = np.sort(moved, axis=-1)  # NaN last
    index = np.maximum(common - 1, 0)[..., None] // 2
    median = np.take_along_axis(middle, index, axis=-1)[..., 0]
    with np.errstate(invalid="ignore"):
        still = (common >= FEWEST_COMMON) & (median < limit[:, None])
    return np.asarray(np.all(blind | still, axis=0) & ~np.all(blind, axis=0))
