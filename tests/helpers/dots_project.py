"""A small project of known truth: an animal of three coloured dots, filmed by a synthetic rig."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from calibration import Rig
from labcut3d.detection.settings import DetectorSettings
from labcut3d.detection.storage import save_detector
from labcut3d.detection.training import train_detector
from labcut3d.labels import LabelledImage
from labcut3d.project import Project, load_project
from labcut3d.skeleton import Skeleton
from labcut3d.synthetic import make_animal
from labcut3d.synthetic_rig import make_rig
from labcut3d.template import new_project
from labcut3d.video_writing import write_mp4

SKELETON = Skeleton(
    name="dots", keypoints=("left", "right", "tail"), left_right=(("left", "right"),)
)
COLORS = ((220, 60, 60), (60, 200, 60), (60, 90, 230))
SIZE = (160, 120)
SETTINGS = DetectorSettings(
    largest_crop=64, min_steps=20, max_steps=20, locator_steps=15, batch=4, held_out=0.2, seed=3
)


def make_dots_project(
    root: Path, *, recordings: Sequence[str], frames: int, chunk_frames: int, seed: int = 0
) -> Project:
    """Make a project of two views with videos, rig and a detector trained for a few steps."""
    rng = np.random.default_rng(seed)
    rig = make_rig(2, rng, size=SIZE)
    skeleton = root.with_suffix(".toml")
    skeleton.write_text(
        'name = "dots"\nkeypoints = ["left", "right", "tail"]\nleft_right = [["left", "right"]]\n'
    )
    project = new_project(root, views=rig.names, skeleton=str(skeleton))
    with (root / "project.toml").open("a") as stream:
        stream.write(f"\n[compute]\nchunk_frames = {chunk_frames}\n")
    project.rig_path.parent.mkdir(exist_ok=True)
    rig.save(project.rig_path)
    images = [one for moment in range(20) for one in _film(rig, 1, rng, moment)]
    detector, _ = train_detector(images, SKELETON, SETTINGS)
    save_detector(detector, project.model_path)
    for name in recordings:
        shown = _film(rig, frames, rng)
        folder = root / "recordings" / name
        folder.mkdir()
        for view in rig.names:
            pictures = [one.image for one in shown if one.view == view]
            write_mp4(folder / f"{view}.mp4", pictures, 30.0, {"crf": "10", "g": "12"})
    return load_project(root)


def _film(rig: Rig, frames: int, rng: np.random.Generator, first: int = 0) -> list[LabelledImage]:
    """Return what each camera of the rig sees of the animal, and where its dots truly are."""
    points = make_animal(rig, SKELETON, frames, rng)
    middle = points.mean(axis=(0, 1))
    pixels = rig.project(middle + 2 * (points - middle))  # (view, time, keypoint, 2)
    return [
        LabelledImage(
            recording="dots", frame=first + t, view=view, image=_draw(dots, rng), points=dots[None]
        )
        for view, seen in zip(rig.names, pixels, strict=True)
        for t, dots in enumerate(seen)
    ]


def _draw(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw dots (3, 2) px on a noisy ground."""
    image = rng.integers(70, 110, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    for point, color in zip(points, COLORS, strict=True):
        x, y = (int(v) for v in np.round(point * 16))
        cv2.circle(image, (x, y), 4 * 16, color, -1, cv2.LINE_AA, 4)
    return image
