"""A long recording in windows: parts of it that overlap, so that each knows what is around it."""

from dataclasses import dataclass

import numpy as np

__all__ = ["LEARNT", "SIZE", "Window", "divided", "stretches"]

SIZE = 8192  # moments of a window
LEARNT = 16_384  # moments that teach what is common; shorter recordings are not divided
STRETCHES = 16  # of moments in a row, spread over the recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Some moments of a recording, `own`, and those `around` them, which help to tell them."""

    own: slice
    around: slice

    @property
    def inside(self) -> slice:
        """Where the window's own moments are among those around them."""
        start = self.own.start - self.around.start
        return slice(start, start + self.own.stop - self.own.start)


def divided(moments: int, size: int, margin: int) -> list[Window]:
    """Return the windows of a recording, `size` moments each, with a `margin` on both sides."""
    return [
        Window(
            own=slice(start, min(start + size, moments)),
            around=slice(max(start - margin, 0), min(start + size + margin, moments)),
        )
        for start in range(0, moments, size)
    ]


def stretches(moments: int, learnt: int = LEARNT) -> np.ndarray:
    """Return the moments (n,) that teach what is common: all, or stretches spread over them."""
    if moments <= learnt:
        return np.arange(moments)
    length = learnt // STRETCHES
    starts = np.linspace(0, moments - length, STRETCHES).round().astype(int)
    return (starts[:, None] + np.arange(length)).ravel()
