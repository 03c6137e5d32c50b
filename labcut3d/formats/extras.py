"""Packages that only some formats need, each told by the `pip install` that brings it."""

from importlib import import_module
from types import ModuleType

from labcut3d.errors import FileFormatError

__all__ = ["require"]


def require(package: str, extra: str, what: str) -> ModuleType:
    """Return a package of the optional dependencies `labcut3d[EXTRA]`.

    `what` begins the message of the `FileFormatError` that is raised where it is not installed.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != package.split(".")[0]:
            raise
        raise FileFormatError(
            f'{what} need the package {package}; run: pip install "labcut3d[{extra}]"'
        ) from error
