"""Exports of trajectories, each opened by a reader of that format that is not ours."""

import json
import re
from pathlib import Path

import ezc3d
import netCDF4
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from random_datasets import random_trajectories

from labcut3d.errors import DatasetError
from labcut3d.formats import Export, write_dataset
from labcut3d.skeleton import Skeleton

TWO = ("fly", "other one")
NINE_DIGITS = 1e-8  # relative: what "%.9g" keeps


def points(dataset, order=("time", "individual", "keypoint", "space")) -> np.ndarray:
    return dataset["position"].transpose(*order).values


def test_netcdf_has_cf_attributes_that_the_netcdf_library_reads(tmp_path: Path) -> None:
    walk = random_trajectories(unit="um")
    write_dataset(Export.of(walk, "walk"), tmp_path / "walk.nc")
    with netCDF4.Dataset(tmp_path / "walk.nc") as file:
        assert file.Conventions == "CF-1.10"
        assert file.fps == 30.0
        position = file["position"]
        assert (position.units, file["covariance"].units) == ("um", "um^2")
        assert (file["time"].units, file["reprojection_error"].units) == ("s", "px")
        assert position.long_name
        assert position.dimensions == ("time", "space", "keypoint", "individual")
        np.testing.assert_array_equal(
            np.ma.filled(position[:], np.nan), walk["position"].values, strict=True
        )


def test_tidy_csv_by_pandas(tmp_path: Path) -> None:
    walk = random_trajectories(individuals=TWO)
    write_dataset(Export.of(walk, "walk"), tmp_path / "walk.csv")
    table = pd.read_csv(tmp_path / "walk.csv").set_index(["frame", "individual", "keypoint"])
    assert len(table) == walk["confidence"].size
    for individual in TWO:
        for keypoint in walk["keypoint"].values:
            one = walk.sel(individual=individual, keypoint=keypoint)
            rows = table.xs((individual, keypoint), level=("individual", "keypoint"))
            np.testing.assert_allclose(
                rows[["x_mm", "y_mm", "z_mm"]], one["position"], rtol=NINE_DIGITS
            )
            np.testing.assert_allclose(
                rows["cov_xz_mm2"], one["covariance"].values[:, 0, 2], rtol=NINE_DIGITS
            )
            assert rows["views"].tolist() == one["view_used"].sum("view").values.tolist()


def test_wide_csv_by_pandas(tmp_path: Path) -> None:
    walk = random_trajectories(individuals=TWO, unit="m")
    write_dataset(Export.of(walk, "walk"), tmp_path / "walk.csv", "csv-wide")
    table = pd.read_csv(tmp_path / "walk.csv")
    assert len(table) == walk.sizes["time"]
    column = table["other one.left ear.y_m"]
    expected = walk["position"].sel(individual="other one", keypoint="left ear", space="y")
    np.testing.assert_allclose(column, expected, rtol=NINE_DIGITS)
    assert column.isna().any()
    assert table["frame"].tolist() == list(range(7))


def test_parquet_by_pyarrow_and_pandas(tmp_path: Path) -> None:
    walk = random_trajectories(individuals=TWO).assign_attrs(provenance='{"rig": "abc"}')
    write_dataset(Export.of(walk, "walk"), tmp_path / "walk.parquet")
    columns = pyarrow.parquet.read_table(tmp_path / "walk.parquet").to_pydict()
    x = points(walk)[..., 0].ravel()
    np.testing.assert_array_equal(np.array(columns["x_mm"], dtype=float), x)
    table = pd.read_parquet(tmp_path / "walk.parquet")
    assert table.attrs["fps"] == 30.0
    assert table.attrs["unit"] == "mm"
    assert table.attrs["provenance"] == '{"rig": "abc"}'
    assert table["individual"].unique().tolist() == list(TWO)


@pytest.mark.parametrize(("unit", "stored", "factor"), [("mm", "mm", 1), ("um", "mm", 1e-3)])
def test_c3d_by_ezc3d(tmp_path: Path, unit: str, stored: str, factor: float) -> None:
    walk = random_trajectories(individuals=TWO, unit=unit, fps=119.88)
    write_dataset(Export.of(walk, "walk"), tmp_path / "walk.c3d")
    file = ezc3d.c3d(str(tmp_path / "walk.c3d"))
    about = file["parameters"]["POINT"]
    assert about["UNITS"]["value"] == [stored]
    assert about["RATE"]["value"][0] == pytest.approx(119.88, rel=1e-6)  # single precision
    assert about["LABELS"]["value"][:2] == ["fly:snout", "fly:left ear"]
    expected = points(walk, ("space", "individual", "keypoint", "time")) * factor
    read = file["data"]["points"][:3]
    np.testing.assert_allclose(read, expected.reshape(3, 6, -1), rtol=1e-6)  # single precision
    residuals = file["data"]["meta_points"]["residuals"][0]
    np.testing.assert_array_equal(residuals < 0, np.isnan(read[0]))


