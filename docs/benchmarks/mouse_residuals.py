"""Where the reprojection errors of mouse_4cam come from: labels, clocks or cameras?

    python docs/benchmarks/mouse_residuals.py

The rig is labcut3d's own, from the board images; the detections are SLEAP's, proofread. Distances
are medians over all detections, px, from the robustly triangulated point.
"""

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
from common import data_dir, show
from datasets import DATASETS

from calibration import Rig, calibrate, observe
from calibration.covariance import RigCovariance
from calibration.drift import count_placements, find_drift
from calibration.geometry import Array
from calibration.recordings import RefinedRig, refine_rig
from calibration.triangulation import triangulate_points
from labcut3d.formats import read_detections

VIEWS = ("back", "mid", "side", "top")
FPS = 30.0
LOOSE = 5.0  # frames, so that delays are free


def main() -> None:
    """Measure and print."""
    rig, covariance = calibrated()
    pixels, confidence, keypoints = detections()
    still = refine_rig(rig, covariance, pixels)
    late = refine_rig(rig, covariance, pixels, fps=FPS, delay_sigma=LOOSE / FPS)
    free = refine_rig(rig, covariance, pixels, moved=rig.names)
    show_refinements(rig, pixels, {"poses": still, "and delays": late, "poses free": free})
    for view, delay, sigma in zip(VIEWS, late.delays, late.delay_sigmas, strict=True):
        print(f"{view}: delay {delay * FPS:.2f} +- {sigma * FPS:.2f} frames (known to {LOOSE:g})")
    show_parts(still, pixels)
    show_splits(still, confidence, keypoints)
    show_leave_one_out(rig, pixels)
    drift = find_drift(rig, covariance, pixels, fps=FPS)
    print(f"drift: {drift.finding.level}, {drift.finding.reason}")
    for one in drift.suspects:
        print(
            f"if {one.camera} moved: {np.degrees(one.turn):.1f} degrees, {one.shift:.0f} mm, "
            f"evidence {one.evidence:.0f} (limit {drift.limit:.0f}), effect {one.effect:.1f} px "
            f"(least {drift.least_effect:.1f})"
        )
    print(f"places the animal was in: {count_placements(still.points)}")
    show_backgrounds()


def calibrated() -> tuple[Rig, RigCovariance]:
    """Return the rig of the board images and its covariance."""
    recording = DATASETS["mouse_4cam"]()
    board, observations = observe(recording.board, recording.images)
    calibration = calibrate(board, observations)
    return calibration.rig, calibration.covariance


def detections() -> tuple[Array, Array, list[str]]:
    """Return pixels (view, keypoint, time, 2), confidence (view, keypoint, time) and the names."""
    folder = data_dir("mouse_4cam")
    files = [f"{view}={folder / view / f'minimal_{view}_proofread.analysis.h5'}" for view in VIEWS]
    read = read_detections(files, fps=FPS).isel(individual=0)
    pixels = read["position"].transpose("view", "keypoint", "time", "space").values.astype(float)
    confidence = read["confidence"].transpose("view", "keypoint", "time").values
    return pixels, confidence, [str(name) for name in read["keypoint"].values]


def least_squares(rig: Rig, pixels: Array) -> Array:
    """Return distances (view, keypoint, time) from points to which all views contribute alike."""
    covariance = np.broadcast_to(1e6 * np.eye(2), (*pixels.shape, 2))
    points = triangulate_points(rig, pixels, covariance=covariance).points
    return np.linalg.norm(pixels - rig.project(points), axis=-1)


def show_refinements(rig: Rig, pixels: Array, refined: dict[str, RefinedRig]) -> None:
    """Print the medians of each view, with the rig as it is and refined."""
    first = next(iter(refined.values()))
    rows = [
        ("all views alike, as calibrated", *by_view(least_squares(rig, pixels))),
        ("robust, as calibrated", *by_view(first.before)),
        *((f"refined: {name}", *by_view(one.after)) for name, one in refined.items()),
    ]
    show("median distance, px", ("", *VIEWS, "all"), rows)


