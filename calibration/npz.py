"""Reading numpy's .npz files that others may have made: no pickles, and no more than is allowed."""

import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np

from calibration.errors import FileFormatError
from calibration.files import require_regular_file

__all__ = ["read_npz"]

LARGEST = 2**28  # bytes; the covariance of four thousand parameters takes half of it


def read_npz(
    path: Path, names: Collection[str], what: str, largest: int = LARGEST
) -> dict[str, np.ndarray]:
    """Return the arrays `names` of an .npz file, which together take at most `largest` bytes.

    Raises `FileFormatError` naming the file, and `what` it is not, where an array is missing,
    damaged, pickled or too large.
    """
    require_regular_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(archive.getinfo(f"{name}.npy").file_size for name in names)
        if size > largest:
            raise FileFormatError(
                f"{path}: not {what} (it says to hold {size / 2**20:.0f} MiB, where "
                f"{largest / 2**20:.0f} MiB are the most)"
            )
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in names}
    # What zipfile and numpy raise for damage: NotImplementedError and RuntimeError for flags of the
    # archive that they do not know, MemoryError for a header that asks for more than there is.
    except (
        OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError, MemoryError,
        zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise FileFormatError(f"{path}: not {what} ({error})") from error
