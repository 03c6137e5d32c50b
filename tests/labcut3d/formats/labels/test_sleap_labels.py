"""SLEAP's .slp: whose labels are taken, and files that are broken."""

from pathlib import Path

import numpy as np
import pytest

from labcut3d.errors import FileFormatError
from labcut3d.formats.labels.sleap import read_sleap
from labcut3d.formats.sleap_analysis import read_sleap_analysis

sio = pytest.importorskip("sleap_io", reason="optional: pip install labcut3d[sleap]")


def write(path: Path, *, tracks=("a", "b"), predicted=False) -> Path:
    """Two frames, 3 and 8, of two instances of three nodes, the last of them not visible."""
    skeleton = sio.Skeleton(nodes=["nose", "mid", "tail"], edges=[("nose", "mid")])
    video = sio.Video(filename="D:\\films\\walk.mp4", open_backend=False)
    kind = sio.PredictedInstance if predicted else sio.Instance
    named = [None if name is None else sio.Track(name) for name in tracks]
    points = np.array([[1.5, 2], [3, 4], [np.nan, np.nan]])
    frames = [
        sio.LabeledFrame(
            video=video,
            frame_idx=number,
            instances=[
                kind.from_numpy(points + 10 * place + number, skeleton=skeleton, track=track)
                for place, track in enumerate(named)
            ],
        )
        for number in (3, 8)
    ]
    sio.save_slp(sio.Labels(frames), str(path), verbose=False)
    return path


def test_instances_by_track(tmp_path):
    (labels,) = read_sleap(write(tmp_path / "a.slp"))
    assert (labels.video, labels.frames.tolist()) == ("D:/films/walk", [3, 8])
    assert labels.individuals == ("a", "b")
    assert labels.keypoints == ("nose", "mid", "tail")
    assert labels.position[1, 1, 0].tolist() == [19.5, 20]
    assert np.isnan(labels.position[:, :, 2]).all()
    assert not labels.notes


def test_instances_without_a_track_are_numbered_and_noted(tmp_path):
    (labels,) = read_sleap(write(tmp_path / "a.slp", tracks=(None, None)))
    assert labels.individuals == ("animal_1", "animal_2")
    assert "without a track" in labels.notes[0]
    (labels,) = read_sleap(write(tmp_path / "b.slp", tracks=(None,)))
    assert labels.individuals == ("animal",)


def test_predictions_are_labels_only_when_asked_for(tmp_path):
    path = write(tmp_path / "a.slp", predicted=True)
    with pytest.raises(FileFormatError, match="4 predicted instances, which --predicted"):
        read_sleap(path)
    (labels,) = read_sleap(path, predicted=True)
    assert labels.position[0, 0, 0].tolist() == [4.5, 5]


@pytest.mark.parametrize("view", ["back", "mid", "side", "top"])
def test_proofread_points_are_those_of_the_analysis_file(dataset, view):
    stem = dataset("mouse_4cam") / view / f"minimal_{view}_proofread"
    (labels,) = read_sleap(stem.with_suffix(".slp"), predicted=True)
    analysis = read_sleap_analysis(f"{stem}.analysis.h5")
    assert labels.keypoints == analysis.keypoints
    assert labels.video.endswith(f"{view}/minimal_{view}")
    ours = np.swapaxes(labels.position, 1, 2)
    np.testing.assert_array_equal(ours, analysis.position[labels.frames])


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_truncated_files(tmp_path, part):
    path = write(tmp_path / "a.slp")
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(FileFormatError, match=r"a\.slp"):
        read_sleap(path)


@pytest.mark.parametrize("name", ["metadata", "instances", "points", "frames", "tracks_json"])
def test_files_that_lack_something(tmp_path, name):
    import h5py

    path = write(tmp_path / "a.slp")
    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = np.arange(3)
    with pytest.raises(FileFormatError, match=r"a\.slp"):
        read_sleap(path)


def test_without_the_package_the_command_is_told(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sleap_io", None)
    with pytest.raises(FileFormatError, match=r'pip install "labcut3d\[sleap\]"'):
        read_sleap(tmp_path / "a.slp")
