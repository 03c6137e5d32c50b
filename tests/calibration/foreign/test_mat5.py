"""The .mat reader: what scipy reads, we read alike; what would harm us, we do not."""

import pickle
import struct
import zlib

import h5py
import numpy as np
import pytest
import scipy.io

from calibration.errors import FileFormatError
from calibration.foreign.matfile import read_mat

VALUES = {
    "doubles": np.arange(12.0).reshape(3, 4),
    "bytes": np.array([[1, 2, 250]], dtype="u1"),
    "shorts": np.array([[-5], [6]], dtype="i2"),
    "singles": np.array([[0.5, -2.25]], dtype="f4"),
    "longs": np.array([[2**40, -3]], dtype="i8"),
    "cube": np.arange(24.0).reshape(2, 3, 4),
    "text": "Kamera é 1",
    "empty": np.zeros((0, 0)),
}


def same(ours, scipys):
    return np.array_equal(np.asarray(ours), np.asarray(scipys))


@pytest.mark.parametrize("compressed", [False, True])
def test_values_are_those_of_scipy(compressed, tmp_path):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, VALUES, do_compression=compressed)
    ours, scipys = read_mat(path, VALUES), scipy.io.loadmat(path)
    for name in VALUES:
        expected = scipys[name][0] if name == "text" else scipys[name]
        assert same(ours[name], expected), name


def test_cells_and_structs(tmp_path):
    cell = np.empty((2, 1), dtype=object)
    cell[:, 0] = [np.eye(2), "b"]
    array = np.array([(1.0, 2.0), (3.0, 4.0)], dtype=[("x", "f8"), ("y", "f8")])
    scipy.io.savemat(tmp_path / "a.mat", {"c": cell, "s": {"u": {"v": 7.0}}, "a": array})
    values = read_mat(tmp_path / "a.mat", ["c", "s", "a"])
    assert same(values["c"][0], np.eye(2))
    assert values["c"][1] == "b"
    assert values["s"]["u"]["v"] == 7
    assert [float(record["y"].item()) for record in values["a"]] == [2, 4]


def test_only_what_is_asked_for_is_unpacked(tmp_path):
    """A bomb beside the camera is not touched; one in its place is refused, not unpacked."""
    bomb = {"bomb": np.zeros((2000, 2000)), "K": np.eye(3)}
    scipy.io.savemat(tmp_path / "a.mat", bomb, do_compression=True)
    assert same(read_mat(tmp_path / "a.mat", ["K"])["K"], np.eye(3))
    assert read_mat(tmp_path / "a.mat", ["other"]) == {}
    with pytest.raises(FileFormatError, match="ends in the middle"):
        read_mat(tmp_path / "a.mat", ["bomb"])


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def variable(class_, dims, contents, name=b"K"):
    flags, shape = struct.pack("<II", class_, 0), struct.pack(f"<{len(dims)}i", *dims)
    return element(14, element(6, flags) + element(5, shape) + element(1, name) + contents)


HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
NUMBER = element(9, struct.pack("<d", 1.0))
DEEP = NUMBER
for _ in range(2000):
    DEEP = variable(1, [1, 1], DEEP, b"K")

LEFT_OUT = {
    "an object": variable(3, [1, 1], element(1, b"inline") + NUMBER),
    "a function": variable(16, [1, 1], NUMBER),
    "an opaque object": variable(17, [1, 1], NUMBER),
    "a sparse matrix": variable(5, [1, 1], NUMBER),
    "complex numbers": variable(6 | 0x0800, [1, 1], NUMBER + NUMBER),
    "a huge matrix": variable(6, [2**30, 2**30], NUMBER),
    "a huge cell": variable(1, [2**30, 1], NUMBER),
    "a negative size": variable(6, [-1, -1], NUMBER),
    "nothing at all": element(14, b""),
}
REFUSED = {
    "a size beyond the file": struct.pack("<II", 14, 2**31) + b"12345678",
    "fewer numbers than said": variable(6, [3, 3], NUMBER),
    "a type that is none": variable(6, [1, 1], element(99, b"12345678")),
    "half a tag": b"\x0e\x00\x00",
    "noise that says it is packed": element(15, b"noise noise noise"),
    "a packed half": element(15, zlib.compress(variable(6, [1, 1], NUMBER))[:20]),
    "text that is none": variable(4, [1, 1], element(16, b"\xff")),
    "a cell cut short": variable(1, [2, 1], variable(6, [1, 1], NUMBER)),
    "a struct without names": variable(2, [1, 1], element(5, b"") + element(1, b"")),
}


