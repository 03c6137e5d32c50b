"""Exports of detections, each opened by a reader of that format that is not ours."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sleap_io
from random_datasets import random_detections

from labcut3d.formats import Export, write_dataset
from labcut3d.skeleton import Skeleton

COORDS = ("x", "y", "likelihood")
TWO = ("mouse 1", "mouse 2")


def export(individuals=TWO) -> Export:
    detections = random_detections(individuals=individuals)
    keypoints = tuple(str(name) for name in detections["keypoint"].values)
    skeleton = Skeleton(name="mouse", keypoints=keypoints, bones=(("snout", "left ear"),))
    return Export(dataset=detections, title="walk", skeleton=skeleton)


def side(one: Export) -> tuple[np.ndarray, np.ndarray]:
    """Positions (time, individual, keypoint, 2) and confidences of the second view."""
    view = one.dataset.sel(view="side")
    order = ("time", "individual", "keypoint")
    return view["position"].transpose(*order, "space").values, view["confidence"].transpose(
        *order
    ).values


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("walk.analysis.h5", sleap_io.load_analysis_h5),
        ("walk.slp", lambda path: sleap_io.load_slp(path, open_videos=False)),
    ],
)
def test_sleap_files_by_sleap_io(tmp_path: Path, name: str, load) -> None:
    one = export()
    written = write_dataset(one, tmp_path / name)
    assert [path.name for path in written] == [
        name.replace("walk", "walk_cam0"),
        name.replace("walk", "walk_side"),
    ]
    labels = load(str(written[1]))
    assert labels.skeleton.node_names == list(one.keypoints)
    assert [(e.source.name, e.destination.name) for e in labels.skeleton.edges] == [
        ("snout", "left ear")
    ]
    assert [track.name for track in labels.tracks] == list(TWO)
    read = labels.numpy(return_confidence=True)
    positions, confidences = side(one)
    np.testing.assert_array_equal(read[..., :2], positions)
    seen = np.isfinite(positions).all(axis=-1)
    np.testing.assert_array_equal(read[..., 2][seen], confidences[seen])


@pytest.mark.parametrize("individuals", [("mouse",), TWO])
def test_deeplabcut_csv_and_h5_by_pandas(tmp_path: Path, individuals: tuple[str, ...]) -> None:
    one = export(individuals)
    (_, csv) = write_dataset(one, tmp_path / "walk.csv", "deeplabcut")
    (_, h5) = write_dataset(one, tmp_path / "walk.h5")
    levels = [0, 1, 2] if len(individuals) == 1 else [0, 1, 2, 3]
    from_csv = pd.read_csv(csv, header=levels, index_col=0)
    from_h5 = pd.read_hdf(h5, "df_with_missing")
    positions, confidences = side(one)
    for table in (from_csv, from_h5):
        assert list(table.columns.names)[-2:] == ["bodyparts", "coords"]
        assert ("individuals" in table.columns.names) == (len(individuals) > 1)
        animal = individuals[-1:] if len(individuals) > 1 else ()
        columns = {part: table[("labcut3d", *animal, "left ear", part)] for part in COORDS}
        np.testing.assert_array_equal(columns["x"], positions[:, -1, 1, 0])
        np.testing.assert_array_equal(columns["y"], positions[:, -1, 1, 1])
        np.testing.assert_array_equal(columns["likelihood"], confidences[:, -1, 1])
        assert table.index.tolist() == list(range(7))


def test_sleap_analysis_keeps_frame_numbers(tmp_path: Path) -> None:
    detections = random_detections()
    shifted = detections.assign(frame=detections["frame"] + 3)
    (path, _) = write_dataset(Export.of(shifted, "walk"), tmp_path / "walk.analysis.h5")
    read = sleap_io.load_analysis_h5(str(path)).numpy()
    assert len(read) == 10
    assert np.isnan(read[:3]).all()
    first = detections["position"].isel(view=0, individual=0, time=0).transpose("keypoint", "space")
    np.testing.assert_array_equal(read[3, 0], first)
