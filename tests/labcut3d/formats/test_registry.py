"""Choosing a reader or writer, and making several views one dataset."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.formats import ViewDetections, combine_views, read_detections, write_trajectories
from labcut3d.schema import make_detections, make_trajectories, open_dataset, save_dataset

VIEWS = ("back", "mid", "side", "top")


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


def trajectories() -> xr.Dataset:
    """Two moments of two keypoints of one animal, all numbers distinct, one of them missing."""
    detections = make_detections(
        position=np.zeros((2, 2, 2, 2, 1)),
        confidence=np.ones((2, 2, 2, 1)),
        views=["u", "v"],
        keypoints=["a", "b"],
        individuals=["one"],
        fps=50.0,
        frame=np.array([[10, 10], [11, 12]]),
    )
    position = np.arange(12.0).reshape(2, 3, 2, 1)
    position[1, :, 1] = np.nan
    scale = np.array([1.0, 4.0, 9.0]) * np.eye(3)
    return make_trajectories(
        position=position,
        position_raw=position + 100,
        covariance=np.broadcast_to(scale, (2, 2, 1, 3, 3)),
        reprojection_error=np.full((2, 2, 1), 1.5),
        view_used=np.ones((2, 2, 2, 1), dtype=bool),
        confidence=np.full((2, 2, 1), 0.25),
        like=detections,
        unit="mm",
    )


def test_four_real_views_make_one_dataset(dataset) -> None:
    folder = dataset("mouse_4cam")
    files = {v: folder / v / f"minimal_{v}_proofread.analysis.h5" for v in VIEWS}
    detections = read_detections(files, fps=30)
    assert dict(detections.sizes) == {
        "time": 120, "view": 4, "space": 2, "keypoint": 15, "individual": 1,
    }  # fmt: skip
    assert list(detections["view"].values) == list(VIEWS)
    assert detections.attrs["fps"] == 30
    as_typed = read_detections([f"{v}={path}" for v, path in files.items()], fps=30)
    assert as_typed.equals(detections)
    with pytest.raises(DatasetError, match="--fps"):
        read_detections(files)


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
    detections = combine_views({"u": view("f"), "v": view("g")}, fps=10)
    save_dataset(detections, tmp_path / "detections.nc")
    assert read_detections(tmp_path / "detections.nc").equals(detections)
    save_dataset(trajectories(), tmp_path / "trajectories.nc")
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


@pytest.mark.parametrize("name", ["noise.h5", "noise.csv", "noise.txt", "empty.h5", "head.h5"])
def test_files_of_no_known_kind(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).bytes(4000)
    path.write_bytes({"empty.h5": b"", "head.h5": b"\x89HDF\r\n\x1a\n" + noise}.get(name, noise))
    with pytest.raises(FileFormatError, match=name):
        read_detections({"u": path}, fps=1)


def test_cut_files_are_refused(dataset, tmp_path: Path) -> None:
    whole = (dataset("mouse_4cam") / "top" / "minimal_top_proofread.analysis.h5").read_bytes()
    path = tmp_path / "cut.h5"
    for length in (9, 500, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError, match=r"cut\.h5"):
            read_detections({"u": path}, fps=1)


def test_tidy_csv_comes_back(tmp_path: Path) -> None:
    write_trajectories(trajectories(), tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    assert len(table) == 4
    row = table[(table.frame == 11) & (table.keypoint == "a")].iloc[0]
    assert row[["x_mm", "y_mm", "z_mm"]].tolist() == [6, 8, 10]
    assert row[["raw_x_mm", "raw_y_mm", "raw_z_mm"]].tolist() == [106, 108, 110]
    assert row[["sd_x_mm", "sd_y_mm", "sd_z_mm"]].tolist() == [1, 2, 3]
    assert row["time_s"] == pytest.approx(11 / 50)
    assert row[["reprojection_error_px", "confidence", "views"]].tolist() == [1.5, 0.25, 2]
    assert row["individual"] == "one"
    assert np.isnan(table[(table.frame == 11) & (table.keypoint == "b")]["x_mm"]).all()


def test_netcdf_comes_back(tmp_path: Path) -> None:
    write_trajectories(trajectories(), tmp_path / "out.nc")
    assert open_dataset(tmp_path / "out.nc")["position"].equals(trajectories()["position"])
    with pytest.raises(FileFormatError, match=r"'\.xlsx'.*\.csv, \.nc"):
        write_trajectories(trajectories(), tmp_path / "out.xlsx")
