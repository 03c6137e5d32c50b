"""The dataset contract: what is accepted, what is refused, and that the disk changes nothing."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from labcut3d.errors import DatasetError
from labcut3d.schema import (
    make_detections,
    make_trajectories,
    open_dataset,
    open_lazily,
    save_dataset,
    validate_detections,
    validate_trajectories,
)


def detections(n_times=4, n_views=2, n_keypoints=3, n_individuals=1, covariance=True):
    rng = np.random.default_rng(0)
    shape = (n_times, n_views, n_keypoints, n_individuals)
    position = rng.uniform(0, 640, (n_times, n_views, 2, n_keypoints, n_individuals))
    position[0] = np.nan
    return make_detections(
        position=position,
        confidence=rng.uniform(size=shape),
        covariance=np.broadcast_to(np.eye(2), (*shape, 2, 2)) if covariance else None,
        views=[f"cam{v}" for v in range(n_views)],
        keypoints=[f"k{k}" for k in range(n_keypoints)],
        individuals=[f"fly{i}" for i in range(n_individuals)],
        fps=25.0,
    )


def trajectories():
    like = detections()
    shape = (4, 3, 1)
    position = np.random.default_rng(1).normal(size=(4, 3, 3, 1))
    return make_trajectories(
        position=position,
        position_raw=position,
        covariance=np.broadcast_to(np.eye(3), (*shape, 3, 3)),
        reprojection_error=np.ones(shape),
        view_used=np.ones((4, 2, 3, 1), bool),
        confidence=np.ones(shape),
        like=like,
        unit="mm",
    )


@settings(max_examples=10, deadline=None)
@given(
    n_times=st.integers(1, 4),
    n_views=st.integers(1, 3),
    n_keypoints=st.integers(1, 3),
    n_individuals=st.integers(1, 2),
    covariance=st.booleans(),
)
def test_detections_of_any_size_come_back_from_disk(
    tmp_path_factory, n_times, n_views, n_keypoints, n_individuals, covariance
):
    made = detections(n_times, n_views, n_keypoints, n_individuals, covariance)
    path = tmp_path_factory.mktemp("nc") / "detections.nc"
    save_dataset(made, path)
    xr.testing.assert_identical(open_dataset(path), made)


def test_trajectories_come_back_from_disk(tmp_path):
    made = trajectories()
    save_dataset(made, tmp_path / "t.nc")
    stored = open_dataset(tmp_path / "t.nc")
    xr.testing.assert_allclose(stored, made)
    assert stored.attrs["unit"] == "mm"
    assert stored["covariance"].attrs["units"] == "mm^2"
    assert stored["view_used"].values.all()


def test_time_is_in_seconds_and_frames_count_from_zero():
    made = detections()
    assert made["time"].values.tolist() == [0.0, 0.04, 0.08, 0.12]
    assert made["frame"].values[:, 1].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["position", "confidence", "frame", "view_time"])
def test_a_missing_variable_is_named(name):
    with pytest.raises(DatasetError, match=f"need a variable '{name}'"):
        validate_detections(detections().drop_vars(name))


def test_wrong_dimensions_are_named():
    turned = detections().transpose("view", ...)
    with pytest.raises(DatasetError, match=r"'position' has dimensions \('view'"):
        validate_detections(turned)


def test_a_detection_is_no_trajectory():
    with pytest.raises(DatasetError):
        validate_trajectories(detections())


def test_shapes_that_contradict_each_other_are_refused():
    with pytest.raises(DatasetError, match="detections"):
        make_detections(
            position=np.zeros((2, 2, 2, 3, 1)),
            confidence=np.zeros((2, 2, 4, 1)),
            views=["a", "b"],
            keypoints=["k", "l", "m"],
            individuals=["fly"],
            fps=30,
        )


@pytest.mark.parametrize("fps", [0.0, -1.0, np.nan])
def test_a_frame_rate_must_be_positive(fps):
    broken = detections()
    broken.attrs["fps"] = fps
    with pytest.raises(DatasetError, match="fps"):
        validate_detections(broken)


def test_values_that_mean_nothing_are_refused():
    broken = detections()
    broken["position"][1, 0, 0, 0, 0] = np.inf
    with pytest.raises(DatasetError, match="'position' holds an infinite"):
        validate_detections(broken)
    broken = detections()
    broken["confidence"][1, 0, 0, 0] = -3
    with pytest.raises(DatasetError, match="'confidence' holds -3"):
        validate_detections(broken)


def test_an_empty_dataset_is_refused():
    with pytest.raises(DatasetError, match="'time' is empty"):
        validate_detections(detections().isel(time=slice(0, 0)))


@pytest.mark.parametrize("content", [b"", b"not netcdf", b"\x89HDF\r\n\x1a\n" + b"\0" * 600])
def test_a_file_that_is_no_dataset_is_named(tmp_path, content):
    path = tmp_path / "broken.nc"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"broken\.nc"):
        open_dataset(path)


def test_a_file_of_another_program_is_refused(tmp_path):
    path = tmp_path / "other.nc"
    xr.Dataset({"a": ("b", [1.0])}).to_netcdf(path)
    with pytest.raises(DatasetError, match=r"other\.nc.*space"):
        open_dataset(path)


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "t.nc"
    save_dataset(trajectories(), path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DatasetError, match=r"t\.nc"):
        open_dataset(path)


def test_a_file_can_stay_on_disk(tmp_path):
    path = tmp_path / "trajectories.nc"
    whole = trajectories()
    save_dataset(whole, path)
    with open_lazily(path) as stored:
        assert not stored["position"].variable._in_memory
        xr.testing.assert_identical(stored.isel(time=slice(1, 3)).load(), whole.isel(time=[1, 2]))
    with open_lazily(path, chunk=2) as stored:
        assert stored["position"].chunks[0] == (2, 2)
        assert float(stored["confidence"].mean()) == pytest.approx(
            float(whole["confidence"].mean())
        )


def test_a_file_that_is_opened_is_valid_as_a_whole(tmp_path):
    trajectories().drop_vars("confidence").to_netcdf(tmp_path / "broken.nc")
    with (
        pytest.raises(DatasetError, match=r"broken\.nc: .* need a variable 'confidence'"),
        open_lazily(tmp_path / "broken.nc"),
    ):
        pass
    with pytest.raises(DatasetError, match="no such file"), open_lazily(tmp_path / "none.nc"):
        pass


def test_faults_of_those_who_read_are_theirs(tmp_path):
    save_dataset(trajectories(), tmp_path / "trajectories.nc")
    with pytest.raises(ValueError, match="mine"), open_lazily(tmp_path / "trajectories.nc"):
        raise ValueError("mine")
