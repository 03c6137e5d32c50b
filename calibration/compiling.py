"""Functions compiled by numba, kept on disk between runs where there is a place to keep them."""

from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["bare", "bare_inlined", "compiled", "inlined"]

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
# Numba's own code leaves its runtime out by this private option; a * b + c is one instruction.
BARE: dict[str, Any] = {"_nrt": False, "fastmath": {"contract"}}


def compiled(function: Callable[..., Any]) -> Any:
    """Return a function compiled when it is first called.

    Where neither the package's folder nor the user's cache can be written (installed by an
    administrator, in a container without a home), it is compiled anew in every run.
    """
    return _compile(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Return a function that becomes a part of the compiled ones that call it.

    A call costs more than a few multiplications do, since its arrays' owners are counted.
    """
    return _compile(function, forceinline=True)


def bare(function: Callable[..., Any]) -> Any:
    """Return a compiled function that makes no arrays of its own, only fills those it is given.

    Their owners are then not counted at all, which may take half of the time of short steps.
    """
    return _compile(function, **BARE)


def bare_inlined(function: Callable[..., Any]) -> Any:
    """Return a function that becomes a part of the bare ones that call it."""
    return _compile(function, forceinline=True, **BARE)


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    """Return a compiled function, kept on disk where that is possible."""
    try:
        return njit(cache=True, **OPTIONS, **options)(function)
    except RuntimeError:  # numba's "no locator available"
        return njit(**OPTIONS, **options)(function)
