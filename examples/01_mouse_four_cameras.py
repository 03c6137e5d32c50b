"""A real mouse in an arena, four cameras: `python examples/01_mouse_four_cameras.py DATA OUT`.

DATA is the folder mouse_4cam: a ChArUco board in 4 x 21 synchronous images, and proofread 2-D
keypoints from SLEAP. The calibration is scored in a way that cannot flatter it: fitted on the even
images, then one rigid board pose is fitted to each odd image with the cameras held fixed.
"""

import sys
from pathlib import Path

import numpy as np

from calibration import calibrate, load_board, observe, score_held_out
from labcut3d import pipeline
from labcut3d.video import open_frames

data, out = Path(sys.argv[1]), Path(sys.argv[2])
views = ("back", "mid", "side", "top")
board = load_board(data / "board.toml", unit="mm")
sources = {view: open_frames(data / view / "calibration_images") for view in views}
numbers = {view: frames.numbers.tolist() for view, frames in sources.items()}

board, seen = observe(board, sources, numbers=numbers)
even, odd = seen.at(seen.frames[seen.frames % 2 == 0]), seen.at(seen.frames[seen.frames % 2 == 1])
errors = score_held_out(calibrate(board, even).rig, board, odd)
print(f"odd images, one rigid board each: mean {np.nanmean(errors):.3f} px")
for view, misfits in zip(seen.views, seen.misfits, strict=True):
    print(f"{view}: {misfits.sum()} corners fit no flat board and were left out")

rig = pipeline.calibrate_sources(board, sources, out).rig
files = [f"{view}={data / view / f'minimal_{view}_proofread.analysis.h5'}" for view in views]
path = pipeline.triangulate_files(files, rig, out / "trajectories.nc", fps=30.0)
pipeline.view_file(path, out / "viewer.html")
print(f"open {out / 'calibration.html'} and {out / 'viewer.html'}")
