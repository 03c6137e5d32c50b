"""Do chosen moments cover an animal's poses better than evenly spread or random ones?

    python docs/benchmarks/selection.py [recording ...]

On fly_chamber: 50 moments of a recording by appearance, evenly spread, and at random, each in 10
ways. Scored by the true 2-D poses of all views: the root mean square distance over keypoints, px,
from each moment's pose to that of the nearest chosen moment, mean and 95th percentile over all
moments; in the image, and by posture alone (each view's mean taken out). The descriptor was chosen
by looking at recording1 and its input's size at recording2 too, so recording0 is the test.
"""

import sys
import time
from collections.abc import Sequence

import numpy as np
from common import data_dir, show

from labcut3d.detection.features import describe_moments
from labcut3d.detection.selection import candidates, choose_moments
from labcut3d.video import open_frames

COUNT = 50
WAYS = 10
VIEWS = ("cam0", "cam1", "cam2", "cam3")


def coverage(poses: np.ndarray, chosen: Sequence[int]) -> tuple[float, float]:
    """Return mean and 95th percentile of the distance to the nearest chosen pose, px."""
    difference = poses[:, None] - poses[None, np.asarray(chosen)]
    distance = np.sqrt((difference**2).sum(axis=-1).mean(axis=-1))
    nearest = distance.min(axis=1)
    return float(nearest.mean()), float(np.percentile(nearest, 95))


def by_appearance(recording: str) -> tuple[list[list[int]], float, float]:
    """Return the chosen moments of each seed, moments described a second, seconds of choosing."""
    folder = data_dir("fly_chamber") / "recordings" / recording
    sources = {view: open_frames(folder / f"{view}.mp4") for view in VIEWS}
    moments = candidates(len(sources["cam0"]))
    start = time.perf_counter()
    features = describe_moments(sources, moments.tolist(), views=VIEWS)
    described = time.perf_counter()
    choices = [choose_moments(features, COUNT, seed=seed) for seed in range(WAYS)]
    seconds = (time.perf_counter() - described) / WAYS
    chosen = [[int(moments[choice.row]) for choice in one] for one in choices]
    return chosen, len(moments) / (described - start), seconds


def measure(recording: str) -> list[tuple[str, ...]]:
    """Return the table's lines for one recording."""
    with np.load(data_dir("fly_chamber") / "truth" / f"{recording}.npz") as truth:
        pixels = np.moveaxis(truth["pixels"], 0, 1)  # (time, view, keypoint, 2)
    poses = pixels.reshape(len(pixels), -1, 2)
    posture = (pixels - pixels.mean(axis=2, keepdims=True)).reshape(len(pixels), -1, 2)
    n = len(poses)
    chosen, rate, seconds = by_appearance(recording)
    offsets = (np.arange(WAYS) + 0.5) / WAYS
    ways = {
        "by appearance": chosen,
        "evenly spread": [((np.arange(COUNT) + o) * n / COUNT).astype(int) for o in offsets],
        "at random": [np.random.default_rng(s).choice(n, COUNT, False) for s in range(WAYS)],
    }
    rows = []
    for name, sets in ways.items():
        scores = [(*coverage(poses, one), *coverage(posture, one)) for one in sets]
        figures = [f"{value:.2f}" for value in np.median(scores, axis=0)]
        cost = (f"{rate:.1f}", f"{seconds:.1f}") if name == "by appearance" else ("", "")
        rows.append((f"{recording}, {name}", *figures, *cost))
    return rows


def main() -> None:
    recordings = sys.argv[1:] or ["recording0", "recording1", "recording2"]
    columns = ("50 moments", "mean px", "p95 px", "posture mean", "posture p95", "moments/s", "s")
    show(
        "Distance to the nearest chosen pose", columns, [r for n in recordings for r in measure(n)]
    )


if __name__ == "__main__":
    main()
