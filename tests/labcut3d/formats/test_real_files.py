"""Files that other programs really wrote, read, written anew, and read again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sleap_io
from random_datasets import random_detections
from scipy.io import loadmat

from labcut3d.errors import FileFormatError
from labcut3d.formats import Export, read_dataset, read_detections, write_dataset
from labcut3d.formats.registry import read_view
from labcut3d.schema import make_trajectories

VIEWS = ("back", "mid", "side", "top")


def test_four_views_of_sleap_make_one_dataset(dataset) -> None:
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


def test_a_cut_file_of_sleap_is_refused(dataset, tmp_path: Path) -> None:
    whole = (dataset("mouse_4cam") / "top" / "minimal_top_proofread.analysis.h5").read_bytes()
    path = tmp_path / "cut.h5"
    for length in (9, 500, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError, match=r"cut\.h5"):
            read_detections({"u": path}, fps=1)


@pytest.mark.parametrize("name", VIEWS)
def test_slp_and_analysis_file_of_sleap_agree(dataset, name: str) -> None:
    folder = dataset("mouse_4cam") / name
    analysis = read_view(folder / f"minimal_{name}_proofread.analysis.h5")
    slp = read_view(folder / f"minimal_{name}_proofread.slp")
    assert slp.keypoints == analysis.keypoints
    assert slp.individuals == analysis.individuals
    # the .slp of SLEAP's older formats counts half a pixel less, which sleap-io makes good
    np.testing.assert_allclose(slp.position, analysis.position, atol=0.5001)
    assert np.array_equal(np.isnan(slp.position), np.isnan(analysis.position))


@pytest.mark.parametrize("ending", [".slp", ".analysis.h5"])
def test_sleap_again(dataset, tmp_path: Path, ending: str) -> None:
    folder = dataset("mouse_4cam")
    files = {v: folder / v / f"minimal_{v}_proofread.analysis.h5" for v in VIEWS}
    walk = read_detections(files, fps=30)
    written = write_dataset(Export.of(walk, "walk"), tmp_path / f"walk{ending}")
    again = read_detections(dict(zip(VIEWS, written, strict=True)), fps=30)
    np.testing.assert_array_equal(again["position"], walk["position"])
    load = sleap_io.load_slp if ending == ".slp" else sleap_io.load_analysis_h5
    options = {"open_videos": False} if ending == ".slp" else {}
    labels = load(str(written[3]), **options)
    original = sleap_io.load_analysis_h5(str(files["top"]))
    np.testing.assert_allclose(labels.numpy(), original.numpy(), rtol=1e-6)  # float32


def frames_of(table: pd.DataFrame) -> pd.DataFrame:
    """Hand labels as the detections of a video would be: frames for rows, and likelihoods."""
    scorer = table.columns[0][0]
    found = {}
    for name in dict.fromkeys(column[1] for column in table.columns):
        found[(scorer, name, "x")] = table[(scorer, name, "x")].to_numpy()
        found[(scorer, name, "y")] = table[(scorer, name, "y")].to_numpy()
        found[(scorer, name, "likelihood")] = np.linspace(0, 1, len(table))
    made = pd.DataFrame(found)
    made.columns = made.columns.set_names(["scorer", "bodyparts", "coords"])
    return made


def test_deeplabcut_points_of_the_open_field(dataset, tmp_path: Path) -> None:
    folder = dataset("openfield") / "labeled-data" / "m4s1"
    table = pd.read_csv(folder / "CollectedData_Pranav.csv", header=[0, 1, 2], index_col=0)
    made = frames_of(table)
    made.to_csv(tmp_path / "video.csv")
    made.to_hdf(tmp_path / "video.h5", key="df_with_missing", format="table", mode="w")
    seen = np.stack([table.xs(a, axis=1, level=2).to_numpy() for a in "xy"], axis=-1)
    for name in ("video.csv", "video.h5"):
        walk = read_dataset({"top": tmp_path / name}, fps=30).isel(view=0, individual=0)
        assert walk.sizes["time"] == 116
        position = walk["position"].transpose("time", "keypoint", "space")
        np.testing.assert_allclose(position, seen, rtol=1e-6)  # float32
    with pytest.raises(FileFormatError, match="import-labels"):
        read_dataset({"top": folder / "CollectedData_Pranav.h5"}, fps=30)


def test_lightning_pose_points_of_the_mirror_mouse(dataset, tmp_path: Path) -> None:
    path = dataset("mirror_mouse") / "CollectedData.csv"
    with pytest.raises(FileFormatError, match="import-labels"):
        read_dataset({"top": path}, fps=250)
    table = pd.read_csv(path, header=[0, 1, 2], index_col=0)
    frames_of(table).to_csv(tmp_path / "predictions.csv")
    walk = read_dataset({"both": tmp_path / "predictions.csv"}, fps=250)
    assert walk.sizes["keypoint"] == 17
    expected = table[("rick", "paw1LH_top", "x")]
    read = walk["position"].sel(keypoint="paw1LH_top", space="x").values[:, 0, 0]
    np.testing.assert_allclose(read, expected, rtol=1e-6)  # float32


def test_points_of_label3d_survive_every_3d_format(dataset, tmp_path: Path) -> None:
    """22 keypoints that people placed in space, through each format that keeps them."""
    stored = loadmat(dataset("label3d_mouse") / "label3d_dannce.mat", simplify_cells=True)
    points = stored["labelData"][0]["data_3d"]
    assert points.shape == (81, 66)
    position = np.moveaxis(points.reshape(len(points), -1, 3), 1, 2)[..., None]
    shape = (len(points), position.shape[2], 1)
    like = random_detections(times=shape[0], keypoints=1)
    like = like.isel(keypoint=[0] * shape[1]).assign_coords(
        keypoint=[f"k{n}" for n in range(shape[1])], individual=["mouse"]
    )
    walk = make_trajectories(
        position=position,
        position_raw=position,
        covariance=np.full((*shape, 3, 3), np.nan),
        reprojection_error=np.full(shape, np.nan),
        view_used=np.ones((shape[0], 2, *shape[1:]), dtype=bool),
        confidence=np.ones(shape),
        like=like,
        unit="mm",
    )
    for name in ("netcdf", "csv", "parquet", "movement"):
        (path,) = write_dataset(Export.of(walk, "walk"), tmp_path / f"{name}.out", name)
        again = read_dataset(path)
        np.testing.assert_allclose(again["position"], walk["position"], rtol=1e-8)  # nine digits
