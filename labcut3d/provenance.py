"""What a result was made from, so that a stage runs again exactly when its inputs changed.

Beside a result `FOLDER/NAME` lies its stamp `FOLDER/.stamps/NAME.json`: a hash of each input and
of the result itself. A result without a stamp that fits was killed half way, edited or is stale.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calibration.files import sha256_of, write_text
from labcut3d.video import Frames

__all__ = [
    "Stamp",
    "changed_inputs",
    "fingerprint",
    "fingerprint_frames",
    "fingerprint_source",
    "made_from",
    "read_stamp",
    "restamp",
    "write_stamp",
]

SAMPLE = 2**16  # bytes hashed at the start, in the middle and at the end of a video


def fingerprint(value: Any) -> str:
    """Return the SHA-256 of a settings dataclass or of plain data, through sorted JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint_frames(frames: Frames) -> str:
    """Return a hash of a video or image folder: names, sizes, times of change, sampled content."""
    return fingerprint_source(frames.path)


def fingerprint_source(path: Path) -> str:
    """Return `fingerprint_frames` of the video or image folder at `path`, without opening it."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return fingerprint([_describe(file) for file in files if file.is_file()])


def changed_inputs(result: Path, inputs: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the inputs that differ from those `result` was made from.

    Empty when the result is up to date; `("result",)` when it or its stamp is missing or damaged.
    """
    stored = made_from(result)
    if stored is None:
        return ("result",)
    names = {*stored, *inputs}
    return tuple(sorted(name for name in names if stored.get(name) != inputs.get(name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a result was made from: a hash of each input, and of the result as it was written."""

    inputs: Mapping[str, str]
    sha256: str


def read_stamp(result: Path) -> Stamp | None:
    """Return the stamp of a result, None where the result or its stamp is missing or damaged.

    Whether the result was edited since is not looked at: `changed_inputs` does.
    """
    try:
        stamp = json.loads(_stamp_path(result).read_text(encoding="utf-8"))
        found = Stamp(inputs=dict(stamp["inputs"]), sha256=str(stamp["sha256"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if result.is_file() else None


def made_from(result: Path) -> dict[str, str] | None:
    """Return the inputs that `result` was made from; None where its stamp does not fit it."""
    stamp = read_stamp(result)
    fits = stamp is not None and stamp.sha256 == sha256_of(result)
    return dict(stamp.inputs) if stamp is not None and fits else None


def write_stamp(result: Path, inputs: Mapping[str, str]) -> None:
    """Record what `result`, which has just been written, was made from."""
    stamp = {"inputs": dict(inputs), "sha256": sha256_of(result)}
    write_text(_stamp_path(result), json.dumps(stamp, indent=1, sort_keys=True) + "\n")


@contextmanager
def restamp(result: Path) -> Iterator[None]:
    """Let the block rewrite a result, which then counts as made from the same inputs as before.

    A result that had no valid stamp gets none.
    """
    inputs = made_from(result)
    yield
    if inputs is not None:
        write_stamp(result, inputs)


def _stamp_path(result: Path) -> Path:
    """Return where the stamp of a result lies."""
    return result.parent / ".stamps" / f"{result.name}.json"


def _describe(path: Path) -> list[str | int]:
    """Return name, size, time of change and sampled hash of one file."""
    status = path.stat()
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for start in (0, status.st_size // 2, max(status.st_size - SAMPLE, 0)):
            stream.seek(start)
            digest.update(stream.read(SAMPLE))
    return [path.name, status.st_size, status.st_mtime_ns, digest.hexdigest()]
