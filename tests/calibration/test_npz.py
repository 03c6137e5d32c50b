"""Arrays of strangers' files: pickles, damage and files that grow are refused by name."""

import io
import zipfile

import numpy as np
import pytest

from calibration.errors import FileFormatError
from calibration.npz import read_npz


def test_what_was_written_is_read(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(3), name=np.array("fly"), other=np.zeros(2))
    stored = read_npz(tmp_path / "a.npz", ("x", "name"), "a test")
    assert stored["x"].tolist() == [0, 1, 2]
    assert str(stored["name"]) == "fly"
    assert set(stored) == {"x", "name"}


@pytest.mark.parametrize("kept", [0, 10, 100, 400])
def test_a_file_that_is_cut_off_is_named(tmp_path, kept):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(30))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FileFormatError, match=r"a\.npz: not a test"):
        read_npz(path, ("x",), "a test")


def test_pickles_and_absent_arrays_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(FileFormatError, match=r"a\.npz: not a test"):
        read_npz(path, ("x",), "a test")
    with pytest.raises(FileFormatError, match=r"a\.npz: not a test .*y\.npy"):
        read_npz(path, ("y",), "a test")
    with pytest.raises(FileFormatError, match="no such file"):
        read_npz(tmp_path / "b.npz", ("x",), "a test")


def test_a_small_file_that_becomes_large_is_refused(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros(2_000_000))
    assert path.stat().st_size < 20_000
    with pytest.raises(FileFormatError, match="hold 15 MiB, where 1 MiB are the most"):
        read_npz(path, ("x",), "a test", largest=2**20)


def test_a_header_that_asks_for_more_than_there_is_is_refused(tmp_path):
    path, array = tmp_path / "a.npz", io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
    np.lib.format.write_array_header_1_0(array, header)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", array.getvalue() + bytes(80))
    with pytest.raises(FileFormatError, match=r"a\.npz: not a test"):
        read_npz(path, ("x",), "a test")
