"""Atomic writing and TOML reading: nothing is half-written, every mistake has its place."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from calibration.errors import FileFormatError
from calibration.files import atomic_write, read_toml, reject_unknown_keys, sha256_of, write_text


def test_a_file_appears_whole_and_leaves_nothing_beside_it(tmp_path):
    write_text(tmp_path / "new" / "a.txt", "grüezi")
    assert (tmp_path / "new" / "a.txt").read_text(encoding="utf-8") == "grüezi"
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as temporary:
        temporary.write_text(f"new, half {1 / 0}")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_or_a_file_in_the_way_is_named(tmp_path):
    with pytest.raises(FileFormatError, match="is a folder"):
        write_text(tmp_path, "text")
    write_text(tmp_path / "a.txt", "a")
    with pytest.raises(FileFormatError, match=r"b\.txt: cannot be written there"):
        write_text(tmp_path / "a.txt" / "b.txt", "b")


def test_a_full_disk_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def no_space(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"


def test_kill_9_in_mid_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    code = (
        "import sys, time\nfrom calibration.files import atomic_write\n"
        f"with atomic_write({str(path)!r}) as temporary:\n"
        "    temporary.write_text('new, half')\n"
        "    print('writing', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"writing"
        process.kill()
    time.sleep(0.05)
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"a = \n\n", "line 1"), (b"\xff\xfe", "text file"), (b"a = " + b"[" * 5000, "TOML")],
)
def test_broken_toml_names_the_file(tmp_path, content, expected):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=expected) as caught:
        read_toml(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(FileFormatError, match=r"nowhere\.toml: no such file"):
        read_toml(Path("nowhere.toml"))


def test_an_unknown_key_gets_the_nearest_known_one():
    with pytest.raises(FileFormatError, match=r"rig\.toml.*'sqares_x'.*'squares_x'"):
        reject_unknown_keys({"sqares_x": 1}, ("squares_x", "unit"), "rig.toml")


def test_sha256_is_the_standard_one(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a").startswith("ba7816bf8f01cfea")
