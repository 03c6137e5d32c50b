"""Written and read again by labcut3d: values, names, rates, units and gaps survive."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from random_datasets import random_detections, random_trajectories

from labcut3d.formats import FORMATS, Export, read_dataset, write_dataset
from labcut3d.formats.recognizing import recognize

NINE_DIGITS = 1e-8  # relative: what "%.9g" keeps
PER_POINT = ("position", "position_raw", "covariance", "reprojection_error", "confidence")
# What of trajectories comes back, beside the positions; the rest is NaN.
SPACE = {
    "netcdf": PER_POINT,
    "movement": PER_POINT,
    "csv": PER_POINT,
    "parquet": PER_POINT,
    "anipose": ("position", "reprojection_error", "confidence"),
}
PLANE = ("deeplabcut", "deeplabcut-h5", "lightning-pose", "sleap-analysis", "sleap")
INDIVIDUALS = st.sampled_from([("fly",), ("fly", "mouse 2"), ("b", "a", "Ümlaut")])
SIZES = st.tuples(st.integers(2, 12), st.integers(1, 4))
RATES = st.sampled_from([1.0, 29.97, 30.0, 59.94005, 1000.0])
SEEDS = st.integers(0, 10**6)
PER_EXAMPLE = settings(max_examples=10, deadline=None)


def test_every_format_that_goes_both_ways_is_tested() -> None:
    both = {one.name for one in FORMATS.values() if one.reader and one.writer}
    assert both == {*SPACE, *PLANE}


def same_labels(read: xr.Dataset, written: xr.Dataset) -> None:
    for name in ("keypoint", "individual", "space"):
        assert read[name].values.tolist() == written[name].values.tolist()
    np.testing.assert_allclose(read["time"], written["time"], rtol=NINE_DIGITS, atol=1e-9)
    assert read.attrs["fps"] == pytest.approx(written.attrs["fps"], rel=1e-6)  # of nine digits


@pytest.mark.parametrize("name", SPACE)
@PER_EXAMPLE
@given(SEEDS, SIZES, INDIVIDUALS, RATES, st.sampled_from(["mm", "um", "m"]))
def test_trajectories(name, seed, sizes, individuals, fps, unit) -> None:
    times, keypoints = sizes
    walk = random_trajectories(
        seed, times=times, keypoints=keypoints, individuals=individuals, fps=fps, unit=unit
    )
    told = {"fps": fps, "unit": unit} if name == "anipose" else {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"walk{FORMATS[name].endings[0]}"
        written = write_dataset(Export.of(walk, "walk"), path, name)
        assert len(written) == (len(individuals) if name == "anipose" else 1)
        for index, part in enumerate(written):
            read = read_dataset(part, **told)
            one = walk
            if name == "anipose":
                one = walk.isel(individual=[index])
                assert read["individual"].values.tolist() == ["animal"]
                read = read.assign_coords(individual=one["individual"])
            same_labels(read, one)
            assert read.attrs["unit"] == unit
            assert read["position"].attrs["units"] == unit
            for variable in PER_POINT:
                expected = one[variable] if variable in SPACE[name] else np.nan * one[variable]
                np.testing.assert_allclose(
                    read[variable], expected.transpose(*read[variable].dims), rtol=NINE_DIGITS
                )
            count = one["view_used"].astype(bool).sum("view")
            known = read["view_count"] if "view_count" in read else read["view_used"].sum("view")
            np.testing.assert_array_equal(known, count.transpose(*known.dims))
            if read["view"].values.tolist() == ["untold"]:
                assert not read["view_used"].any()


@pytest.mark.parametrize("name", PLANE)
@PER_EXAMPLE
@given(SEEDS, SIZES, INDIVIDUALS)
def test_detections(name, seed, sizes, individuals) -> None:
    times, keypoints = sizes
    walk = random_detections(seed, times=times, keypoints=keypoints, individuals=individuals)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"walk{FORMATS[name].endings[0]}"
        written = write_dataset(Export.of(walk, "walk"), path, name)
        views = walk["view"].values.tolist()
        read = read_dataset(dict(zip(views, written, strict=True)), fps=30.0)
    if len(individuals) == 1 and name not in ("sleap", "sleap-analysis"):
        read = read.assign_coords(individual=list(individuals))  # DeepLabCut names no single animal
    same_labels(read, walk)
    assert read["view"].values.tolist() == views
    np.testing.assert_array_equal(read["position"], walk["position"])
    np.testing.assert_allclose(read["confidence"], walk["confidence"], rtol=1e-6)  # float32


@pytest.mark.parametrize("name", ["netcdf", "movement"])
def test_netcdf_keeps_covariances_of_detections(tmp_path: Path, name: str) -> None:
    walk = random_detections(covariance=True)
    write_dataset(Export.of(walk, "walk"), tmp_path / "walk.nc", name)
    read = read_dataset(tmp_path / "walk.nc")
    assert read.equals(walk)


@pytest.mark.parametrize("name", [n for n in (*SPACE, *PLANE) if n != "lightning-pose"])
def test_what_is_written_is_recognized(tmp_path: Path, name: str) -> None:
    make = random_trajectories if name in SPACE else random_detections
    path = tmp_path / "misleading.txt"  # the content tells, not the ending
    for part in write_dataset(Export.of(make(), "walk"), path, name):
        found = recognize(part).name
        assert found == {"movement": "netcdf"}.get(name, name)
