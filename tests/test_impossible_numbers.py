"""Numbers that cannot be right are refused at the door, by the name of what they stand for."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration import Rig, Wall
from calibration.boards.board import parse_board
from calibration.chamber import Chamber
from calibration.lens import Lens
from calibration.timing.timestamps import read_timestamps
from labcut3d.errors import Labcut3dError
from labcut3d.project import load_project
from labcut3d.schema import make_detections, open_dataset, validate_detections
from labcut3d.synthetic_rig import make_rig

NAN, INF = float("nan"), float("inf")
NUMBER = r"-?\d[\d.e+-]*"


@pytest.fixture(scope="module")
def rig() -> Rig:
    return make_rig(2, np.random.default_rng(0))


@pytest.fixture(scope="module")
def rig_text(rig: Rig, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("rig") / "rig.toml"
    first = rig.cameras[0]
    face = first.center + 100 * first.rotation[2]
    wall = Wall(
        normal=first.rotation[2],
        distance=float(first.rotation[2] @ face),
        thickness=3.0,
        indices=(1.0, 1.49, 1.0),
    )
    replace(rig, cameras=(replace(first, wall=wall), *rig.cameras[1:])).save(path)
    return path.read_text()


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    "key", ["size", "matrix", "distortions", "rotation", "translation", "normal", "indices"]
)
def test_no_list_of_a_rig_holds_what_is_no_number(rig_text, tmp_path, key, bad):
    spoilt = re.sub(rf"({key} = \[+\s*){NUMBER}", rf"\g<1>{bad}", rig_text, count=1)
    assert spoilt != rig_text
    refused(Rig.load, tmp_path / "rig.toml", spoilt)


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        ("size", "[0, 480]"),
        ("size", "[640, -480]"),
        ("size", "[640.5, 480]"),
        ("matrix", "[[0.0, 0, 320], [0, 600, 240], [0, 0, 1]]"),
        ("matrix", "[[-600.0, 0, 320], [0, 600, 240], [0, 0, 1]]"),
        ("matrix", "[[600.0, 0, 320], [0, 600, 240], [0, 0, 2]]"),
        ("rotation", "[0.1, 0.2]"),
        ("thickness", "-3.0"),
        ("thickness", "nan"),
        ("distance", "inf"),
        ("indices", "[1.0, 0.5, 1.0]"),
        ("indices", "[1.0, 1.49]"),
        ("normal", "[0.0, 0.0, 0.0]"),
        ("unit", '"furlong"'),
    ],
)
def test_no_rig_is_impossible(rig_text, tmp_path, key, bad):
    whole = re.compile(rf"^{key} = .*?(?=^\w|^\[|\Z)", re.MULTILINE | re.DOTALL)
    spoilt = whole.sub(f"{key} = {bad}\n", rig_text, count=1)
    assert spoilt != rig_text
    refused(Rig.load, tmp_path / "rig.toml", spoilt)


@pytest.mark.parametrize(
    "rotation",
    [
        np.diag([1.0, 1.0, -1.0]),  # mirrored
        1.01 * np.eye(3),
        np.eye(3) + 0.01 * np.eye(3)[[1, 0, 2]],  # sheared
        np.zeros((3, 3)),
        np.full((3, 3), NAN),
    ],
)
def test_no_camera_is_mirrored_or_sheared(rig, rotation):
    with pytest.raises(Labcut3dError, match="rotation"):
        replace(rig.cameras[0], rotation=rotation)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_no_lens_is_endless(bad):
    with pytest.raises(Labcut3dError, match="distortions"):
        Lens(distortions=np.array([bad, 0.0, 0.0, 0.0, 0.0]))


@pytest.mark.parametrize(
    "table",
    [
        {"square_length": 0.0},
        {"square_length": -0.8},
        {"square_length": NAN},
        {"square_length": INF},
        {"marker_length": 0.9},  # larger than its square
        {"marker_length": 0.0},
        {"marker_length": NAN},
        {"squares_x": 1},
        {"squares_y": -7},
        {"squares_x": 7.5},
        {"unit": "px"},
    ],
)
def test_no_board_is_impossible(table):
    sound = {
        "type": "charuco",
        "squares_x": 7,
        "squares_y": 7,
        "square_length": 0.8,
        "marker_length": 0.6,
        "dictionary": "DICT_4X4_50",
        "unit": "mm",
    }
    parse_board(sound, "board.toml")
    with pytest.raises(Labcut3dError, match=r"board\.toml"):
        parse_board({**sound, **table}, "board.toml")


@pytest.mark.parametrize(
    ("inner", "thickness", "indices"),
    [
        ((8.0, 8.0, 0.0), 1.0, (1.0, 1.49, 1.0)),
        ((8.0, -8.0, 8.0), 1.0, (1.0, 1.49, 1.0)),
        ((8.0, NAN, 8.0), 1.0, (1.0, 1.49, 1.0)),
        ((INF, 8.0, 8.0), 1.0, (1.0, 1.49, 1.0)),
        ((8.0, 8.0, 8.0), -1.0, (1.0, 1.49, 1.0)),
        ((8.0, 8.0, 8.0), NAN, (1.0, 1.49, 1.0)),
        ((8.0, 8.0, 8.0), 1.0, (1.0, 0.9, 1.0)),
        ((8.0, 8.0, 8.0), 1.0, (1.0, NAN, 1.0)),
    ],
)
def test_no_chamber_is_impossible(inner, thickness, indices):
    with pytest.raises(Labcut3dError, match=r"chamber"):
        Chamber(inner=inner, thickness=thickness, indices=indices)


PROJECT = 'skeleton = "fly-egg-laying"\n[views.cam0]\n[views.cam1]\n'


@pytest.mark.parametrize(
    "text",
    [
        "fps = 0",
        "fps = -30.0",
        "fps = nan",
        "fps = inf",
        "[views.cam2]\ncrop = [0, 0, 0, 480]",
        "[views.cam2]\ncrop = [-1, 0, 640, 480]",
        "[detector]\nlearning_rate = nan",
        "[detector]\nbatch = 0",
        "[detector]\nmargin = inf",
        "[reconstruction]\nlowest_confidence = nan",
        "[reconstruction]\nlowest_confidence = 1.5",
        "[compute]\nchunk_frames = 0",
        "[compute]\nchunk_frames = -16",
        "[substrate]\nheight = nan",
        "[substrate]\ncontact = -1.0",
        '[substrate]\nunit = "px"',
        '[chamber]\ninner = [8, 8, 8]\nwall = -1\nunit = "mm"\nmaterial = "acrylic"',
        '[chamber]\ninner = [8, 8, 8]\nwall = 1\nunit = "mm"\nmaterial = 0.5',
        '[chamber]\ninner = [8, 8, nan]\nwall = 1\nunit = "mm"\nmaterial = "acrylic"',
        '[chamber]\ninner = [8, 8, 8]\nwall = 1\nunit = "furlong"\nmaterial = "acrylic"',
    ],
)
def test_no_project_is_impossible(tmp_path, text):
    before, after = (text + "\n", PROJECT) if text.startswith("fps") else (PROJECT, text + "\n")
    (tmp_path / "project.toml").write_text(PROJECT)
    load_project(tmp_path)
    refused(lambda path: load_project(path.parent), tmp_path / "project.toml", before + after)


@pytest.mark.parametrize("bad", ["nan", "inf", "1e400", "0.02", "0.01"])
def test_no_clock_is_set_back(tmp_path, bad):
    text = "sync_index,cam_id,frame_time\n0,cam0,0.01\n1,cam0,0.02\n2,cam0,BAD\n"
    read_timestamps(write(tmp_path / "t.csv", text.replace("BAD", "0.03")), {"cam0": 3})
    with pytest.raises(Labcut3dError, match=r"t\.csv, line 4"):
        read_timestamps(write(tmp_path / "t.csv", text.replace("BAD", bad)), {"cam0": 3})


def detections(**changes):
    rng = np.random.default_rng(0)
    shape = (4, 2, 3, 1)
    given = {
        "position": rng.uniform(0, 100, (4, 2, 2, 3, 1)),
        "confidence": np.full(shape, 0.9),
        "covariance": np.broadcast_to(np.eye(2), (*shape, 2, 2)).copy(),
        "views": ["cam0", "cam1"],
        "keypoints": ["a", "b", "c"],
        "individuals": ["fly"],
        "fps": 30.0,
    }
    return make_detections(**{**given, **changes})


@pytest.mark.parametrize("fps", [0.0, -30.0, NAN, INF])
def test_no_recording_has_an_impossible_frame_rate(fps):
    with pytest.raises(Labcut3dError, match="fps"):
        detections(fps=fps)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("position", INF),
        ("position", -INF),
        ("confidence", 1.5),
        ("confidence", -0.1),
        ("confidence", INF),
        ("covariance", INF),
        ("covariance", -1.0),
    ],
)
def test_no_dataset_holds_impossible_values(tmp_path, name, value):
    sound = detections()
    sound[name].values[(1,) + (0,) * (sound[name].ndim - 1)] = value
    with pytest.raises(Labcut3dError, match=name):
        validate_detections(sound)
    sound.to_netcdf(tmp_path / "d.nc", engine="netcdf4")
    with pytest.raises(Labcut3dError, match=name):
        open_dataset(tmp_path / "d.nc")


@pytest.mark.parametrize("times", [[0, 1, 0.5, 2], [0, 1, 1, 2], [0, 1, NAN, 2], [0, 1, 2, INF]])
def test_no_time_runs_backwards(times):
    with pytest.raises(Labcut3dError, match="time"):
        validate_detections(detections().assign_coords(time=np.array(times, dtype=float)))


def refused(read, path: Path, text: str) -> None:
    """Check that reading a file of this text is refused, naming the file."""
    with pytest.raises(Labcut3dError, match=re.escape(path.name)):
        read(write(path, text))


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
