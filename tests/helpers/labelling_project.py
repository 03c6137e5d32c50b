"""A project of four cameras with a rig; dots in its pictures show where the keypoints are."""

from pathlib import Path

import cv2
import numpy as np

from calibration import Rig
from labcut3d.project import Project
from labcut3d.synthetic_rig import make_rig
from labcut3d.template import new_project

FRAMES = 6
KEYPOINTS = 12  # of the skeleton fly-egg-laying


def make_labelling_project(root: Path) -> tuple[Project, Rig, np.ndarray]:
    """Return a project, its rig, and the true pixels (frame, view, k, 2) of recording `walk`."""
    rng = np.random.default_rng(5)
    rig = make_rig(4, rng)
    project = new_project(root, views=list(rig.names), skeleton="fly-egg-laying")
    rig.save(project.rig_path)
    middle = np.array([0.0, 0.0, 300.0])
    points = middle + rng.uniform(-25, 25, (KEYPOINTS, 3))
    moving = points + np.arange(FRAMES)[:, None, None] * np.array([1.5, 0.5, 0.0])
    pixels = np.stack([camera.project(moving) for camera in rig], axis=1)
    for v, camera in enumerate(rig):
        folder = project.root / "recordings" / "walk" / camera.name
        folder.mkdir(parents=True)
        for frame in range(FRAMES):
            width, height = camera.size
            image = np.full((height, width), 60 + 10 * frame, np.uint8)
            for x, y in pixels[frame, v]:
                cv2.circle(image, (round(x), round(y)), 4, 255, -1)
            cv2.imwrite(str(folder / f"{frame:04d}.png"), image)
    return project, rig, pixels
