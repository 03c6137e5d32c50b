"""Frame numbers in words, those that follow each other as one range."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["frame_ranges"]


def frame_ranges(numbers: Sequence[int] | NDArray[np.int64]) -> list[str]:
    """Return frame numbers as text in rising order: "0-5", "7"."""
    ordered = np.unique(np.asarray(numbers, dtype=int))
    runs = np.split(ordered, np.flatnonzero(np.diff(ordered) > 1) + 1)
    return [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs if len(run)]
