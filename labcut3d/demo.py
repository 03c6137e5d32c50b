"""The demo: the ordinary pipeline on the shipped sample, measured against the truth."""

import math
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from calibration import Rig
from calibration.alignment import rigid_alignment
from calibration.units import METRES
from labcut3d import pipeline
from labcut3d.errors import DatasetError, ProjectError
from labcut3d.kinematics.event_tables import read_events
from labcut3d.progress import Reporter
from labcut3d.project import Project, load_project
from labcut3d.schema import open_dataset

__all__ = ["RECORDING", "Measurement", "make_demo", "measure", "measure_points", "run"]

RECORDING = "recording2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """How near a reconstruction is to the truth."""

    reprojection_px: float
    """Root mean square distance of the board's corners from the calibrated rig's, px."""
    detector_px: tuple[float, float]
    """Median and 95th percentile of the detections' distance from truly visible keypoints, px."""
    points_um: tuple[float, float]
    """Median and 95th percentile of the 3-D error after rigid alignment without scale, um."""
    reconstructed: float
    """Share of the keypoints truly seen by two views or more that have a 3-D position."""
    bouts: tuple[int, int, int]
    """Egg-laying bouts found that are true, true bouts, bouts found."""
    eggs: tuple[int, int, int]
    """Deposited eggs found that are true, true eggs, eggs found."""
    extensions: tuple[int, int, int]
    """Extensions of the proboscis found that are true, true ones, ones found."""

    def rows(self) -> list[tuple[str, str]]:
        """Return the lines of the table that the demo ends with."""
        return [
            ("reprojection of the board", f"{self.reprojection_px:.2f} px"),
            ("detector, visible keypoints", _pair(self.detector_px, "px", 1)),
            ("3-D error, rigidly aligned", _pair(self.points_um, "um", 0)),
            ("keypoints reconstructed", f"{100 * self.reconstructed:.1f} %"),
            ("egg-laying bouts", _found(self.bouts)),
            ("eggs", _found(self.eggs)),
            ("proboscis extensions", _found(self.extensions)),
        ]


def make_demo(out: str | os.PathLike[str]) -> Project:
    """Copy the sample into the project folder `out`; one that is there already is kept as it is.

    Raises `ProjectError` where `out` holds something else.
    """
    out = Path(out)
    if out.exists() and any(out.iterdir()) and not (out / "truth").is_dir():
        raise ProjectError(f"{out}: holds something other than the demo; choose another --out DIR")
    if not (out / "project.toml").exists():
        with resources.as_file(resources.files("labcut3d") / "sample") as sample:
            shutil.copytree(sample, out, dirs_exist_ok=True)
    return load_project(out)


def run(project: Project, reporter: Reporter) -> float:
    """Calibrate, train and reconstruct the unlabelled recording; return the seconds it took."""
    start = time.monotonic()
    pipeline.calibrate_project(project, reporter=reporter)
    pipeline.train(project, reporter)
    pipeline.reconstruct(project, [RECORDING], reporter)
    return time.monotonic() - start


def measure(project: Project, recording: str = RECORDING) -> Measurement:
    """Compare a project's results with the truth in its folder `truth/`."""
    path = project.root / "truth" / f"{recording}.npz"
    if not path.exists():
        raise DatasetError(f"{path}: no such file; only recordings with truth can be measured")
    results = project.results(recording)
    with np.load(path, allow_pickle=False) as truth:
        seen = truth["visible"]
        detector = measure_pixels(open_dataset(results / "detections.nc"), truth["pixels"], seen)
        trajectories = open_dataset(results / "trajectories.nc")
        points, reconstructed = measure_points(trajectories, truth["position_mm"], seen)
    found = read_events(results / "events.csv")
    true = pd.read_csv(project.root / "truth" / f"{recording}_events.csv")
    return Measurement(
        reprojection_px=float(Rig.load(project.rig_path).metadata["reprojection_rms_px"]),
        detector_px=detector,
        points_um=points,
        reconstructed=reconstructed,
        bouts=_match(found, true, "egg_laying"),
        eggs=_match(found, true, "egg_deposited"),
        extensions=_match(found, true, "proboscis_extension"),
    )


def measure_pixels(
    detections: xr.Dataset, pixels: npt.NDArray[np.float64], visible: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Return median and 95th percentile of the detections' error on visible keypoints, px.

    `pixels` (view, time, keypoint, 2) and `visible` (view, time, keypoint) are the truth.
    """
    found = detections["position"].isel(individual=0)
    found = found.transpose("view", "time", "keypoint", "space").values
    errors = np.linalg.norm(found - pixels, axis=-1)[visible]
    return _percentiles(errors)


def measure_points(
    trajectories: xr.Dataset, truth_mm: npt.NDArray[np.float64], visible: npt.NDArray[np.bool_]
) -> tuple[tuple[float, float], float]:
    """Return ((median, 95th percentile) of the 3-D error in um, share reconstructed).

    Only keypoints that two views or more truly see count; `truth_mm` (time, keypoint, 3) and
    `visible` (view, time, keypoint). The trajectories are aligned rigidly, without scale.
    """
    scale = METRES[trajectories.attrs["unit"]] / METRES["um"]
    found = trajectories["position"].isel(individual=0).transpose("time", "keypoint", "space")
    found_um, truth_um = found.values * scale, truth_mm * METRES["mm"] / METRES["um"]
    counted = visible.sum(axis=0) >= 2
    both = counted & np.isfinite(found_um).all(axis=-1)
    rotation, translation = rigid_alignment(found_um[both], truth_um[both])
    aligned = found_um[both] @ rotation.T + translation
    errors = np.linalg.norm(aligned - truth_um[both], axis=-1)
    return _percentiles(errors), float(both.sum() / counted.sum())


def _match(found: pd.DataFrame, true: pd.DataFrame, event: str) -> tuple[int, int, int]:
    """Return (true events found, true events, events found); two match when they overlap."""
    ours, theirs = found[found["event"] == event], true[true["event"] == event]
    slack = 10 if event == "egg_deposited" else 0  # frames
    matched = sum(
        bool(((ours["start_frame"] <= stop + slack) & (ours["stop_frame"] >= start - slack)).any())
        for start, stop in zip(theirs["start_frame"], theirs["stop_frame"], strict=True)
    )
    return matched, len(theirs), len(ours)


def _percentiles(errors: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return median and 95th percentile, NaN where there is nothing."""
    finite = errors[np.isfinite(errors)]
    if not len(finite):
        return math.nan, math.nan
    return float(np.median(finite)), float(np.percentile(finite, 95))


def _pair(values: Sequence[float], unit: str, digits: int) -> str:
    """Format a median and a 95th percentile."""
    return f"median {values[0]:.{digits}f}, p95 {values[1]:.{digits}f} {unit}"


def _found(counts: tuple[int, int, int]) -> str:
    """Format how many of the true events were found, and how many were invented."""
    return f"{counts[0]} of {counts[1]} found, {counts[2] - counts[0]} invented"
