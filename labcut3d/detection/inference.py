"""A detector over whole recordings: one pass, constant memory, frame k is frame k."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import xarray as xr

from labcut3d.detection.detector import BATCH, Detector, Prediction
from labcut3d.errors import DetectorError, VideoError
from labcut3d.frame_ranges import frame_ranges
from labcut3d.progress import Progress, part_of
from labcut3d.schema import make_detections
from labcut3d.video import Frames

__all__ = [
    "ViewFound",
    "combine_views",
    "detect_frames",
    "detect_recording",
    "missing_frames",
]

Image = npt.NDArray[np.uint8]

MOST_RUNS = 5  # of missing frames that are listed


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewFound:
    """What was found in n consecutive frames of one view, k keypoints.

    `position` (n, k, 2) px, `confidence` (n, k), `covariance` (n, k, 2, 2) px^2, all float32 and
    NaN in frames that could not be `read` (n,).
    """

    position: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    covariance: npt.NDArray[np.float32]
    read: npt.NDArray[np.bool_]


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
    found = {}
    for v, (view, frames) in enumerate(sources.items()):
        span = range(len(frames))
        told = part_of(progress, v * len(span), len(sources) * len(span))
        found[view] = detect_frames(by_view[view], frames, span, view=view, progress=told)
    numbers = {view: frames.numbers for view, frames in sources.items()}
    missing = missing_frames({view: one.read for view, one in found.items()}, numbers)
    return combine_views(
        found,
        keypoints=next(iter(by_view.values())).keypoints,
        individual=individual,
        fps=fps,
        numbers=numbers,
        attrs={"missing_frames": missing} if missing else None,
    )


def detect_frames(
    detector: Detector,
    frames: Frames,
    span: range,
    *,
    view: str,
    progress: Progress | None = None,
) -> ViewFound:
    """Detect keypoints in the frames `span` of one view; it begins at a multiple of `BATCH`.

    They are the same, to the bit, as when all frames are detected in one go: where the animal is
    in a batch is told by its frames and the next one behind it, which is decoded too.
    """
    n, k = len(span), len(detector.keypoints)
    position = np.full((n, k, 2), np.nan, dtype=np.float32)
    confidence = np.full((n, k), np.nan, dtype=np.float32)
    covariance = np.full((n, k, 2, 2), np.nan, dtype=np.float32)
    read = np.zeros(n, dtype=bool)
    for rows, prediction in _predictions(detector, frames, span, view):
        at = np.array(rows) - span.start
        position[at], confidence[at] = prediction.position, prediction.confidence
        covariance[at], read[at] = prediction.covariance, True
        if progress:
            progress(int(at[-1]) + 1, n, view)
    if progress:
        progress(n, n, view)
    return ViewFound(position=position, confidence=confidence, covariance=covariance, read=read)


def combine_views(
    found: Mapping[str, ViewFound],
    *,
    keypoints: Sequence[str],
    individual: str,
    fps: float,
    numbers: Mapping[str, npt.NDArray[np.int64]],
    attrs: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Return the detections dataset of what was found in the same frames (n,) of each view.

    `numbers` (n,) are the frames' numbers by view.
    """
    each = list(found.values())
    position = np.stack([one.position for one in each], axis=1)
    return make_detections(
        position=np.swapaxes(position, 2, 3)[..., None],
        confidence=np.stack([one.confidence for one in each], axis=1)[..., None],
        covariance=np.stack([one.covariance for one in each], axis=1)[:, :, :, None],
        views=list(found),
        keypoints=keypoints,
        individuals=[individual],
        fps=fps,
        frame=np.stack([numbers[view] for view in found], axis=1),
        attrs=attrs,
    )


def missing_frames(
    read: Mapping[str, npt.NDArray[np.bool_]], numbers: Mapping[str, npt.NDArray[np.int64]]
) -> str:
    """Return which frames could not be read by view, in words; "" where there are none."""
    return "; ".join(
        f"{view}: {_listed(numbers[view][~there], len(there))}"
        for view, there in read.items()
        if not there.all()
    )


def _listed(missing: npt.NDArray[np.int64], total: int) -> str:
    """Return how many frames are missing, and the first runs of them."""
    runs = frame_ranges(missing)
    more = [f"{len(runs) - MOST_RUNS} more runs"] if len(runs) > MOST_RUNS else []
    listed = ", ".join([*runs[:MOST_RUNS], *more])
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


def _predictions(
    detector: Detector, frames: Frames, span: range, view: str
) -> Iterator[tuple[list[int], Prediction]]:
    """Yield the detections of consecutive frames, decoding the next ones meanwhile."""
    windows = _windows(frames, span)
    with ThreadPoolExecutor(max_workers=1) as pool:
        window = pool.submit(next, windows, None).result()
        while window is not None and window[0]:
            upcoming = pool.submit(next, windows, None)
            rows, images = window
            window = upcoming.result()
            after = window[1][0] if window else None
            yield rows, detector.calibrate(detector.follow(images, after=after, view=view))


def _windows(frames: Frames, span: range) -> Iterator[tuple[list[int], list[Image]]]:
    """Yield the frames in runs that begin at multiples of `BATCH`.

    At last comes the first frame behind the span, without rows, where one can be read soon.
    """
    reach = range(span.start, min(span.stop + BATCH, len(frames)))
    for number, run in groupby(frames.read(reach), lambda read: read[0] // BATCH):
        if number * BATCH >= span.stop:
            yield [], [next(run)[1]]
            return
        rows, images = zip(*run, strict=True)
        yield list(rows), list(images)
