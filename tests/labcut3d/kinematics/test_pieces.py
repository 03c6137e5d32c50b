"""Kinematics piece by piece are those of the whole."""

import numpy as np
import pytest
import xarray as xr
from sampled import covariance_like, moving_points

from labcut3d.dataset_pieces import save_pieces
from labcut3d.kinematics import (
    Plane,
    Surface,
    Surroundings,
    compute_kinematics,
    kinematics_pieces,
)
from labcut3d.kinematics.pieces import SPECTRAL_S
from labcut3d.schema import open_dataset
from labcut3d.skeleton import Angle, Body, Skeleton

SKELETON = Skeleton(
    name="four points",
    keypoints=("a", "b", "c", "d"),
    bones=(("a", "b"), ("b", "c")),
    angles=(Angle(name="knee", first="a", joint="b", last="c"),),
    body=Body(front=("a", "b"), rear=("c", "d"), left=("b",), right=("d", "a")),
)


def walking(moments: int, *, noise: bool = True) -> xr.Dataset:
    """Trajectories of two animals of four points, a gap in one of them."""
    position = moving_points(moments)
    position[{"time": slice(35, 44), "keypoint": 1, "individual": 0}] = np.nan
    found = xr.Dataset({"position": position}, attrs={"fps": 10.0, "unit": "mm"})
    return found.assign(covariance=covariance_like(position)) if noise else found


@pytest.mark.parametrize("noise", [True, False])
def test_pieces_are_the_whole(tmp_path, noise):
    trajectories = walking(300, noise=noise)
    floor = Surface(plane=Plane(normal=np.array([0.0, 0, 1]), distance=-1.0), deviation=0.1)
    around = Surroundings(substrate=floor, contact=0.5)
    whole = compute_kinematics(trajectories, SKELETON, surroundings=around)
    pieces = kinematics_pieces(trajectories, SKELETON, surroundings=around, size=70)
    save_pieces(pieces, tmp_path / "kinematics.nc")
    found = open_dataset(tmp_path / "kinematics.nc")
    assert set(found.data_vars) == set(whole.data_vars)
    assert found.attrs == whole.attrs
    for name, variable in whole.data_vars.items():
        values = variable.values
        scale = np.nanmax(np.abs(values), initial=1e-9)
        # Single precision, of sums over hundreds of moments.
        np.testing.assert_allclose(
            found[name].transpose(*variable.dims).values,
            values,
            atol=2e-6 * scale,
            rtol=2e-5,
            err_msg=str(name),
        )


def test_spectra_of_long_recordings_are_of_stretches_spread_over_them(monkeypatch):
    trajectories = walking(600)
    whole = compute_kinematics(trajectories, SKELETON)
    monkeypatch.setattr("labcut3d.kinematics.pieces.SPECTRAL_S", SPECTRAL_S / 360)  # half of it
    *_, last = kinematics_pieces(trajectories, SKELETON, size=100)
    assert last["speed_spectrum"].sizes == whole["speed_spectrum"].sizes
    ratio = (last["speed_spectrum"].sum() / whole["speed_spectrum"].sum()).item()
    assert ratio == pytest.approx(1, abs=0.5)
    assert ratio != 1


def test_uneven_times_have_no_spectra():
    trajectories = walking(120)
    time = trajectories["time"].values.copy()
    time[60:] += 5.0
    *_, last = kinematics_pieces(trajectories.assign_coords(time=time), SKELETON, size=50)
    assert "speed_spectrum" not in last
    assert "even times" in last.attrs["spectra"]
