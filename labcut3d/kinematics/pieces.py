"""The kinematics of a recording piece by piece, so that long ones take no more memory.

What looks at neighbouring moments is told in windows that overlap, ways go on from piece to piece,
and spectra are those of stretches spread over the recording.
"""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import xarray as xr

from labcut3d.errors import DatasetError
from labcut3d.kinematics.collection import COVARIANCES, Collection
from labcut3d.kinematics.dataset import (
    REPEATING,
    SOURCES,
    add_spectra,
    collect,
    compute_kinematics,
    described_kinematics,
)
from labcut3d.kinematics.frequency import require_even_times, stretch_length
from labcut3d.kinematics.motion import WINDOW_S
from labcut3d.kinematics.paths import Paths
from labcut3d.kinematics.surfaces import Surroundings
from labcut3d.progress import Progress
from labcut3d.skeleton import Skeleton
from labcut3d.windows import Window, divided

__all__ = ["kinematics_pieces"]

SIZE = 16_384  # moments of a window
SPECTRAL_S = 3600.0  # s of a recording, spread evenly over it, that spectra are made of
POINTS = ("keypoint", "individual")


def kinematics_pieces(
    trajectories: xr.Dataset,
    skeleton: Skeleton,
    *,
    surroundings: Surroundings | None = None,
    progress: Progress | None = None,
    size: int = SIZE,
) -> Iterator[xr.Dataset]:
    """Yield what `compute_kinematics` returns, piece by piece in time.

    `trajectories` may be open on disk. Of recordings longer than `SPECTRAL_S`, spectra are those of
    stretches of so many seconds in all; those of a piece are not to be used before the last's.
    """
    given = trajectories[[name for name in SOURCES if name in trajectories]]
    moments, rate = given.sizes["time"], _rate(given)
    if moments <= size:
        yield compute_kinematics(_single(given.load()), skeleton, surroundings=surroundings)
        return
    paths = Paths(given.sizes["keypoint"] * given.sizes["individual"])
    spectra = _Spectra(given["time"])
    margin = max(math.ceil(2 * WINDOW_S * rate), 16)
    windows = divided(moments, max(size, spectra.length), margin)
    for index, window in enumerate(windows, start=1):
        part = _single(given.isel(time=window.around).load())
        found = collect(part, skeleton, surroundings, WINDOW_S)
        kept = _within(found, part, window)
        _add_paths(kept, paths)
        spectra.gather(kept, window)
        notes = spectra.add_to(kept, complete=index == len(windows))
        yield described_kinematics(kept, part).assign_attrs(notes)
        if progress is not None:
            progress(index, len(windows))


def _single(trajectories: xr.Dataset) -> xr.Dataset:
    """Return trajectories with their covariances in single precision, which is enough for them."""
    return trajectories.assign(
        {
            name: trajectories[name].astype(np.float32)
            for name in COVARIANCES
            if name in trajectories
        }
    )


def _rate(trajectories: xr.Dataset) -> float:
    """Return the frames per second, by which windows overlap."""
    steps = np.diff(trajectories["time"].values[:SIZE])
    return 1 / float(np.median(steps)) if len(steps) else 1.0


def _within(found: Collection, part: xr.Dataset, window: Window) -> Collection:
    """Return what was computed of a window's own moments."""
    inside = part.isel(time=window.inside)
    kept = Collection(found.points[0].isel(time=window.inside), inside)
    for name, variable in found.variables.items():
        kept.variables[name] = variable.isel(time=window.inside)
    return kept


def _add_paths(found: Collection, paths: Paths) -> None:
    """Add the ways of all points, which go on from the piece before."""
    position, *covariances = found.points
    series = position.transpose(*POINTS, "time", "space")
    sizes = [series.sizes[name] for name in (*POINTS, "time")]
    noise = None
    if covariances:
        matrices = [c.transpose(*POINTS, "time", "space", "space_") for c in covariances]
        total = matrices[0].values.astype(float)
        for part in matrices[1:]:
            total = total - part.values
        noise = total.reshape(-1, *total.shape[2:])
    told = paths.go_on(series.values.astype(float).reshape(-1, *series.shape[2:]), noise)
    like = series.isel(space=0, drop=True)
    for name, values in zip(("path_length", "path_length_variance"), told, strict=True):
        if values is not None:
            found.keep(name, like.copy(data=values.reshape(sizes)))


class _Spectra:
    """The stretches of a recording that its spectra are made of, gathered piece by piece."""

    def __init__(self, time: xr.DataArray) -> None:
        self._time, self._reason = time, ""
        self._gathered: dict[str, list[xr.DataArray]] = {}
        self.length = 1
        try:
            require_even_times(time)
        except DatasetError as error:
            self._reason = str(error)
            return
        self.length = stretch_length(time)
        whole = float(time[-1] - time[0])
        every = max(1, math.ceil(whole / SPECTRAL_S))
        stretch = np.arange(len(time)) // self.length
        self._chosen: npt.NDArray[np.bool_] = stretch % every == 0

    def gather(self, found: Collection, window: Window) -> None:
        """Keep what has a spectrum, and its variance, in the stretches of a piece."""
        if self._reason:
            return
        chosen = np.flatnonzero(self._chosen[window.own])
        names = [each for name in REPEATING for each in (name, f"{name}_variance")]
        for name in names:
            if name in found.variables:
                array = found.variables[name].isel(time=chosen)
                self._gathered.setdefault(name, []).append(array)

    def add_to(self, found: Collection, *, complete: bool) -> dict[str, str]:
        """Add the spectra to a piece: of all, or the first piece's, which only show their shape."""
        if self._reason:
            return {"spectra": f"none: {self._reason}"}
        units = found.points[0].attrs["units"]
        stretches = Collection(self._time.assign_attrs(units=units), xr.Dataset())
        for name, parts in self._gathered.items():
            whole = xr.concat(parts if complete else parts[:1], "time")
            time = self._time.values[: whole.sizes["time"]]
            stretches.variables[name] = whole.assign_coords(time=time)
        before = set(stretches.variables)
        notes = add_spectra(stretches)
        found.variables |= {
            name: array for name, array in stretches.variables.items() if name not in before
        }
        return notes
