"""Several flies that meet and touch: how often is every animal itself, in all views?

Flies of 35 px in 640x480 px walk, meet and touch; 1 px of noise, 20 % of the keypoints missing, a
view loses an animal for 5 % of the time, 5 % of the keypoints are those of a touched animal, and
the animals' order is drawn anew in every view and frame. A frame is right when every detection of
every animal in every view is its own individual's, the same one through the whole recording.
Animals' colours are all alike: once exchanged, a pair is wrong for good, or until it is exchanged
again, so a single error may cost half of a recording.

    python docs/benchmarks/identities.py [frames] [seeds]
"""

import sys
from dataclasses import dataclass
from itertools import pairwise
from time import process_time

import numpy as np
from common import show

from labcut3d.reconstruction.matching import match_individuals
from labcut3d.synthetic_group import (
    GroupBlemishes,
    make_group,
    nearest_distance,
    right_identities,
)
from labcut3d.synthetic_rig import make_rig

DISTANCES = (0.0, 0.5, 1.0, 2.0, np.inf)  # body lengths
HARD = GroupBlemishes(unseen=0.2, spell=15.0)
NOISY = GroupBlemishes(noise=3.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """One recording: what is right (view, time, animal), how near others are (time, animal)."""

    right: np.ndarray
    distance: np.ndarray
    doubts: int
    seconds: float

    @property
    def frames(self) -> float:
        """The part of the frames in which all is right."""
        return float(self.right.all(axis=(0, 2)).mean())

    @property
    def errors(self) -> int:
        """How often the identity of an animal changes in a view, compared with the truth."""
        return int((np.diff(self.right.astype(int), axis=1) != 0).any(axis=(0, 2)).sum())


def run(animals: int, views: int, frames: int, seed: int, blemishes: GroupBlemishes) -> Outcome:
    """Match one recording."""
    rng = np.random.default_rng(seed)
    rig = make_rig(views, rng)
    group = make_group(rig, animals, frames, rng, blemishes)
    started = process_time()
    _, identities = match_individuals(group.detections, rig)
    return Outcome(
        right=right_identities(group, identities.detected_as),
        distance=nearest_distance(group.position),
        doubts=int(identities.doubtful.any(axis=1).sum()),
        seconds=process_time() - started,
    )


def row(outcomes: list[Outcome], frames: int) -> list[str]:
    """Return the figures of several recordings."""
    shares = [o.frames for o in outcomes]
    good = sum(share >= 0.99 for share in shares)
    cells = [f"{100 * np.mean(shares):.2f} %", f"{100 * min(shares):.1f} %"]
    cells += [f"{good} of {len(outcomes)}", str(sum(o.errors for o in outcomes))]
    cells += [str(sum(o.doubts for o in outcomes))]
    right = np.concatenate([o.right.all(axis=0).ravel() for o in outcomes])
    distance = np.concatenate([o.distance.ravel() for o in outcomes])
    for low, high in pairwise(DISTANCES):
        here = (distance >= low) & (distance < high)
        cells.append(f"{100 * right[here].mean():.2f}" if here.any() else "")
    return [*cells, f"{frames / np.median([o.seconds for o in outcomes]):,.0f}"]


def main() -> None:
    """Print the table."""
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    run(2, 2, 50, 0, GroupBlemishes())  # compiles
    rows = []
    for title, blemishes, views, counts in (
        ("", GroupBlemishes(), 4, (2, 3, 4, 5)),
        ("", GroupBlemishes(), 3, (2, 5)),
        ("", GroupBlemishes(), 2, (2, 3, 5)),
        (", unseen 20 % of the time", HARD, 4, (2, 5)),
        (", 3 px of noise", NOISY, 4, (2, 5)),
    ):
        for animals in counts:
            outcomes = [run(animals, views, frames, seed, blemishes) for seed in range(seeds)]
            rows.append((f"{animals} flies, {views} views{title}", *row(outcomes, frames)))
    columns = ("", "frames right", "worst", ">= 99 %", "errors", "doubts")
    columns += tuple(
        f"< {high:g} BL" if np.isfinite(high) else f"> {low:g} BL"
        for low, high in pairwise(DISTANCES)
    )
    title = f"{seeds} recordings of {frames} frames; right (%) by the distance to the nearest"
    show(title, (*columns, "frames/s of CPU time"), rows)
    print("errors: moments at which an animal becomes, or ceases to be, itself")


if __name__ == "__main__":
    main()
