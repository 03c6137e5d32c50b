"""Held-out error: every program is fitted to the even frames, its cameras scored on the odd ones.

    python docs/benchmarks/heldout.py [mouse_4cam] [charuco_4cam] [fly_chamber]

See scoring.py for the score. All programs are given OpenCV's corners, and labcut3d its own too,
since finding corners is part of it; each rig is scored on both kinds of corners.
"""

import sys
import warnings
from dataclasses import replace

import numpy as np
from common import installed, show
from datasets import DATASETS, Recording, fly_chamber_truth, opencv_corners
from peers import (
    calibrate_aniposelib,
    calibrate_caliscope,
    calibrate_multiview,
    calibrate_opencv,
)
from scoring import score

from calibration import Observations, Rig, calibrate, observe
from calibration.fitting.heldout import pose_boards
from calibration.geometry import Array
from calibration.timing.delays import gain_by_delays
from calibration.timing.scene import Scene, common_times
from calibration.timing.synchronization import calibrate_in_time
from calibration.timing.timestamps import with_times

EVEN, ODD = slice(0, None, 2), slice(1, None, 2)


def calibrate_labcut3d(recording: Recording, corners: Array) -> Rig:
    """Return labcut3d's rig from corners (view, frame, corner, 2) px."""
    return calibrate(recording.board, _observations(recording, corners)).rig


def calibrate_in_labcut3d_time(recording: Recording, corners: Array) -> Rig:
    """Return labcut3d's rig from the even frames of all corners, and what time has to do with it.

    Prints the error of the odd frames as rigid boards, of which every second corner is fitted and
    the others judged, without and with a delay of each image.
    """
    seen = _observations(recording, corners)
    lines = {view: replace(line, numbers=seen.frames) for view, line in recording.timelines.items()}
    seen = with_times(seen, lines)
    rig = calibrate_in_time(recording.board, seen.at(seen.frames[EVEN])).rig
    odd = seen.at(seen.frames[ODD])
    scene = Scene(
        board=recording.board,
        rig=rig,
        boards=pose_boards(rig.cameras, recording.board, odd.corners),
        corners=odd.corners,
        taken=common_times(odd),
    )
    period = float(np.median(np.diff(scene.taken)))
    rigid, delayed = gain_by_delays(scene, period=period)
    print(
        f"{recording.name}: odd frames, rigid boards {rigid:.3f} px, with delays {delayed:.3f} px"
    )
    return rig


def _observations(recording: Recording, corners: Array) -> Observations:
    """Return corners (view, frame, corner, 2) px as labcut3d takes them."""
    return Observations(
        views=recording.views,
        sizes=(recording.size,) * len(recording.views),
        frames=np.arange(corners.shape[1]),
        corners=corners,
    )


def rigs_of(recording: Recording, theirs: Array, ours: Array) -> dict[str, Rig]:
    """Return each program's rig from the even frames of OpenCV's or of our own corners."""
    given = (recording.board, recording.views, recording.size)
    even, own = theirs[:, EVEN], ours[:, EVEN]
    sides = {
        "labcut3d, own corners": lambda: calibrate_labcut3d(recording, own),
        "labcut3d, OpenCV's corners": lambda: calibrate_labcut3d(recording, even),
        "aniposelib (f, k1)": lambda: calibrate_aniposelib(*given, even),
        "aniposelib (f, k1, k2)": lambda: calibrate_aniposelib(*given, even, extra_dist=True),
        "OpenCV (no joint adjustment)": lambda: calibrate_opencv(*given, even),
        "OpenCV, calibrateMultiview": lambda: calibrate_multiview(*given, even),
        "OpenCV, calibrateMultiview, intrinsics given": lambda: calibrate_multiview(
            *given, even, guess=True
        ),
        "aniposelib (f, k1, k2), our corners": lambda: calibrate_aniposelib(
            *given, own, extra_dist=True
        ),
        "OpenCV, our corners": lambda: calibrate_opencv(*given, own),
    }
    if recording.timelines:
        sides["labcut3d, own corners and time stamps"] = lambda: calibrate_in_labcut3d_time(
            recording, ours
        )
    if recording.name == "fly_chamber":
        sides["the true cameras"] = fly_chamber_truth
    else:  # where Caliscope did not end within six minutes
        sides["Caliscope"] = lambda: calibrate_caliscope(*given, even)
    return {program: make() for program, make in installed(sides).items()}


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
