"""A synthetic animal, three coloured dots on a noisy ground, and a detector trained on it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from labcut3d.detection.detector import Detector
from labcut3d.detection.settings import DetectorSettings
from labcut3d.detection.training import TrainingReport, train_detector
from labcut3d.labels import LabelledImage
from labcut3d.skeleton import Skeleton

DOTS = Skeleton(name="dots", keypoints=("left", "right", "tail"), left_right=(("left", "right"),))
# Left and right differ from the tail, and from each other only by which side they are on.
COLORS = ((220, 60, 60), (220, 60, 60), (60, 90, 230))
QUICK = DetectorSettings(
    largest_crop=64, min_steps=30, max_steps=30, locator_steps=20, batch=6, held_out=0.2, seed=3
)


class Trained(NamedTuple):
    """A detector of dots, how it came about, and images it has never seen."""

    detector: Detector
    report: TrainingReport
    unseen: list[LabelledImage]


def dot_images(
    count: int, seed: int, *, views: Sequence[str] = ("cam0",), size: tuple[int, int] = (160, 120)
) -> list[LabelledImage]:
    """Draw `count` moments of the dots; labels are exact."""
    rng = np.random.default_rng(seed)
    images = []
    for frame in range(count):
        for view in views:
            angle = rng.uniform(-0.4, 0.4)
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            middle = np.array(size) / 2 + rng.uniform(-25, 25, 2)
            points = middle + np.array([[-12.0, -8.0], [12.0, -8.0], [0.0, 20.0]]) @ turn.T
            image = rng.integers(70, 110, (size[1], size[0], 3)).astype(np.uint8)
            for point, color in zip(points, COLORS, strict=True):
                shifted = np.round(point * 16).astype(int)
                cv2.circle(image, tuple(map(int, shifted)), 4 * 16, color, -1, cv2.LINE_AA, 4)
            images.append(
                LabelledImage(
                    recording="dots", frame=frame, view=view, image=image, points=points[None]
                )
            )
    return images


@pytest.fixture(scope="session")
def trained() -> Trained:
    """A small detector, really trained, for a few seconds."""
    detector, report = train_detector(dot_images(40, 0), DOTS, QUICK)
    return Trained(detector, report, dot_images(30, 1))


@pytest.fixture(scope="session")
def draw_dots() -> Callable[..., list[LabelledImage]]:
    """The function that draws labelled images of the dots."""
    return dot_images


@pytest.fixture(scope="session")
def dots() -> Skeleton:
    """The skeleton of the dots."""
    return DOTS


@pytest.fixture(scope="session")
def quick() -> DetectorSettings:
    """Settings that train in seconds."""
    return QUICK
