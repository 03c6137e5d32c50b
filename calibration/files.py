"""Reading files with errors that name the place, and writing so that no half-file is ever seen."""

import csv
import difflib
import errno
import glob
import hashlib
import os
import shutil
import tempfile
import time
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import Any

from calibration.errors import FileFormatError

__all__ = [
    "atomic_write",
    "is_file",
    "read_table",
    "read_text",
    "read_toml",
    "reject_unknown_keys",
    "require_regular_file",
    "sha256_of",
    "suggest",
    "write_text",
]

LARGEST_TEXT = 64 * 2**20  # bytes; a settings file beyond this is a mistake or an attack
LONGEST_STEM = 40  # letters of a file's name in that of its temporary file, which must fit too
ABANDONED = 24 * 3600  # s without a change, after which a temporary file's writer is dead
SCARCE = 64 * 1024  # bytes; who fails to write where fewer are free fails for that reason
BLOCK = 4096  # bytes; where fewer are left, what was written may lack its end
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary file beside `path` that takes its place only if the block succeeds.

    The data is on disk (fsync) before the rename, so after a crash or a power cut `path` holds
    either the old content or the new one. On an error the temporary file is removed. A link stays
    one: what it points to is replaced. An existing file keeps its permissions.

    Raises `FileFormatError` naming the path where it cannot be written, or the disk is full.
    """
    asked, path = path, Path(os.path.realpath(path))
    if path.is_dir():
        raise FileFormatError(f"{asked}: is a folder; give the name of a file to write")
    if path.exists() and not path.is_file():
        raise FileFormatError(f"{asked}: is no regular file; give the name of a file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix, suffix = f".{path.stem[:LONGEST_STEM]}.", f".tmp{path.suffix}"
        _remove_leftovers(path.parent, prefix, suffix)
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=path.parent)
    except OSError as error:
        raise FileFormatError(f"{asked}: cannot be written there ({error.strerror})") from error
    os.close(handle)
    temporary = Path(name)
    temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        if shutil.disk_usage(path.parent).free < BLOCK:  # some libraries say nothing of it
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        temporary.replace(path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:  # what HDF5 says where a disk is full names no errno
        told = getattr(error, "errno", None) in FULL
        if not told and shutil.disk_usage(path.parent).free >= SCARCE:
            raise
        why = (isinstance(error, OSError) and error.strerror) or "no space is left there"
        raise FileFormatError(
            f"{asked}: could not be written ({why}); make room there, or write "
            "elsewhere, and run again: what was there before is unchanged"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _remove_leftovers(folder: Path, prefix: str, suffix: str) -> None:
    """Remove the temporary files of writers that were killed: none writes for as long as a day."""
    for old in folder.glob(f"{glob.escape(prefix)}*{glob.escape(suffix)}"):
        with suppress(OSError):  # another process removes it too
            if time.time() - old.stat().st_mtime > ABANDONED:
                old.unlink()


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8 to `path`, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def is_file(path: str | os.PathLike[str]) -> bool:
    """Tell whether there is a file of that name; none is, where no file can be called so."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # too long a name, or one with a zero byte
        return False


def require_regular_file(path: str | os.PathLike[str]) -> Path:
    """Return the path of a file that ends; raise `FileFormatError` for a pipe, device or folder."""
    path = Path(path)
    try:
        if not path.exists():
            raise FileFormatError(f"{path}: no such file; check the path")
        if not path.is_file():
            kind = "a folder" if path.is_dir() else "a pipe or a device"
            raise FileFormatError(f"{path}: is {kind}; give a file")
    except OSError as error:  # too long a name, or a folder that may not be looked into
        raise FileFormatError(
            f"{path}: cannot be read ({error.strerror}); check the path"
        ) from error
    return path


def read_text(path: str | os.PathLike[str], largest: int = LARGEST_TEXT) -> str:
    """Read a text file in UTF-8 of at most `largest` bytes.

    Raises `FileFormatError` naming the file where there is none, it is larger, or no text.
    """
    path = require_regular_file(path)
    try:
        if path.stat().st_size > largest:
            raise FileFormatError(
                f"{path}: larger than {largest / 2**20:.0f} MiB, which no such file is"
            )
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path}: cannot be read as a text file ({error})") from error


def read_table(
    path: str | os.PathLike[str], columns: Collection[str]
) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file whose first line names at least `columns`: (line, row) of each row.

    A field that is missing is empty. Raises `FileFormatError` naming the file, and the line where
    it is no CSV.
    """
    reader = csv.DictReader(StringIO(read_text(path)), skipinitialspace=True, restval="")
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise FileFormatError(f"{path}, line {reader.line_num + 1}: not CSV ({error})") from error
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise FileFormatError(
            f"{path}: column '{missing[0]}' is missing; its first line must be {','.join(columns)}"
        )
    return rows


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a TOML file.

    Raises `FileFormatError` naming the file, and the line where it is not TOML.
    """
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5000 digits is a ValueError
        raise FileFormatError(f"{path}: not valid TOML: {error}") from error


def reject_unknown_keys(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Raise `FileFormatError` for the first key of `table` that is not `known`.

    `where` names the file and the table; the message offers the nearest known key.
    """
    for key in table:
        if key not in known:
            raise FileFormatError(f"{where}: unknown key '{key}'; {suggest(key, known)}")


def suggest(name: str, known: Collection[str]) -> str:
    """Return the end of a message about a name that is not `known`: the nearest, or else all."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"


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
