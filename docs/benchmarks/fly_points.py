"""3-D points of fly_chamber from our own detector, against the exact ones: accuracy and coverage.

    python docs/benchmarks/fly_points.py [PROJECT] [recording ...]

PROJECT is a folder with a rig, a detector trained on the labels of recording0, and recordings named
as in fly_chamber; by default the project of refinement.py in the cache, calibrated and trained if
that was not done yet. By default recording1 and recording2, of which nothing was used; recording0
flatters, 50 of its 540 moments being labelled.

Errors are those of all keypoints that two views or more truly see, refined and raw, where both are
there, the rig laid rigidly, without scale, on the truth by what it makes of the exact pixels, which
takes out no error of the detector; and as they are, in the frame of the first camera. The former
are held against the detections' part of the covariance, the latter against the whole of it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import cache_dir, data_dir, show
from datasets import fly_chamber_truth
from refinement import make_project

from calibration import Rig, RigCovariance, triangulate_points
from calibration.alignment import rigid_alignment
from calibration.geometry import Array
from labcut3d import pipeline
from labcut3d.project import Project, load_project
from labcut3d.reconstruction import reconstruct
from labcut3d.schema import noise_covariance, open_dataset

LEVELS = (3.506, 7.815)  # of chi-square with three degrees of freedom: 68 and 95 %
ALL = "all keypoints"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """True `points` (time, keypoint, 3) mm in a rig's world, by its first camera; who is `seen`.

    `seen` (time, keypoint): by two views or more. A point of the rig's world is laid onto the truth
    by `turn` (3, 3), then `shift` (3,) mm, which its errors of the exact pixels are least with.
    """

    points: Array
    seen: Array
    turn: Array
    shift: Array

    def laid(self, points: Array) -> Array:
        """Return the errors (time, keypoint, 3) mm of points, laid onto the truth rigidly."""
        return points @ self.turn.T + self.shift - self.points


def truth_for(rig: Rig, recording: str) -> Truth:
    """Return the truth of a recording for a rig."""
    with np.load(data_dir("fly_chamber") / "truth" / f"{recording}.npz") as stored:
        world, pixels = stored["position_mm"].astype(float), stored["pixels"].astype(float)
        seen = stored["visible"].sum(axis=0) >= 2
    true_first, first = fly_chamber_truth().cameras[0], rig.cameras[0]
    points = world @ true_first.rotation.T + true_first.translation
    points = (points - first.translation) @ first.rotation
    turn, shift = rigid_alignment(triangulate_points(rig, pixels).points, points)
    return Truth(points=points, seen=seen, turn=turn, shift=shift)


def judge(project: Project, recording: str) -> list[tuple[object, ...]]:
    """Return a row for all keypoints together, and one for each."""
    rig, covariance = Rig.load(project.rig_path), RigCovariance.load(project.rig_path)
    detections = open_dataset(project.results(recording) / "detections.nc")
    found = reconstruct(
        detections,
        rig,
        project.reconstruction,
        skeleton=project.skeleton,
        rig_covariance=covariance,
    )
    truth = truth_for(rig, recording)
    refined, raw = (
        found[name].isel(individual=0).transpose("time", "keypoint", "space").values
        for name in ("position", "position_raw")
    )
    laid = truth.laid(refined)
    errors = [laid, truth.laid(raw), refined - truth.points]
    lengths = [1000 * np.linalg.norm(error, axis=-1) for error in errors]
    noise = truth.turn @ noise_covariance(found).values[:, :, 0] @ truth.turn.T
    aligned = squared(laid, noise)
    plain = squared(errors[2], found["covariance"].values[:, :, 0])
    rows = []
    for k, name in [(slice(None), ALL), *enumerate(found["keypoint"].values)]:
        there = truth.seen[:, k] & np.isfinite(lengths[0][:, k])
        both = there & np.isfinite(lengths[1][:, k])
        values = [quantiles(length[:, k][both]) for length in lengths]
        held = [shares(part[:, k][there]) for part in (aligned, plain)]
        rows.append((name, f"{100 * there.sum() / truth.seen[:, k].sum():.1f} %", *values, *held))
    return rows


def squared(error: Array, covariance: Array) -> Array:
    """Return the squared Mahalanobis errors, NaN where there are none."""
    known = np.isfinite(covariance).all(axis=(-2, -1))
    safe = np.where(known[..., None, None], covariance, np.eye(3))
    solved = np.linalg.solve(safe, error[..., None])[..., 0]
    return np.where(known, (solved * error).sum(axis=-1), np.nan)


def quantiles(lengths: Array) -> str:
    """Return median and 95th percentile in words."""
    return f"{np.median(lengths):.1f}, {np.quantile(lengths, 0.95):.1f}"


def shares(squares: Array) -> str:
    """Return how many of the ellipsoids of 68 and 95 % hold the truth."""
    return ", ".join(f"{100 * (squares < level).mean():.1f}" for level in LEVELS)


def main() -> None:
    """Print the figures of each recording."""
    given = sys.argv[1:]
    if given and Path(given[0]).is_dir():
        project = load_project(Path(given.pop(0)))
    else:
        project = make_project(cache_dir() / "fly_chamber_project")
        pipeline.calibrate_project(project)
        pipeline.train(project)
    columns = ("median, 95 % um", "found", "refined", "raw", "first camera's frame")
    columns += ("68, 95 % hold", "whole covariance")
    for recording in given or ("recording1", "recording2"):
        pipeline.detect(project, recording)
        show(recording, columns, judge(project, recording))


if __name__ == "__main__":
    main()
