"""Choosing a reader or writer, and making several views one dataset."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from random_datasets import random_detections, random_trajectories

from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.formats import (
    FORMATS,
    Export,
    ViewDetections,
    choose_format,
    combine_views,
    read_detections,
    write_dataset,
)
from labcut3d.formats.extras import require
from labcut3d.schema import save_dataset


def view(path: str, frames: int = 4, keypoints=("a", "b"), individuals=("one",)) -> ViewDetections:
    shape = (frames, len(keypoints), len(individuals))
    rng = np.random.default_rng(len(path))
    return ViewDetections(
        path=Path(path),
        keypoints=tuple(keypoints),
        individuals=tuple(individuals),
        position=rng.uniform(0, 100, (*shape, 2)),
        confidence=np.full(shape, 0.5),
    )


def test_order_of_keypoints_and_individuals_may_differ() -> None:
    first = view("first", individuals=("one", "two"))
    other = view("second", keypoints=("b", "a"), individuals=("two", "one"))
    combined = combine_views({"u": first, "v": other}, fps=10)
    seen = combined["position"].sel(view="v", keypoint="a", individual="two").values
    assert seen == pytest.approx(other.position[:, 1, 0], rel=1e-6)  # float32


def test_a_single_individual_may_change_its_name() -> None:
    combined = combine_views({"u": view("f"), "v": view("g", individuals=("other",))}, fps=10)
    assert list(combined["individual"].values) == ["one"]


def test_each_view_may_have_its_own_tracks() -> None:
    first = view("first", individuals=("track_0", "track_1"))
    other = view("second", individuals=("track_1", "track_7", "track_8"))
    combined = combine_views({"u": first, "v": other}, fps=10)
    assert list(combined["individual"].values) == ["track_0", "track_1", "track_7", "track_8"]
    seen = combined["position"].sel(view="v", keypoint="a", individual="track_7").values
    assert seen == pytest.approx(other.position[:, 0, 1], rel=1e-6)  # float32
    missing = combined.sel(view="u", individual=["track_7", "track_8"])
    assert missing["position"].isnull().all()
    assert (missing["confidence"] == 0).all()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (view("g.h5", frames=5), "unequal frame counts: f.h5 .*4 frames, g.h5 .*5"),
        (view("g.h5", keypoints=("a", "c")), "different keypoints: f.h5 has a, b; g.h5 has a, c"),
    ],
)
def test_views_that_do_not_fit_are_named(other: ViewDetections, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        combine_views({"u": view("f.h5"), "v": other}, fps=10)
    with pytest.raises(DatasetError, match="fps = 0"):
        combine_views({"u": view("f.h5")}, fps=0)


def test_own_files_are_read_as_they_are(tmp_path: Path) -> None:
    detections = random_detections()
    save_dataset(detections, tmp_path / "detections.nc")
    assert read_detections(tmp_path / "detections.nc").equals(detections)
    with pytest.raises(DatasetError, match=r"fps = 30\.0, but 25"):
        read_detections(tmp_path / "detections.nc", fps=25)
    save_dataset(random_trajectories(), tmp_path / "trajectories.nc")
    with pytest.raises(DatasetError, match="space"):
        read_detections(tmp_path / "trajectories.nc")


def test_arguments_are_checked(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="VIEW=FILE"):
        read_detections(["a.h5", "b.h5"], fps=1)
    with pytest.raises(DatasetError, match="given twice"):
        read_detections(["u=a.h5", "u=b.h5"], fps=1)
    with pytest.raises(FileFormatError, match="no such file"):
        read_detections({"u": tmp_path / "none.h5"}, fps=1)
    with pytest.raises(DatasetError, match="no view"):
        read_detections({}, fps=1)
    (path, _) = write_dataset(Export.of(random_detections(), "walk"), tmp_path / "walk.h5")
    with pytest.raises(DatasetError, match="say which, as VIEW="):
        read_detections(path, fps=30)
    (tmp_path / "points.csv").write_text("a,a,a\nx,y,z\n1,2,3\n")
    with pytest.raises(FileFormatError, match=r"is JARVIS data3D\.csv, not the detections"):
        read_detections({"u": tmp_path / "points.csv"}, fps=30)


@pytest.mark.parametrize("name", ["noise.h5", "noise.csv", "noise.txt", "empty.h5", "head.h5"])
def test_files_of_no_known_kind(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).bytes(4000)
    path.write_bytes({"empty.h5": b"", "head.h5": b"\x89HDF\r\n\x1a\n" + noise}.get(name, noise))
    with pytest.raises(FileFormatError, match=name):
        read_detections({"u": path}, fps=1)


@pytest.mark.parametrize("name", FORMATS)
def test_readers_and_writers_are_where_the_table_says(name: str) -> None:
    one = FORMATS[name]
    assert one.name == name
    assert bool(one.reads) == bool(one.reader)
    assert bool(one.writes) == bool(one.writer)
    assert one.reader or one.writer
    for what, there in (("reader", one.reader), ("writer", one.writer)):
        if there:
            assert callable(one.load(what))
        else:
            with pytest.raises(FileFormatError, match="cannot be"):
                one.load(what)
    if one.writer:
        assert one.keeps


@pytest.mark.parametrize(
    ("path", "to", "is_3d", "expected"),
    [
        ("walk.nc", None, True, "netcdf"),
        ("walk.csv", None, True, "csv"),
        ("walk.csv", "anipose", True, "anipose"),
        ("WALK.NWB", None, True, "nwb"),
        ("walk.h5", None, False, "deeplabcut-h5"),
        ("walk.analysis.h5", None, False, "sleap-analysis"),
        ("walk.csv", "deeplabcut", False, "deeplabcut"),
    ],
)
def test_ending_or_name_tell_the_format(path, to, is_3d, expected) -> None:
    assert choose_format(path, to, is_3d=is_3d).name == expected


def test_formats_that_do_not_fit_are_explained() -> None:
    with pytest.raises(FileFormatError, match=r"'\.xlsx' of trajectories.*\.csv.*--to"):
        choose_format("walk.xlsx", None, is_3d=True)
    with pytest.raises(FileFormatError, match=r"C3D cannot be written from detections.*sleap"):
        choose_format("walk.c3d", "c3d", is_3d=False)
    with pytest.raises(FileFormatError, match="no format 'excel'"):
        choose_format("walk.csv", "excel", is_3d=True)


def test_a_missing_package_is_named_with_its_extra() -> None:
    with pytest.raises(FileFormatError, match=r'pip install "labcut3d\[c3d\]"'):
        require("no_such_package_3d", "c3d", "C3D files")


@pytest.mark.parametrize(
    ("package", "extra", "name"),
    [
        ("ezc3d", "c3d", "walk.c3d"),
        ("pyarrow", "parquet", "walk.parquet"),
        ("pynwb", "nwb", "walk.nwb"),
        ("tables", "deeplabcut", "walk.h5"),
        ("sleap_io", "sleap", "walk.slp"),
    ],
)
def test_formats_say_what_to_install(tmp_path, monkeypatch, package, extra, name) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    is_2d = name in ("walk.h5", "walk.slp")
    walk = random_detections() if is_2d else random_trajectories()
    with pytest.raises(FileFormatError, match=rf'pip install "labcut3d\[{extra}\]"'):
        write_dataset(Export.of(walk, "walk"), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_naming_formats_loads_no_library() -> None:
    code = (
        "import sys; from labcut3d.formats import FORMATS; len(FORMATS); "
        "heavy = {'pandas', 'h5py', 'xarray', 'pynwb', 'ezc3d', 'pyarrow', 'sleap_io'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
