"""One thread for the small matrices of a calibration.

BLAS starts all its threads even for matrices of a few dozen rows, and where other programs are
running it then waits for them far longer than it computes: solving took six times as long. It
also makes results independent of the number of processors.
"""

from contextlib import AbstractContextManager
from functools import cache

import numpy  # noqa: F401  (the library must be loaded before it can be found)
from threadpoolctl import ThreadpoolController

__all__ = ["single_threaded"]


@cache
def _libraries() -> ThreadpoolController:
    """Return the BLAS libraries of this process."""
    return ThreadpoolController()


def single_threaded() -> AbstractContextManager[object]:
    """Return a context in which BLAS computes with one thread."""
    limits: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return limits
