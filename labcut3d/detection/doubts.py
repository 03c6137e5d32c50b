"""Where a recording's results look wrong, and why: what active learning asks a person about.

Four kinds of doubt, each measured against what is usual in the same recording: a confident
detection that disagrees with the 3-D point (disagreement), a point that is badly known
(uncertainty), one that leaves the path between its neighbours (jump), and keypoints that are not
found though they mostly are (missing). Without a rig, confidences and the pixels' own paths serve.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.ndimage import distance_transform_edt, maximum_filter1d

from calibration.gaussian import MEDIAN_OF_DISTANCE
from calibration.rig import Rig
from labcut3d.detection.parts import Parts, best_view, by_part, parts_of, require_same
from labcut3d.reconstruction.association import match_views
from labcut3d.schema import noise_covariance

__all__ = ["Doubt", "Kind", "find_doubts"]

Array = npt.NDArray[np.float64]
Kind = Literal["disagreement", "uncertainty", "jump", "missing"]

SURE = 0.5  # confidence from which a detection claims to be right
FOUND = 0.2  # confidence from which a keypoint counts as found at all
DISAGREES = 5.0  # standard deviations
UNCERTAIN = 3.0  # times the usual standard deviation
UNSURE_BITS = 0.7  # entropy of the confidence: 0.19 to 0.81
JUMPS = 3.0  # times the 90th percentile of the keypoint's accelerations
MISSING = 0.5  # keypoints that are mostly found
SMALLEST_PX = 0.5  # no detection is known better than this
MOST = 2000  # doubts of a kind in a recording; nobody labels more


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A moment (index) of a recording that looks wrong, and the keypoint that does.

    `value` says how wrong, comparable within a `kind` only; `text` says it in words.
    """

    recording: str
    moment: int
    kind: Kind
    keypoint: str
    value: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Measure:
    """How wrong each part is at each moment: `value` (time, part), and how to say it."""

    kind: Kind
    value: Array
    least: float
    say: Callable[[int, int], str]


def find_doubts(
    recording: str,
    detections: xr.Dataset,
    trajectories: xr.Dataset | None = None,
    rig: Rig | None = None,
    *,
    gap: int = 1,
) -> list[Doubt]:
    """Return what looks wrong in a recording, of each kind the worst first.

    Of moments at most `gap` frames apart that a keypoint is in doubt for the same reason, only the
    worst is told. Raises `DatasetError` where `trajectories` are not those of `detections`.
    """
    parts = parts_of(recording, detections)
    if trajectories is None:
        measures = [
            _unsure(parts),
            _pixel_jumps(parts),
            _missing(parts, best_view(parts)[0] >= FOUND),
        ]
    else:
        require_same(recording, detections, trajectories)
        points = by_part(trajectories["position"], "space")
        measures = [
            _errors(parts, trajectories)
            if rig is None
            else _disagreement(parts, detections, points, match_views(detections, rig)),
            _uncertainty(parts, trajectories),
            _jumps(parts, trajectories),
            _missing(parts, np.isfinite(points).all(axis=-1)),
        ]
    return [doubt for measure in measures for doubt in _worst(parts, measure, gap)]


def _disagreement(parts: Parts, detections: xr.Dataset, points: Array, rig: Rig) -> _Measure:
    """Compare confident detections with the images of the 3-D points (time, part, 3).

    A distance counts in units of the detection's covariance and of what is usual in the recording,
    added, since a detector may be too sure of itself.
    """
    residual = parts.pixels - np.moveaxis(rig.project(points), 0, 1)
    residual[~(parts.confidence >= SURE)] = np.nan
    distance = np.linalg.norm(residual, axis=-1)
    usual = max(_nan_quantile(distance, 0.5) / MEDIAN_OF_DISTANCE, SMALLEST_PX)
    noise = np.broadcast_to(usual**2 * np.eye(2), (*distance.shape, 2, 2))
    if "covariance" in detections:
        claimed = by_part(detections["covariance"], "space", "space_")
        noise = noise + np.where(np.isfinite(claimed), claimed, 0.0)
    solved = np.linalg.solve(noise, np.nan_to_num(residual)[..., None])[..., 0]
    squared = np.nan_to_num((solved * np.nan_to_num(residual)).sum(axis=-1))
    view = squared.argmax(axis=1)

    def say(t: int, part: int) -> str:
        v = int(view[t, part])
        return f"{parts.names[part]} disagrees by {distance[t, v, part]:.0f} px in {parts.views[v]}"

    return _Measure(
        kind="disagreement", value=np.sqrt(squared.max(axis=1)), least=DISAGREES, say=say
    )


def _errors(parts: Parts, trajectories: xr.Dataset) -> _Measure:
    """Take the stored reprojection errors, where the rig that they come from is not at hand."""
    error = by_part(trajectories["reprojection_error"])
    usual = max(_nan_quantile(error, 0.5), SMALLEST_PX)

    def say(t: int, part: int) -> str:
        return f"the views disagree about {parts.names[part]} by {error[t, part]:.0f} px"

    return _Measure(kind="disagreement", value=error / usual, least=DISAGREES, say=say)


