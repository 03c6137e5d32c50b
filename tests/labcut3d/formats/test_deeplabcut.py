"""DeepLabCut's detections, written here in its documented layout, and its real label files."""

import pickle
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from labcut3d.errors import FileFormatError
from labcut3d.formats.deeplabcut import read_deeplabcut_csv, read_deeplabcut_h5

SCORER = "DLC_resnet50_demo"


def table(individuals: tuple[str, ...] = (), frames: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    levels = [[SCORER], *([list(individuals)] if individuals else [])]
    levels += [["snout", "tailbase"], ["x", "y", "likelihood"]]
    names = ["scorer", *(["individuals"] if individuals else []), "bodyparts", "coords"]
    columns = pd.MultiIndex.from_product(levels, names=names)
    values = rng.uniform(0, 1, (frames, len(columns)))
    values[2, :3] = np.nan
    return pd.DataFrame(values, columns=columns)


def write_h5(path: Path, frame: pd.DataFrame, kind: bytes | None = None) -> Path:
    """Write a frame as PyTables does: one table, the columns' names pickled in an attribute."""
    columns = [tuple(map(str, column)) for column in frame.columns]
    rows = np.zeros(
        len(frame), dtype=[("index", "<i8"), ("values_block_0", "<f8", (len(columns),))]
    )
    rows["index"], rows["values_block_0"] = frame.index, frame.to_numpy()
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = np.bytes_(b"frame_table")
        group["table"] = rows
        stored = pickle.dumps(columns, 0) if kind is None else kind
        group["table"].attrs["values_block_0_kind"] = np.bytes_(stored)
    return path


@pytest.mark.parametrize("individuals", [(), ("mouse1", "mouse2")])
def test_csv_and_h5_hold_the_same(tmp_path: Path, individuals: tuple[str, ...]) -> None:
    frame = table(individuals)
    frame.to_csv(tmp_path / "a.csv")
    from_csv = read_deeplabcut_csv(tmp_path / "a.csv")
    from_h5 = read_deeplabcut_h5(write_h5(tmp_path / "a.h5", frame))
    for view in (from_csv, from_h5):
        assert view.keypoints == ("snout", "tailbase")
        assert view.individuals == (individuals or ("animal",))
        last = (SCORER, *individuals[-1:], "tailbase")
        assert view.position[:, 1, -1, 1] == pytest.approx(frame[(*last, "y")].to_numpy())
        assert view.confidence[:, 1, -1] == pytest.approx(frame[(*last, "likelihood")].to_numpy())
        assert np.isnan(view.position[2, 0, 0]).all()
        assert view.confidence[2, 0, 0] == 0
    assert from_csv.position == pytest.approx(from_h5.position, nan_ok=True)


def test_a_body_part_of_only_one_individual(tmp_path: Path) -> None:
    frame = table(("mouse1", "mouse2"))
    frame = frame.drop(columns=[c for c in frame.columns if c[1:3] == ("mouse2", "snout")])
    frame.to_csv(tmp_path / "a.csv")
    view = read_deeplabcut_csv(tmp_path / "a.csv")
    assert np.isnan(view.position[:, 0, 1]).all()
    assert (view.confidence[:, 0, 1] == 0).all()


def test_label_files_are_told_from_detections(dataset) -> None:
    folder = dataset("openfield") / "labeled-data" / "m4s1"
    with pytest.raises(FileFormatError, match="labels and no detections"):
        read_deeplabcut_csv(folder / "CollectedData_Pranav.csv")
    with pytest.raises(FileFormatError, match="labels and no detections"):
        read_deeplabcut_h5(folder / "CollectedData_Pranav.h5")


class Harmful:
    """What a pickle could do to a reader that unpickles."""

    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("harm-was-done"),))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_is_ever_unpickled(tmp_path: Path, monkeypatch, protocol: int) -> None:
    monkeypatch.chdir(tmp_path)
    kind = pickle.dumps([Harmful()], protocol)
    path = write_h5(tmp_path / "evil.h5", table(), kind.replace(b"\0", b"\0"))
    with pytest.raises(FileFormatError, match=r"\.csv"):
        read_deeplabcut_h5(path)
    assert not Path("harm-was-done").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "begins with"),
        ("a,b,c\n1,2,3\n", "begins with"),
        ("scorer,s,s,s\nbodyparts,a,a,a\ncoords,x,y,z\n0,1,2,3\n", "expected"),
        ("scorer,s,s\nbodyparts,a,a\ncoords,x,x\n0,1,2\n", "stands twice"),
        ("scorer,s,s\nbodyparts,a\ncoords,x,y\n0,1,2\n", "differ in length"),
        ("scorer,s,s\nbodyparts,a,a\ncoords,x,y\n0,1,2\n1,2,3,4\n", "unequal length"),
        ("scorer,s,s\nbodyparts,a,a\ncoords,x,y\n0,1,hello\n", "not a number"),
        ("scorer,s,s\nbodyparts,a,a\ncoords,x,y\n", "not a readable"),
    ],
)
def test_what_is_wrong_with_a_csv_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message) as raised:
        read_deeplabcut_csv(path)
    assert str(path) in str(raised.value)


def test_tables_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "fixed.h5"
    with h5py.File(path, "w") as file:
        file.create_group("df").attrs["pandas_type"] = np.bytes_(b"frame")
    with pytest.raises(FileFormatError, match=r"\.csv instead"):
        read_deeplabcut_h5(path)
    with pytest.raises(FileFormatError, match="no names"):
        read_deeplabcut_h5(write_h5(tmp_path / "b.h5", table(), pickle.dumps([("s", "a", "x")], 0)))


def test_a_csv_that_a_spreadsheet_has_saved_is_read(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "a.csv", encoding="utf-8-sig")  # with a byte-order mark
    assert read_deeplabcut_csv(tmp_path / "a.csv").keypoints == ("snout", "tailbase")
