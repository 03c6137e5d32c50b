"""A recording whose camera was bumped: told, repaired for that recording, and never elsewhere."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from bumped import FPS, bump, make_bumped, make_walk
from notes import Notes

from calibration import Rig, RigCovariance
from labcut3d import pipeline
from labcut3d.errors import FileFormatError, ProjectError
from labcut3d.project import Project, load_project
from labcut3d.schema import make_detections, open_dataset, save_dataset
from labcut3d.template import new_project
from labcut3d.viewers.drift_page import drift_rows

KEYPOINTS = ("head", "left", "right", "tail")
TIMES = np.arange(40) / FPS


def make_project(folder, views) -> Project:
    """A project with two recordings whose images are of the size that the rig knows."""
    skeleton = folder / "bug.toml"
    skeleton.write_text(f'name = "bug"\nkeypoints = {list(KEYPOINTS)}\n')
    made = new_project(folder / "bugs", views=views, skeleton=str(skeleton))
    for recording in ("bumped", "calm"):
        for view in views:
            path = made.root / "recordings" / recording / view
            path.mkdir(parents=True)
            cv2.imwrite(str(path / "image0.png"), np.zeros((1024, 1280), np.uint8))
    path = made.root / "project.toml"
    path.write_text(f"fps = {FPS}\n" + path.read_text())
    return load_project(made.root)


def save_detections(project: Project, recording: str, rig: Rig) -> None:
    """Detections of an animal by a rig, 1 px of noise, one in twenty unsure and wrong."""
    rng = np.random.default_rng(1)
    points = make_walk(len(KEYPOINTS), TIMES)
    pixels = rig.project(points) + rng.normal(size=(len(rig), *points.shape[:-1], 2))
    confidence = np.full(pixels.shape[:-1], 0.95)
    wrong = rng.random(confidence.shape) < 0.05
    confidence[wrong] = 0.2
    pixels[wrong] += 40
    detections = make_detections(
        position=pixels.transpose(2, 0, 3, 1)[..., None],
        confidence=confidence.transpose(2, 0, 1)[..., None],
        views=rig.names,
        keypoints=KEYPOINTS,
        individuals=["bug"],
        fps=FPS,
    )
    save_dataset(detections, project.results(recording) / "detections.nc")


@pytest.fixture
def scene(tmp_path):
    """A calibrated project of four cameras, and the true cameras, of which cam2 was bumped once."""
    bumped = make_bumped(4, np.random.default_rng(2))
    project = make_project(tmp_path, bumped.rig.names)
    metadata = {"held_out_px": dict.fromkeys(bumped.rig.names, 0.25)}
    project.rig_path.parent.mkdir(exist_ok=True)
    replace(bumped.rig, metadata=metadata).save(project.rig_path, bumped.covariance)
    now = bump(bumped.true, "cam2", degrees=1, shift=2)
    save_detections(project, "bumped", now)
    return project, now


def test_a_bumped_camera_is_told_repaired_and_used(scene):
    project, now = scene
    stored = project.rig_path.read_bytes()
    pipeline.triangulate(project, "bumped", told := Notes())
    (warning,) = (note for note in told.notes if "labcut3d drift" in note)
    assert "most of what view cam2 is sure of" in warning
    before = open_dataset(project.results("bumped") / "trajectories.nc")
    found = pipeline.drift(project, "bumped", told := Notes())
    assert found.moved == ("cam2",)
    assert "'cam2' was moved by 0.9" in told.notes[-1]
    assert "Residual of each camera" in (project.results("bumped") / "drift.html").read_text()

    path = pipeline.repair(project, "bumped", found, reporter=told)
    assert path == project.results("bumped") / "rig.toml"
    assert project.rig_path.read_bytes() == stored
    repaired = Rig.load(path)
    assert repaired.metadata["repaired"]["camera"] == "cam2"
    points = make_walk(4, TIMES)
    off = np.linalg.norm(repaired["cam2"].project(points) - now["cam2"].project(points), axis=-1)
    assert np.median(off) < 2  # px, of about 30

    pipeline.triangulate(project, "bumped", told := Notes())
    assert any("'cam2' stands as repaired" in note for note in told.notes)
    assert any("made again, because of: rig" in note for note in told.notes)
    assert any("rejected of the sure detections: cam0 0" in note for note in told.notes)
    assert not any("labcut3d drift" in note for note in told.notes)
    after = open_dataset(project.results("bumped") / "trajectories.nc")
    assert after.attrs["repaired_camera"] == "cam2"
    assert "repaired_camera" not in before.attrs
    used = [float(d["view_used"].sel(view="cam2").mean()) for d in (before, after)]
    assert used[1] > used[0] + 0.2
    pipeline.triangulate(project, "bumped", told := Notes())
    assert "up to date" in told.notes[-1]


def test_a_repair_ends_with_the_calibration_it_was_made_from(scene):
    project, _ = scene
    found = pipeline.drift(project, "bumped")
    pipeline.repair(project, "bumped", found)
    rig, known = Rig.load(project.rig_path), RigCovariance.load(project.rig_path)
    replace(rig, metadata={"calibrated": "again"}).save(project.rig_path, known)
    pipeline.triangulate(project, "bumped", told := Notes())
    assert any("was not made from the present calibration" in note for note in told.notes)
    attrs = open_dataset(project.results("bumped") / "trajectories.nc").attrs
    assert "repaired_camera" not in attrs
    rig.save(project.rig_path)
    with pytest.raises(FileFormatError, match="calibrate again"):
        pipeline.drift(project, "bumped")  # the covariance is of the old calibration


def test_a_recording_without_drift_needs_no_repair(scene):
    project, _ = scene
    save_detections(project, "calm", Rig.load(project.rig_path))
    found = pipeline.drift(project, "calm")
    assert found.moved == ()
    assert pipeline.repair(project, "calm", found, reporter=(told := Notes())) is None
    assert "nothing to repair" in told.notes[-1]
    assert not (project.results("calm") / "rig.toml").exists()


def test_the_command_line_shows_each_camera(scene):
    from typer.testing import CliRunner

    from labcut3d.cli import app

    project, _ = scene
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["drift", str(project.root), "--repair"])
    assert result.exit_code == 0, result.output
    for words in ("boards left out", "0.25", "cam3", "drift.html", "rig.toml", "placed anew"):
        assert words in result.output


def test_what_was_found_is_not_looked_for_again(scene):
    project, _ = scene
    assert pipeline.known_drift(project, "bumped") is None
    found = pipeline.drift(project, "bumped", told := Notes())
    rows = pipeline.known_drift(project, "bumped", again := Notes())
    assert rows == drift_rows(found)
    assert again.notes[-1] == told.notes[-1]
    assert "up to date" in again.notes[0]
    save_detections(project, "bumped", Rig.load(project.rig_path))
    assert pipeline.known_drift(project, "bumped") is None  # other detections
    (project.results("bumped") / "drift.html").unlink()
    assert pipeline.known_drift(project, "bumped") is None


def test_of_two_cameras_the_user_names_the_one_to_repair(tmp_path):
    bumped = make_bumped(2, np.random.default_rng(3))
    project = make_project(tmp_path, bumped.rig.names)
    project.rig_path.parent.mkdir(exist_ok=True)
    bumped.rig.save(project.rig_path, bumped.covariance)
    save_detections(project, "bumped", bump(bumped.true, "cam1", degrees=1, shift=2))
    found = pipeline.drift(project, "bumped")
    with pytest.raises(ProjectError, match="say which to repair with --camera"):
        pipeline.repair(project, "bumped", found)
    with pytest.raises(ProjectError, match="no camera 'cam9'"):
        pipeline.repair(project, "bumped", found, "cam9")
    path = pipeline.repair(project, "bumped", found, "cam1")
    assert Rig.load(path).metadata["repaired"]["camera"] == "cam1"
