"""Packages whose public names are loaded on first use, so that importing them costs nothing."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["load_lazily"]


def load_lazily(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a package (PEP 562).

    `homes` maps each public name to the module that it is loaded from.
    """

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(homes[name]), name)

    def names() -> list[str]:
        return sorted(homes)

    return load, names
