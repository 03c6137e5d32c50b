"""How far detections lie from labels that their detectors have not seen: 5-fold, default settings.

    python docs/benchmarks/detectors.py [openfield|mirror_mouse|fly_top_32 ...]

Random folds flatter, since frames of one video are alike; blocks are runs of neighbours in time.
"""

import csv
import sys
import time
from pathlib import Path

import cv2
from common import data_dir, show

from labcut3d.detection.crossvalidation import cross_validate
from labcut3d.formats.labels import read_label_file
from labcut3d.labels import LabelledImage, labelled_images, read_labels
from labcut3d.skeleton import Skeleton
from labcut3d.video import open_frames

FOLDS = 5
Labelled = tuple[list[LabelledImage], Skeleton]


def openfield() -> Labelled:
    """Return 116 frames of DeepLabCut's mouse in an open field, 640x480, four keypoints."""
    return _images(data_dir("openfield"), "openfield", (("leftear", "rightear"),))


def mirror_mouse() -> Labelled:
    """Return 90 frames of Lightning Pose's mouse and its mirror image, 396x406, 17 keypoints."""
    pairs = tuple(
        (f"{left}_{view}", f"{right}_{view}")
        for left, right in (("paw1LH", "paw4RH"), ("paw2LF", "paw3RF"))
        for view in ("top", "bot")
    )
    return _images(data_dir("mirror_mouse"), "mirror_mouse", pairs)


def fly_top_32() -> Labelled:
    """Return DeepPoseKit's 75 images of a fly from above, 192x192, 32 keypoints."""
    folder = data_dir("fly_top_32")
    with (folder / "skeleton.csv").open(newline="") as stream:
        names = [row["name"] for row in csv.DictReader(stream)]
    pairs = tuple(
        (n, n.replace("L", "R")) for n in names if n.replace("L", "R") in names and "L" in n
    )
    skeleton = Skeleton(name="fly_top_32", keypoints=tuple(names), left_right=pairs)
    labels = read_labels(folder / "labels.csv", views=("top",), keypoints=skeleton.keypoints)
    return labelled_images(labels, {"top": open_frames(folder / "images")}), skeleton


def _images(path: Path, name: str, pairs: tuple[tuple[str, str], ...]) -> Labelled:
    """Read labels of DeepLabCut's kind with the images that they name."""
    (labels,) = read_label_file(path)
    found = [
        LabelledImage(
            recording=name,
            frame=int(frame),
            view="top",
            image=cv2.cvtColor(cv2.imread(str(image)), cv2.COLOR_BGR2RGB),
            points=points,
        )
        for frame, image, points in zip(labels.frames, labels.images, labels.position, strict=True)
    ]
    return found, Skeleton(name=name, keypoints=labels.keypoints, left_right=pairs)


def main() -> None:
    """Print the figures of each data set, with each kind of folds."""
    sets = {"openfield": openfield, "mirror_mouse": mirror_mouse, "fly_top_32": fly_top_32}
    rows = []
    for name in sys.argv[1:] or sets:
        images, skeleton = sets[name]()
        for kind in ("random", "blocks"):
            started = time.perf_counter()
            found = cross_validate(images, skeleton, folds=FOLDS, kind=kind).unseen
            seconds = (time.perf_counter() - started) / FOLDS
            figures = found.summary()
            values = [f"{figures[n]:.3g}" for n in ("mean", "rms", "median", "p95", "within")]
            values += [
                f"{found.covariance_ratio():.2f}",
                f"{found.calibration_error():.3f}",
                f"{seconds:.0f}",
            ]
            rows.append((f"{name}, {kind}", *values))
            print(*rows[-1], flush=True)
    columns = ("labels, folds", "mean px", "true RMS", "median", "p95", "PCK@5")
    columns += ("squared error / stated", "calibration error", "s a fold")
    show(f"{FOLDS}-fold cross-validation", columns, rows)


if __name__ == "__main__":
    main()
