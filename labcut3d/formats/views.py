"""What other programs' files hold: one view's detections; and how several become one dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

from calibration.geometry import Array
from labcut3d.errors import DatasetError
from labcut3d.schema import make_detections

__all__ = ["ViewDetections", "combine_views"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ViewDetections:
    """The detections in one video.

    `position` (time, keypoint, individual, 2) px, NaN where unseen; `confidence` (time, keypoint,
    individual) between 0 and 1, 0 where unseen; `covariance` (time, keypoint, individual, 2, 2)
    px^2, NaN where unseen, None where the file has none; `path` names the file in messages.
    A file that `may_end_early` stops at the last frame in which something was seen.
    """

    path: Path
    keypoints: tuple[str, ...]
    individuals: tuple[str, ...]
    position: Array
    confidence: Array
    covariance: Array | None = None
    may_end_early: bool = False

    def __post_init__(self) -> None:
        """Bring the confidence into its range; what is seen without one is believed."""
        seen = np.asarray(np.isfinite(self.position).all(axis=-1))
        given = np.where(np.isfinite(self.confidence), self.confidence, 1.0)
        object.__setattr__(self, "position", np.where(seen[..., None], self.position, np.nan))
        object.__setattr__(self, "confidence", np.where(seen, np.clip(given, 0.0, 1.0), 0.0))
        if self.covariance is not None:
            kept = np.where(seen[..., None, None], self.covariance, np.nan)
            object.__setattr__(self, "covariance", kept)

    def with_missing(self, frames: int) -> "ViewDetections":
        """Return these detections followed by so many frames in which nothing was seen."""

        def longer(values: Array, missing: float) -> Array:
            """Return values (time, ...) with `missing` appended."""
            return np.concatenate([values, np.full((frames, *values.shape[1:]), missing)])

        return replace(
            self,
            position=longer(self.position, np.nan),
            confidence=longer(self.confidence, 0.0),
            covariance=None if self.covariance is None else longer(self.covariance, np.nan),
        )


def combine_views(views: Mapping[str, ViewDetections], *, fps: float) -> xr.Dataset:
    """Return the detections of several videos, taken in the same moments, as one dataset.

    Keypoints and individuals may be in another order in another view. A single individual may
    even have another name there; of several, each view may have its own, such as tracks: one that
    a view does not have is missing there. There is a covariance where every file has one. Raises
    `DatasetError` naming the two files that do not fit.
    """
    if not views:
        raise DatasetError("no view given; give each as VIEW=FILE")
    if not 0 < fps < float("inf"):
        raise DatasetError(f"fps = {fps}: must be a positive number of frames per second")
    first_name, first = next(iter(views.items()))
    single = all(len(view.individuals) == 1 for view in views.values())
    every = (first,) if single else views.values()
    individuals = tuple(dict.fromkeys(name for view in every for name in view.individuals))
    for name, view in views.items():
        if len(view.position) != len(first.position):
            raise DatasetError(
                f"unequal frame counts: {first.path} ({first_name}) has {len(first.position)} "
                f"frames, {view.path} ({name}) has {len(view.position)}; cut the videos to the "
                "same moments first"
            )

    def joined(parts: Sequence[Array], missing: float) -> Array:
        """Stack what the views tell (time, keypoint, individual, ...) along axis 1."""
        shape = (*parts[0].shape[:2], len(individuals), *parts[0].shape[3:])
        stacked = np.full((len(parts), *shape), missing)
        for whole, view, part in zip(stacked, views.values(), parts, strict=True):
            place = [0] if single else [individuals.index(name) for name in view.individuals]
            whole[:, :, place] = part[:, _order(first, view)]
        return np.moveaxis(stacked, 0, 1)

    doubts = [view.covariance for view in views.values() if view.covariance is not None]
    position = joined([view.position for view in views.values()], np.nan)
    return make_detections(
        position=np.moveaxis(position, -1, 2),
        confidence=joined([view.confidence for view in views.values()], 0.0),
        covariance=joined(doubts, np.nan) if len(doubts) == len(views) else None,
        views=list(views),
        keypoints=first.keypoints,
        individuals=individuals,
        fps=fps,
        attrs={f"source_file_{name}": view.path.name for name, view in views.items()},
    )


def _order(first: ViewDetections, view: ViewDetections) -> list[int]:
    """Return the indices that bring the keypoints of `view` into first's order."""
    if set(first.keypoints) != set(view.keypoints):
        raise DatasetError(
            f"different keypoints: {first.path} has {', '.join(first.keypoints)}; "
            f"{view.path} has {', '.join(view.keypoints)}; give them the same names in every view"
        )
    return [view.keypoints.index(name) for name in first.keypoints]