def _uncertainty(parts: Parts, trajectories: xr.Dataset) -> _Measure:
    """Compare the 3-D points' standard deviations with the recording's usual one."""
    covariance = by_part(noise_covariance(trajectories), "space", "space_")
    deviation = np.sqrt(np.trace(covariance, axis1=-2, axis2=-1))
    usual, unit = _nan_quantile(deviation, 0.5), trajectories.attrs["unit"]

    def say(t: int, part: int) -> str:
        size = f"{deviation[t, part]:.2g} {unit} (usually {usual:.2g})"
        return f"{parts.names[part]} is uncertain by {size}"

    value = deviation / usual if usual > 0 else np.zeros_like(deviation)
    return _Measure(kind="uncertainty", value=value, least=UNCERTAIN, say=say)


def _unsure(parts: Parts) -> _Measure:
    """Take the entropy of the surest view's confidence, in bits: a coin's toss teaches most."""
    best, view = best_view(parts)
    p = best.clip(1e-9, 1 - 1e-9)
    entropy = -p * np.log2(p) - (1 - p) * np.log2(1 - p)

    def say(t: int, part: int) -> str:
        seen = f"{best[t, part]:.2f} at best, in {parts.views[view[t, part]]}"
        return f"{parts.names[part]} is unsure: confidence {seen}"

    return _Measure(kind="uncertainty", value=entropy, least=UNSURE_BITS, say=say)


def _jumps(parts: Parts, trajectories: xr.Dataset) -> _Measure:
    """Compare how far each triangulated point leaves its neighbours' middle with the usual."""
    off = _off_path(by_part(trajectories["position_raw"], "space"))
    unit = trajectories.attrs["unit"]

    def say(t: int, part: int) -> str:
        return f"{parts.names[part]} jumps {off[t, part]:.2g} {unit} off its path"

    return _Measure(kind="jump", value=_against_usual(off, 0.0), least=JUMPS, say=say)


def _pixel_jumps(parts: Parts) -> _Measure:
    """Compare how far each confident detection leaves its neighbours' middle with the usual."""
    sure = (parts.confidence >= SURE)[..., None]
    off = _off_path(np.where(sure, parts.pixels, np.nan))
    value = np.nan_to_num(_against_usual(off, SMALLEST_PX))
    view = value.argmax(axis=1)

    def say(t: int, part: int) -> str:
        v = int(view[t, part])
        return (
            f"{parts.names[part]} jumps {off[t, v, part]:.0f} px off its path in {parts.views[v]}"
        )

    return _Measure(kind="jump", value=value.max(axis=1), least=JUMPS, say=say)


def _missing(parts: Parts, found: Any) -> _Measure:
    """Count the missing keypoints of each moment, each by how often it is `found` (time, part).

    A moment's doubt stands at the keypoint found most often; of a long absence the middle is worst.
    """
    share = found.mean(axis=0)
    lack = ~found * share
    worst = lack.argmax(axis=1)
    rows = np.arange(len(found))
    since = np.stack([_to_nearest(column) for column in found.T], axis=1)
    value = np.zeros(found.shape)
    value[rows, worst] = lack.sum(axis=1) + 1e-6 * since[rows, worst]

    def say(t: int, part: int) -> str:
        others = int((lack[t] > 0).sum()) - 1
        more = f" and {others} more keypoints" if others > 1 else " and one more keypoint"
        verb = "are missing" if others else "is missing"
        return f"{parts.names[part]}{more if others else ''} {verb}"

    return _Measure(kind="missing", value=value, least=MISSING, say=say)


def _worst(parts: Parts, measure: _Measure, gap: int) -> list[Doubt]:
    """Return the doubts above a measure's least value: each part's worst of any `gap` frames."""
    value = np.nan_to_num(measure.value)
    peak = value == maximum_filter1d(value, 2 * gap + 1, axis=0, mode="nearest")
    moments, columns = np.nonzero(peak & (value > measure.least))
    order = np.argsort(-value[moments, columns], kind="stable")[:MOST]
    return [
        Doubt(
            recording=parts.recording,
            moment=t,
            kind=measure.kind,
            keypoint=parts.names[part],
            value=float(value[t, part]),
            text=measure.say(t, part),
        )
        for t, part in zip(moments[order].tolist(), columns[order].tolist(), strict=True)
    ]


def _off_path(position: Array) -> Array:
    """Return how far positions (time, ..., dimension) lie from the middle of their neighbours."""
    off = np.full(position.shape[:-1], np.nan)
    off[1:-1] = np.linalg.norm(position[1:-1] - (position[:-2] + position[2:]) / 2, axis=-1)
    return off


def _against_usual(off: Array, least: float) -> Array:
    """Return each column of `off` (time, ...) in units of its own 90th percentile, or `least`."""
    known = np.isfinite(off).any(axis=0)
    usual = np.maximum(np.nanquantile(np.where(known, off, 0.0), 0.9, axis=0), least)
    return off / np.where(usual > 0, usual, np.inf)


def _to_nearest(found: npt.NDArray[np.bool_]) -> Array:
    """Return how many frames away (time,) the nearest moment is at which something was found."""
    return np.asarray(distance_transform_edt(~found)) if found.any() else np.zeros(len(found))


def _nan_quantile(values: Array, fraction: float) -> float:
    """Return a quantile of the values that are not NaN, 0 without any."""
    finite = values[np.isfinite(values)]
    return float(np.quantile(finite, fraction)) if len(finite) else 0.0
