"""openfield's mouse under harder conditions: other images, fewer labels, less time.

    python docs/benchmarks/openfield_robustness.py [folds]

The first of five random folds, or as many as told, each with three trainings: with all other
labels, with 25 of them, and with all but in fewer steps. The first is also judged on test images
made dark, noisy, blurred and low in contrast, which none was trained on in this strength.
"""

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from common import show
from detectors import COLUMNS, figures
from labelled_sets import openfield

from labcut3d.detection.crossvalidation import split
from labcut3d.detection.evaluation import Evaluation, evaluate
from labcut3d.detection.settings import DetectorSettings
from labcut3d.detection.training import train_detector
from labcut3d.labels import LabelledImage

FOLDS = 5
FEW = 25  # labels
SHORT = 150  # steps
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
CHANGES: dict[str, Change] = {
    "clean": lambda image, _: image,
    "dark: 0.4 of the light": lambda image, _: image * 0.4,
    "noisy: 15 grey values": lambda image, rng: image + rng.normal(0, 15, image.shape),
    "blurred: 2 px": lambda image, _: cv2.GaussianBlur(image, (0, 0), 2.0),
    "low in contrast: 0.5": lambda image, _: 0.5 * image + 64,
}


def changed(images: Sequence[LabelledImage], change: Change) -> list[LabelledImage]:
    """Return the images changed, with the same labels."""
    rng = np.random.default_rng(0)
    return [
        dataclasses.replace(
            image,
            image=np.clip(np.rint(change(image.image.astype(float), rng)), 0, 255).astype(np.uint8),
        )
        for image in images
    ]


def main() -> None:
    """Print the figures of each condition, all folds together."""
    images, skeleton = openfield()
    folds = split(images, FOLDS, "random")[: int(sys.argv[1]) if len(sys.argv) > 1 else 1]
    parts: dict[str, list[Evaluation]] = {}
    seconds: dict[str, list[float]] = {}

    def judge(name: str, shown: Sequence[LabelledImage], settings: DetectorSettings) -> None:
        started = time.perf_counter()
        detector, _ = train_detector(shown, skeleton, settings)
        taken = time.perf_counter() - started
        for label, change in CHANGES.items() if name == "all labels" else [("clean", None)]:
            key = f"{name}, {label}"
            test = unseen if change is None else changed(unseen, change)
            parts.setdefault(key, []).append(evaluate(detector, test))
            seconds.setdefault(key, []).append(taken)
            values = figures(Evaluation.join(parts[key]), float(np.mean(seconds[key])))
            print(key, *values, flush=True)

    for left_out in folds:
        unseen = [images[index] for index in left_out]
        shown = [image for index, image in enumerate(images) if index not in set(left_out)]
        few = [shown[i] for i in np.random.default_rng(0).permutation(len(shown))[:FEW]]
        judge("all labels", shown, DetectorSettings())
        judge(f"{FEW} labels", few, DetectorSettings())
        short = DetectorSettings(min_steps=SHORT, max_steps=SHORT)
        judge(f"{SHORT} steps", shown, short)
    rows = [
        (key, *figures(Evaluation.join(joined), float(np.mean(seconds[key]))))
        for key, joined in parts.items()
    ]
    show(f"openfield, {len(folds)} of {FOLDS} folds", ("condition", *COLUMNS), rows)


if __name__ == "__main__":
    main()
