"""Reading TOML with errors that name the place, and writing so that no half-file is ever seen."""

import difflib
import hashlib
import os
import tempfile
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from calibration.errors import FileFormatError

__all__ = ["atomic_write", "read_toml", "reject_unknown_keys", "sha256_of", "write_text"]

LARGEST_TOML = 64 * 2**20  # bytes; a settings file beyond this is a mistake or an attack


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary file beside `path` that takes its place only if the block succeeds.

    The data is on disk (fsync) before the rename, so after a crash or a power cut `path` holds
    either the old content or the new one. On an error the temporary file is removed.
    """
    path = Path(path)
    if path.is_dir():
        raise FileFormatError(f"{path}: is a folder; give the name of a file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}.", suffix=f".tmp{path.suffix}", dir=path.parent
        )
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be written there ({error.strerror})") from error
    os.close(handle)
    temporary = Path(name)
    temporary.chmod(0o666 & ~_umask())
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8 to `path`, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a TOML file.

    Raises `FileFormatError` naming the file, and the line where it is not TOML.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_TOML:
            raise FileFormatError(f"{path}: larger than 64 MiB, which no settings file is")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: no such file; check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path}: cannot be read as a text file ({error})") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FileFormatError(f"{path}: not valid TOML: {error}") from error


def reject_unknown_keys(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Raise `FileFormatError` for the first key of `table` that is not `known`.

    `where` names the file and the table; the message offers the nearest known key.
    """
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}"
            raise FileFormatError(f"{where}: unknown key '{key}'; {hint}")


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's content, as hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Flush a rename to disk, where the system lets a folder be opened (POSIX)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
