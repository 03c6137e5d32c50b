"""A stereo rig from 13 chessboard pairs: `python examples/03_stereo_pair.py DATA OUT`.

DATA is the folder stereo_pair, with left01.jpg, right01.jpg, ... in one folder: the images of each
view are copied to a folder of their own, where their numbers match them.
"""

import shutil
import sys
from pathlib import Path

import numpy as np

from calibration import ChessBoard
from labcut3d import pipeline
from labcut3d.video import open_frames

data, out = Path(sys.argv[1]), Path(sys.argv[2])
sources = {}
for view in ("left", "right"):
    folder = out / view
    folder.mkdir(parents=True, exist_ok=True)
    for image in data.glob(f"{view}[0-9][0-9].jpg"):
        shutil.copy(image, folder)
    sources[view] = open_frames(folder)

board = ChessBoard(squares_x=9, squares_y=6, square_length=25.0, unit="mm")
calibration = pipeline.calibrate_sources(board, sources, out)
baseline = np.linalg.norm(calibration.rig["right"].center - calibration.rig["left"].center)
print(f"root mean square reprojection {calibration.rms:.3f} px, baseline {baseline:.2f} mm")
print(f"open {out / 'calibration.html'}")
