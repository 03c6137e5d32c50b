"""From videos to points on fly_chamber, against the best chain of other programs.

    python docs/benchmarks/fly_chain.py PROJECT [recording ...]

All start from the same detections, those of our detector (PROJECT as for fly_points.py), since what
is compared is what becomes of them. Ours is the project's rig and `reconstruct`; theirs a rig that
aniposelib makes of the board videos, from OpenCV's corners, and its `triangulate_optim`, with the
defaults of Anipose: confidences below 0.6 left out, no bones; with the skeleton's bones of one
length; and on our rig, to tell the rig's part. Errors are of the keypoints that two views truly
see and all sides found, the rig laid on the truth as in fly_points.py. Seconds are of one run
each, from detections to points; calibrating, detecting and compiling are not counted.
"""

import contextlib
import io
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import xarray as xr
from common import installed, show
from datasets import fly_chamber, opencv_corners
from fly_points import truth_for
from peers import calibrate_aniposelib
from triangulation import aniposelib_group

from calibration import Rig, RigCovariance
from calibration.geometry import Array
from labcut3d.project import Project, load_project
from labcut3d.reconstruction import reconstruct
from labcut3d.schema import open_dataset

SURE = 0.6  # the confidence below which Anipose leaves a detection out
RECORDINGS = ("recording1", "recording2")  # of which no label was used
Side = tuple[Rig, Callable[[], Array]]


def aniposelib_points(rig: Rig, detections: xr.Dataset, bones: list[list[int]]) -> Array:
    """Return aniposelib's points (time, keypoint, 3) mm from the detections of one animal."""
    one = detections.isel(individual=0).sel(view=list(rig.names))
    pixels = one["position"].transpose("view", "time", "keypoint", "space").values.astype(float)
    sure = one["confidence"].transpose("view", "time", "keypoint").values >= SURE
    seen = np.where(sure[..., None], pixels, np.nan)
    with contextlib.redirect_stdout(io.StringIO()):
        return aniposelib_group(rig).triangulate_optim(seen, constraints=bones)


def our_points(project: Project, rig: Rig, detections: xr.Dataset) -> Array:
    """Return labcut3d's points (time, keypoint, 3) mm."""
    found = reconstruct(
        detections,
        rig,
        project.reconstruction,
        skeleton=project.skeleton,
        rig_covariance=RigCovariance.load(project.rig_path),
    )
    return found["position"].isel(individual=0).transpose("time", "keypoint", "space").values


def sides_of(project: Project, theirs: Rig | None, recording: str) -> dict[str, Side]:
    """Return each side's rig and what makes its points."""
    ours = Rig.load(project.rig_path)
    detections = open_dataset(project.results(recording) / "detections.nc")
    names = list(detections["keypoint"].values)
    bones = [[names.index(end) for end in bone] for bone in project.skeleton.bones]

    def optimised(rig: Rig, lengths: list[list[int]]) -> Side:
        return rig, lambda: aniposelib_points(rig, detections, lengths)

    sides: dict[str, Side] = {"labcut3d": (ours, lambda: our_points(project, ours, detections))}
    if theirs is not None:
        sides["aniposelib, its own rig"] = optimised(theirs, [])
        sides["aniposelib, its own rig, bones"] = optimised(theirs, bones)
        sides["aniposelib, our rig"] = optimised(ours, [])
    return sides


def run(project: Project, theirs: Rig | None, recording: str) -> None:
    """Print the table of one recording."""
    seconds, errors = [], []
    sides = sides_of(project, theirs, recording)
    sides["labcut3d"][1]()  # once before, for what is compiled at first use
    for rig, make in sides.values():
        begun = perf_counter()
        points = make()
        seconds.append(perf_counter() - begun)
        truth = truth_for(rig, recording)
        errors.append(1000 * np.linalg.norm(truth.laid(points), axis=-1)[truth.seen])
    found = np.isfinite(errors)
    rows = [
        (
            name,
            f"{100 * there.mean():.1f} %",
            *(f"{np.quantile(error[found.all(axis=0)], q):.1f}" for q in (0.5, 0.95, 0.99)),
            time,
            f"{seconds[0] / time:.3f}",
        )
        for name, there, error, time in zip(sides, found, errors, seconds, strict=True)
    ]
    columns = ("", "found", "median um", "95 %", "99 %", "s", "labcut3d / it")
    show(f"{recording}: points of our detections", columns, rows)


def main() -> None:
    """Print the tables of the recordings."""
    warnings.simplefilter("ignore")
    project = load_project(Path(sys.argv[1]))
    theirs = None
    if "aniposelib" in installed({"aniposelib": None}):
        boards = fly_chamber()
        corners = opencv_corners(boards)
        theirs = calibrate_aniposelib(boards.board, boards.views, boards.size, corners)
    for recording in sys.argv[2:] or RECORDINGS:
        run(project, theirs, recording)


if __name__ == "__main__":
    main()
