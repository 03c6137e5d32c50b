"""Depth from two images, pixel by pixel: `python examples/04_stereo_disparity.py DATA OUT`.

DATA is the folder stereo_pair: chessboard pairs for a rig, and a plant with its true disparity.
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOptionalMemberAccess=false
import sys
from pathlib import Path

import cv2
import numpy as np
from plotly.subplots import make_subplots

from calibration import ChessBoard, calibrate, epipolar_error, observe, rectify, triangulate_points


def disparity_of(left: np.ndarray, right: np.ndarray, lowest: int, highest: int) -> np.ndarray:
    """Return the disparity (height, width) px of two rectified images, NaN where not found."""
    # OpenCV leaves out the columns left of `highest`: so many are added, and taken away again.
    wide = [cv2.copyMakeBorder(i, 0, 0, highest, 0, cv2.BORDER_REPLICATE) for i in (left, right)]
    sgbm = cv2.StereoSGBM.create(lowest, highest - lowest, 7, P1=8 * 3 * 49, P2=32 * 3 * 49)
    sgbm.setMode(cv2.StereoSGBM_MODE_HH)
    sgbm.setUniquenessRatio(5)  # per cent by which a match must beat the next best
    sgbm.setSpeckleWindowSize(100)  # px: smaller islands are mistakes
    sgbm.setSpeckleRange(2)
    found = sgbm.compute(*wide)[:, highest:] / 16  # from sixteenths of a pixel
    return np.where(found >= lowest, found, np.nan)


data, out, sides = Path(sys.argv[1]), Path(sys.argv[2]), ("left", "right")
views = {s: [cv2.imread(str(p)) for p in sorted(data.glob(f"{s}[0-9]*.jpg"))] for s in sides}
board = ChessBoard(squares_x=9, squares_y=6, square_length=25.0, unit="mm")
_, observations = observe(board, views)
rig = calibrate(board, observations).rig
missed = epipolar_error(rig, "left", "right", observations.corners)
pair = rectify(rig, "left", "right")
disparity = disparity_of(*(pair.rectify_image(side, views[side][0]) for side in sides), 0, 256)
corners = observations.corners[:, 0]  # of the first pair: two ways to the same points
columns, rows = np.round(pair.rectify_points("left", corners[0])).astype(int).T
apart = pair.image_to_points(disparity)[rows, columns] - triangulate_points(rig, corners).points
print(f"baseline {pair.baseline:.1f} mm, epipolar error {np.nanmedian(missed):.3f} px (median)")
print(f"1 px of disparity at 400 mm is {pair.depth_resolution(400):.1f} mm of depth")
print(f"dense depth to corners: median {np.nanmedian(np.linalg.norm(apart, axis=1)):.1f} mm")

aloe = disparity_of(*(cv2.imread(str(data / f"aloe{s}.jpg")) for s in "LR"), 16, 224)
truth = cv2.imread(str(data / "aloeGT.png"), cv2.IMREAD_GRAYSCALE).astype(float)
truth[truth == 0] = np.nan  # 0 in this file means unknown
off = np.abs(aloe - truth)[np.isfinite(truth)]
wrong = ", ".join(f"{np.mean(off > limit):.1%} by > {limit} px" for limit in (1, 2, 3))
print(f"aloe, of all known pixels: {np.mean(np.isnan(off)):.1%} not found; wrong: {wrong}")
names = ["depth of the first pair, mm", "aloe: disparity, px", "aloe: its true disparity, px"]
figure = make_subplots(1, 3, subplot_titles=names, horizontal_spacing=0.08)
for k, image in enumerate([pair.depth(disparity), aloe[::3, ::3], truth[::3, ::3]]):
    low, high = np.nanpercentile(image, [2, 85 if k == 0 else 98])
    bar = {"x": 0.29 + 0.36 * k, "thickness": 10}
    figure.add_heatmap(z=np.round(image, 1), zmin=low, zmax=high, colorbar=bar, row=1, col=k + 1)
    figure.update_yaxes(autorange="reversed", scaleanchor=f"x{k + 1}", row=1, col=k + 1)
out.mkdir(parents=True, exist_ok=True)
figure.write_html(out / "depth.html")
