"""What `movement` 0.17 asks of a dataset, asked by its own code where it runs (Python 3.12)."""

from pathlib import Path

import pytest
import xarray as xr
from random_datasets import random_detections, random_trajectories

from labcut3d.formats import Export, write_dataset


@pytest.fixture(params=[random_trajectories, random_detections])
def stored(request, tmp_path: Path) -> xr.Dataset:
    """A dataset written for `movement`, as xarray opens it."""
    write_dataset(Export.of(request.param(), "walk"), tmp_path / "walk.nc", "movement")
    with xr.open_dataset(tmp_path / "walk.nc") as dataset:
        return dataset.load()


def test_names_dtypes_and_attributes_are_those_it_checks(stored: xr.Dataset) -> None:
    assert {"position", "confidence"} <= set(stored.data_vars)
    assert {"time", "space", "keypoint", "individual"} <= set(stored["position"].dims)
    assert set(stored["confidence"].dims) == set(stored["position"].dims) - {"space"}
    assert stored["position"].dtype.kind == stored["confidence"].dtype.kind == "f"
    assert stored["time"].dtype.kind == "f"  # xarray must not take seconds for time deltas
    assert stored["space"].values.tolist() in (["x", "y"], ["x", "y", "z"])
    for name in ("keypoint", "individual"):
        assert stored[name].to_index().is_unique
    assert stored.attrs["ds_type"] == "poses"
    assert stored.attrs["time_unit"] == "seconds"
    assert stored.attrs["fps"] == 30.0
    assert isinstance(stored.attrs["source_software"], str)


def test_its_own_validator_agrees(stored: xr.Dataset) -> None:
    datasets = pytest.importorskip(
        "movement.validators.datasets", reason="movement needs Python 3.12", exc_type=ImportError
    )
    datasets.ValidPosesInputs.validate(stored)
