"""What it costs to look through HDF5 files in another process before they are opened.

    python docs/benchmarks/soundness.py FILE.nc ...

For each file: the time of looking through it, of finding it known, and of reading it, in ms.
"""

import sys
import time
from collections.abc import Callable
from functools import partial

from labcut3d.formats.soundness import require_sound
from labcut3d.schema import open_dataset


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def main() -> None:
    """Measure the files; the first one starts the process, and the reading library."""
    for path in sys.argv[1:]:
        look, known = (milliseconds(partial(require_sound, path, netcdf=True)) for _ in range(2))
        read = milliseconds(partial(open_dataset, path))
        print(f"{path}: looking {look:.1f}, known {known:.1f}, reading {read:.1f} ms")


if __name__ == "__main__":
    main()
