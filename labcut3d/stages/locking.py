"""Two processes never make one result at once: the second waits, and then finds it made."""

import errno
import functools
import inspect
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar
from urllib.parse import quote

from filelock import BaseFileLock, FileLock, Timeout

from labcut3d.errors import ProjectError
from labcut3d.progress import SILENT, Reporter

__all__ = ["LONGEST_WAIT_S", "exclusive", "locked"]

LONGEST_WAIT_S = 60.0
NOTED_AFTER_S = 0.5
EVERYTHING = "the whole"
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)

Given = ParamSpec("Given")
Made = TypeVar("Made")


def exclusive(stage: Callable[Given, Made]) -> Callable[Given, Made]:
    """Let one process at a time run a stage on a project, or on a recording where it takes one.

    The system takes the lock back from a process that ends, however it ends. A stage may call
    others that lock the same folder.
    """
    signature = inspect.signature(stage)

    @functools.wraps(stage)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        given = signature.bind(*args, **kwargs).arguments
        what = given.get("recording", EVERYTHING)
        with locked(given["project"].root, what, stage.__name__, given.get("reporter", SILENT)):
            return stage(*args, **kwargs)

    return run


@contextmanager
def locked(root: Path, what: str, work: str, reporter: Reporter = SILENT) -> Iterator[None]:
    """Hold the lock of a project's recording, or of `EVERYTHING` that its recordings share.

    `work` is what others are told that is done. Raises `ProjectError` naming the process that holds
    the lock where that does not end within `LONGEST_WAIT_S`. A project that cannot be written to is
    not locked: nothing is made there.
    """
    # Names are cut to what file systems take; two that become alike wait for each other in vain.
    path = root / "results" / ".locks" / f"{quote(what, safe='')[:100]}.lock"
    lock = _acquire(path, f"{what} of {root}", reporter)
    if lock is None:
        yield
        return
    try:
        _tell_others(path, work)
        yield
    finally:
        lock.release()


def _acquire(path: Path, what: str, reporter: Reporter) -> BaseFileLock | None:
    """Return the held lock `path`, having waited for it; None where no lock can be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, is_singleton=True)
        try:
            lock.acquire(timeout=NOTED_AFTER_S)
        except Timeout:
            reporter.note(f"Waiting for {_holder(path)}, which works on {what}")
            lock.acquire(timeout=LONGEST_WAIT_S)
    except Timeout as error:
        raise ProjectError(
            f"{what}: {_holder(path)} is at work there; run this again when it has ended, or end "
            "it: what is finished is kept"
        ) from error
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        return None
    return lock


def _tell_others(path: Path, work: str) -> None:
    """Say beside a lock who holds it."""
    holder = {
        "work": work,
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    with suppress(OSError):  # what cannot be written is not told, but locked all the same
        path.with_suffix(".json").write_text(json.dumps(holder), encoding="utf-8")


def _holder(path: Path) -> str:
    """Return who holds a lock, in words, as far as it is known."""
    try:
        held = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        where = f"process {held['process']} on {held['host']}, since {held['since']}"
        return f"labcut3d ({held['work']}, {where})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another labcut3d"
