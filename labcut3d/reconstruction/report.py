"""How much a refinement altered: every number ends up in the dataset's attributes."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from calibration.geometry import Array
from labcut3d.reconstruction.evidence import USED
from labcut3d.reconstruction.identities import switches_of
from labcut3d.reconstruction.refinement import Refined

__all__ = ["describe", "describe_changes", "rejections", "report_attributes"]

MOST, FEW = 0.5, 0.25  # shares of a view's detections: one that others reject, and the others'
COUNTS = ("filled", "withheld", "overruled_detections", "repaired_swaps")


def describe_changes(
    raw: Array, refined: Refined, missing: np.ndarray, fps: float
) -> dict[str, float]:
    """Return how much one individual's points moved, and what was filled, overruled, repaired.

    Filled are points that their moment alone does not tell, withheld those that it does tell, but
    that would be a guess; overruled are detections that do not show their keypoint. `raw`
    (keypoint, time, 3) are the triangulated points, `missing` (keypoint, time) what is not
    reported. Shifts are in the rig's unit, the acceleration in unit/s^2.
    """
    moved = np.linalg.norm(refined.points - raw, axis=-1)[~missing]
    there = moved[np.isfinite(moved)]
    seen = refined.evidence.seen
    wrong = seen & (refined.judgement.right < USED)
    return {
        "median_shift": float(np.median(there)) if len(there) else 0.0,
        "p95_shift": float(np.quantile(there, 0.95)) if len(there) else 0.0,
        "filled": float((~np.isfinite(moved)).sum()),
        "withheld": float((missing & np.isfinite(raw).all(axis=-1)).sum()),
        "overruled_detections": float(wrong.sum()),
        "overruled_share": float(wrong.sum() / max(seen.sum(), 1)),
        "repaired_swaps": float(refined.exchanged.sum()),
        "acceleration_per_s2": float(np.median(refined.acceleration) * fps**2),
    }


def report_attributes(reports: Sequence[Mapping[str, float]], unit: str) -> dict[str, float | str]:
    """Return the reports of all individuals as attributes: counts added, the rest averaged."""
    names = next((list(report) for report in reports if report), [])
    attributes: dict[str, float | str] = {"refinement_unit": unit}
    for name in names:
        values = [report[name] for report in reports if report]
        combined = np.sum(values) if name in COUNTS else np.mean(values)
        attributes[f"refinement_{name}"] = float(combined)
    return attributes


def rejections(
    detected: xr.Dataset, matched: xr.Dataset, view_used: np.ndarray
) -> dict[str, list[float]]:
    """Return attributes that count sure detections, and those of them not used, by view.

    `detected` are the detections, `matched` the same as individuals of the trajectories, of which
    `view_used` (time, view, keypoint, individual) tells what was used. An animal that fits no
    individual counts as not used.
    """
    order = ("time", "view", "keypoint", "individual")

    def sure(detections: xr.Dataset) -> np.ndarray:
        """Return where there is a detection that is rather right than not."""
        there = detections["position"].notnull().all("space")
        return (there & ~(detections["confidence"] <= USED)).transpose(*order).values

    given = sure(detected).sum(axis=(0, 2, 3))
    used = (sure(matched) & view_used).sum(axis=(0, 2, 3))
    return {
        "refinement_sure_by_view": [float(count) for count in given],
        "refinement_rejected_by_view": [float(count) for count in (given - used).clip(min=0)],
    }


def describe(trajectories: xr.Dataset) -> list[str]:
    """Return sentences on what was found, rejected, filled and repaired, and what is stated."""
    known = trajectories["position"].notnull().all("space")
    lines = [f"{100 * float(known.mean()):.1f} % of all points reconstructed"]
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
