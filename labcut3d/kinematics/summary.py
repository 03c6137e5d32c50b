"""What a recording comes to, ready for statistics: one row for each individual."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.sparse.csgraph import shortest_path

from labcut3d.dataset_pieces import share_known
from labcut3d.kinematics.bouts import bridge_gaps, smooth_signal
from labcut3d.kinematics.event_tables import COLUMNS
from labcut3d.kinematics.motion import compute_speed
from labcut3d.kinematics.paths import Paths
from labcut3d.schema import validate_trajectories
from labcut3d.skeleton import Skeleton
from labcut3d.windows import divided

__all__ = ["FIXED_COLUMNS", "body_of", "event_columns", "summarize"]

Array = npt.NDArray[np.float64]

FIXED_COLUMNS = (
    "recording", "individual", "duration_s", "tracked", "unit", "path_length", "mean_speed",
    "top_speed", "walking_speed",
)  # fmt: skip
SIZE, LEAST_MARGIN = 16_384, 64  # moments of a window, and around it beside what smoothing takes
SMOOTH_S = 0.25  # s; noise lengthens the way from frame to frame
TOP = 0.95  # quantile of the speeds that is the top speed


def event_columns(event: str) -> tuple[str, str, str]:
    """Return the columns of an event: how many, their seconds together, and their median length."""
    return f"{event}_count", f"{event}_s", f"{event}_median_s"


def body_of(skeleton: Skeleton) -> str:
    """Return the keypoint that tells where an animal is: fewest bones away from all others."""
    count = len(skeleton.keypoints)
    joined = np.zeros((count, count))
    for a, b in skeleton.bone_indices:
        joined[a, b] = 1
    away = shortest_path(joined, directed=False, unweighted=True)
    away[np.isinf(away)] = count
    return skeleton.keypoints[int(np.argmin(away.sum(axis=1)))]


def summarize(
    trajectories: xr.Dataset,
    events: pd.DataFrame,
    *,
    recording: str,
    body: str,
    names: Sequence[str],
) -> pd.DataFrame:
    """Return a row for each individual with `FIXED_COLUMNS`, and three columns for each event.

    `events` has the columns of events.csv; `names` are the events to tell of, whether there are
    any or not. `path_length` and speeds are those of the keypoint `body`, smoothed over a quarter
    of a second, in `unit` and unit per second; `walking_speed` is the mean of the speed during
    events called "walking". `tracked` is the part of the keypoints' moments that are known. An
    event counts with the whole of its last frame. NaN where there is nothing to tell of.
    """
    validate_trajectories(trajectories)
    rows = []
    for number, individual in enumerate(trajectories["individual"].values):
        animal = trajectories.isel(individual=slice(number, number + 1))  # a view, not a copy
        own = events.loc[events["individual"] == str(individual), list(COLUMNS)]
        row: dict[str, object] = {
            "recording": recording,
            "individual": str(individual),
            **_movement(animal, own, body),
        }
        for name in names:
            row |= _counts(name, own.loc[own["event"] == name], float(animal.attrs["fps"]))
        rows.append(row)
    columns = [*FIXED_COLUMNS, *(column for name in names for column in event_columns(name))]
    return pd.DataFrame(rows, columns=columns)


def _counts(name: str, events: pd.DataFrame, fps: float) -> Mapping[str, object]:
    """Return how many events there are and how long they last; a moment's event has no length."""
    frames = events[["start_frame", "stop_frame"]].to_numpy()
    seconds = events[["start_s", "stop_s"]].to_numpy(dtype=float)
    lasting = frames[:, 1] > frames[:, 0]
    lengths = np.where(lasting, seconds[:, 1] - seconds[:, 0] + 1 / fps, 0.0)
    median = float(np.median(lengths)) if len(lengths) else np.nan
    columns = event_columns(name)
    return dict(zip(columns, (len(events), float(lengths.sum()), median), strict=True))


def _movement(animal: xr.Dataset, events: pd.DataFrame, body: str) -> dict[str, object]:
    """Return duration, part known, way and speeds of a dataset with one individual."""
    time, fps = animal["time"].values, float(animal.attrs["fps"])
    length, speed = _way_and_speed(animal, body, fps)
    walking = np.zeros(len(time), dtype=bool)
    walks = events.loc[events["event"] == "walking"]
    for start, stop in zip(walks["start_s"], walks["stop_s"], strict=True):
        walking |= (time >= start - 1e-9) & (time <= stop + 1e-9)
    some = bool(np.isfinite(speed).any())
    return {
        "duration_s": float(time[-1] - time[0]) + 1 / fps,
        "tracked": share_known(animal),
        "unit": str(animal.attrs["unit"]),
        "path_length": length,
        "mean_speed": float(np.nanmean(speed)) if some else np.nan,
        "top_speed": float(np.nanquantile(speed, TOP)) if some else np.nan,
        "walking_speed": _mean(speed[walking]),
    }


def _way_and_speed(animal: xr.Dataset, body: str, fps: float) -> tuple[float, Array]:
    """Return the length of the smoothed way of one keypoint, and its speeds (time,).

    Window by window: the dataset may be open on disk.
    """
    track = animal["position"].sel(keypoint=body, drop=True).isel(individual=0, drop=True)
    width = round(SMOOTH_S * fps)
    ways, length, speeds = Paths(1), np.nan, []
    for window in divided(track.sizes["time"], SIZE, 4 * width + LEAST_MARGIN):
        part = _smoothed(track.isel(time=window.around).load(), width)
        speeds.append(compute_speed(part).values[window.inside])
        told, _ = ways.go_on(part.values[None, window.inside], None)
        known = told[np.isfinite(told)]
        length = float(known[-1]) if len(known) else length
    return length, np.concatenate(speeds)


def _smoothed(track: xr.DataArray, width: int) -> xr.DataArray:
    """Return positions (time, space) smoothed over `width` moments."""
    track = track.transpose("time", "space").astype(float)
    columns = [smooth_signal(bridge_gaps(axis, width), width) for axis in track.values.T]
    return track.copy(data=np.stack(columns, axis=1))


def _mean(values: np.ndarray) -> float:
    """Return the mean of what is known of values (n,), NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
