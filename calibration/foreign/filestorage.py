"""OpenCV's FileStorage (YAML, XML or JSON) as a plain dictionary, safe to read from anybody.

OpenCV's parser fails on hostile text in ways that cannot be caught: nesting of some ten thousand
levels overflows its stack, and a matrix may claim any size. So the text is measured before OpenCV
sees it, and matrices are read number by number.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from calibration.errors import FileFormatError
from calibration.files import read_text, write_text

__all__ = ["read_storage", "starts_like_storage", "write_storage"]

LARGEST = 4 * 2**20  # characters; a calibration is some kilobytes
MOST_OPENINGS = 5000  # brackets, tags, keys in a line: nothing nests deeper than it has these
LONGEST = 4096  # numbers in one matrix or list; longer ones are no camera's
STARTS = ("%YAML", "<?xml", "<opencv_storage", "{")
ENDINGS = (".yml", ".yaml", ".xml", ".json")


def starts_like_storage(text: str) -> bool:
    """Tell whether a text begins as OpenCV's YAML, XML or JSON does."""
    return text.lstrip("\ufeff \r\n\t").startswith(STARTS)


def read_storage(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what the top level of the file holds: numbers, strings, matrices and plain lists.

    Matrices are float arrays (rows, cols). What is none of these, or longer than any camera's
    numbers, is left out. Raises `FileFormatError` naming the file.
    """
    import cv2

    path = Path(path)
    text = _read_text(path)
    in_a_line = max(line.count(":") + line.count("- ") for line in text.split("\n"))
    if max(text.count("[") + text.count("{"), text.count("<"), in_a_line) > MOST_OPENINGS:
        raise FileFormatError(f"{path}: nested too deep, or too long, for a calibration")
    storage = cv2.FileStorage()
    try:
        storage.open(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
        root = storage.root()
        keys = root.keys() if root.isMap() else ()
        values = {key: _value(root.getNode(key), f"{path}: '{key}'") for key in keys}
        storage.release()
    except cv2.error as error:
        raise FileFormatError(f"{path}: not OpenCV's YAML, XML or JSON ({error.err})") from error
    return {key: value for key, value in values.items() if value is not None}


def write_storage(path: str | os.PathLike[str], values: dict[str, Any]) -> None:
    """Write numbers, strings, lists of strings and matrices, atomically, exact to the last bit.

    YAML, XML or JSON by the ending of `path`.
    """
    import cv2

    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise FileFormatError(
            f"{path}: OpenCV's files end in {', '.join(ENDINGS)}, not '{path.suffix}'"
        )
    flags = cv2.FILE_STORAGE_WRITE | cv2.FILE_STORAGE_MEMORY
    storage = cv2.FileStorage(path.suffix.lower(), flags)
    for key, value in values.items():
        storage.write(key, value)
    write_text(path, storage.releaseAndGetString())


def _read_text(path: Path) -> str:
    """Return the text of a file of a calibration's size."""
    text = read_text(path, LARGEST)
    if "\0" in text or not starts_like_storage(text):
        raise FileFormatError(f"{path}: not OpenCV's YAML, XML or JSON")
    return text.lstrip()


def _value(node: Any, where: str) -> Any:
    """Return a node as a number, a string, a matrix or a list; None for anything else."""
    if node.isInt() or node.isReal():
        return node.real()
    if node.isString():
        return node.string()
    if node.isMap() and {"rows", "cols", "data"} <= set(node.keys()):
        return _matrix(node, where)
    if node.isSeq() and node.size() <= LONGEST:
        items = [node.at(i) for i in range(node.size())]
        return [item.string() if item.isString() else item.real() for item in items]
    return None


def _matrix(node: Any, where: str) -> np.ndarray | None:
    """Return a matrix (rows, cols), whose numbers must be as many as it says."""
    rows, cols, data = (node.getNode(name) for name in ("rows", "cols", "data"))
    if not (rows.isInt() and cols.isInt() and data.isSeq()):
        raise FileFormatError(f"{where}: a matrix without whole numbers of rows and columns")
    shape = int(rows.real()), int(cols.real())
    if data.size() > LONGEST:
        return None
    if min(shape) < 0 or shape[0] * shape[1] != data.size():
        raise FileFormatError(
            f"{where}: says {shape[0]}x{shape[1]} but holds {data.size()} numbers; cut short?"
        )
    cells = [data.at(i) for i in range(data.size())]
    if not all(cell.isInt() or cell.isReal() for cell in cells):
        raise FileFormatError(f"{where}: holds something that is no number")
    return np.array([cell.real() for cell in cells]).reshape(shape)
