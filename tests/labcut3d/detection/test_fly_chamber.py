"""The default detector on a real task: trained on one recording, tested on another."""

from pathlib import Path

import numpy as np
import pytest

from labcut3d.detection.evaluation import evaluate
from labcut3d.detection.training import train_detector
from labcut3d.labels import LabelledImage, labelled_images, read_labels
from labcut3d.skeleton import load_skeleton
from labcut3d.video import open_frames

VIEWS = ("cam0", "cam1", "cam2", "cam3")
TESTED = range(0, 540, 20)


def _unseen(folder: Path) -> list[LabelledImage]:
    """Frames of another recording with their true, visible keypoints."""
    with np.load(folder / "truth" / "recording1.npz") as truth:
        pixels, visible = truth["pixels"].astype(float), truth["visible"].astype(bool)
    images = []
    for v, view in enumerate(VIEWS):
        frames = open_frames(folder / "recordings" / "recording1" / f"{view}.mp4")
        for index, image in frames.read(list(TESTED)):
            points = np.where(visible[v, index, :, None], pixels[v, index], np.nan)
            images.append(
                LabelledImage(
                    recording="recording1", frame=index, view=view, image=image, points=points[None]
                )
            )
    return images


@pytest.mark.slow
def test_a_detector_trained_on_fifty_moments_is_good_on_another_recording(dataset):
    folder = dataset("fly_chamber")
    skeleton = load_skeleton("fly-egg-laying")
    sources = {
        view: open_frames(folder / "recordings" / "recording0" / f"{view}.mp4") for view in VIEWS
    }
    labels = read_labels(
        folder / "labels" / "recording0.csv", views=VIEWS, keypoints=skeleton.keypoints
    )
    detector, report = train_detector(labelled_images(labels, sources), skeleton)
    evaluation = evaluate(detector, _unseen(folder))
    figures = evaluation.summary()
    # Measured 2.0 px and 7.6 px; the margins leave room for another processor's rounding.
    assert figures["median"] < 2.6
    assert figures["p95"] < 12
    assert figures["coverage"] > 0.85
    assert evaluation.calibration_error() < 0.1
    # The median of chi-square with two degrees of freedom is 1.39; a factor of two either way.
    near = evaluation.distance < 15
    assert 0.7 < np.median(evaluation.normalized_squared_error()[near]) < 2.8
    assert not report.warnings
