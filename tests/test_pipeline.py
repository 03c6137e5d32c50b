"""The whole path on the shipped sample: a short training here, the whole demo in the slow tests.

What is held: each stage writes what it should, nothing is done twice, what changed is redone, and
bad input stops a stage before it writes.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from notes import Notes

from calibration import Rig
from labcut3d import pipeline
from labcut3d.demo import RECORDING, make_demo, measure, run
from labcut3d.errors import DetectorError, LabelError, ProjectError, RigError, VideoError
from labcut3d.kinematics.event_tables import read_events
from labcut3d.progress import Silent
from labcut3d.project import load_project
from labcut3d.schema import open_dataset
from labcut3d.template import new_project
from labcut3d.video import open_frames

RECORDINGS = ("recording0", RECORDING)


def set_detector(project, **settings):
    """Add a [detector] table to project.toml and load the project again."""
    path = project.root / "project.toml"
    text = path.read_text().split("\n[detector]")[0]
    lines = "\n".join(f"{key} = {value}" for key, value in settings.items())
    path.write_text(f"{text}\n[detector]\n{lines}\n")
    return load_project(project.root)


@pytest.fixture(scope="module")
def reconstructed(tmp_path_factory):
    """The sample, reconstructed with a detector trained for a few seconds only."""
    project = make_demo(tmp_path_factory.mktemp("demo") / "project")
    project = set_detector(project, min_steps=70, max_steps=70, locator_steps=40, largest_crop=192)
    run(project, Silent())
    return project


def test_every_stage_leaves_its_files(reconstructed):
    results = reconstructed.root / "results"
    names = ["rig.toml", "rig_covariance.npz", "calibration.html", "training.html"]
    names += [f"{RECORDING}/{name}" for name in ("detections.nc", "trajectories.nc")]
    names += [f"{RECORDING}/{name}" for name in ("kinematics.nc", "events.csv", "events.nc")]
    names += ["summary.csv", "summary.html"]
    for name in [*names, f"{RECORDING}/viewer.html"]:
        assert (results / name).stat().st_size > 0, name
    assert not [p for p in reconstructed.root.rglob("*.tmp*") if p.is_file()]


def test_even_a_short_training_comes_near_the_truth(reconstructed):
    measured = measure(reconstructed)
    assert measured.reprojection_px < 0.3  # px; what this board and these lenses allow
    # A few seconds of training; the slow test below holds the figures of the whole demo.
    assert measured.points_um[0] < 300  # um, a tenth of a fly's length
    assert measured.reconstructed > 0.8


def test_units_and_provenance_are_carried_to_the_end(reconstructed):
    trajectories = open_dataset(reconstructed.results(RECORDING) / "trajectories.nc")
    assert trajectories.attrs["unit"] == "mm"
    assert trajectories.attrs["fps"] == 30.0
    provenance = json.loads(trajectories.attrs["provenance"])
    for part in ("rig", "rig covariance", "detections", "model default", "video of cam3"):
        assert len(provenance[part]) == 64, part
    assert trajectories["individual"].values.tolist() == ["fly"]
    assert "covariance_calibration" in trajectories


def test_nothing_is_done_twice(reconstructed):
    listener = Notes()
    run(reconstructed, listener)
    assert listener.tasks == []
    assert len([note for note in listener.notes if "up to date" in note]) == 9


def test_a_changed_setting_redoes_what_depends_on_it_and_nothing_else(reconstructed):
    path = reconstructed.root / "project.toml"
    before = path.read_text()
    try:
        path.write_text(before + "\n[reconstruction]\nbones = false\n")
        listener = Notes()
        pipeline.reconstruct(load_project(reconstructed.root), [RECORDING], listener)
    finally:
        path.write_text(before)
    assert not [task for task in listener.tasks if "Detecting" in task]
    assert [task for task in listener.tasks if "Triangulating" in task]
    assert [note for note in listener.notes if "reconstruction settings" in note]


def test_an_edited_result_is_made_again(reconstructed):
    path = reconstructed.results(RECORDING) / "events.csv"
    path.write_text(path.read_text() + "fly,invented,0,1,0,1,1,,,\n")
    pipeline.events(reconstructed, RECORDING)
    assert "invented" not in set(read_events(path)["event"])


def test_the_evaluation_tells_held_out_from_trained_on(reconstructed):
    evaluations = pipeline.evaluate(reconstructed)
    assert set(evaluations) == {"held out", "trained on"}
    assert (reconstructed.root / "results" / "evaluation.html").exists()


def test_cross_validating_judges_every_label_and_leaves_the_detectors_alone(reconstructed):
    """With a few steps of training only: whether it is good is tested elsewhere."""
    models = {
        path: path.read_bytes() for path in reconstructed.root.glob("models/**/*.safetensors")
    }
    detector = replace(reconstructed.detector, min_steps=2, max_steps=2, locator_steps=2)
    project = replace(reconstructed, detector=detector)
    evaluations = pipeline.cross_validate(project, 2, "random")
    assert set(evaluations) == {"2 folds, random", "2 folds, random, trained on"}
    found = evaluations["2 folds, random"]
    labelled = {(r, f) for r, f in zip(found.recordings, found.frames, strict=True)}
    assert len(labelled) * len(set(found.views)) == len(found.frames)
    page = (project.root / "results" / "cross-validation.html").read_text()
    assert "Random folds flatter" in page
    review = (project.root / "results" / "label-review.csv").read_text()
    assert review.startswith("recording,frame,view,keypoint,label_x,label_y,detected_x,detected_y,")
    assert models == {
        path: path.read_bytes() for path in reconstructed.root.glob("models/**/*.safetensors")
    }


@pytest.mark.slow
def test_the_learning_curve_ends_at_all_moments_not_left_out(reconstructed):
    detector = replace(reconstructed.detector, min_steps=2, max_steps=2, locator_steps=2)
    (curve,) = pipeline.learning_curve(replace(reconstructed, detector=detector)).values()
    moments = {(r, f) for r, f in zip(*_moments(curve.joined()[0]), strict=True)}
    labelled = pipeline.evaluate(reconstructed).values()
    every = {(r, f) for part in labelled for r, f in zip(*_moments(part), strict=True)}
    assert curve.moments[-1] == len(every) - len(moments)
    assert moments < every
    assert (reconstructed.root / "results" / "learning-curve.html").exists()


def _moments(evaluation):
    """Return the recordings and frames of an evaluation's images."""
    return evaluation.recordings, evaluation.frames


