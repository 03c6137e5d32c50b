"""What is told of a project as its files come, change and go; no video is opened for it."""

from dataclasses import asdict, replace

import pytest

from labcut3d import pipeline
from labcut3d.project import load_project
from labcut3d.provenance import fingerprint, write_stamp
from labcut3d.stages.common import path_hashes, settings_hash
from labcut3d.stages.detectors import parts_hashes
from labcut3d.stages.recording_status import recording_status
from labcut3d.stages.status import ENOUGH
from labcut3d.stages.training import training_inputs
from labcut3d.template import new_project
from labcut3d.version import __version__

BOARD = """
[board]
squares_x = 7
squares_y = 5
square_length = 8.0
marker_length = 6.0
dictionary = "DICT_4X4_50"
unit = "mm"
"""
VIEWS = ("left", "right")


@pytest.fixture
def project(tmp_path):
    return new_project(tmp_path / "project", views=VIEWS, skeleton="fly-egg-laying")


def put_videos(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for view in VIEWS:
        (folder / f"{view}.mp4").write_bytes(f"no real video of {view}".encode())


def put_labels(project, moments):
    rows = [f"{k},left,fly,left_eye,1,1" for k in range(moments)]
    text = "\n".join(["frame,view,individual,keypoint,x,y", *rows])
    (project.root / "labels" / "walk.csv").write_text(text + "\n")


def describe_board(project):
    path = project.root / "project.toml"
    path.write_text(path.read_text() + BOARD)
    return load_project(project.root)


def stamp(path, inputs):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"content of {path.name}")
    write_stamp(path, inputs)


def states(project):
    return {step.key: step.state for step in pipeline.status(project)}


def todo(project, key):
    return next(step.todo for step in pipeline.status(project) if step.key == key)


def test_a_new_project_asks_for_videos(project):
    assert states(project) == {
        "project": "ready",
        "calibrate": "blocked",
        "label": "blocked",
        "train": "blocked",
        "reconstruct": "blocked",
        "explore": "blocked",
    }
    assert "recording" in todo(project, "project")
    assert "no video" in todo(project, "calibrate")


def test_a_missing_video_is_named(project):
    put_videos(project.root / "recordings" / "walk")
    (project.root / "recordings" / "walk" / "right.mp4").unlink()
    assert "'right'" in todo(project, "project")


def test_calibrating_takes_board_videos_and_a_board(project):
    put_videos(project.root / "calibration")
    assert "board" in todo(project, "calibrate")
    project = describe_board(project)
    assert states(project)["calibrate"] == "ready"


def test_one_view_has_nothing_to_calibrate(tmp_path):
    one = new_project(tmp_path / "one", views=["cam"], skeleton="fly-egg-laying")
    assert states(one)["calibrate"] == "done"


def calibrate(project):
    videos = path_hashes(project.calibration_paths())
    stamp(project.rig_path, {**videos, "board": fingerprint(project.board), "drop_cameras": "x"})


def test_a_calibration_is_stale_once_a_board_video_changes(project):
    put_videos(project.root / "calibration")
    project = describe_board(project)
    calibrate(project)
    assert states(project)["calibrate"] == "done"
    (project.root / "calibration" / "left.mp4").write_bytes(b"another one")
    assert states(project)["calibrate"] == "stale"
    assert "video of left" in todo(project, "calibrate")


def test_labels_lead_to_training_and_more_labels_to_training_again(project):
    put_videos(project.root / "recordings" / "walk")
    put_labels(project, 1)
    assert (states(project)["label"], states(project)["train"]) == ("ready", "ready")
    put_labels(project, ENOUGH)
    stamp(project.model_path / "model.toml", training_inputs(project))
    assert (states(project)["label"], states(project)["train"]) == ("done", "done")
    put_labels(project, ENOUGH + 1)
    assert "labels/walk.csv" in todo(project, "train")


def test_labels_that_cannot_be_read_are_told_and_break_nothing(project):
    put_videos(project.root / "recordings" / "walk")
    (project.root / "labels" / "walk.csv").write_text("nonsense\n")
    assert states(project)["label"] == "blocked"
    assert "walk.csv" in todo(project, "label")


@pytest.fixture
def reconstructed(project):
    """A project of which all is done, as far as its stamps tell."""
    put_videos(project.root / "calibration")
    put_videos(project.root / "recordings" / "walk")
    put_labels(project, ENOUGH)
    project = describe_board(project)
    calibrate(project)
    stamp(project.model_path / "model.toml", training_inputs(project))
    make_results(project)
    return project


