"""A dataset written in pieces reads back as one written whole."""

import numpy as np
import pytest
import xarray as xr

from labcut3d.dataset_pieces import at_moments, save_pieces, thinned
from labcut3d.errors import DatasetError
from labcut3d.schema import make_detections, open_dataset, save_dataset


@pytest.fixture
def detections():
    rng = np.random.default_rng(0)
    shape = (50, 2, 3, 1)  # time, view, keypoint, individual
    position = rng.normal(100, 20, (50, 2, 2, 3, 1)).astype(np.float32)
    position[7:9, 1] = np.nan
    return make_detections(
        position=position,
        confidence=rng.random(shape).astype(np.float32),
        covariance=rng.random((*shape, 2, 2)).astype(np.float32),
        views=["a", "b"],
        keypoints=["x", "y", "z"],
        individuals=["mouse"],
        fps=30.0,
        attrs={"provenance": "{}"},
    )


@pytest.mark.parametrize("length", [1, 16, 49, 50, 64])
def test_pieces_read_back_as_the_whole(detections, tmp_path, length):
    pieces = (detections.isel(time=slice(at, at + length)) for at in range(0, 50, length))
    save_pieces(pieces, tmp_path / "pieces.nc")
    save_dataset(detections, tmp_path / "whole.nc")
    xr.testing.assert_identical(
        open_dataset(tmp_path / "pieces.nc"), open_dataset(tmp_path / "whole.nc")
    )


def test_what_breaks_off_leaves_what_was_there(detections, tmp_path):
    path = tmp_path / "kept.nc"
    save_dataset(detections, path)
    before = path.read_bytes()

    def broken():
        yield detections
        raise DatasetError("the second piece is missing")

    with pytest.raises(DatasetError, match="second piece"):
        save_pieces(broken(), path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["kept.nc"]


def test_nothing_is_not_written(tmp_path):
    with pytest.raises(DatasetError, match=r"empty\.nc: there is nothing to write"):
        save_pieces(iter(()), tmp_path / "empty.nc")


@pytest.mark.parametrize("stride", [1, 3, 50])
def test_every_nth_moment_is_read_piece_by_piece(detections, stride, monkeypatch):
    monkeypatch.setattr("labcut3d.dataset_pieces.PIECE", 7)
    expected = detections.isel(time=slice(None, None, stride))
    xr.testing.assert_identical(thinned(detections, stride), expected)


def test_single_moments_are_read_wherever_they_are(detections, monkeypatch):
    monkeypatch.setattr("labcut3d.dataset_pieces.PIECE", 7)
    moments = np.array([49, 0, 8, 8, 21])
    found = at_moments(detections["confidence"], moments)
    np.testing.assert_array_equal(found, detections["confidence"].values[moments])


def test_what_is_told_of_the_whole_is_the_last_pieces(detections, tmp_path):
    pieces = [detections.isel(time=slice(at, at + 25)).assign_attrs(seen=at) for at in (0, 25)]
    save_pieces(pieces, tmp_path / "pieces.nc")
    assert open_dataset(tmp_path / "pieces.nc").attrs["seen"] == 25
