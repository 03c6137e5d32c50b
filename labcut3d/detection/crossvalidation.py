"""How good detectors of this kind are on labels they were not trained on: k-fold cross-validation.

The labelled moments are split into folds; for each, a detector is trained on the others and judged
on it. Random folds answer how well frames between the labelled ones are found, and flatter: frames
of one video are alike. Blocks, runs of neighbours in time, come nearer to a new recording.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labcut3d.detection.evaluation import Evaluation, evaluate
from labcut3d.detection.settings import DetectorSettings
from labcut3d.detection.training import train_detector
from labcut3d.errors import DetectorError
from labcut3d.labels import LabelledImage
from labcut3d.progress import Progress, part_of
from labcut3d.skeleton import Skeleton

__all__ = ["CrossValidation", "Folds", "cross_validate", "split"]

Folds = Literal["random", "blocks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation:
    """What the detectors of all folds found.

    `unseen` judges every image by the detector that has not seen it; `images` are those images, in
    its order, fold by fold. `trained` judges about as many by detectors that were trained on them.
    """

    unseen: Evaluation
    images: tuple[LabelledImage, ...]
    trained: Evaluation


def cross_validate(
    images: Sequence[LabelledImage],
    skeleton: Skeleton,
    settings: DetectorSettings | None = None,
    *,
    folds: int = 5,
    kind: Folds = "blocks",
    progress: Progress | None = None,
) -> CrossValidation:
    """Judge every image by a detector that has not seen it.

    Each detector is trained as `train_detector` does, with its own images held out for calibration
    among those it is given. Raises `DetectorError` as `split` and `train_detector` do.
    """
    unseen_parts, trained_parts, order = [], [], []
    for number, left_out in enumerate(split(images, folds, kind)):
        chosen = set(left_out)
        shown = [image for index, image in enumerate(images) if index not in chosen]
        unseen = [images[index] for index in left_out]
        tell = part_of(progress, number, folds, f"fold {number + 1}", equal=True)
        detector, report = train_detector(shown, skeleton, settings, progress=tell)
        kept = {(image.recording, image.frame) for image in report.held_out}
        trained_on = [image for image in shown if (image.recording, image.frame) not in kept]
        unseen_parts.append(evaluate(detector, unseen))
        if some := trained_on[number % (folds - 1) :: folds - 1]:
            trained_parts.append(evaluate(detector, some))
        order += unseen
    return CrossValidation(
        unseen=Evaluation.join(unseen_parts),
        images=tuple(order),
        trained=Evaluation.join(trained_parts),
    )


def split(images: Sequence[LabelledImage], folds: int, kind: Folds) -> list[list[int]]:
    """Return the indices of the images of each fold; all views of a moment are in one.

    Raises `DetectorError` where there are fewer labelled moments than folds, or fewer than two
    folds.
    """
    moments = sorted({(image.recording, image.frame) for image in images})
    if not 2 <= folds <= len(moments):
        raise DetectorError(
            f"{folds} folds of {len(moments)} labelled moments: give at least 2 folds, and at most "
            "one a moment"
        )
    order = np.arange(len(moments))
    if kind == "random":
        order = np.random.default_rng(0).permutation(order)
    fold_of = {
        moments[index]: fold
        for fold, part in enumerate(np.array_split(order, folds))
        for index in part
    }
    return [
        [i for i, image in enumerate(images) if fold_of[image.recording, image.frame] == fold]
        for fold in range(folds)
    ]
