"""Left and right exchanged, in known places: how many exchanges are found, how many are invented?

One walking fly of 35 px in 640x480 px, four cameras, 1 px of noise, 20 % of the keypoints missing;
its eyes are 8 px apart, its knees 20. Exchanges come in runs of a mean length; what is counted is
each pair in each view and frame.

    python docs/benchmarks/swaps.py [frames] [seeds]
"""

import sys

import numpy as np
import xarray as xr
from common import show

from calibration import Rig
from labcut3d.reconstruction import reconstruct
from labcut3d.synthetic_group import Group, GroupBlemishes, make_group
from labcut3d.synthetic_rig import make_rig

PAIRS = ((0, 1), (5, 6))  # eyes, knees


def exchanged(
    group: Group, rng: np.random.Generator, views: int, share: float, length: float
) -> tuple[xr.Dataset, np.ndarray]:
    """Return detections with exchanges in `views` views at once, and their number (time, view)."""
    detections = group.detections.copy(deep=True)
    position = detections["position"].values  # (time, view, space, keypoint, individual)
    count = np.zeros(position.shape[:2], dtype=int)
    for pair in PAIRS:
        where = np.zeros(count.shape, dtype=bool)
        for start in np.flatnonzero(rng.random(len(where)) < share / length):
            chosen = rng.permutation(where.shape[1])[:views]
            where[start : start + 1 + rng.poisson(length - 1), chosen] = True
        where[where.all(axis=1) & (views < where.shape[1])] = False
        for values in (position.swapaxes(2, 3), detections["confidence"].values):
            left, right = values[:, :, pair[0]].copy(), values[:, :, pair[1]].copy()
            values[:, :, pair[0]][where], values[:, :, pair[1]][where] = right[where], left[where]
        seen = np.isfinite(position[:, :, 0, list(pair)]).any(axis=(2, 3))
        count += where & seen
    return detections, count


def row(name: str, cases: list[tuple[Rig, Group, xr.Dataset, np.ndarray]]) -> tuple[str, ...]:
    """Return recall, precision, and errors with and without the exchanges."""
    true = found = both = 0
    wrong, clean = [], []
    for rig, group, detections, count in cases:
        result = reconstruct(detections, rig, skeleton=group.skeleton)
        repaired = result["exchanged"].values[..., 0]
        true, found = true + count.sum(), found + repaired.sum()
        both += np.minimum(count, repaired).sum()
        for data, errors in ((result, wrong), (_plain(rig, group), clean)):
            position = data["position"].values[..., 0].swapaxes(1, 2)
            error = np.linalg.norm(position - group.position[:, 0], axis=-1)
            errors.append(error[:, [k for pair in PAIRS for k in pair]].ravel())
    sides = [np.concatenate(e) for e in (wrong, clean)]
    figures = [f"{np.nanquantile(e, q):.3f}" for e in sides for q in (0.5, 0.95)]
    recall = f"{100 * both / true:.1f} %" if true else "-"
    precision = f"{100 * both / found:.1f} %" if found else "-"
    return (name, str(true), str(found), recall, precision, *figures)


def _plain(rig: Rig, group: Group) -> xr.Dataset:
    """Return the reconstruction of what was not exchanged."""
    return reconstruct(group.detections, rig, skeleton=group.skeleton)


def main() -> None:
    """Print the table."""
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    rows = []
    for name, cameras, views, share, length in (
        ("none", 4, 0, 0.0, 1.0),
        ("one view of 4, single frames", 4, 1, 0.1, 1.0),
        ("one view of 4, runs of 15", 4, 1, 0.2, 15.0),
        ("two views of 4 at once, single frames", 4, 2, 0.1, 1.0),
        ("two views of 4 at once, runs of 15", 4, 2, 0.2, 15.0),
        ("three views of 4 at once, runs of 15", 4, 3, 0.2, 15.0),
        ("all 4 views, single frames", 4, 4, 0.1, 1.0),
        ("all 4 views, runs of 15", 4, 4, 0.2, 15.0),
        ("one view of 2, single frames", 2, 1, 0.1, 1.0),
        ("one view of 2, runs of 15", 2, 1, 0.2, 15.0),
        ("one view of 3, runs of 15", 3, 1, 0.2, 15.0),
    ):
        cases = []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            rig = make_rig(cameras, rng)
            group = make_group(rig, 1, frames, rng, GroupBlemishes(unseen=0.0))
            cases.append((rig, group, *exchanged(group, rng, views, share, max(length, 1.0))))
        rows.append(row(name, cases))
    columns = ("exchanged", "true", "repaired", "recall", "precision")
    columns += ("median", "95 %", "median without", "95 % without")
    show("Pairs exchanged; errors of eyes and knees, body length 10", columns, rows)


if __name__ == "__main__":
    main()