def make_results(project):
    from calibration.files import sha256_of

    folder = project.results("walk")
    model = {"model default": sha256_of(project.model_path / "model.toml")}
    videos = path_hashes(project.recording_paths("walk"))
    model |= parts_hashes(project)
    stamp(folder / "detections.nc", {**videos, **model, "fps and individual": "x"})
    rig = {"rig": sha256_of(project.rig_path)}
    found = {"detections": sha256_of(folder / "detections.nc"), **rig}
    settings = settings_hash(project, project.reconstruction)
    stamp(folder / "trajectories.nc", {**found, "reconstruction settings": settings})
    found = {"trajectories": sha256_of(folder / "trajectories.nc")}
    moved = {"skeleton": fingerprint([asdict(project.skeleton), __version__])}
    substrate = {"substrate settings": fingerprint(project.substrate)}
    stamp(folder / "kinematics.nc", {**found, **moved, **substrate, **rig})
    told = {"events settings": settings_hash(project, project.events)}
    told |= {"substrate settings": settings_hash(project, project.substrate)}
    stamp(folder / "events.csv", {**videos, **found, **told, **rig})
    trajectories = {"trajectories.nc of walk": found["trajectories"]}
    stamp(project.root / "results" / "summary.csv", trajectories)
    parts = ("detections.nc", "trajectories.nc", "events.csv")
    shown = {"settings": fingerprint([asdict(project.skeleton), project.name, __version__])}
    hashes = {name: sha256_of(folder / name) for name in parts}
    stamp(folder / "viewer.html", {**videos, **hashes, **shown})


def test_all_done_is_told(reconstructed):
    assert set(states(reconstructed).values()) == {"done"}


def test_what_depends_on_a_changed_rig_is_stale_and_nothing_else(reconstructed):
    reconstructed.rig_path.write_text("another rig")
    found = recording_status(reconstructed, "walk")
    assert found.results == {
        "detections.nc": "done",
        "trajectories.nc": "stale",
        "kinematics.nc": "stale",
        "events.csv": "stale",
        "viewer.html": "stale",
    }
    assert found.because == ("rig",)
    assert states(reconstructed)["reconstruct"] == "stale"


def test_another_name_of_the_project_is_a_reason_for_the_viewer_alone(reconstructed):
    found = recording_status(replace(reconstructed, name="another"), "walk")
    stale = {name for name, state in found.results.items() if state == "stale"}
    assert (stale, found.because) == ({"viewer.html"}, ("settings",))


def test_a_mirrored_view_makes_detections_stale_and_is_told(reconstructed):
    left = replace(reconstructed.views["left"], mirror=True)
    views = {**reconstructed.views, "left": left}
    mirrored = replace(reconstructed, views=views)
    found = recording_status(mirrored, "walk")
    assert found.results["detections.nc"] == "stale"
    assert found.because == ("crop and mirror",)


def test_a_result_without_its_stamp_is_not_trusted(reconstructed):
    (reconstructed.results("walk") / ".stamps" / "events.csv.json").unlink()
    found = recording_status(reconstructed, "walk")
    assert found.results["events.csv"] == "stale"
    assert found.results["trajectories.nc"] == "done"


def test_kinematics_stand_by_themselves(reconstructed):
    (reconstructed.results("walk") / "kinematics.nc").unlink()
    found = recording_status(reconstructed, "walk")
    assert found.results["kinematics.nc"] == "missing"
    assert found.results["events.csv"] == found.results["viewer.html"] == "done"
    assert found.standing == "stale"


def test_a_summary_of_other_trajectories_is_stale(reconstructed):
    stamp(reconstructed.root / "results" / "summary.csv", {"trajectories.nc of walk": "others"})
    assert states(reconstructed)["explore"] == "stale"
    (reconstructed.root / "results" / "summary.csv").unlink()
    assert states(reconstructed)["explore"] == "ready"


def test_another_recording_waits(reconstructed):
    put_videos(reconstructed.root / "recordings" / "rest")
    assert recording_status(reconstructed, "rest").standing == "missing"
    assert states(reconstructed)["reconstruct"] == "ready"
    assert states(reconstructed)["explore"] == "done"


def test_detections_of_another_program_need_no_training(reconstructed):
    for model in reconstructed.model_path.glob("*.toml"):
        model.unlink()
    detections = reconstructed.results("walk") / "detections.nc"
    stamp(detections, {"imported left": "x", "imported right": "y"})
    assert recording_status(reconstructed, "walk").results["detections.nc"] == "done"
    assert states(reconstructed)["reconstruct"] != "blocked"