def test_the_rig_is_readable_and_knows_its_covariance(reconstructed):
    from calibration import RigCovariance

    rig = Rig.load(reconstructed.rig_path)
    assert rig.unit == "mm"
    covariance = RigCovariance.load(reconstructed.rig_path)
    assert len(covariance.names) == len(covariance.matrix)
    assert np.all(np.linalg.eigvalsh(covariance.matrix) > -1e-12)


@pytest.fixture(scope="module")
def without_cam3(reconstructed, tmp_path_factory):
    """The reconstructed project, calibrated again without cam3."""
    root = tmp_path_factory.mktemp("dropped") / "project"
    project = load_project(shutil.copytree(reconstructed.root, root))
    pipeline.calibrate_project(project, ["cam3"])
    return project


def test_a_dropped_camera_stays_out_to_the_end(without_cam3):
    pipeline.triangulate(without_cam3, RECORDING)
    trajectories = open_dataset(without_cam3.results(RECORDING) / "trajectories.nc")
    assert trajectories["view"].values.tolist() == ["cam0", "cam1", "cam2"]
    assert np.isfinite(trajectories["position"].values).any()
    assert pipeline.view(without_cam3, RECORDING).exists()


def test_a_recording_of_another_size_is_refused(without_cam3):
    path = without_cam3.root / "project.toml"
    path.write_text(
        path.read_text().replace("[views.cam0]", "[views.cam0]\ncrop = [0, 0, 320, 240]")
    )
    with pytest.raises(VideoError, match=r"320x240 px.*calibrated at 640x480"):
        pipeline.triangulate(load_project(without_cam3.root), RECORDING)


