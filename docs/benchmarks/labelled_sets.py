"""The labelled images on which detectors are measured, one function a data set."""

import csv
from pathlib import Path

import cv2
import numpy as np
from common import data_dir

from labcut3d.formats.labels import read_label_file
from labcut3d.labels import LabelledImage, labelled_images, read_labels
from labcut3d.skeleton import Skeleton, load_skeleton
from labcut3d.video import open_frames

__all__ = ["fly_chamber", "fly_chamber_truth", "fly_top_32", "mirror_mouse", "openfield"]

CHAMBER_VIEWS = ("cam0", "cam1", "cam2", "cam3")
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


def fly_chamber() -> Labelled:
    """Return the 50 labelled moments of the fly's recording0, 4 views 640x480, 12 keypoints."""
    folder, skeleton = data_dir("fly_chamber"), load_skeleton("fly-egg-laying")
    labels = read_labels(
        folder / "labels" / "recording0.csv", views=CHAMBER_VIEWS, keypoints=skeleton.keypoints
    )
    videos = folder / "recordings" / "recording0"
    sources = {view: open_frames(videos / f"{view}.mp4") for view in CHAMBER_VIEWS}
    return labelled_images(labels, sources), skeleton


def fly_chamber_truth(recording: str, every: int = 10) -> list[LabelledImage]:
    """Return every so many moments of a recording with the exact places of what is visible."""
    folder = data_dir("fly_chamber")
    with np.load(folder / "truth" / f"{recording}.npz") as truth:
        seen = truth["visible"].astype(bool)[..., None]
        points = np.where(seen, truth["pixels"].astype(float), np.nan)
    images = []
    for v, view in enumerate(CHAMBER_VIEWS):
        frames = open_frames(folder / "recordings" / recording / f"{view}.mp4")
        for frame, image in frames.read(range(0, len(frames), every)):
            images.append(
                LabelledImage(
                    recording=recording,
                    frame=frame,
                    view=view,
                    image=image,
                    points=points[v, frame, None],
                )
            )
    return images


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
