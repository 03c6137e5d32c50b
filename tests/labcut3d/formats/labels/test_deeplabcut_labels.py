"""DeepLabCut's labels: written as it writes them, real ones, and hostile ones."""

import pickle
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from labcut3d.errors import FileFormatError
from labcut3d.formats.labels.deeplabcut import read_deeplabcut
from labcut3d.formats.labels.deeplabcut_config import read_config

FOLDER = "labeled-data"


def table(names, individuals=(), columns=1):
    """The DataFrame that DeepLabCut keeps of labels; the second image shows one part only."""
    levels = [["me"], *([list(individuals)] if individuals else []), ["nose", "tail"], ["x", "y"]]
    titles = ["scorer", *(["individuals"] if individuals else []), "bodyparts", "coords"]
    header = pd.MultiIndex.from_product(levels, names=titles)
    values = np.random.default_rng(0).uniform(0, 100, (len(names), len(header)))
    values[1, 2:] = np.nan
    index = names if columns == 1 else pd.MultiIndex.from_tuples([n.split("/") for n in names])
    return pd.DataFrame(values, index=index, columns=header)


def names_of(video, *numbers):
    return [f"{FOLDER}/{video}/img{number:03d}.png" for number in numbers]


def place(tmp_path, video="walk"):
    folder = tmp_path / FOLDER / video
    folder.mkdir(parents=True)
    return folder / "CollectedData_me.csv"


@pytest.mark.parametrize("individuals", [(), ("mouse1", "mouse2")])
@pytest.mark.parametrize("columns", [1, 3])
def test_both_ways_to_name_an_image(tmp_path, individuals, columns):
    frame = table(names_of("007", 12, 3), individuals, columns)
    path = place(tmp_path, "007")
    frame.to_csv(path)
    (path.parent / "img003.png").touch()
    (labels,) = read_deeplabcut(path)
    assert labels.video == "007"
    assert labels.frames.tolist() == [3, 12]
    assert labels.individuals == (individuals or ("animal",))
    flat = labels.position.reshape(2, -1)
    np.testing.assert_array_equal(flat, frame.to_numpy()[[1, 0]])
    assert labels.images == (path.parent / "img003.png", None)


@pytest.mark.parametrize(("format", "columns"), [("table", 1), ("fixed", 1), ("fixed", 3)])
def test_the_h5_that_pandas_writes(tmp_path, format, columns):
    pytest.importorskip("tables", reason="pandas writes .h5 through PyTables")
    frame = table(names_of("walk", 5, 6), ("a", "b"), columns)
    path = place(tmp_path).with_suffix(".h5")
    frame.to_hdf(path, key="df_with_missing", mode="w", format=format)
    (labels,) = read_deeplabcut(path)
    assert labels.frames.tolist() == [5, 6]
    np.testing.assert_array_equal(labels.position.reshape(2, -1), frame.to_numpy())


def test_windows_paths_and_images_without_labels(tmp_path):
    path = place(tmp_path)
    frame = table([name.replace("/", "\\") for name in names_of("walk", 1, 2, 3)])
    frame.iloc[2] = np.nan
    frame.to_csv(path)
    (labels,) = read_deeplabcut(path)
    assert (labels.video, labels.frames.tolist()) == ("walk", [1, 2])
    assert "1 images of walk have no points" in labels.notes[0]


def test_a_project_has_the_videos_of_its_scorer(tmp_path):
    (tmp_path / "config.yaml").write_text("scorer: me\nbodyparts: [nose, tail]\n")
    for video in ("run", "walk"):
        table(names_of(video, 1, 2)).to_csv(place(tmp_path, video))
        (tmp_path / FOLDER / video / "CollectedData_other.csv").write_text("other")
    assert [labels.video for labels in read_deeplabcut(tmp_path)] == ["run", "walk"]


def test_a_folder_of_images_may_have_its_labels_two_floors_up(tmp_path):
    place(tmp_path, "walk")
    place(tmp_path, "run")
    both = table([*names_of("run", 1, 2), *names_of("walk", 3, 4)])
    both.to_csv(tmp_path / "CollectedData.csv")
    (labels,) = read_deeplabcut(tmp_path / FOLDER / "walk")
    assert (labels.video, labels.frames.tolist()) == ("walk", [3, 4])