def test_evaluating_without_labels_says_where_they_go(without_cam3):
    (without_cam3.root / "labels" / "recording0.csv").unlink()
    with pytest.raises(LabelError, match=r"labels/NAME\.csv"):
        pipeline.evaluate(without_cam3)


def test_a_project_of_one_view_needs_no_rig(reconstructed, tmp_path):
    project = new_project(tmp_path / "one", views=["cam0"], skeleton="fly-egg-laying")
    shutil.copytree(reconstructed.model_path, project.model_path)
    folder = project.root / "recordings" / "walk" / "cam0"
    folder.mkdir(parents=True)
    video = open_frames(reconstructed.root / "recordings" / RECORDING / "cam0.mp4")
    for index, image in video.read(range(3)):
        cv2.imwrite(str(folder / f"{index}.png"), image[..., ::-1])
    path = project.root / "project.toml"
    path.write_text("fps = 30\n" + path.read_text())
    pipeline.reconstruct(load_project(project.root))
    assert sorted(p.name for p in project.results("walk").glob("*.*")) == [
        ".stamps",
        "detections.nc",
        "viewer.html",
    ]


@pytest.fixture
def untouched(tmp_path):
    """The sample as it comes, with nothing computed."""
    return make_demo(tmp_path / "project")


def test_detections_without_a_rig_are_not_triangulated(untouched, reconstructed):
    target = untouched.results(RECORDING) / "detections.nc"
    target.parent.mkdir(parents=True)
    target.write_bytes((reconstructed.results(RECORDING) / "detections.nc").read_bytes())
    with pytest.raises(RigError, match="labcut3d calibrate"):
        pipeline.triangulate(untouched, RECORDING)
    assert not (target.parent / "trajectories.nc").exists()


def test_detecting_without_a_detector_says_to_train(untouched):
    with pytest.raises(DetectorError, match="labcut3d train"):
        pipeline.detect(untouched, RECORDING)


def test_training_without_labels_says_where_they_go(untouched):
    (untouched.root / "labels" / "recording0.csv").unlink()
    with pytest.raises(LabelError, match=r"labels/NAME\.csv"):
        pipeline.train(untouched)


def test_calibrating_without_a_board_says_what_to_write(untouched):
    path = untouched.root / "project.toml"
    path.write_text(path.read_text().split("[board]")[0])
    with pytest.raises(ProjectError, match=r"no \[board\]"):
        pipeline.calibrate_project(load_project(untouched.root))
    assert not untouched.rig_path.exists()


def test_the_demo_does_not_write_into_a_folder_of_something_else(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ProjectError, match="holds something other"):
        make_demo(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_kill_9_at_any_moment_leaves_no_half_result(untouched):
    """A calibration killed in mid-work leaves nothing that the next run would trust."""
    code = (
        "from labcut3d.project import load_project\nfrom labcut3d.pipeline import *\n"
        f"print('ready', flush=True)\ncalibrate_project(load_project({str(untouched.root)!r}))"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(1.5)
        process.send_signal(signal.SIGKILL)
    rig = untouched.rig_path
    assert not rig.exists() or Rig.load(rig)
    assert not (rig.parent / ".stamps" / "rig.toml.json").exists()


@pytest.mark.slow
def test_the_whole_demo_meets_its_figures(tmp_path):
    project = make_demo(tmp_path / "demo")
    run(project, Silent())
    measured = measure(project)
    assert measured.reconstructed >= 0.98
    assert measured.points_um[0] <= 60  # um; a fly is 2500 um long
    assert measured.points_um[1] <= 200
    assert measured.bouts == (1, 1, 1)
    assert measured.eggs == (1, 1, 1)
