"""From corners to a rig on mouse_4cam: 4 cameras, 21 images each, OpenCV's corners given to all.

    python docs/benchmarks/solve_time.py

labcut3d chooses a lens model for each camera, adjusts everything jointly, rejects outliers and
computes the covariance in that time; OpenCV calibrates cameras one by one and chains them.
"""

import contextlib
import io
import warnings
from functools import partial

import numpy as np
from common import installed, show, time_in_turn
from datasets import mouse_4cam, opencv_corners
from peers import (
    calibrate_aniposelib,
    calibrate_caliscope,
    calibrate_multiview,
    calibrate_opencv,
)

from calibration import Observations, calibrate


def main() -> None:
    """Print the medians of all programs, run in turn."""
    recording = mouse_4cam()
    corners = opencv_corners(recording)
    observations = Observations(
        views=recording.views,
        sizes=(recording.size,) * len(recording.views),
        frames=np.arange(corners.shape[1]),
        corners=corners,
    )
    given = (recording.board, recording.views, recording.size, corners)
    sides = {
        "labcut3d": partial(calibrate, recording.board, observations),
        "OpenCV (no joint adjustment)": partial(calibrate_opencv, *given),
        "OpenCV, calibrateMultiview": partial(calibrate_multiview, *given),
        "aniposelib (f, k1)": partial(calibrate_aniposelib, *given),
        "aniposelib (f, k1, k2)": partial(calibrate_aniposelib, *given, extra_dist=True),
        "Caliscope (given intrinsics stay)": partial(calibrate_caliscope, *given),
    }
    timings = time_in_turn(installed(sides))
    ours = timings["labcut3d"]
    rows = [
        (name, timing.wall, timing.spread, timing.cpu, f"{ours.wall / timing.wall:.3f}")
        for name, timing in timings.items()
    ]
    columns = ("program", "wall s", "least to most", "CPU s", "labcut3d / it")
    show("mouse_4cam, corners -> rig", columns, rows)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with contextlib.redirect_stderr(io.StringIO()):
        main()
