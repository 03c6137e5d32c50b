"""How much a refinement altered: every number ends up in the dataset's attributes."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from calibration.geometry import Array
from labcut3d.dataset_pieces import share_known
from labcut3d.reconstruction.evidence import USED
from labcut3d.reconstruction.identities import Identities, switches_of
from labcut3d.reconstruction.tracks import Tracks

__all__ = ["Report", "describe"]

MOST, FEW = 0.5, 0.25  # shares of a view's detections: one that others reject, and the others'
MANY = 20_000  # moments whose shifts are looked at
COUNTS = ("filled", "withheld", "overruled_detections", "repaired_swaps")


class Report:
    """What was altered in a recording, counted piece by piece, as attributes of its trajectories.

    Filled are points that their moment alone does not tell, withheld those that it does tell, but
    that would be a guess; overruled are detections that do not show their keypoint. Shifts are in
    the rig's `unit`, the acceleration in unit/s^2. A recording has so many `moments` in all.
    """

    def __init__(self, *, unit: str, fps: float, moments: int) -> None:
        self._fps, self._every = fps, -(-moments // MANY)
        self._attributes: dict[str, Any] = {"refinement_unit": unit}
        self._counts: list[Counter[str]] = []
        self._shifts: list[list[Array]] = []
        self._given: np.ndarray | int = 0
        self._used: np.ndarray | int = 0

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes that tell of all pieces until now."""
        return {**self._attributes, **self._changes()}

    def identities(self, identities: Identities) -> None:
        """Tell what was found out about who is who."""
        self._attributes |= identities.attributes

    def learnt(self, tracks: Sequence[Tracks]) -> None:
        """Tell how restless the keypoints of each individual are."""
        self._counts = [Counter() for _ in tracks]
        self._shifts = [[] for _ in tracks]
        sizes = [track.restless for track in tracks if track.restless is not None]
        if sizes:
            size = float(np.mean(sizes)) * self._fps**2
            self._attributes["refinement_acceleration_per_s2"] = size

    def piece(self, tracks: Sequence[Tracks], start: int) -> None:
        """Count a piece of the recording, the tracks of all individuals from moment `start` on."""
        for track, counts, shifts in zip(tracks, self._counts, self._shifts, strict=True):
            if track.seen is None or track.overruled is None:
                continue
            moved = np.linalg.norm(track.position - track.raw, axis=-1)
            known, told = (np.isfinite(x).all(axis=-1) for x in (track.position, track.raw))
            counts["filled"] += int((known & ~told).sum())
            counts["withheld"] += int((told & ~known).sum())
            counts["overruled_detections"] += int(track.overruled.sum())
            counts["repaired_swaps"] += int(track.exchanged.sum())
            counts["seen"] += int(track.seen.sum())
            some = moved[-start % self._every :: self._every]
            shifts.append(some[np.isfinite(some)])

    def rejections(self, detected: xr.Dataset, matched: xr.Dataset, used: np.ndarray) -> None:
        """Count sure detections, and those of them not used, by view.

        `detected` are the detections, `matched` the same as individuals of the trajectories, of
        which `used` (time, view, keypoint, individual) tells what was used. An animal that fits no
        individual counts as not used.
        """
        self._given = self._given + _sure(detected).sum(axis=(0, 2, 3))
        self._used = self._used + (_sure(matched) & used).sum(axis=(0, 2, 3))
        rejected = np.maximum(self._given - self._used, 0)
        for name, count in (("sure", self._given), ("rejected", rejected)):
            self._attributes[f"refinement_{name}_by_view"] = [float(n) for n in np.asarray(count)]

    def _changes(self) -> dict[str, float]:
        """Return what was altered: counts of all individuals, shifts and shares their mean."""
        refined = [
            (counts, np.concatenate(shifts))
            for counts, shifts in zip(self._counts, self._shifts, strict=True)
            if shifts
        ]
        if not refined:
            return {}
        found = {name: float(sum(counts[name] for counts, _ in refined)) for name in COUNTS}
        for name, share in (("median_shift", 0.5), ("p95_shift", 0.95)):
            found[name] = float(
                np.mean([np.quantile(s, share) if len(s) else 0.0 for _, s in refined])
            )
        found["overruled_share"] = float(
            np.mean([c["overruled_detections"] / max(c["seen"], 1) for c, _ in refined])
        )
        return {f"refinement_{name}": value for name, value in found.items()}


