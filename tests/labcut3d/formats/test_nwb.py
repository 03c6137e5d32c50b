"""NWB files, read by pynwb and judged by nwbinspector."""

import json
from dataclasses import replace
from pathlib import Path

import ndx_pose
import numpy as np
import pynwb
import pytest
from nwbinspector import Importance, inspect_nwbfile
from random_datasets import random_detections, random_trajectories

from labcut3d.errors import DatasetError
from labcut3d.formats import Export, write_dataset
from labcut3d.skeleton import Skeleton
from labcut3d.synthetic_rig import make_rig

TWO = ("fly", "other/one")  # a slash would be a group of HDF5
STARTED = "2026-05-31T14:03:00+02:00"


@pytest.fixture
def export() -> Export:
    """Trajectories of 40 frames, as nwbinspector expects time to be the longest axis."""
    walk = random_trajectories(times=40, individuals=TWO).assign_attrs(provenance='{"rig": "abc"}')
    rig = make_rig(3, np.random.default_rng(1))
    walk = walk.assign_coords(view=list(rig.names[:2]))
    detections = random_detections(times=40, individuals=TWO)
    keypoints = tuple(str(name) for name in walk["keypoint"].values)
    return Export(
        dataset=walk,
        title="walk",
        skeleton=Skeleton(name="fly", keypoints=keypoints, bones=(("snout", "hind_knee_L"),)),
        rig=rig,
        detections=detections.assign_coords(view=list(rig.names[:2])),
        started=STARTED,
        subject={"species": "Drosophila melanogaster", "sex": "F"},
    )


def critical(path: Path) -> list[str]:
    found = inspect_nwbfile(nwbfile_path=str(path), importance_threshold=Importance.CRITICAL)
    return [f"{one.check_function_name}: {one.message}" for one in found]


def test_points_skeleton_cameras_and_provenance_come_back(tmp_path: Path, export: Export) -> None:
    (path,) = write_dataset(export, tmp_path / "walk.nwb")
    assert critical(path) == []
    assert pynwb.validate(path=str(path)) == []
    walk, rig = export.dataset, export.rig
    with pynwb.NWBHDF5IO(str(path), "r") as stream:
        file = stream.read()
        assert file.session_start_time.isoformat() == STARTED
        assert json.loads(file.notes)["provenance"] == '{"rig": "abc"}'
        assert file.was_generated_by[0][0] == "labcut3d"
        assert (file.subject.species, file.subject.sex) == ("Drosophila melanogaster", "F")
        module = file.processing["behavior"]
        pose = module["other_one_3d"]
        assert isinstance(pose, ndx_pose.MultiCameraPoseEstimation)
        assert list(pose.skeleton.nodes[:]) == list(export.keypoints)
        assert pose.skeleton.edges[:].tolist() == [[0, 2]]
        series = pose.pose_estimation_series["left ear"]
        one = walk.sel(individual="other/one", keypoint="left ear")
        np.testing.assert_array_equal(series.data[:], one["position"].values)
        assert (series.unit, series.conversion, series.rate) == ("meters", 1e-3, 30.0)
        np.testing.assert_array_equal(series.confidence[:], one["confidence"].values)
        spread = module["other_one_3d_covariance"]
        expected = walk["covariance"].sel(individual="other/one").values
        np.testing.assert_array_equal(spread.data[:], expected)
        assert spread.conversion == pytest.approx(1e-6, rel=1e-12)
        camera = rig[rig.names[0]]
        device = file.devices[camera.name]
        assert isinstance(device, ndx_pose.CalibratedCamera)
        np.testing.assert_array_equal(device.intrinsic_matrix[:], camera.matrix)
        np.testing.assert_array_equal(device.rotation_matrix[:], camera.rotation)
        np.testing.assert_allclose(device.translation_vector[:], camera.translation * 1e-3)
        np.testing.assert_array_equal(device.distortion_coefficients[:], camera.distortions)
        view = module["fly_3d"].pose_estimations[f"fly_{camera.name}"]
        assert view.device.name == camera.name
        pixels = view.pose_estimation_series["snout"]
        found = export.detections.sel(individual="fly", keypoint="snout", view=camera.name)
        np.testing.assert_array_equal(pixels.data[:], found["position"].values)
        assert pixels.unit == "pixels"


def test_detections_alone(tmp_path: Path) -> None:
    detections = random_detections(times=40)
    uneven = detections["view_time"] + np.linspace(0, 0.1, 40)[:, None] ** 2
    export = Export.of(detections.assign(view_time=uneven), "walk")
    (path,) = write_dataset(export, tmp_path / "walk.nwb")
    assert critical(path) == []
    with pynwb.NWBHDF5IO(str(path), "r") as stream:
        file = stream.read()
        assert "not known" in file.session_description
        view = file.processing["behavior"]["fly_side"]
        series = view.pose_estimation_series["snout"]
        one = detections.sel(view="side", individual="fly", keypoint="snout")
        np.testing.assert_array_equal(series.data[:], one["position"].values)
        np.testing.assert_array_equal(series.timestamps[:], uneven.sel(view="side").values)


def test_the_same_export_has_the_same_identifier(tmp_path: Path, export: Export) -> None:
    names = []
    for name in ("a.nwb", "b.nwb"):
        (path,) = write_dataset(export, tmp_path / name)
        with pynwb.NWBHDF5IO(str(path), "r") as stream:
            names.append(stream.read().identifier)
    assert names[0] == names[1]


def test_what_nwb_does_not_know_is_refused(tmp_path: Path) -> None:
    export = Export.of(random_detections(), "walk")
    with pytest.raises(DatasetError, match="'yesterday'"):
        write_dataset(replace(export, started="yesterday"), tmp_path / "walk.nwb")
    with pytest.raises(DatasetError, match=r"'colour'.*species"):
        write_dataset(replace(export, subject={"colour": "red"}), tmp_path / "walk.nwb")
