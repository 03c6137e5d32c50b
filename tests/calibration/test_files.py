"""Atomic writing and TOML reading: nothing is half-written, every mistake has its place."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from calibration.errors import FileFormatError
from calibration.files import (
    atomic_write,
    read_table,
    read_text,
    read_toml,
    reject_unknown_keys,
    sha256_of,
    write_text,
)


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
    with pytest.raises(FileFormatError, match=r"a\.txt: could not be written \(No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_link_stays_a_link_and_a_mode_its_mode(tmp_path):
    """What the link points to is replaced, by a file that is no more public than it was."""
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX's")
def test_a_pipe_is_neither_read_nor_replaced(tmp_path):
    """Reading it would wait for ever."""
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    with pytest.raises(FileFormatError, match="a pipe or a device"):
        read_toml(pipe)
    with pytest.raises(FileFormatError, match="no regular file"):
        write_text(pipe, "new")


def test_a_number_of_five_thousand_digits_is_refused(tmp_path):
    """Python itself raises ValueError for it, not the reader of TOML."""
    path = tmp_path / "a.toml"
    path.write_text("a = " + "9" * 5000)
    with pytest.raises(FileFormatError, match=r"a\.toml"):
        read_toml(path)


def test_a_quoted_field_may_hold_a_line_break(tmp_path):
    """A row is where CSV says it ends, not where the line does."""
    path = tmp_path / "a.csv"
    path.write_text('x,note\n1,"two\nlines"\n2,\u2028\n', encoding="utf-8")
    assert [row["x"] for _, row in read_table(path, ("x", "note"))] == ["1", "2"]


def test_a_field_too_long_for_csv_names_the_line(tmp_path):
    """The csv module gives up beyond 131072 characters."""
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1," + "9" * 200_000 + "\n")
    with pytest.raises(FileFormatError, match=r"a\.csv, line 2"):
        read_table(path, ("x", "y"))


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


def test_what_a_killed_writer_left_is_removed_after_a_day(tmp_path):
    """Not that of a writer which may be at work, nor of another file."""
    old, young, other = (tmp_path / name for name in (".a.1.tmp.txt", ".a.2.tmp.txt", ".b.tmp.txt"))
    for path in (old, young, other):
        path.write_text("half")
    for path in (old, other):
        os.utime(path, (time.time() - 25 * 3600,) * 2)
    write_text(tmp_path / "a.txt", "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".a.2.tmp.txt", ".b.tmp.txt", "a.txt"]


def test_a_name_as_long_as_names_may_be_is_written(tmp_path):
    write_text(tmp_path / f"{'n' * 251}.txt", "new")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("read", [read_toml, read_text])
def test_a_name_longer_than_any_file_has_is_refused_in_words(tmp_path, read):
    with pytest.raises(FileFormatError, match=r"nnn\.toml: cannot be read \(File name too long"):
        read(tmp_path / f"{'n' * 300}.toml")