def _sure(detections: xr.Dataset) -> np.ndarray:
    """Return where (time, view, keypoint, individual) a detection is rather right than not."""
    there = detections["position"].notnull().all("space")
    sure = there & ~(detections["confidence"] <= USED)
    return sure.transpose("time", "view", "keypoint", "individual").values


def describe(trajectories: xr.Dataset) -> list[str]:
    """Return sentences on what was found, rejected, filled and repaired, and what is stated.

    The trajectories may be open on disk.
    """
    lines = [f"{100 * share_known(trajectories):.1f} % of all points reconstructed"]
    found = {
        name.removeprefix("refinement_"): value
        for name, value in trajectories.attrs.items()
        if name.startswith("refinement_")
    }
    if "filled" in found:
        share, unit = 100 * found["overruled_share"], found["unit"]
        lines += [
            f"{found['overruled_detections']:.0f} detections overruled ({share:.1f} %), "
            f"{found['filled']:.0f} points filled, {found['withheld']:.0f} withheld as guesses",
            f"refining moved points by {found['median_shift']:.2g} {unit} (median), "
            f"{found['p95_shift']:.2g} {unit} (95 %)",
        ]
    lines += _rejected(trajectories)
    lines += _repairs(trajectories)
    if "covariance_calibration" in trajectories:
        lines.append("the covariance includes the calibration's part")
    else:
        lines.append(
            "the covariance is that of the detections' noise alone: none of the rig was given"
        )
    return lines


def _rejected(trajectories: xr.Dataset) -> list[str]:
    """Return sentences on what was not used of each view, and a warning where it is most of one."""
    views = [str(view) for view in trajectories["view"].values]
    counts = [
        np.atleast_1d(trajectories.attrs.get(f"refinement_{name}_by_view", ()))
        for name in ("rejected", "sure")
    ]
    if not len(counts[0]) == len(counts[1]) == len(views):  # of other programs, or some views only
        return []
    share = counts[0] / np.maximum(counts[1], 1)
    told = ", ".join(f"{view} {100 * part:.1f} %" for view, part in zip(views, share, strict=True))
    lines = [f"rejected of the sure detections: {told}"]
    worst = int(share.argmax())
    if len(views) > 2 and share[worst] > MOST and np.median(np.delete(share, worst)) < FEW:
        lines.append(
            f"Warning: most of what view {views[worst]} is sure of contradicts the other views; "
            "whether its camera was moved tells: labcut3d drift PROJECT"
        )
    return lines


def _repairs(trajectories: xr.Dataset) -> list[str]:
    """Return sentences on what was exchanged back, left and right or animals, and on doubts."""
    views, lines = trajectories["view"].values, []
    counts = {}
    if "exchanged" in trajectories:
        counts["left/right exchanges"] = (
            trajectories["exchanged"].sum(("time", "individual")).values
        )
    if "detected_as" in trajectories:
        counts["identity switches"] = switches_of(trajectories["detected_as"].values).sum(axis=0)
    for what, count in counts.items():
        most = f", most in view {views[count.argmax()]} ({count.max()})" if count.any() else ""
        lines.append(f"{count.sum()} {what} repaired{most}")
    if left_out := int(trajectories.attrs.get("refinement_unmatched_animals", 0)):
        lines.append(f"{left_out} times an animal in one view fits none of the individuals")
    doubts = trajectories.get("identity_doubtful", xr.DataArray(False)).values
    if doubts.any():
        moments = np.flatnonzero(doubts.any(axis=-1))
        first = float(trajectories["time"].values[moments[0]])
        lines.append(
            f"Warning: individuals may have been exchanged at {len(moments)} moments, first at "
            f"{first:.2f} s; see identity_doubtful in the trajectories"
        )
    return lines
