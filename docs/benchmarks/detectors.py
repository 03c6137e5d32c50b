"""How far detections lie from labels that their detectors have not seen: 5-fold, default settings.

    python docs/benchmarks/detectors.py [openfield|mirror_mouse|fly_top_32 ...] [random|blocks ...]

Random folds flatter, since frames of one video are alike; blocks are runs of neighbours in time.
"""

import sys
import time
from collections.abc import Sequence

import numpy as np
from common import show
from labelled_sets import fly_top_32, mirror_mouse, openfield

from labcut3d.detection.crossvalidation import cross_validate
from labcut3d.detection.evaluation import Evaluation

__all__ = ["COLUMNS", "figures"]

FOLDS = 5
COLUMNS = ("mean px", "true RMS", "median", "p95", "PCK@5", "squared error / stated")
COLUMNS += ("calibration error", "told apart", "s a training")
SETS = {"openfield": openfield, "mirror_mouse": mirror_mouse, "fly_top_32": fly_top_32}


def told_apart(evaluation: Evaluation) -> float:
    """Return the share of labels whose detection lies nearer to them than to any other label."""
    away = evaluation.prediction.position[:, :, None] - evaluation.labels[:, None]
    distance = np.linalg.norm(away, axis=-1)  # (image, detection, label)
    other = np.where(np.eye(distance.shape[1], dtype=bool), np.nan, distance)
    labelled = np.isfinite(evaluation.distance)
    nearest = np.where(np.isnan(other), np.inf, other).min(axis=-1)
    return float((evaluation.distance <= nearest)[labelled].mean())


def figures(evaluation: Evaluation, seconds: float) -> Sequence[str]:
    """Return the cells of a row, in the order of `COLUMNS`."""
    summary = evaluation.summary()
    values = [f"{summary[n]:.3g}" for n in ("mean", "rms", "median", "p95", "within")]
    values.append(f"{evaluation.covariance_ratio():.2f}")
    values += [f"{evaluation.calibration_error():.3f}", f"{told_apart(evaluation):.3f}"]
    return [*values, f"{seconds:.0f}"]


def main() -> None:
    """Print the figures of each data set, with each kind of folds."""
    rows = []
    for name in [one for one in sys.argv[1:] if one in SETS] or SETS:
        images, skeleton = SETS[name]()
        for kind in ("random", "blocks"):
            if kind not in sys.argv and {"random", "blocks"} & set(sys.argv):
                continue
            started = time.perf_counter()
            found = cross_validate(images, skeleton, folds=FOLDS, kind=kind).unseen
            seconds = (time.perf_counter() - started) / FOLDS
            rows.append((f"{name}, {kind}", *figures(found, seconds)))
            print(*rows[-1], flush=True)
            print(found.table().query("view == 'all'").to_string(index=False), flush=True)
    show(f"{FOLDS}-fold cross-validation", ("labels, folds", *COLUMNS), rows)


if __name__ == "__main__":
    main()
