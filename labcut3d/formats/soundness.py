"""Whether an HDF5 file may be opened: damaged ones can end the process that reads them.

Each file is looked through by `hdf5_inspector` in a process of its own, which is started once and
asked again and again. What was found sound is not looked through a second time.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from labcut3d.errors import FileFormatError

__all__ = ["LARGEST", "require_sound"]

LARGEST = 2**34  # bytes in memory: a day of 12 keypoints at 100 frames a second
SETTLED = 2.0  # s after its last change until a file cannot be changed unseen by its time
ENDLESS = 1  # status of the process that looks through a file, where it went on for ever
INSPECTOR = Path(__file__).with_name("hdf5_inspector.py")


@dataclass(frozen=True, slots=True)
class _Inspector:
    """The process that looks through files, started by the process `parent`."""

    process: subprocess.Popen[str]
    parent: int

    def ask(self, request: str) -> str | None:
        """Return the answer, or None where the process did not live to give it."""
        assert self.process.stdin is not None
        answer = None
        try:
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
            answer = self.line()
        except BrokenPipeError:
            pass
        finally:
            if answer is None:
                self.close()
        return answer

    def line(self) -> str | None:
        """Return the next line that the process prints, None where it ends instead."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return line if line.endswith("\n") else None

    def close(self) -> None:
        """End the process, if it is of this one."""
        atexit.unregister(self.close)
        if self.parent == os.getpid():
            self.process.kill()
            self.process.communicate()

    def serves(self) -> bool:
        """Tell whether it runs, and for this process."""
        return self.parent == os.getpid() and self.process.poll() is None


_lock = threading.Lock()
_inspectors: list[_Inspector] = []  # the one that runs, if any
_sound: dict[tuple[Path, bool], tuple[int, ...]] = {}  # file, whether as netCDF -> its state


def require_sound(path: str | os.PathLike[str], *, netcdf: bool = False) -> None:
    """Refuse an HDF5 file that is damaged, or claims over `LARGEST` bytes, before it is opened.

    `netcdf` says that netCDF's library will open it. Raises `FileFormatError` naming the file.
    """
    whole = Path(path).absolute()
    state = whole.stat()
    key, seen = (whole, netcdf), (state.st_size, state.st_mtime_ns, state.st_ino)
    if _sound.get(key) == seen:
        return
    with _lock:
        fault = _ask({"path": str(whole), "largest": LARGEST, "netcdf": netcdf})
    if fault is not None:
        raise FileFormatError(f"{path}: {fault}")
    if time.time() - state.st_mtime > SETTLED:
        _sound[key] = seen


def _ask(request: dict[str, object]) -> str | None:
    """Return the fault that is found in a file, if any."""
    while True:
        running = [one for one in _inspectors if one.serves()]
        _inspectors[:] = running or _started()
        if not _inspectors:
            return f"cannot be looked through, as {sys.executable} does not run {INSPECTOR}"
        (inspector,) = _inspectors
        answer = inspector.ask(json.dumps(request))
        if answer is not None:
            return json.loads(answer)["fault"]
        status = inspector.process.returncode
        if status == ENDLESS or not running:  # it was this file, none that came before
            return f"damaged: {_end(status)}; write or copy it anew"


def _started() -> list[_Inspector]:
    """Start the process that looks through files; return it, or nothing where it does not run."""
    process = subprocess.Popen(
        [sys.executable, "-P", str(INSPECTOR)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    inspector = _Inspector(process, os.getpid())
    atexit.register(inspector.close)
    if inspector.line() is not None:
        return [inspector]
    inspector.close()
    return []


def _end(status: int) -> str:
    """Return how the process that read a file ended."""
    if status < 0:
        return f"reading it ends a process with {signal.Signals(-status).name}"
    if status == ENDLESS:
        return "reading it takes for ever"
    return f"reading it ends a process with status {status}"
