"""A detector over whole recordings: one pass, constant memory, frame k is frame k."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import numpy as np
import numpy.typing as npt
import xarray as xr

from labcut3d.detection.detector import BATCH, Detector, Prediction
from labcut3d.errors import DetectorError, VideoError
from labcut3d.progress import Progress
from labcut3d.schema import make_detections
from labcut3d.video import Frames

__all__ = ["detect_recording"]

Image = npt.NDArray[np.uint8]

MOST_RUNS = 5  # of missing frames that are listed


def detect_recording(
    detectors: Detector | Mapping[str, Detector],
    sources: Mapping[str, Frames],
    *,
    fps: float,
    individual: str = "animal",
    progress: Progress | None = None,
) -> xr.Dataset:
    """Detect keypoints in all frames of all views and return a detections dataset.

    `detectors` is one detector for all views or one by view; `sources` gives each view's frames,
    which must be equally many: row k of the result is index k of every source. Frames that cannot
    be decoded are NaN, and the attribute `missing_frames` names them. Beside the result, the memory
    needed is that of a few dozen frames. Raises `DetectorError` for a view without detector and
    `VideoError` for unequal lengths.
    """
    by_view = _by_view(detectors, sources)
    lengths = {view: len(frames) for view, frames in sources.items()}
    if len(set(lengths.values())) != 1:
        counts = ", ".join(f"{view}: {n} ({sources[view].path})" for view, n in lengths.items())
        raise VideoError(f"the views have unequal numbers of frames: {counts}; cut them alike")
    keypoints = next(iter(by_view.values())).keypoints
    n_frames, n_views, k = next(iter(lengths.values())), len(sources), len(keypoints)
    position = np.full((n_frames, n_views, 2, k, 1), np.nan, dtype=np.float32)
    confidence = np.full((n_frames, n_views, k, 1), np.nan, dtype=np.float32)
    covariance = np.full((n_frames, n_views, k, 1, 2, 2), np.nan, dtype=np.float32)
    read = np.zeros((n_frames, n_views), dtype=bool)
    for v, (view, frames) in enumerate(sources.items()):
        for rows, found in _detect_view(by_view[view], frames, view):
            position[rows, v, :, :, 0] = np.swapaxes(found.position, 1, 2)
            confidence[rows, v, :, 0] = found.confidence
            covariance[rows, v, :, 0] = found.covariance
            read[rows, v] = True
            if progress:
                progress(v * n_frames + rows[-1] + 1, n_views * n_frames, view)
        if progress:
            progress((v + 1) * n_frames, n_views * n_frames, view)
    numbers = np.stack([frames.numbers for frames in sources.values()], axis=1)
    missing = [
        f"{view}: {_listed(frames.numbers[~read[:, v]], n_frames)}"
        for v, (view, frames) in enumerate(sources.items())
        if not read[:, v].all()
    ]
    return make_detections(
        position=position,
        confidence=confidence,
        covariance=covariance,
        views=list(sources),
        keypoints=keypoints,
        individuals=[individual],
        fps=fps,
        frame=numbers,
        attrs={"missing_frames": "; ".join(missing)} if missing else None,
    )


def _listed(missing: npt.NDArray[np.int64], total: int) -> str:
    """Return how many frames are missing, and the first runs of them."""
    runs = np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1)
    names = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    more = [f"{len(runs) - MOST_RUNS} more runs"] if len(runs) > MOST_RUNS else []
    listed = ", ".join([*names[:MOST_RUNS], *more])
    return f"{len(missing)} of {total} frames cannot be read ({listed})"


def _by_view(
    detectors: Detector | Mapping[str, Detector], sources: Mapping[str, Frames]
) -> dict[str, Detector]:
    """Return each view's detector, all with the same keypoints."""
    if not sources:
        raise DetectorError("no views to detect in; add the recording's videos")
    if isinstance(detectors, Detector):
        return dict.fromkeys(sources, detectors)
    missing = [view for view in sources if view not in detectors]
    if missing:
        raise DetectorError(
            f"view '{missing[0]}' has no detector (there are: {', '.join(detectors) or 'none'}); "
            "label some of its frames, or share one detector between the views"
        )
    chosen = {view: detectors[view] for view in sources}
    if len({detector.keypoints for detector in chosen.values()}) > 1:
        raise DetectorError("the views' detectors find different keypoints; train them again")
    return chosen


def _detect_view(
    detector: Detector, frames: Frames, view: str
) -> Iterator[tuple[list[int], Prediction]]:
    """Yield the detections of consecutive frames, decoding the next ones meanwhile."""
    windows = _windows(frames)
    with ThreadPoolExecutor(max_workers=1) as pool:
        window = pool.submit(next, windows, None).result()
        while window is not None:
            upcoming = pool.submit(next, windows, None)
            rows, images = window
            window = upcoming.result()
            after = window[1][0] if window else None
            yield rows, detector.calibrate(detector.follow(images, after=after, view=view))


def _windows(frames: Frames) -> Iterator[tuple[list[int], list[Image]]]:
    """Yield the frames in runs that begin at multiples of `BATCH`."""
    for _, run in groupby(frames.read(), lambda read: read[0] // BATCH):
        rows, images = zip(*run, strict=True)
        yield list(rows), list(images)