def show_parts(still: RefinedRig, pixels: Array) -> None:
    """Print how much of the residuals stays the same over time, and how much detections jitter."""
    residual = pixels - still.rig.project(still.points)
    known = np.isfinite(residual)
    total = np.where(known, residual, 0.0).sum(axis=2, keepdims=True)
    count = known.sum(axis=2, keepdims=True)
    constant = total / np.where(count, count, np.nan)
    jitter = np.diff(pixels, n=2, axis=2) / np.sqrt(6)  # of white noise, its own size
    speed = np.linalg.norm(np.gradient(pixels, axis=2), axis=-1)
    with np.errstate(invalid="ignore"):
        calm = speed[:, :, 1:-1] < 0.5
    jitter = np.where(calm[..., None], jitter, np.nan)
    rows = [
        ("mean square of residuals, px^2", *by_view((residual**2).sum(axis=-1), np.nanmean)),
        (
            "of which about their mean over time",
            *by_view(((residual - constant) ** 2).sum(axis=-1), np.nanmean),
        ),
        (
            "mean over time, median px",
            *by_view(np.broadcast_to(np.linalg.norm(constant, axis=-1), residual.shape[:3])),
        ),
        (
            "about it, median px",
            *by_view(np.linalg.norm(residual - constant, axis=-1)),
        ),
        ("jitter where slower than 0.5 px/frame", *by_view(np.linalg.norm(jitter, axis=-1))),
        ("speed, px/frame", *by_view(speed)),
    ]
    show("what the residuals are", ("", *VIEWS, "all"), rows)


def show_splits(still: RefinedRig, confidence: Array, keypoints: list[str]) -> None:
    """Print the medians by keypoint, by confidence and by speed."""
    residual = still.before
    rows = [(name, *by_view(residual[:, k : k + 1])) for k, name in enumerate(keypoints)]
    speed = np.linalg.norm(np.gradient(still.points, axis=1), axis=-1) * FPS
    speed = np.broadcast_to(speed, residual.shape)
    for name, values, edges in (
        ("confidence", confidence, (0, 0.3, 0.5, 0.7, 1.01)),
        ("speed mm/s", speed, (0, 5, 20, 60, np.inf)),
    ):
        for low, high in pairwise(edges):
            with np.errstate(invalid="ignore"):
                inside = (values >= low) & (values < high)
            part = np.where(inside, residual, np.nan)
            count = int(np.isfinite(part).sum())
            rows.append((f"{name} {low:g} to {high:g} ({count})", *by_view(part)))
    show("median distance, px, as calibrated", ("", *VIEWS, "all"), rows)


def show_leave_one_out(rig: Rig, pixels: Array) -> None:
    """Print the medians when one view is left out of all: who disagrees with whom."""
    rows = []
    for left in range(len(VIEWS)):
        names = [name for name in VIEWS if name != VIEWS[left]]
        distance = least_squares(rig.select(names), np.delete(pixels, left, axis=0))
        cells = [
            np.nan if v == left else by_view(distance)[names.index(VIEWS[v])] for v in range(4)
        ]
        rows.append((f"without {VIEWS[left]}", *cells, by_view(distance)[-1]))
    show("median distance, px, all others alike", ("", *VIEWS, "all"), rows)


def show_backgrounds() -> None:
    """Print how far what stands still is between board images and recording, px, by SIFT."""
    rows = []
    recording = DATASETS["mouse_4cam"]()
    for view, images in recording.images.items():
        video = cv2.VideoCapture(str(data_dir("mouse_4cam") / view / f"minimal_{view}.mp4"))
        frames = []
        while (read := video.read())[0]:
            frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY))
        shift = _shifts(np.median(images, axis=0), np.median(frames[::8], axis=0))
        spread = np.median(np.abs(shift - np.median(shift, axis=0)), axis=0)
        rows.append((view, len(shift), *np.median(shift, axis=0).tolist(), *spread.tolist()))
    columns = ("view", "matches", "x", "y", "x, median deviation", "y, median deviation")
    show("shift of the surroundings since the calibration, px", columns, rows)


def _shifts(one: Array, other: Array) -> Array:
    """Return shifts (n, 2) px of what two pictures have in common."""
    finder = cv2.SIFT_create(4000)
    places, described = zip(
        *(finder.detectAndCompute(image.astype(np.uint8), None) for image in (one, other)),
        strict=True,
    )
    pairs = cv2.BFMatcher().knnMatch(*described, k=2)
    good = [first for first, second in pairs if first.distance < 0.75 * second.distance]
    shift = np.array(
        [np.subtract(places[1][m.trainIdx].pt, places[0][m.queryIdx].pt) for m in good]
    )
    return shift[np.linalg.norm(shift, axis=1) < 60]


def by_view(distance: Array, of: Callable[..., Array] = np.nanmedian) -> list[float]:
    """Return the median of each view, and of all."""
    return [
        float(of(part)) if np.isfinite(part).any() else np.nan for part in (*distance, distance)
    ]


if __name__ == "__main__":
    main()
