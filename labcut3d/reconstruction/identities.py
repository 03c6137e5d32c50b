"""Who is who: which of a view's detected animals each individual is, in every moment."""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from labcut3d.errors import DatasetError

__all__ = [
    "Identities",
    "in_order_of",
    "reordered",
    "switches_of",
]

FEW_LABELS = 8  # that an error lists


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Identities:
    """Which of a view's detected individuals each individual is.

    `detected_as` (time, view, individual): its place among the individuals of the detections, -1
    where it is not detected. `doubtful` (time, individual): where an animal may go on as another.
    `unmatched` (time,) counts the animals, in single views, that were no individual's and were left
    out. `matched` tells whether anything was: otherwise individuals are as they were detected.
    """

    detected_as: np.ndarray
    doubtful: np.ndarray
    unmatched: np.ndarray
    matched: bool

    def within(self, moments: slice) -> "Identities":
        """Return the identities in some moments."""
        return replace(
            self,
            detected_as=self.detected_as[moments],
            doubtful=self.doubtful[moments],
            unmatched=self.unmatched[moments],
        )

    def variables(self, moments: slice) -> dict[str, np.ndarray]:
        """Return the variables of trajectories that tell of them; none of a single individual."""
        if self.detected_as.shape[2] < 2:
            return {}
        return {
            "detected_as": self.detected_as[moments],
            "identity_doubtful": self.doubtful[moments],
        }

    @property
    def attributes(self) -> dict[str, float]:
        """The attributes of trajectories that count them; none where nothing was matched."""
        if self.detected_as.shape[2] < 2:
            return {}
        return {
            "refinement_identity_switches": float(switches_of(self.detected_as).sum()),
            "refinement_unmatched_animals": float(self.unmatched.sum()),
            "refinement_doubtful_identities": float(self.doubtful.any(axis=1).sum()),
        }


def switches_of(detected_as: np.ndarray) -> np.ndarray:
    """Return how many individuals (time, view) stand elsewhere in a list than when last seen."""
    count = np.zeros(detected_as.shape[:2], dtype=int)
    for view, individual in np.ndindex(*detected_as.shape[1:]):
        place = detected_as[:, view, individual]
        seen = np.flatnonzero(place >= 0)
        count[seen[1:], view] += place[seen[1:]] != place[seen[:-1]]
    return count


def in_order_of(detections: xr.Dataset, trajectories: xr.Dataset) -> xr.Dataset:
    """Return detections with their individuals as those of the trajectories made of them.

    Raises `DatasetError` where moments, views or individuals are not those of the trajectories,
    which were then made of other detections.
    """
    if "detected_as" not in trajectories:
        return detections
    for name in ("time", "view", "individual"):
        ours, theirs = trajectories[name].values, detections[name].values
        if not np.array_equal(ours, theirs):
            raise DatasetError(
                f"trajectories and detections differ in '{name}': {_in_words(ours)} against "
                f"{_in_words(theirs)}; triangulate these detections again"
            )
    order = ("time", "view", "individual")
    return reordered(detections, trajectories["detected_as"].transpose(*order).values)


def _in_words(labels: np.ndarray) -> str:
    """Return a coordinate's labels as an error names them: all of a few, the ends of many."""
    words = [f"{label:.6g}" if isinstance(label, float) else str(label) for label in labels]
    if len(words) > FEW_LABELS:
        return f"{words[0]} to {words[-1]} ({len(words)} of them)"
    return ", ".join(words)


def reordered(detections: xr.Dataset, detected_as: np.ndarray) -> xr.Dataset:
    """Return the detections of the individuals that `detected_as` (time, view, individual) names.

    Those that it does not name are missing.
    """
    index = xr.DataArray(np.maximum(detected_as, 0), dims=("time", "view", "individual"))
    there = xr.DataArray(detected_as >= 0, dims=("time", "view", "individual"))
    changed: dict[str, xr.DataArray] = {}
    for name, empty in (("position", np.nan), ("confidence", 0.0), ("covariance", np.nan)):
        if name in detections:
            variable = detections[name]
            axis = variable.get_axis_num("individual")
            shape = [variable.sizes[d] if d in index.dims else 1 for d in variable.dims]
            order = [d for d in variable.dims if d in index.dims]
            where = index.transpose(*order).values.reshape(shape)
            values = np.take_along_axis(variable.values, where, axis=axis)
            values = np.where(there.transpose(*order).values.reshape(shape), values, empty)
            changed[name] = variable.copy(data=values.astype(variable.dtype))
    return detections.assign(changed)
