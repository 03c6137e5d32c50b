"""Held-out error: every program is fitted to the even frames, its cameras scored on the odd ones.

    python docs/benchmarks/heldout.py [mouse_4cam] [charuco_4cam] [fly_chamber]

See scoring.py for the score. All programs are given OpenCV's corners, and labcut3d its own too,
since finding corners is part of it; each rig is scored on both kinds of corners.
"""

import sys
import warnings

import numpy as np
from common import show
from datasets import DATASETS, Recording, fly_chamber_truth, opencv_corners
from peers import calibrate_aniposelib, calibrate_caliscope, calibrate_opencv
from scoring import score

from calibration import Observations, Rig, calibrate, observe
from calibration.geometry import Array

EVEN, ODD = slice(0, None, 2), slice(1, None, 2)


def calibrate_labcut3d(recording: Recording, corners: Array) -> Rig:
    """Return labcut3d's rig from corners (view, frame, corner, 2) px."""
    observations = Observations(
        views=recording.views,
        sizes=(recording.size,) * len(recording.views),
        frames=np.arange(corners.shape[1]),
        corners=corners,
    )
    return calibrate(recording.board, observations).rig


def rigs_of(recording: Recording, theirs: Array, ours: Array) -> dict[str, Rig]:
    """Return each program's rig from the even frames of OpenCV's or of our own corners."""
    given = (recording.board, recording.views, recording.size)
    even, own = theirs[:, EVEN], ours[:, EVEN]
    rigs = {
        "labcut3d, own corners": calibrate_labcut3d(recording, own),
        "labcut3d, OpenCV's corners": calibrate_labcut3d(recording, even),
        "aniposelib (f, k1)": calibrate_aniposelib(*given, even),
        "aniposelib (f, k1, k2)": calibrate_aniposelib(*given, even, extra_dist=True),
        "OpenCV (no joint adjustment)": calibrate_opencv(*given, even),
        "aniposelib (f, k1, k2), our corners": calibrate_aniposelib(*given, own, extra_dist=True),
        "OpenCV, our corners": calibrate_opencv(*given, own),
    }
    if recording.name == "fly_chamber":
        rigs["the true cameras"] = fly_chamber_truth()
    else:  # where Caliscope did not end within six minutes
        rigs["Caliscope"] = calibrate_caliscope(*given, even)
    return rigs


def run(name: str) -> None:
    """Print the table of one recording."""
    recording = DATASETS[name]()
    theirs = opencv_corners(recording)
    ours = observe(recording.board, recording.images)[1].corners
    unit, factor = ("um", 1000) if name == "fly_chamber" else ("mm", 1)
    rows = []
    for program, rig in rigs_of(recording, theirs, ours).items():
        on_theirs = score(rig, recording.board.points, theirs[:, ODD])
        on_ours = score(rig, recording.board.points, ours[:, ODD])
        rows.append(
            (
                program,
                f"{on_theirs.pixels:.4f}",
                f"{factor * on_theirs.length:.4f}",
                f"{on_ours.pixels:.4f}",
                f"{factor * on_ours.length:.4f}",
            )
        )
    columns = (
        "fitted to even frames",
        "px, OpenCV's corners",
        f"{unit}, OpenCV's corners",
        "px, our corners",
        f"{unit}, our corners",
    )
    show(f"{name}: odd frames, mean px and median 3-D error", columns, rows)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or DATASETS:
        run(wanted)
