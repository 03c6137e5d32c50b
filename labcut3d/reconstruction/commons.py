"""What all moments of a recording have in common: learnt from some of them, recalled for others.

The noise of a detector, the lengths of bones and how restless a keypoint is are the recording's,
and not a moment's. A long recording, of which only a part fits the memory, is reconstructed part
by part: what is common is learnt once, from stretches of it (`learning`), and every part is then
reconstructed with that. So the parts do not depend on where the recording is divided.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from calibration.geometry import Array

__all__ = ["Commons"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commons:
    """The values that reconstruction asks for, by name, each in the order of its asking.

    A fresh one learns: what is asked for is computed from the moments at hand, and kept. One
    `recalled` tells what was kept, when the same is asked for in the same order; what was never
    learnt is computed from the moments at hand. Values of keypoints are kept for `keypoints` (n,)
    of all `count`.
    """

    values: dict[str, list[Any]] = field(default_factory=dict)
    asked: dict[str, int] | None = None  # how often each was recalled; None while learning
    keypoints: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    count: int = 0

    @property
    def known(self) -> bool:
        """Whether values were learnt before, from other moments."""
        return self.asked is not None

    def recalled(self) -> "Commons":
        """Return what tells the values to other moments, from the first on."""
        return replace(self, asked={})

    def of_keypoints(self, keypoints: np.ndarray, count: int) -> "Commons":
        """Return the same, where arrays of keypoints are those of some (n,) of all `count`."""
        return replace(self, keypoints=keypoints, count=count)

    def tell(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return the next value of a name, computed where it is not known."""
        value = self.recall(name)
        if value is None:
            value = compute()
            self.keep(name, value)
        return value

    def recall(self, name: str) -> Any | None:
        """Return the next value of a name, None while learning or where it was never learnt."""
        if self.asked is None:
            return None
        index = self.asked.get(name, 0)
        self.asked[name] = index + 1
        kept = self.values.get(name, [])
        return kept[index] if index < len(kept) else None

    def keep(self, name: str, value: Any) -> None:
        """Keep the next value of a name; recalled ones are kept already."""
        if self.asked is None:
            self.values.setdefault(name, []).append(value)

    def tell_each(self, name: str, compute: Callable[[], Array]) -> Array:
        """Return values (n, ...) of the keypoints, as `tell` does.

        A keypoint that was not seen while learning is taken to be as most others are.
        """
        value = self.recall_each(name)
        if value is None:
            value = compute()
            self.keep_each(name, value)
        return value

    def recall_each(self, name: str) -> Array | None:
        """Return the next values (n, ...) of the keypoints, as `recall` does."""
        every = self.recall(name)
        if every is None:
            return None
        unknown = np.isnan(every)
        usual = np.nanmedian(every, axis=0, keepdims=True)
        return np.where(unknown, usual, every)[self.keypoints]

    def keep_each(self, name: str, value: Array) -> None:
        """Keep the next values (n, ...) of the keypoints, as `keep` does."""
        every = np.full((self.count, *np.shape(value)[1:]), np.nan)
        every[self.keypoints] = value
        self.keep(name, every)
