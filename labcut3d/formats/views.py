"""What other programs' files hold: one view's detections; and how several become one dataset."""

from collections.abc import Mapping
from dataclasses import dataclass
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
    individual) between 0 and 1, 0 where unseen; `path` names the file in messages.
    """

    path: Path
    keypoints: tuple[str, ...]
    individuals: tuple[str, ...]
    position: Array
    confidence: Array

    def __post_init__(self) -> None:
        """Bring the confidence into its range; what is seen without one is believed."""
        seen = np.asarray(np.isfinite(self.position).all(axis=-1))
        given = np.where(np.isfinite(self.confidence), self.confidence, 1.0)
        object.__setattr__(self, "position", np.where(seen[..., None], self.position, np.nan))
        object.__setattr__(self, "confidence", np.where(seen, np.clip(given, 0.0, 1.0), 0.0))


def combine_views(views: Mapping[str, ViewDetections], *, fps: float) -> xr.Dataset:
    """Return the detections of several videos, taken in the same moments, as one dataset.

    Keypoints and individuals may be in another order in another view. A single individual may
    even have another name there. Raises `DatasetError` naming the two files that do not fit.
    """
    if not views:
        raise DatasetError("no view given; give each as VIEW=FILE")
    if not 0 < fps < float("inf"):
        raise DatasetError(f"fps = {fps}: must be a positive number of frames per second")
    first_name, first = next(iter(views.items()))
    positions, confidences = [], []
    for name, view in views.items():
        if len(view.position) != len(first.position):
            raise DatasetError(
                f"unequal frame counts: {first.path} ({first_name}) has {len(first.position)} "
                f"frames, {view.path} ({name}) has {len(view.position)}; cut the videos to the "
                "same moments first"
            )
        keypoints = _order(first, view, "keypoints")
        individuals = _order(first, view, "individuals")
        positions.append(view.position[:, keypoints][:, :, individuals])
        confidences.append(view.confidence[:, keypoints][:, :, individuals])
    return make_detections(
        position=np.moveaxis(np.stack(positions, axis=1), -1, 2),
        confidence=np.stack(confidences, axis=1),
        views=list(views),
        keypoints=first.keypoints,
        individuals=first.individuals,
        fps=fps,
        attrs={f"source_file_{name}": view.path.name for name, view in views.items()},
    )


def _order(first: ViewDetections, view: ViewDetections, what: str) -> list[int]:
    """Return the indices that bring the keypoints or individuals of `view` into first's order."""
    wanted, found = getattr(first, what), getattr(view, what)
    if what == "individuals" and len(wanted) == len(found) == 1:
        return [0]
    if set(wanted) != set(found):
        raise DatasetError(
            f"different {what}: {first.path} has {', '.join(wanted)}; "
            f"{view.path} has {', '.join(found)}; give them the same names in every view"
        )
    return [found.index(name) for name in wanted]
