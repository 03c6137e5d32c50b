"""What other programs' 3-D files hold, and how it becomes a trajectories dataset."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from calibration.geometry import Array
from calibration.units import check_unit
from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.schema import make_detections, make_trajectories

__all__ = ["UNTOLD_VIEW", "Points3d", "diagonal"]

UNTOLD_VIEW = "untold"  # the one view of points whose file names none
LARGEST_FRAME = 10**9  # as in labels/NAME.csv
MOST_VIEWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points3d:
    """The 3-D points in one file; what it does not tell is NaN, and `view_count` None.

    `position` (time, keypoint, individual, 3), NaN where missing; `covariance` (time, keypoint,
    individual, 3, 3) in its square; `error` (time, keypoint, individual), reprojection error px;
    `confidence` alike, 0 to 1; `view_count` alike, how many views each point is made of, 0 where
    missing. `frame` (time,) are the frames' numbers, `time` (time,) seconds. `fps` and `unit` are
    None where the file does not tell them; `path` names it in messages.
    """

    path: Path
    program: str
    keypoints: tuple[str, ...]
    individuals: tuple[str, ...]
    position: Array
    covariance: Array | None = None
    position_raw: Array | None = None
    error: Array | None = None
    confidence: Array | None = None
    view_count: Array | None = None
    frame: Array | None = None
    time: Array | None = None
    fps: float | None = None
    unit: str | None = None

    def __post_init__(self) -> None:
        """Refuse repeated names; a point is there with all coordinates or not at all."""
        for what, names in (("keypoint", self.keypoints), ("individual", self.individuals)):
            repeated = {name for name in names if names.count(name) > 1}
            if repeated:
                raise FileFormatError(f"{self.path}: {what} '{min(repeated)}' stands twice")
        if not self.position.size:
            raise FileFormatError(f"{self.path}: holds no points")
        for what, given, most in (
            ("frame numbers", self.frame, LARGEST_FRAME),
            ("numbers of views", self.view_count, MOST_VIEWS),
        ):
            numbers = np.zeros(1) if given is None else given
            if not np.all((numbers >= 0) & (numbers <= most) & (numbers % 1 == 0)):
                raise FileFormatError(f"{self.path}: {what} must be whole, from 0 to {most}")
        seen = np.isfinite(self.position).all(axis=-1, keepdims=True)
        object.__setattr__(self, "position", np.where(seen, self.position, np.nan))

    def to_trajectories(self, *, fps: float | None = None, unit: str | None = None) -> xr.Dataset:
        """Return the points as a trajectories dataset.

        `fps` and `unit` are for files that do not tell theirs. The file names no views, so there
        is one, called "untold", which no point counts as used: `view_count` tells how many were,
        where the file does. Raises `DatasetError` where `fps` or `unit` is missing or contradicts
        the file.
        """
        rate = _agree(self.path, "fps", self.fps, fps, "--fps 30")
        unit = check_unit(
            _agree(self.path, "unit", self.unit, unit, "--unit mm"), str(self.path), DatasetError
        )
        if not 0 < rate < float("inf"):
            raise DatasetError(f"{self.path}: fps = {rate}: must be a positive number")
        shape = self.position.shape[:-1]
        position = np.moveaxis(self.position, -1, 1)
        raw = self.position_raw
        return make_trajectories(
            position=position,
            position_raw=np.full_like(position, np.nan) if raw is None else np.moveaxis(raw, -1, 1),
            covariance=_or_missing(self.covariance, (*shape, 3, 3)),
            reprojection_error=_or_missing(self.error, shape),
            confidence=_clipped(_or_missing(self.confidence, shape)),
            view_used=np.zeros((shape[0], 1, *shape[1:]), dtype=bool),
            like=self._clocks(rate),
            unit=unit,
            optional={} if self.view_count is None else {"view_count": self.view_count},
            attrs={"source_software": self.program, "source_file": self.path.name},
        )

    def _clocks(self, fps: float) -> xr.Dataset:
        """Return detections of nothing, which lend their clocks and labels."""
        times, keypoints, individuals = self.position.shape[:-1]
        frame = np.arange(float(times)) if self.frame is None else self.frame
        return make_detections(
            position=np.full((times, 1, 2, keypoints, individuals), np.nan, np.float32),
            confidence=np.zeros((times, 1, keypoints, individuals), np.float32),
            views=[UNTOLD_VIEW],
            keypoints=self.keypoints,
            individuals=self.individuals,
            fps=fps,
            frame=frame.reshape(-1, 1),
            view_time=None if self.time is None else self.time[:, None],
        )


def diagonal(variances: Array) -> Array:
    """Return variances (..., n) as covariances (..., n, n), NaN where one is missing."""
    known = np.asarray(np.isfinite(variances).all(axis=-1))[..., None, None]
    return np.where(known, variances[..., None] * np.eye(variances.shape[-1]), np.nan)


def _agree(path: Path, what: str, told: Any, given: Any, option: str) -> Any:
    """Return what the file tells or the caller gives; they must not contradict each other."""
    if told is None and given is None:
        raise DatasetError(f"{path}: does not tell its {what}: give it (in the terminal {option})")
    if told is not None and given is not None and told != given:
        raise DatasetError(f"{path}: has {what} = {told}, but {given} was given; leave it out")
    return given if told is None else told


def _or_missing(values: Array | None, shape: tuple[int, ...]) -> Array:
    """Return values, or NaN where the file has none."""
    return np.full(shape, np.nan) if values is None else values


def _clipped(confidence: Array) -> Array:
    """Return confidences between 0 and 1; NaN stays."""
    return np.clip(confidence, 0.0, 1.0)
