"""Lengths in the unit in which they read best, for the axes and colour bars of figures."""

import numpy as np
import numpy.typing as npt

from calibration.units import METRES
from labcut3d.viewers.page import length_text

__all__ = ["readable_lengths"]

Array = npt.NDArray[np.float64]


def readable_lengths(lengths: Array, unit: str) -> tuple[Array, str]:
    """Return lengths (n,) and their unit: micrometres where `length_text` writes the median so."""
    if len(lengths) and length_text(float(np.median(np.abs(lengths))), unit).endswith(" µm"):
        return lengths * (METRES[unit] / METRES["um"]), "µm"
    return lengths, unit
