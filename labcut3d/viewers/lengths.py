"""Lengths in the unit in which they read best, for the axes and colour bars of figures."""

import numpy as np
import numpy.typing as npt

from labcut3d.viewers.page import readable_unit

__all__ = ["readable_lengths"]

Array = npt.NDArray[np.float64]


def readable_lengths(lengths: Array, unit: str) -> tuple[Array, str]:
    """Return lengths (n,) and their unit: micrometres where `length_text` writes the median so."""
    if not len(lengths):
        return lengths, unit
    shown, factor = readable_unit(float(np.median(np.abs(lengths))), unit)
    return lengths * factor, shown
