"""SLEAP's analysis files: real ones, and broken ones."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from labcut3d.errors import FileFormatError
from labcut3d.formats.sleap_analysis import read_sleap_analysis


def write(path: Path, **changes) -> Path:
    """Write a file of 2 tracks, 3 nodes and 5 frames, with some datasets changed or left out."""
    rng = np.random.default_rng(0)
    data = {
        "tracks": rng.uniform(0, 100, (2, 2, 3, 5)),
        "point_scores": rng.uniform(0, 1.1, (2, 3, 5)),
        "node_names": np.array([f"node{i}".encode() for i in range(3)]),
        "track_names": np.array([f"mouse{i}".encode() for i in range(2)]),
        **changes,
    }
    with h5py.File(path, "w") as file:
        for name, values in data.items():
            if values is not None:
                file[name] = values
    return path


def test_real_files_are_read(dataset) -> None:
    folder = dataset("mouse_4cam")
    view = read_sleap_analysis(folder / "mid" / "minimal_mid_proofread.analysis.h5")
    assert view.position.shape == (120, 15, 1, 2)
    assert view.keypoints[:3] == ("Nose", "Ear_R", "Ear_L")
    assert view.individuals == ("track_0",)
    assert np.isfinite(view.position).all()
    assert view.position.min() > 0
    assert view.confidence.max() == 1.0  # SLEAP's scores go a little beyond 1
    back = read_sleap_analysis(folder / "back" / "minimal_back_proofread.analysis.h5")
    unseen = np.isnan(back.position).all(axis=-1)
    assert unseen.mean() == pytest.approx(0.218, abs=0.001)
    assert (back.confidence[unseen] == 0).all()


def test_axes_are_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5")
    view = read_sleap_analysis(path)
    with h5py.File(path) as file:
        assert view.position[4, 2, 1] == pytest.approx(file["tracks"][1, :, 2, 4])
        assert view.confidence[4, 2, 1] == min(file["point_scores"][1, 2, 4], 1.0)


def test_files_without_names_and_scores(tmp_path: Path) -> None:
    view = read_sleap_analysis(write(tmp_path / "a.h5", point_scores=None, track_names=None))
    assert view.individuals == ("track_0", "track_1")
    assert (view.confidence == 1).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tracks": None}, "no dataset 'tracks'"),
        ({"node_names": None}, "no dataset 'node_names'"),
        ({"node_names": np.arange(3.0)}, "no list of names"),
        ({"tracks": np.zeros((2, 3, 3, 5))}, "has shape"),
        ({"tracks": np.array([b"x"])}, "not numbers"),
        ({"tracks": np.zeros((0, 2, 3, 5)), "track_names": None}, "no track"),
        ({"point_scores": np.zeros((2, 3))}, "'point_scores'"),
        ({"track_names": np.array([b"only"])}, "1 track names for 2"),
        ({"node_names": np.array([b"a", b"a", b"b"])}, "stands twice"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict, message: str) -> None:
    path = write(tmp_path / "bad.h5", **changes)
    with pytest.raises(FileFormatError, match=message) as raised:
        read_sleap_analysis(path)
    assert str(path) in str(raised.value)


def test_a_claim_of_terabytes_is_refused_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "huge.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("tracks", (1000, 2, 3, 10**9), chunks=True, dtype="f8")
    with pytest.raises(FileFormatError, match=r"claims \d+ GiB"):
        read_sleap_analysis(path)
