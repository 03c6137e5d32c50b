"""Files of other programs, made here in their documented layouts, and what becomes of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.formats import read_dataset
from labcut3d.formats.deepfly3d import KEYPOINTS
from labcut3d.schema import validate_trajectories


def columns(*labels: str, parts=("nose", "paw")) -> pd.MultiIndex:
    return pd.MultiIndex.from_product(
        [["ensemble-kalman_tracker"], parts, labels], names=["scorer", "bodyparts", "coords"]
    )


def anipose(matrix=None, center=(0.0, 0.0, 0.0)) -> tuple[pd.DataFrame, np.ndarray]:
    """A table of two keypoints as Anipose writes it, and the points as the rig sees them."""
    matrix = np.eye(3) if matrix is None else matrix
    rng = np.random.default_rng(0)
    seen = rng.normal(scale=20, size=(5, 2, 3))
    seen[3, 1] = np.nan
    shown = seen @ matrix.T - np.array(center)
    table = pd.DataFrame()
    for k, name in enumerate(("nose", "left_paw")):
        for a, axis in enumerate("xyz"):
            table[f"{name}_{axis}"] = shown[:, k, a]
        gone = np.isnan(shown[:, k, 0])
        table[f"{name}_error"] = np.where(gone, np.nan, 0.5 + k)
        table[f"{name}_ncams"] = np.where(gone, np.nan, 2.0 + k)
        table[f"{name}_score"] = np.where(gone, np.nan, 0.9)
    for i in range(3):
        for j in range(3):
            table[f"M_{i}{j}"] = matrix[i, j]
    for i in range(3):
        table[f"center_{i}"] = center[i]
    table["fnum"] = np.arange(5)
    return table, seen


def test_anipose_keeps_error_and_number_of_cameras(tmp_path: Path) -> None:
    table, seen = anipose()
    table.to_csv(tmp_path / "walk.csv", index=False)
    walk = read_dataset(tmp_path / "walk.csv", fps=100, unit="mm")
    validate_trajectories(walk)
    one = walk.sel(individual="animal")
    np.testing.assert_allclose(one["position"].transpose("time", "keypoint", "space"), seen)
    assert walk["keypoint"].values.tolist() == ["nose", "left_paw"]
    assert one["view_count"].values[:, 1].tolist() == [3, 3, 3, 0, 3]
    np.testing.assert_array_equal(one["reprojection_error"].values[:, 1][[0, 3]], [1.5, np.nan])
    assert walk["covariance"].isnull().all()
    assert walk["position_raw"].isnull().all()
    assert not walk["view_used"].any()
    assert walk["view"].values.tolist() == ["untold"]
    assert walk.attrs["source_software"] == "Anipose"


def test_axes_that_anipose_sheared_are_taken_back(tmp_path: Path) -> None:
    sheared = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    table, seen = anipose(sheared, (5.0, -3.0, 1.0))
    table.to_csv(tmp_path / "walk.csv", index=False)
    walk = read_dataset(tmp_path / "walk.csv", fps=100, unit="mm").sel(individual="animal")
    read = walk["position"].transpose("time", "keypoint", "space")
    np.testing.assert_allclose(read, seen, atol=1e-12)
    flat = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    anipose(flat)[0].to_csv(tmp_path / "flat.csv", index=False)
    with pytest.raises(FileFormatError, match="in a plane"):
        read_dataset(tmp_path / "flat.csv", fps=100, unit="mm")


def test_what_a_file_does_not_tell_is_asked_for(tmp_path: Path) -> None:
    anipose()[0].to_csv(tmp_path / "walk.csv", index=False)
    with pytest.raises(DatasetError, match="--fps"):
        read_dataset(tmp_path / "walk.csv", unit="mm")
    with pytest.raises(DatasetError, match="--unit"):
        read_dataset(tmp_path / "walk.csv", fps=30)
    with pytest.raises(DatasetError, match="'furlong' is not a unit"):
        read_dataset(tmp_path / "walk.csv", fps=30, unit="furlong")
    with pytest.raises(DatasetError, match="fps = 0"):
        read_dataset(tmp_path / "walk.csv", fps=0, unit="mm")


@pytest.mark.parametrize("confidence", [False, True])
def test_jarvis(tmp_path: Path, confidence: bool) -> None:
    coords = ["x", "y", "z", *(["confidence"] if confidence else [])]
    lines = [
        ",".join(name for name in ("Thumb_T", "Wrist") for _ in coords),
        ",".join(coords * 2),
        ",".join(map(str, [1, 2, 3, 0.5][: len(coords)] + [4, 5, 6, 0.25][: len(coords)])),
        ",".join(["NaN"] * 2 * len(coords)),
    ]
    (tmp_path / "data3D.csv").write_text("\n".join(lines) + "\n")
    walk = read_dataset(tmp_path / "data3D.csv", fps=100, unit="mm")
    assert walk["keypoint"].values.tolist() == ["Thumb_T", "Wrist"]
    position = walk["position"].isel(individual=0).transpose("time", "keypoint", "space")
    np.testing.assert_array_equal(position[0], [[1, 2, 3], [4, 5, 6]])
    assert position[1].isnull().all()
    expected = [0.5, 0.25] if confidence else [np.nan, np.nan]
    np.testing.assert_array_equal(walk["confidence"].values[0, :, 0], expected)
    (tmp_path / "old.csv").write_text("\n".join(lines[1:]) + "\n")
    old = read_dataset(tmp_path / "old.csv", fps=100, unit="mm")
    assert old["keypoint"].values.tolist() == ["keypoint_0", "keypoint_1"]
    np.testing.assert_array_equal(old["position"], walk["position"])


def test_deepfly3d(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(4, 38, 3))
    np.savez(tmp_path / "df3d.npz", points3d=points + 100, points3d_wo_procrustes=points)
    walk = read_dataset(tmp_path / "df3d.npz", fps=100, unit="mm")
    assert tuple(walk["keypoint"].values) == KEYPOINTS
    assert len(set(KEYPOINTS)) == 38
    read = walk["position"].sel(individual="fly").transpose("time", "keypoint", "space")
    np.testing.assert_array_equal(read, points)
    np.savez(tmp_path / "template.npz", points3d=points)
    template = read_dataset(tmp_path / "template.npz", fps=100, unit="mm")
    np.testing.assert_array_equal(template["position"], walk["position"])


def test_eks_variances_become_covariances(tmp_path: Path) -> None:
    labels = ("x", "y", "likelihood", "x_ens_median", "y_ens_median", "x_ens_var", "y_ens_var")
    names = columns(*labels, "x_posterior_var", "y_posterior_var")
    values = np.arange(3 * 18, dtype=float).reshape(3, 18)
    table = pd.DataFrame(values, columns=names)
    likelihood = [name for name in names if name[2] == "likelihood"]
    table[likelihood] = 0.75
    table.to_csv(tmp_path / "cam0.csv")
    walk = read_dataset({"cam0": tmp_path / "cam0.csv"}, fps=30).isel(view=0, individual=0)
    np.testing.assert_array_equal(walk["position"].values[1], [[18, 27], [19, 28]])
    assert (walk["confidence"] == 0.75).all()
    np.testing.assert_array_equal(walk["covariance"].values[1, 1], [[34, 0], [0, 35]])


def test_eks_in_space(tmp_path: Path) -> None:
    names = columns("x", "y", "z", "x_posterior_var", "y_posterior_var", "z_posterior_var")
    pd.DataFrame(np.arange(24.0).reshape(2, 12), columns=names).to_csv(tmp_path / "eks.csv")
    walk = read_dataset(tmp_path / "eks.csv", fps=30, unit="mm").isel(individual=0)
    np.testing.assert_array_equal(walk["position"].values[1], [[12, 18], [13, 19], [14, 20]])
    np.testing.assert_array_equal(walk["covariance"].values[1, 1], np.diag([21.0, 22.0, 23.0]))


def movement_dataset(space: str, *, plural: bool = False, views: bool = False) -> xr.Dataset:
    """A poses dataset as `movement` 0.17 makes and stores it, or, in the plural, before."""
    rng = np.random.default_rng(0)
    s = "s" if plural else ""
    dims = ("time", "space", f"keypoint{s}", f"individual{s}")
    shape = (5, len(space), 2, 1)
    if views:
        dims, shape = ("view", *dims), (2, *shape)
    without = tuple(n for n, name in enumerate(dims) if name != "space")
    dataset = xr.Dataset(
        {
            "position": (dims, rng.uniform(0, 100, shape)),
            "confidence": ([dims[n] for n in without], rng.random([shape[n] for n in without])),
        },
        {
            "time": np.arange(5) / 50,
            "space": list(space),
            f"keypoint{s}": ["nose", "tail"],
            f"individual{s}": ["id_0"],
        },
        {"source_software": "SLEAP", "ds_type": "poses", "fps": 50.0, "time_unit": "seconds"},
    )
    return dataset.assign_coords(view=["left", "right"]) if views else dataset


@pytest.mark.parametrize("plural", [False, True])
def test_movement_in_space(tmp_path: Path, plural: bool) -> None:
    stored = movement_dataset("xyz", plural=plural)
    stored.to_netcdf(tmp_path / "poses.nc")
    walk = read_dataset(tmp_path / "poses.nc", unit="mm")
    np.testing.assert_array_equal(walk["position"].values, stored["position"].values)
    np.testing.assert_allclose(walk["confidence"].values, stored["confidence"].values, rtol=1e-6)
    assert (walk.attrs["fps"], walk.attrs["unit"]) == (50.0, "mm")
    assert walk["covariance"].isnull().all()
    with pytest.raises(DatasetError, match="--unit"):
        read_dataset(tmp_path / "poses.nc")
    with pytest.raises(DatasetError, match=r"fps = 50\.0, but 30"):
        read_dataset(tmp_path / "poses.nc", fps=30, unit="mm")


@pytest.mark.parametrize("views", [False, True])
def test_movement_in_the_plane(tmp_path: Path, views: bool) -> None:
    stored = movement_dataset("xy", views=views)
    stored.to_netcdf(tmp_path / "poses.nc")
    walk = read_dataset(tmp_path / "poses.nc")
    assert walk["view"].values.tolist() == (["left", "right"] if views else ["view"])
    last = stored["position"].isel(view=-1) if views else stored["position"]
    np.testing.assert_allclose(walk["position"].isel(view=-1), last, rtol=1e-6)  # float32
    frames = stored.drop_attrs().assign_attrs(ds_type="poses", time_unit="frames")
    frames.to_netcdf(tmp_path / "frames.nc")
    with pytest.raises(DatasetError, match="--fps"):
        read_dataset(tmp_path / "frames.nc")
    assert read_dataset(tmp_path / "frames.nc", fps=25).attrs["fps"] == 25
