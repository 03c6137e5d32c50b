"""Where and when in a bout the ovipositor was at the substrate, and which frames to look at."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from labcut3d.dataset_pieces import thinned
from labcut3d.kinematics.bouts import Bout
from labcut3d.kinematics.eggs import Contact
from labcut3d.kinematics.ethogram import (
    BENDING_KEYPOINTS,
    compute_head_width,
)
from labcut3d.kinematics.settings import EventSettings

__all__ = ["find_contacts"]

AT_FULL_BEND = 0.2  # of the way back to rest; up to here the ovipositor is at the substrate
LOOKS_WITHIN, LOOKS_BESIDE = 200, 40  # most frames looked at in a bout, and on either side of it
STRAY = 3.0  # head widths from the other points of contact; farther is a mistaken position
SETTLING_S = 0.5  # s; how long a place must be seen after a bout, or else at its end
REST_QUANTILE = 0.2
MOMENTS = 20_000  # that tell how large the animal is


def find_contacts(
    fly: xr.Dataset,
    bending: npt.NDArray[np.float64],
    bouts: Sequence[Bout],
    settings: EventSettings,
) -> Iterator[Contact]:
    """Yield where and when the ovipositor touched the substrate in each bout of one animal.

    `fly` are trajectories of one individual, which may be open on disk, `bending` (time,) is its
    abdomen's, in degrees; bouts in which that is not known are left out. None
    are yielded for a skeleton without a fly's keypoints.
    """
    if not set(BENDING_KEYPOINTS) <= set(fly["keypoint"].values.tolist()):
        return
    if not bouts:
        return
    stride = -(-fly.sizes["time"] // MOMENTS)
    scale = float(compute_head_width(thinned(fly[["position"]], stride)["position"]).values[0])
    track = fly["position"].sel(keypoint="ovipositor").isel(individual=0)
    track = track.transpose("time", "space")
    rest = float(np.nanquantile(bending, REST_QUANTILE)) if np.isfinite(bending).any() else np.nan
    for number, bout in enumerate(bouts):
        inside = slice(bout.start, bout.stop + 1)
        tip = track.isel(time=inside).values
        points = _touched(tip, bending[inside], rest, STRAY * scale)
        if len(points):  # else the tip jumps about, so it is not known where it touched
            samples, settled = _looks(fly, bouts, number, settings.egg_memory_s)
            yield Contact(
                points=points,
                scale=scale,
                samples=samples,
                start=bout.start,
                stop=bout.stop,
                settled=settled,
                frames=_frames(fly, samples),
            )


def _frames(fly: xr.Dataset, samples: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.int64]]:
    """Return the frame numbers of samples (n,) in each view's video."""
    first, last = int(samples.min()), int(samples.max())
    around = fly["frame"].isel(time=slice(first, last + 1)).transpose("view", "time").values
    views = [str(view) for view in fly["view"].values]
    return {view: own[samples - first] for view, own in zip(views, around, strict=True)}


def _touched(
    tip: npt.NDArray[np.float64], bending: npt.NDArray[np.float64], rest: float, stray: float
) -> npt.NDArray[np.float64]:
    """Return the positions (n, 3) of the tip at full bend in a bout, without strays."""
    known = np.isfinite(tip).all(axis=1) & np.isfinite(bending)
    if not known.any():
        return np.empty((0, 3))
    top = float(np.quantile(bending[known], 0.9))
    points = tip[known & (bending >= top - AT_FULL_BEND * (top - rest))]
    far = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    return points[far <= stray]


def _looks(
    fly: xr.Dataset, bouts: Sequence[Bout], number: int, memory_s: float
) -> tuple[npt.NDArray[np.int64], int]:
    """Return the samples to look at for a bout, and the first of them that shows what it left."""
    fps, bout = float(fly.attrs["fps"]), bouts[number]
    memory, settling = round(memory_s * fps), round(SETTLING_S * fps)
    first = max(bouts[number - 1].stop + 1 if number else 0, bout.start - memory)
    later = [following.start for following in bouts[number + 1 : number + 2]]
    end = min([fly.sizes["time"], bout.stop + 1 + memory, *later])
    # Where the bout is cut by the end, its last moments must do.
    settled = bout.stop if end - bout.stop > settling else end - settling
    parts = [
        _thin(first, bout.start, LOOKS_BESIDE),
        _thin(bout.start, bout.stop + 1, LOOKS_WITHIN),
        _thin(bout.stop + 1, end, LOOKS_BESIDE),
    ]
    return np.concatenate(parts), settled


def _thin(first: int, end: int, most: int) -> npt.NDArray[np.int64]:
    """Return at most `most` samples of [first, end), evenly apart and with its last one."""
    step = max(1, -(-(end - first) // most))
    return np.arange(end - 1, first - 1, -step, dtype=np.int64)[::-1]