@pytest.mark.parametrize("data", LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_what_no_camera_has_is_left_out(data, tmp_path):
    (tmp_path / "a.mat").write_bytes(HEADER + data + variable(6, [1, 1], NUMBER, b"t"))
    assert read_mat(tmp_path / "a.mat", ["K", "t"]).keys() == {"t"}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_damage_is_refused(data, tmp_path):
    (tmp_path / "a.mat").write_bytes(HEADER + data)
    with pytest.raises(FileFormatError, match=r"a\.mat"):
        read_mat(tmp_path / "a.mat", ["K"])


def test_cells_in_cells_end_somewhere(tmp_path):
    (tmp_path / "a.mat").write_bytes(HEADER + DEEP)
    value = read_mat(tmp_path / "a.mat", ["K"])["K"]
    while value:
        value = value[0]
    assert value is None


def test_headers_of_others(tmp_path):
    for start in (b"MATLAB 5.0", b"MATLAB 5.0".ljust(128), b"MATLAB 7.3".ljust(600), b"\x89HDF"):
        (tmp_path / "a.mat").write_bytes(start)
        with pytest.raises(FileFormatError, match=r"a\.mat"):
            read_mat(tmp_path / "a.mat", ["K"])


def test_nothing_is_unpickled(tmp_path):
    """A pickle in place of a matrix stays bytes; HDF5's own objects are left out."""

    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    trap = pickle.dumps(Trap())
    (tmp_path / "a.mat").write_bytes(HEADER + variable(9, [1, len(trap)], element(2, trap)))
    assert read_mat(tmp_path / "a.mat", ["K"])["K"].tobytes() == trap
    with h5py.File(tmp_path / "b.mat", "w") as file:
        file["K"] = np.void(trap)
        file["t"] = "text"
        file["r"] = np.eye(3)
        file["loop"] = h5py.SoftLink("/loop")
    assert read_mat(tmp_path / "b.mat", ["K", "t", "r"]).keys() == {"r"}
    assert read_mat(tmp_path / "b.mat", ["loop"]) == {}


def test_cells_that_hold_themselves_are_given_up(tmp_path):
    """Followed to the deepest level, 4000 references to themselves would be 4000^8."""
    with h5py.File(tmp_path / "a.mat", "w") as file:
        cells = file.create_dataset("params", (4000,), dtype=h5py.ref_dtype)
        cells[:] = [cells.ref] * 4000
    with pytest.raises(FileFormatError, match="holds too much"):
        read_mat(tmp_path / "a.mat", ["params"])


def test_links_to_other_files_are_not_followed(tmp_path):
    """Neither by name nor inside a group."""
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["K"] = np.eye(3)
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["K"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/K")
        file["g/K"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/K")
    assert read_mat(tmp_path / "a.mat", ["K", "g"]) == {"g": {}}


def test_letters_beyond_all_alphabets_are_refused(tmp_path):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w") as file:
        unit = file.create_dataset("unit", data=np.array([[2**40]], dtype=np.uint64))
        unit.attrs["MATLAB_class"] = np.bytes_("char")
    with pytest.raises(FileFormatError, match=r"a\.mat: not a readable \.mat file"):
        read_mat(path, ["unit"])
