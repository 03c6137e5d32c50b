"""A recording's results by part, that is, by keypoint and individual, to be looked through."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from labcut3d.errors import DatasetError

__all__ = ["Parts", "best_view", "by_part", "parts_of", "require_same"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """A recording by part, that is, a keypoint of an individual.

    `pixels` (time, view, part, 2) px, `confidence` (time, view, part), NaN = not detected.
    """

    recording: str
    names: tuple[str, ...]
    views: tuple[str, ...]
    pixels: Array
    confidence: Array


def parts_of(recording: str, detections: xr.Dataset) -> Parts:
    """Return the detections by part; a position without a confidence counts in full."""
    individuals = [str(name) for name in detections["individual"].values]
    names = [
        str(keypoint) if len(individuals) == 1 else f"{individual} {keypoint}"
        for keypoint in detections["keypoint"].values
        for individual in individuals
    ]
    pixels = by_part(detections["position"], "space")
    confidence = by_part(detections["confidence"])
    there = np.isfinite(pixels).all(axis=-1)
    return Parts(
        recording=recording,
        names=tuple(names),
        views=tuple(str(view) for view in detections["view"].values),
        pixels=pixels,
        confidence=np.where(there, np.where(np.isnan(confidence), 1.0, confidence), np.nan),
    )


def by_part(array: xr.DataArray, *last: str) -> Array:
    """Return an array as (time, [view,] part, *last)."""
    first = [name for name in ("time", "view") if name in array.dims]
    ordered = array.transpose(*first, "keypoint", "individual", *last).values.astype(np.float64)
    n = len(first)
    return ordered.reshape(*ordered.shape[:n], -1, *ordered.shape[n + 2 :])


def best_view(parts: Parts) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the highest confidence of each part (time, part), 0 for none, and the view's index."""
    confidence = np.nan_to_num(parts.confidence)
    return confidence.max(axis=1), confidence.argmax(axis=1)


def require_same(recording: str, detections: xr.Dataset, trajectories: xr.Dataset) -> None:
    """Refuse trajectories that were made from other detections."""
    for name in ("time", "keypoint", "individual"):
        if not np.array_equal(detections[name].values, trajectories[name].values):
            raise DatasetError(
                f"recording '{recording}': detections and trajectories differ in '{name}' "
                f"({detections.sizes[name]} and {trajectories.sizes[name]}); "
                "run labcut3d triangulate again"
            )
