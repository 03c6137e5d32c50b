"""Which detections had been exchanged left for right: what a viewer marks."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from labcut3d.skeleton import Skeleton

__all__ = ["exchanged_points"]


def exchanged_points(
    trajectories: xr.Dataset,
    detections: xr.Dataset,
    reprojection: npt.NDArray[np.float64],
    skeleton: Skeleton | None,
) -> npt.NDArray[np.bool_]:
    """Return where (time, view, individual, keypoint) a detection shows the other side's keypoint.

    The dataset counts the pairs that were exchanged in a view (`exchanged`); it was those whose
    detections lie nearer to the `reprojection` (time, view, individual, keypoint, 2) px of their
    opposite than to their own.
    """
    found = detections.sel(view=trajectories["view"].values)["position"]
    found = found.transpose("time", "view", "individual", "keypoint", "space").values
    marked = np.zeros(found.shape[:-1], dtype=bool)
    if "exchanged" not in trajectories or skeleton is None:
        return marked
    count = trajectories["exchanged"].transpose("time", "view", "individual").values
    names = [str(name) for name in trajectories["keypoint"].values]
    for left, right in skeleton.left_right:
        if not {left, right} <= set(names):
            continue
        pair = [names.index(left), names.index(right)]
        opposite = pair[::-1]
        straight = _total(found[..., pair, :] - reprojection[..., pair, :])
        crossed = _total(found[..., pair, :] - reprojection[..., opposite, :])
        marked[..., pair] = ((count > 0) & (crossed < straight))[..., None]
    return marked & np.isfinite(found).all(axis=-1)


def _total(difference: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the summed lengths (...) of differences (..., pair, 2), of those that are known."""
    return np.nansum(np.linalg.norm(difference, axis=-1), axis=-1)
