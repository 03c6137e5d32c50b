"""All kinematics in one dataset: as the contract says, in blocks or not, with variances or not."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr
from sampled import covariance_like, moving_points

from labcut3d.contract import KINEMATICS
from labcut3d.errors import DatasetError
from labcut3d.kinematics import (
    Plane,
    Surface,
    Surroundings,
    collection,
    compute_contact,
    compute_joint_angles,
    compute_kinematics,
    compute_velocity,
)
from labcut3d.schema import open_dataset, save_dataset
from labcut3d.skeleton import Angle, Body, Skeleton, load_skeleton

SKELETON = Skeleton(
    name="four points",
    keypoints=("a", "b", "c", "d"),
    bones=(("a", "b"), ("b", "c")),
    angles=(Angle(name="bend", first="a", joint="b", last="c"),),
    body=Body(front=("a",), rear=("b",), left=("c",), right=("d",)),
)


def moving(moments: int = 60) -> xr.Dataset:
    """A dataset as `movement` has them, with a covariance."""
    position = moving_points(moments)
    return xr.Dataset({"position": position, "covariance": covariance_like(position)})


def floor(height: float, deviation: float = 0.0) -> Surface:
    """The plane z = `height`."""
    return Surface(plane=Plane(normal=np.array([0.0, 0, 1]), distance=height), deviation=deviation)


def test_it_holds_all_that_the_contract_names_and_comes_back_from_disk(tmp_path):
    found = compute_kinematics(
        moving(), SKELETON, surroundings=Surroundings(substrate=floor(-3.0), walls={"+x": floor(0)})
    )
    assert found["plane"].values.tolist() == ["substrate", "wall +x"]
    assert set(found.data_vars) == set(KINEMATICS.variables)
    for name, variable in KINEMATICS.variables.items():
        assert found[name].dims == variable.dims, name
        assert found[name].attrs["units"] == variable.units.replace("unit", "mm"), name
        assert found[name].dtype == variable.dtype
        # In two seconds, a slow swing makes no summit.
        assert float(found[name].notnull().mean()) > 0.9 or "frequency" in name, name
    assert found["speed"].attrs["ancillary_variables"] == "speed_variance"
    assert found.attrs["unit"] == "mm"
    assert found.attrs["fps"] == pytest.approx(30)
    save_dataset(found, tmp_path / "kinematics.nc")
    xr.testing.assert_identical(open_dataset(tmp_path / "kinematics.nc"), found)


def test_blocks_change_nothing(monkeypatch):
    whole = compute_kinematics(moving(), SKELETON)
    monkeypatch.setattr(collection, "BLOCK", 7)
    xr.testing.assert_allclose(compute_kinematics(moving(), SKELETON), whole)


def test_without_a_covariance_there_are_values_and_no_variances():
    found = compute_kinematics(moving()[["position"]], SKELETON)
    assert not [name for name in found if "variance" in str(name)]
    assert "ancillary_variables" not in found["speed"].attrs
    given = moving()["position"]
    expected = compute_joint_angles(given, SKELETON).transpose("time", "joint", "individual")
    np.testing.assert_allclose(found["joint_angle"].values, expected.values, rtol=1e-6)


def test_the_smoothers_own_derivatives_are_taken_where_there_are_any():
    given = moving()
    local = compute_kinematics(given, SKELETON)
    np.testing.assert_allclose(
        local["velocity"].values, compute_velocity(given["position"]).values, rtol=1e-4, atol=1e-5
    )
    own = xr.full_like(given["position"], 3.0).assign_attrs(units="mm/s")
    given["velocity"] = own
    given["velocity_covariance"] = xr.zeros_like(given["covariance"]).assign_attrs(units="(mm/s)^2")
    found = compute_kinematics(given, SKELETON)
    assert (found["velocity"] == 3).all()
    np.testing.assert_allclose(found["speed"].values, np.sqrt(27), rtol=1e-6)


def test_what_the_skeleton_or_the_times_do_not_tell_is_left_out():
    found = compute_kinematics(moving(), Skeleton(name="dots", keypoints=("a", "b", "c", "d")))
    assert not {"segment_length", "joint_angle", "egocentric", "orientation"} & set(found)
    uneven = moving(12).assign_coords(time=np.arange(12) ** 1.5)
    found = compute_kinematics(uneven, SKELETON)
    assert "speed_spectrum" not in found
    assert "even times" in found.attrs["spectra"]


def test_the_calibrations_part_is_taken_out_of_what_compares_points_but_not_of_distances():
    given = moving(12)
    place = Surroundings(substrate=floor(0.0))
    whole = compute_kinematics(given, SKELETON, surroundings=place)
    given["covariance_calibration"] = given["covariance"] * 0.75
    found = compute_kinematics(given, SKELETON, surroundings=place)
    for name, part in (
        ("joint_angle_variance", 0.25),
        ("egocentric_covariance", 0.25),
        ("plane_distance_variance", 1),
    ):
        np.testing.assert_allclose(found[name], part * whole[name], rtol=1e-4, atol=1e-12)


def test_contacts_and_distances_know_how_well_the_surface_is_known():
    given, surface = moving(12), floor(0.5, deviation=0.2)
    place = Surroundings(substrate=surface, contact=0.3)
    found = compute_kinematics(given, SKELETON, surroundings=place)
    exact = compute_kinematics(given, SKELETON, surroundings=Surroundings(substrate=floor(0.5)))
    # Variances of independent errors add up.
    widened = found["plane_distance_variance"] - exact["plane_distance_variance"]
    np.testing.assert_allclose(widened, 0.2**2, rtol=1e-5)
    contact = compute_contact(given["position"], given["covariance"], surface, 0.3)
    own = found["contact"].sel(plane="substrate")
    np.testing.assert_allclose(own, contact.transpose(*own.dims), atol=1e-6)  # single precision
    bare = compute_kinematics(given[["position"]], SKELETON, surroundings=place)
    assert "contact" not in bare  # without a covariance there is no probability
    assert "plane_distance" in bare


def test_datasets_that_lack_something_are_named():
    with pytest.raises(DatasetError, match="'position'"):
        compute_kinematics(moving()[["covariance"]], SKELETON)
    with pytest.raises(DatasetError, match="rename"):
        compute_kinematics(moving().rename(individual="individuals"), SKELETON)
    with pytest.raises(DatasetError, match="the bone 'left_eye-ocellus' needs the keypoint"):
        compute_kinematics(moving(), load_skeleton("fly-egg-laying"))


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda d: d.assign(speed=d["speed"].rename(keypoint="bone_")), "'speed' has dimensions"),
        (lambda d: d.assign(speed=d["speed"].astype(int)), "'speed' holds int64"),
        (lambda d: d.drop_attrs(deep=False).assign_attrs(ds_type="kinematics"), "attribute 'fps'"),
    ],
)
def test_kinematics_that_break_the_contract_are_refused(spoil, expected, tmp_path):
    found = compute_kinematics(moving(12)[["position"]], SKELETON)
    with pytest.raises(DatasetError, match=expected):
        save_dataset(spoil(found), tmp_path / "kinematics.nc")


def test_a_velocity_without_covariance_or_unit_is_taken_as_it_is():
    plain = moving()
    velocity = compute_velocity(plain["position"])
    velocity.attrs = {}
    found = compute_kinematics(plain.assign(velocity=velocity), SKELETON)
    expected = velocity.transpose(*found["velocity"].dims).values.astype(np.float32)
    np.testing.assert_array_equal(found["velocity"].values, expected)
    assert found["velocity"].attrs["units"] == "mm/s"
    assert "ancillary_variables" not in found["velocity"].attrs
    assert "velocity_covariance" not in found
    assert "speed_variance" not in found
    assert "acceleration_covariance" in found  # which is this program's own


def test_blocks_share_no_more_cores_than_this_process_may_use(monkeypatch):
    """One of several workers on a machine has its share of the cores, not all of them."""
    asked = []

    def pool(threads):
        asked.append(threads)
        return ThreadPoolExecutor(threads)

    monkeypatch.setattr(collection, "ThreadPoolExecutor", pool)
    monkeypatch.setattr(collection, "BLOCK", 7)
    monkeypatch.setenv("LABCUT3D_CORES", "1")
    compute_kinematics(moving(), SKELETON)
    assert set(asked) == {1}
