"""The stage of kinematics: made once, made again when what it depends on has changed."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from notes import Notes
from typer.testing import CliRunner

from labcut3d.cli import app
from labcut3d.demo import make_demo
from labcut3d.errors import DatasetError
from labcut3d.pipeline import kinematics
from labcut3d.project import Project, load_project
from labcut3d.schema import make_detections, make_trajectories, open_dataset, save_dataset

TIMES = 90


def fly(project: Project) -> xr.Dataset:
    """Trajectories of a fly that walks along x at 3 mm/s, all of one shape."""
    rng = np.random.default_rng(0)
    keypoints = project.skeleton.keypoints
    shape = (TIMES, len(keypoints), 1)
    position = np.tile(rng.normal(size=(1, 3, len(keypoints), 1)), (TIMES, 1, 1, 1))
    position[:, 0] += 3 * np.arange(TIMES)[:, None, None] / 30
    detections = make_detections(
        position=np.zeros((TIMES, len(project.views), 2, *shape[1:])),
        confidence=np.ones((TIMES, len(project.views), *shape[1:])),
        views=list(project.views),
        keypoints=keypoints,
        individuals=["fly"],
        fps=30.0,
    )
    return make_trajectories(
        position=position,
        position_raw=position,
        covariance=np.tile(1e-4 * np.eye(3), (*shape, 1, 1)),
        reprojection_error=np.zeros(shape),
        view_used=np.ones((TIMES, len(project.views), *shape[1:]), dtype=bool),
        confidence=np.ones(shape),
        like=detections,
        unit="mm",
        attrs={"provenance": json.dumps({"rig": "0" * 64})},
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = make_demo(tmp_path / "project")
    made.results("recording0").mkdir(parents=True)
    save_dataset(fly(made), made.results("recording0") / "trajectories.nc")
    return made


def test_a_walking_fly_has_the_speed_and_the_fixed_shape_that_it_has(project):
    found = open_dataset(kinematics(project, "recording0"))
    np.testing.assert_allclose(found["speed"].values, 3.0, rtol=1e-4)
    assert found["speed"].attrs["units"] == "mm/s"
    assert float(found["joint_angle"].std("time").max()) < 1e-5
    assert float(found["egocentric"].std("time").max()) < 1e-5
    assert set(json.loads(found.attrs["provenance"])) == {"rig", "trajectories", "skeleton"}


def test_it_is_made_again_only_when_trajectories_or_skeleton_change(project):
    kinematics(project, "recording0")
    listener = Notes()
    kinematics(project, "recording0", listener)
    assert listener.tasks == []
    assert "up to date" in listener.notes[0]
    path = project.root / "project.toml"
    (project.root / "fly.toml").write_text(
        "keypoints = " + json.dumps(list(project.skeleton.keypoints))
    )
    path.write_text(re.sub(r'skeleton = ".*"', 'skeleton = "fly.toml"', path.read_text()))
    found = open_dataset(kinematics(load_project(project.root), "recording0", listener))
    assert any("because of: skeleton" in note for note in listener.notes)
    assert "joint_angle" not in found


def test_without_trajectories_it_says_what_to_run(project):
    with pytest.raises(DatasetError, match="run: labcut3d triangulate"):
        kinematics(project, "recording2")


def test_the_command_writes_the_file(project):
    done = CliRunner().invoke(app, ["kinematics", str(project.root), "recording0"])
    assert done.exit_code == 0, done.output
    assert (project.results("recording0") / "kinematics.nc").exists()
