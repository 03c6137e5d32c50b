"""The command line: help that reads well, errors of one sentence, exit status 0 only on success."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from labcut3d.cli import app

runner = CliRunner()
COMMANDS = (
    *("demo", "new", "board", "calibrate", "check", "align", "convert", "train", "evaluate"),
    *("suggest", "import-labels", "export-labels", "formats", "import"),
    *("detect", "drift", "triangulate", "events", "summary", "reconstruct", "view", "export"),
)


def test_help_lists_every_command():
    text = runner.invoke(app, ["--help"]).output
    for command in COMMANDS:
        assert command in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_new_makes_a_project_and_says_what_is_next(tmp_path, labcut3d):
    status, text = labcut3d("new", tmp_path / "walk", "--views", "left,right")
    assert status == 0, text
    assert "labcut3d calibrate" in text
    assert (tmp_path / "walk" / "project.toml").exists()


def test_an_error_is_one_sentence_without_traceback(tmp_path, labcut3d):
    status, text = labcut3d("calibrate", tmp_path / "nowhere")
    assert status == 1
    assert "no project here" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["calibrate", "cam0=a.mp4"], "--board"),
        (["calibrate", "--board", "b.toml", "cam0=a.mp4"], "-o DIR"),
        (["calibrate", "--board", "b.toml", "a.mp4", "-o", "out"], "NAME=PATH"),
        (["triangulate", "--rig", "rig.toml", "cam0=a.csv"], "-o"),
        (["frobnicate"], "No such command"),
        (["import-labels", ".", "walk", "labels.slp"], "NAME=PATH"),
        (["import-labels", ".", "walk", "cam0=a.csv", "--rename", "nose"], "OLD=NEW"),
        (["export-labels", ".", "-o", "out", "--format", "yolo"], "lightning-pose"),
        (["calibrate", "project", "-o", "out"], "--board"),
        (["triangulate", ".", "-o", "walk.nc"], "--rig"),
        (["drift", ".", "--camera", "cam0"], "--repair"),
    ],
)
def test_wrong_usage_is_explained(tmp_path, labcut3d, arguments, expected):
    (tmp_path / "a.mp4").write_bytes(b"")
    (tmp_path / "rig.toml").write_text("")
    (tmp_path / "project.toml").write_text('skeleton = "mouse"\n[views.cam0]\n')
    status, text = labcut3d(*arguments, cwd=tmp_path)
    assert status == 2
    assert expected in text


def test_an_unreadable_video_leaves_no_rig(tmp_path, labcut3d):
    (tmp_path / "board.toml").write_text(
        "squares_x = 7\nsquares_y = 5\nsquare_length = 8.0\nmarker_length = 6.0\n"
        'dictionary = "DICT_4X4_50"\nunit = "mm"\n'
    )
    (tmp_path / "a.mp4").write_bytes(b"no video")
    status, text = labcut3d(
        "calibrate", "--board", "board.toml", "cam0=a.mp4", "cam1=a.mp4", "-o", "out", cwd=tmp_path
    )
    assert status == 1
    assert "a.mp4" in text
    assert not (tmp_path / "out").exists()


def test_board_draws_all_three_formats(tmp_path):
    (tmp_path / "board.toml").write_text(
        "squares_x = 7\nsquares_y = 5\nsquare_length = 8.0\nmarker_length = 6.0\n"
        'dictionary = "DICT_4X4_50"\nunit = "mm"\n'
    )
    for ending in ("pdf", "svg", "png"):
        output = tmp_path / f"board.{ending}"
        result = runner.invoke(app, ["board", str(tmp_path / "board.toml"), "-o", str(output)])
        assert result.exit_code == 0, result.output
        assert output.stat().st_size > 1000


def test_triangulate_and_export_without_a_project(tmp_path, labcut3d):
    from erring_rigs import uncertain

    from labcut3d.schema import make_detections, open_dataset, save_dataset
    from labcut3d.synthetic_rig import make_rig

    rig = make_rig(3, np.random.default_rng(1))
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    points = middle + np.random.default_rng(0).normal(scale=10, size=(20, 4, 3))
    pixels = rig.project(points)
    detections = make_detections(
        position=np.moveaxis(pixels, (0, 3), (1, 2))[..., None],
        confidence=np.ones((20, 3, 4, 1)),
        views=rig.names,
        keypoints=list("abcd"),
        individuals=["fly"],
        fps=30.0,
    )
    save_dataset(detections, tmp_path / "detections.nc")
    rig.save(tmp_path / "rig.toml")
    status, text = labcut3d(
        "triangulate", "--rig", "rig.toml", "detections.nc", "-o", "walk.nc", cwd=tmp_path
    )
    assert status == 0, text
    raw = open_dataset(tmp_path / "walk.nc")["position_raw"].isel(individual=0)
    # float32 pixels (6e-5 px at 640) round points 300 mm away to a few micrometres
    np.testing.assert_allclose(raw.transpose("time", "keypoint", "space"), points, atol=2e-3)
    assert "noise alone" in text
    assert "0 detections overruled (0.0 %)" in text
    rig.save(tmp_path / "rig.toml", uncertain(rig, np.random.default_rng(2)))
    status, text = labcut3d(
        "triangulate", "--rig", "rig.toml", "detections.nc", "-o", "both.nc", cwd=tmp_path
    )
    assert status == 0, text
    assert "the covariance includes the calibration's part" in text
    both = open_dataset(tmp_path / "both.nc")
    assert both["covariance_calibration"].attrs["units"] == "mm^2"
    assert both.attrs["calibration_gauge"] == "the first camera's pose"
    for name in ("walk.csv", "copy.nc"):
        status, text = labcut3d("export", "walk.nc", "-o", name, cwd=tmp_path)
        assert status == 0, text
        assert (tmp_path / name).exists()
    status, text = labcut3d("view", "walk.nc", "-o", "viewer.html", cwd=tmp_path)
    assert status == 0, text
    assert (tmp_path / "viewer.html").stat().st_size > 100_000
    status, text = labcut3d("export", "walk.nc", "-o", "walk.xyz", cwd=tmp_path)
    assert status == 1
    assert ".csv" in text


def test_asking_for_help_loads_no_science():
    code = (
        "import sys; from labcut3d.cli import app; app(['--help'], standalone_mode=False); "
        "heavy = {'numpy', 'pandas', 'cv2', 'torch', 'xarray', 'plotly', 'calibration'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_suggest_prints_what_it_suggests(tmp_path, labcut3d):
    rng = np.random.default_rng(0)
    labcut3d("new", tmp_path / "walk", "--views", "left")
    folder = tmp_path / "walk" / "recordings" / "one" / "left"
    folder.mkdir(parents=True)
    for number in range(4):
        image = rng.integers(0, 255, (40, 40, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), image)
    status, text = labcut3d(
        "suggest", tmp_path / "walk", "--count", 2, "--images", tmp_path / "out"
    )
    assert status == 0, text
    assert "looks like" in text
    assert "suggestions.html" in text
    assert len(list((tmp_path / "out" / "one" / "left").glob("img00000?.png"))) == 2
    status, text = labcut3d("suggest", tmp_path / "walk", "nowhere")
    assert (status, "no recording 'nowhere'" in text) == (1, True)


def test_random_folds_without_folds_are_refused(tmp_path, labcut3d):
    status, text = labcut3d("evaluate", tmp_path, "--random")
    assert status == 2
    assert "--random goes with --folds" in text
