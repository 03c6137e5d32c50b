"""Files that are cut, garbled, hostile or none of ours: one documented error, naming the file."""

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from format_seeds import file_of
from random_datasets import random_detections

import labcut3d.formats.deepfly3d
from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.formats import Export, read_dataset, write_dataset
from labcut3d.formats.deepfly3d import read_deepfly3d

TOLD = {"fps": 30.0, "unit": "mm"}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "holds nothing"),
        (b"hello,world\n1,2\n", "text that begins 'hello,world'"),
        (b"PathFileType\t4\t(X/Y/Z)\twalk.trc\n", "a marker file of OpenSim"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "a picture"),
        (pickle.dumps({"points3d": 1}), "a Python pickle"),
        (b"\x02\x50\x06\0\0\0", "bytes that begin"),
    ],
)
def test_a_file_that_is_none_of_them(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "walk.csv"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=found) as raised:
        read_dataset(path)
    assert str(path) in str(raised.value)
    for title in ("SLEAP", "Anipose", "JARVIS", "Parquet"):
        assert title in str(raised.value)


def test_hdf5_of_another_program_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["voltage"] = [1.0]
    with pytest.raises(FileFormatError, match=r"other\.h5: holds HDF5 with 'voltage' in it"):
        read_dataset(tmp_path / "other.h5")
    write_dataset(Export.of(random_detections(), "walk"), tmp_path / "walk.nwb")
    with pytest.raises(FileFormatError, match="NWB, which labcut3d only writes"):
        read_dataset(tmp_path / "walk.nwb")


class Harmful:
    """What a pickle could do to a reader that unpickles."""

    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("harm-was-done"),))


def test_pickles_in_an_npz_are_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("evil.npz", points3d=np.array([Harmful()], dtype=object), allow_pickle=True)
    with pytest.raises(FileFormatError, match=r"evil\.npz.*without pickles"):
        read_deepfly3d(Path("evil.npz"))
    assert not Path("harm-was-done").exists()


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(labcut3d.formats.deepfly3d, "LARGEST", 10**6)
    np.savez_compressed(tmp_path / "bomb.npz", points3d=np.zeros((2000, 38, 3)))
    assert (tmp_path / "bomb.npz").stat().st_size < 10**4
    with pytest.raises(FileFormatError, match="says to hold 2 MiB"):
        read_dataset(tmp_path / "bomb.npz", **TOLD)
    with h5py.File(tmp_path / "bomb.nc", "w") as file:
        file.create_dataset("position", (10**6, 3, 10**4, 10), "f8", chunks=True)
        file.create_dataset("view_time", (1,), "f8")
    with pytest.raises(FileFormatError, match=r"bomb\.nc: claims \d+ GiB"):
        read_dataset(tmp_path / "bomb.nc")
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file["node_names"] = np.array([b"a"])
        file.create_dataset("tracks", (1000, 2, 1, 10**9), "f8", chunks=True)
    with pytest.raises(FileFormatError, match=r"claims \d+ GiB"):
        read_dataset({"cam0": tmp_path / "bomb.h5"}, fps=30)
    with h5py.File(tmp_path / "bomb.slp", "w") as file:
        file["videos_json"] = np.array([b"{}"])
        file.create_dataset("points", (10**12,), "f8", chunks=True)
    with pytest.raises(FileFormatError, match=r"claims \d+ GiB"):
        read_dataset({"cam0": tmp_path / "bomb.slp"}, fps=30)


def test_a_frame_number_beyond_reason_is_refused(tmp_path: Path) -> None:
    walk = random_detections()
    late = walk.assign(frame=walk["frame"] * 10**9)
    (path, _) = write_dataset(Export.of(late, "walk"), tmp_path / "walk.slp")
    with pytest.raises(FileFormatError, match="has a frame 6000000000"):
        read_dataset({"cam0": path}, fps=30)
    with pytest.raises(DatasetError, match="frames 0 to 6000000000 are too many"):
        write_dataset(Export.of(late, "walk"), tmp_path / "walk.analysis.h5")


HEADER = "nose_x,nose_y,nose_z,nose_error,nose_ncams,nose_score,fnum\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "1,2,3,0.5,2,0.9\n", "7 names but 6 columns"),
        (HEADER + "1,2,3,0.5,2,high,0\n", "not a number"),
        (HEADER + "1,2,inf,0.5,2,1,0\n", "infinite"),
        (HEADER + "1,2,3,0.5,2.5,1,0\n", "numbers of views must be whole"),
        (HEADER + "1,2,3,0.5,2,1,-1\n", "frame numbers must be whole"),
        (HEADER + "1,2,3,0.5,2,1,1e300\n", "frame numbers must be whole"),
        (HEADER, "no rows"),
        ("nose_x,nose_y,nose_z,nose_error,fnum\n1,2,3,4,5\n", "no column 'nose_ncams'"),
        ("a,b\nx,y,z\n1,2,3\n", "no header"),
        ("a,a,b\nx,y,z\n1,2,3\n", "do not fit"),
        ("time_s,frame,individual,keypoint,x_ell\n0,0,a,b,1\n", "no x with a unit"),
        ("time_s,frame,individual,keypoint,x_mm\n0,0,a,b,1\n0,0,a,b,2\n", "twice"),
        ("time_s,frame,individual,keypoint,x_mm\n0,0,a,b,one\n", "not a number"),
        ("time_s,frame,individual,keypoint,x_mm\n,0,a,b,1\n", "'time_s' has a value"),
        ("scorer,s,s\nbodyparts,a,a\ncoords,x_posterior_var,y_posterior_var\n0,1,2\n", "no frames"),
    ],
)
def test_what_is_wrong_with_a_csv_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    is_2d = text.startswith("scorer")
    told = {"fps": 30.0} if is_2d else TOLD if not text.startswith("time_s") else {}
    with pytest.raises((FileFormatError, DatasetError), match=message) as raised:
        read_dataset({"cam0": path} if is_2d else path, **told)
    assert str(path) in str(raised.value)


def test_variances_cannot_be_negative(tmp_path: Path) -> None:
    text = file_of("eks")[1].decode().replace(",0.", ",-0.")
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(FileFormatError, match="negative"):
        read_dataset({"cam0": tmp_path / "bad.csv"}, fps=30)
