"""How far detections lie from labels that their detectors have not seen: 5-fold, default settings.

    python docs/benchmarks/detectors.py [random|blocks ...]

On openfield: 116 labelled frames of a mouse, four keypoints (DeepLabCut's own example). Random
folds flatter, since frames of one video are alike; blocks are runs of neighbours in time.
"""

import csv
import sys
import time

import cv2
import numpy as np
from common import data_dir, show

from labcut3d.detection.crossvalidation import cross_validate
from labcut3d.labels import LabelledImage
from labcut3d.skeleton import Skeleton

FOLDS = 5
HEADER = 3  # lines of DeepLabCut's CSV: scorer, bodyparts, coords
OPENFIELD = Skeleton(
    name="openfield",
    keypoints=("snout", "leftear", "rightear", "tailbase"),
    left_right=(("leftear", "rightear"),),
)


def openfield() -> list[LabelledImage]:
    """Return the labelled frames of DeepLabCut's mouse in an open field, 640x480."""
    folder = data_dir("openfield") / "labeled-data" / "m4s1"
    with (folder / "CollectedData_Pranav.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))[HEADER:]
    images = []
    for row in rows:
        path = folder / row[0].rpartition("/")[2]
        points = np.array([float(value) if value else np.nan for value in row[1:]])
        images.append(
            LabelledImage(
                recording="m4s1",
                frame=int(path.stem.removeprefix("img")),
                view="top",
                image=cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB),
                points=points.reshape(1, -1, 2),
            )
        )
    return images


def main() -> None:
    """Print the figures of each kind of folds."""
    images, rows = openfield(), []
    for kind in sys.argv[1:] or ("random", "blocks"):
        started = time.perf_counter()
        found, _ = cross_validate(images, OPENFIELD, folds=FOLDS, kind=kind)
        seconds = (time.perf_counter() - started) / FOLDS
        figures = found.summary()
        squared = found.normalized_squared_error()
        chi = float(np.nanmedian(squared)) / (2 * np.log(2))  # the median of chi-square of 2
        names = ("mean", "rms", "median", "p95", "within")
        values = [f"{figures[name]:.3g}" for name in names]
        values += [f"{chi:.2f}", f"{found.calibration_error():.3f}", f"{seconds:.0f}"]
        rows.append((kind, *values))
    columns = ("folds", "mean px", "true RMS", "median", "p95", "PCK@5")
    columns += ("squared error / stated", "calibration error", "s a fold")
    show(f"openfield, {FOLDS} folds of {len(images)} images", columns, rows)


if __name__ == "__main__":
    main()