def test_csv_and_h5_of_the_real_mouse_agree(dataset):
    folder = dataset("openfield") / FOLDER / "m4s1"
    (from_csv,) = read_deeplabcut(folder / "CollectedData_Pranav.csv")
    (from_h5,) = read_deeplabcut(folder / "CollectedData_Pranav.h5")
    (from_project,) = read_deeplabcut(dataset("openfield"))
    for labels in (from_h5, from_project):
        assert labels.keypoints == ("snout", "leftear", "rightear", "tailbase")
        np.testing.assert_array_equal(labels.frames, np.arange(116))
        np.testing.assert_allclose(labels.position, from_csv.position, atol=1e-9)
        assert None not in labels.images


def test_lightning_pose_labels_of_two_views_are_read(dataset):
    (labels,) = read_deeplabcut(dataset("mirror_mouse"))
    assert len(labels.keypoints) == 17
    assert len(labels.frames) == 90
    assert None not in labels.images
    row = labels.frames.tolist().index(1)
    np.testing.assert_array_equal(labels.position[row, 0, 0], (77.25, 36.25))
    assert np.isnan(labels.position[row, 0, labels.keypoints.index("tailBase_top")]).all()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a/img1.png", "a/foto_001.png"], "both end in the number 1"),
        (["a/nose.png", "a/img1.png"], "no number in the name"),
        (["a/img20240102030405.png", "a/img1.png"], "too large"),
    ],
)
def test_images_that_name_no_frame(tmp_path, names, message):
    path = tmp_path / "CollectedData.csv"
    table(names).to_csv(path)
    with pytest.raises(FileFormatError, match=message) as raised:
        read_deeplabcut(path)
    assert str(path) in str(raised.value)


def test_detections_are_told_from_labels(tmp_path):
    path = tmp_path / "a.csv"
    table(["0", "1"]).to_csv(path)
    with pytest.raises(FileFormatError, match="detections of a video"):
        read_deeplabcut(path)


class Harmful:
    """What a pickle could do to a reader that unpickles."""

    def __reduce__(self):
        return (Path.touch, (Path("harm-was-done"),))


def test_nothing_is_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with h5py.File("evil.h5", "w") as file:
        group = file.create_group("df")
        group.attrs["pandas_type"] = np.bytes_(b"frame")
        group["block0_values"] = np.zeros((1, 2))
        group["axis1"] = np.frombuffer(pickle.dumps(Harmful()), np.uint8)
    with pytest.raises(FileFormatError, match=r"evil\.h5"):
        read_deeplabcut(Path("evil.h5"))
    assert not Path("harm-was-done").exists()


@pytest.mark.parametrize("end", [100, 1000, 3000])
def test_truncated_h5(tmp_path, end):
    pytest.importorskip("tables", reason="pandas writes .h5 through PyTables")
    path = tmp_path / "a.h5"
    table(names_of("walk", 5, 6)).to_hdf(path, key="df", mode="w", format="fixed")
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(FileFormatError, match=r"a\.h5"):
        read_deeplabcut(path)


CONFIG = "Task: reach\nscorer: me\nbodyparts:\n- nose\n- on\n- 1\n"


def read(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    return read_config(tmp_path / "config.yaml")


def test_names_stay_text_and_example_bones_are_left_out(tmp_path):
    bones = "skeleton:\n- [nose, on]\n- [bodypart1, objectA]\n- - nose\n  - nose\n"
    config = read(tmp_path, CONFIG + bones)
    assert config.keypoints == ("nose", "on", "1")
    assert config.bones == (("nose", "on"),)
    assert read(tmp_path, "bodyparts: !!python/object/apply:os.abort [a]").keypoints == ("a",)
    several = read(
        tmp_path, "bodyparts: MULTI!\nmultianimalbodyparts: [a, b]\nuniquebodyparts: [lever]\n"
    )
    assert several.keypoints == ("a", "b", "lever")


BOMB = "a: &a [x, x]\n" + "".join(
    f"{c}: &{c} [{', '.join(9 * [f'*{b}'])}]\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "aliases.*line 2"),
        ("bodyparts: &a [*a]\n", "aliases"),
        ("bodyparts: " + "[" * 20000, "not readable as YAML"),
        ("bodyparts: [[a], b]\n", "list of names"),
        ("bodyparts: {a: b\n", "not readable as YAML"),
        ("- a\n- b\n", "no settings"),
        ("Task: reach\n", "no 'bodyparts'"),
        ("#" * 2**21, "larger than"),
    ],
)
def test_hostile_yaml(tmp_path, text, message):
    with pytest.raises(FileFormatError, match=message) as raised:
        read(tmp_path, text)
    assert len(str(raised.value)) < 1000
