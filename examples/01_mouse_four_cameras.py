"""A real mouse in an arena, four cameras: `python examples/01_mouse_four_cameras.py DATA OUT`.

DATA is the folder mouse_4cam: a ChArUco board in 4 x 21 synchronous images, and proofread 2-D
keypoints from SLEAP. The calibration is scored as it cannot flatter itself: fitted on the even
images, then one rigid board pose is fitted to each odd image with the cameras held fixed.
"""

import sys
from pathlib import Path

import numpy as np

from calibration import calibrate, score_held_out
from calibration.board import load_board
from labcut3d import pipeline
from labcut3d.detecting_boards import observe_board
from labcut3d.video import open_frames

data, out = Path(sys.argv[1]), Path(sys.argv[2])
views = ("back", "mid", "side", "top")
board = load_board(data / "board.toml", unit="mm")
sources = {view: open_frames(data / view / "calibration_images") for view in views}

observations = observe_board(board, sources)
even, odd = observations.frames % 2 == 0, observations.frames % 2 == 1
fitted = calibrate(board, observations.select(even))
errors = score_held_out(fitted.rig, board, observations.select(odd))
print(f"odd images, rigid board: mean {np.nanmean(errors):.3f} px")

pipeline.calibrate_sources(board, sources, out)
files = [f"{view}={data / view / f'minimal_{view}_proofread.analysis.h5'}" for view in views]
pipeline.triangulate_files(files, out / "rig.toml", out / "trajectories.nc", fps=30.0)
pipeline.view_file(out / "trajectories.nc", out / "viewer.html")
print(f"open {out / 'calibration.html'} and {out / 'viewer.html'}")
