"""Events, their summary and their export of a small project, each made once and no more."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest
from notes import Notes

from labcut3d import pipeline
from labcut3d.errors import DatasetError
from labcut3d.kinematics.event_tables import open_events, read_events
from labcut3d.project import Project, load_project
from labcut3d.schema import make_trajectories, save_dataset
from labcut3d.skeleton import Skeleton
from labcut3d.synthetic import Scene, make_scene

EVENTS = """
[events.running]
signal = "speed:{keypoint}"
enter = {enter}
leave = {enter}
unit = "mm/s"
"""


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(5, n_times=40)


def skeleton_text(skeleton: Skeleton) -> str:
    bones = json.dumps([list(bone) for bone in skeleton.bones])
    return f'name = "animal"\nkeypoints = {json.dumps(list(skeleton.keypoints))}\nbones = {bones}\n'


@pytest.fixture
def project(tmp_path, scene) -> Project:
    """A project of folders of black images, whose recordings "a" and "b" are reconstructed."""
    views = "\n".join(f"[views.{name}]" for name in scene.rig.names)
    settings = EVENTS.format(keypoint=scene.skeleton.keypoints[0], enter=1e-3)
    text = f'skeleton = "skeleton.toml"\nfps = 30.0\n{views}\n{settings}'
    (tmp_path / "project.toml").write_text(text)
    (tmp_path / "skeleton.toml").write_text(skeleton_text(scene.skeleton))
    scene.rig.save(tmp_path / "results" / "rig.toml")
    position = np.swapaxes(scene.position, 1, 2)[..., None]
    shape = (*scene.position.shape[:2], 1)
    trajectories = make_trajectories(
        position=position,
        position_raw=position,
        covariance=np.broadcast_to(0.01 * np.eye(3), (*shape, 3, 3)),
        reprojection_error=np.full(shape, 0.4),
        view_used=np.ones((shape[0], len(scene.rig), *shape[1:]), dtype=bool),
        confidence=np.full(shape, 0.9),
        like=scene.detections,
        unit="mm",
    )
    for recording in ("a", "b"):
        for view in scene.rig.names:
            folder = tmp_path / "recordings" / recording / view
            folder.mkdir(parents=True)
            for frame in range(40):
                cv2.imwrite(str(folder / f"{frame:03d}.png"), np.zeros((8, 8, 3), np.uint8))
        save_dataset(trajectories, tmp_path / "results" / recording / "trajectories.nc")
    return load_project(tmp_path)


def test_events_are_found_once_in_both_files(project):
    listener = Notes()
    path = pipeline.events(project, "a", listener)
    (row,) = read_events(path).to_dict("records")
    assert (row["event"], row["start_frame"], row["stop_frame"]) == ("running", 0, 39)
    stored = open_events(path.with_suffix(".nc"))
    assert stored["peak_units"].values.tolist() == ["mm/s"]
    assert stored.attrs["recording"] == "a"
    assert any("substrate" in note for note in listener.notes)
    again = Notes()
    pipeline.events(project, "a", again)
    assert again.tasks == []
    path.with_suffix(".nc").unlink()
    pipeline.events(project, "a", again)
    assert again.tasks == ["Finding events in a"]
    assert path.with_suffix(".nc").exists()


def test_a_changed_rule_or_substrate_finds_events_anew(project, scene):
    pipeline.events(project, "a")
    path = project.root / "project.toml"
    path.write_text(path.read_text().replace("enter = 0.001", "enter = 1e6").replace("leave", "#"))
    with pytest.raises(Exception, match="leave"):
        load_project(project.root)
    path.write_text(path.read_text().replace("# = 0.001", "leave = 1.0"))
    listener = Notes()
    found = pipeline.events(load_project(project.root), "a", listener)
    assert read_events(found).empty
    assert any("because of: events settings" in note for note in listener.notes)
    path.write_text(path.read_text() + '\n[substrate]\nsource = "animal"\ncontact = 0.2\n')
    pipeline.events(load_project(project.root), "a", listener)
    assert any("because of: substrate settings" in note for note in listener.notes)


def test_the_summary_has_a_row_for_each_recording_and_follows_the_events(project):
    with pytest.raises(DatasetError, match="labcut3d reconstruct"):
        pipeline.summary(project)
    pipeline.events(project, "a")
    path = pipeline.summary(project)
    assert pd.read_csv(path)["recording"].tolist() == ["a"]
    pipeline.events(project, "b")
    listener = Notes()
    table = pd.read_csv(pipeline.summary(project, listener))
    assert table["recording"].tolist() == ["a", "b"]
    assert table["running_count"].tolist() == [1, 1]
    np.testing.assert_allclose(table["running_s"], 40 / 30, rtol=1e-5)
    assert listener.tasks == ["Summing up"]
    pipeline.summary(project, listener)
    assert listener.tasks == ["Summing up"]
    assert "What" in path.with_suffix(".html").read_text("utf-8")


def test_boris_gets_every_recording_that_is_reconstructed(project, tmp_path):
    path = pipeline.export_boris(project, [], tmp_path / "out.boris")
    observations = json.loads(path.read_text("utf-8"))["observations"]
    assert set(observations) == {"a", "b"}
    assert [event[2] for event in observations["a"]["events"]] == ["running", "running"]
    assert observations["a"]["type"] == "LIVE"  # folders of images are no videos
