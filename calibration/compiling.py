"""Functions compiled by numba, kept on disk between runs where there is a place to keep them."""

from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["compiled"]

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def compiled(function: Callable[..., Any]) -> Any:
    """Return a function compiled when it is first called.

    Where neither the package's folder nor the user's cache can be written (installed by an
    administrator, in a container without a home), it is compiled anew in every run.
    """
    try:
        return njit(cache=True, **OPTIONS)(function)
    except RuntimeError:  # numba's "no locator available"
        return njit(**OPTIONS)(function)