def test_c3d_refuses_what_its_counters_cannot_count(tmp_path: Path) -> None:
    many = random_trajectories(times=2, individuals=tuple(f"fly{n}" for n in range(86)))
    with pytest.raises(DatasetError, match="258 points"):
        write_dataset(Export.of(many, "swarm"), tmp_path / "swarm.c3d")
    assert not (tmp_path / "swarm.c3d").exists()


def read_trc(path: Path) -> tuple[dict[str, str], list[str], np.ndarray, np.ndarray]:
    """Read a .trc as OpenSim's documentation describes it, refusing all that is not so."""
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    assert lines[0] == f"PathFileType\t4\t(X/Y/Z)\t{path.name}"
    keys, values = lines[1].split("\t"), lines[2].split("\t")
    assert keys == [
        "DataRate",
        "CameraRate",
        "NumFrames",
        "NumMarkers",
        "Units",
        "OrigDataRate",
        "OrigDataStartFrame",
        "OrigNumFrames",
    ]
    about = dict(zip(keys, values, strict=True))
    count, markers = int(about["NumFrames"]), int(about["NumMarkers"])
    names = lines[3].split("\t")
    assert names[:2] == ["Frame#", "Time"]
    assert len(names) == 2 + 3 * markers
    assert all(name == "" for n, name in enumerate(names[2:]) if n % 3)
    axes = lines[4].split("\t")
    assert axes[:2] == ["", ""]
    assert axes[2:] == [f"{axis}{m}" for m in range(1, markers + 1) for axis in "XYZ"]
    assert lines[5] == ""
    rows = [line.split("\t") for line in lines[6:]]
    assert len(rows) == count
    assert all(len(row) == 2 + 3 * markers for row in rows)
    assert [int(row[0]) for row in rows] == list(range(1, count + 1))
    number = re.compile(r"-?\d+(\.\d+)?(e[+-]\d+)?")
    assert all(cell == "" or number.fullmatch(cell) for row in rows for cell in row)
    cells = np.array([[float(c) if c else np.nan for c in row[1:]] for row in rows])
    return about, names[2::3], cells[:, 0], cells[:, 1:].reshape(count, markers, 3)


@pytest.mark.parametrize(("unit", "stored", "factor"), [("cm", "cm", 1), ("in", "mm", 25.4)])
def test_trc_by_a_strict_reader(tmp_path: Path, unit: str, stored: str, factor: float) -> None:
    walk = random_trajectories(individuals=TWO, unit=unit, fps=59.94)
    write_dataset(Export.of(walk, "walk"), tmp_path / "walk.trc")
    about, names, seconds, read = read_trc(tmp_path / "walk.trc")
    assert about["Units"] == stored
    assert float(about["DataRate"]) == float(about["CameraRate"]) == 59.94
    assert names[3] == "other one:snout"
    np.testing.assert_allclose(seconds, walk["time"], rtol=NINE_DIGITS)
    np.testing.assert_allclose(read, points(walk).reshape(7, 6, 3) * factor, rtol=NINE_DIGITS)


def test_names_that_would_break_a_trc_are_refused(tmp_path: Path) -> None:
    walk = random_trajectories(keypoints=1).assign_coords(keypoint=["a\tb"])
    with pytest.raises(DatasetError, match="tab"):
        write_dataset(Export.of(walk, "walk"), tmp_path / "walk.trc")


def test_json_for_blender(tmp_path: Path) -> None:
    walk = random_trajectories(individuals=TWO)
    keypoints = tuple(str(name) for name in walk["keypoint"].values)
    skeleton = Skeleton(name="fly", keypoints=keypoints, bones=(("snout", "left ear"),))
    export = Export(dataset=walk, title="walk", skeleton=skeleton)
    write_dataset(export, tmp_path / "walk.json")
    read = json.loads((tmp_path / "walk.json").read_text())
    assert (read["fps"], read["unit"], read["metres_per_unit"]) == (30.0, "mm", 0.001)
    assert read["bones"] == [["snout", "left ear"]]
    track = read["points"]["other one"]["hind_knee_L"]
    expected = walk["position"].sel(individual="other one", keypoint="hind_knee_L").values
    again = np.array([[np.nan] * 3 if point is None else point for point in track])
    np.testing.assert_array_equal(again, expected)


def test_anipose_csv_has_anipose_columns(tmp_path: Path) -> None:
    walk = random_trajectories(individuals=TWO)
    written = write_dataset(Export.of(walk, "walk"), tmp_path / "walk.csv", "anipose")
    assert [path.name for path in written] == ["walk_fly.csv", "walk_other one.csv"]
    table = pd.read_csv(written[1])
    parts = [f"snout_{part}" for part in ("x", "y", "z", "error", "ncams", "score")]
    assert list(table.columns[:6]) == parts
    ends = [f"M_{i}{j}" for i in range(3) for j in range(3)]
    assert list(table.columns[-13:]) == [*ends, "center_0", "center_1", "center_2", "fnum"]
    one = walk.sel(individual="other one", keypoint="snout")
    np.testing.assert_array_equal(table[["snout_x", "snout_y", "snout_z"]], one["position"])
    seen = one["position"].notnull().all("space").values
    used = one["view_used"].sum("view").values
    np.testing.assert_array_equal(table["snout_ncams"], np.where(seen, used, np.nan))
