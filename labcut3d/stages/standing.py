"""How a stored result stands to what it was made from, by its stamp alone: no result is read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from labcut3d.provenance import read_stamp

__all__ = ["Standing", "compare", "made"]

Standing = Literal["done", "stale", "missing"]


def compare(
    folder: Path, name: str, inputs: Mapping[str, str], *, exact: bool = False
) -> tuple[Standing, tuple[str, ...]]:
    """Return how a result stands to its inputs, and which of them have changed.

    Only `inputs` are compared, and others that it was made from are not, unless `exact`.
    """
    result = folder / name
    if not result.is_file():
        return "missing", ()
    stamp = read_stamp(result)
    if stamp is None:
        return "stale", ("the file itself",)
    names = {*inputs, *(stamp.inputs if exact else ())}
    changed = tuple(sorted(k for k in names if stamp.inputs.get(k) != inputs.get(k)))
    return ("stale" if changed else "done"), changed


def made(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Return the hashes of earlier results as their stamps tell them, by the input's name."""
    stamps = {name: read_stamp(folder / file) for name, file in files.items()}
    return {name: stamp.sha256 for name, stamp in stamps.items() if stamp is not None}
