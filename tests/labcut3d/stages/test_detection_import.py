"""Detections of other programs into a project, and its results out again."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pynwb
import pytest
from notes import Notes

from labcut3d.errors import DatasetError, FileFormatError, Labcut3dError, LabelError
from labcut3d.formats import Export, read_dataset, write_dataset
from labcut3d.project import Project, load_project
from labcut3d.schema import make_detections, open_dataset
from labcut3d.skeleton import Skeleton
from labcut3d.stages.detecting import detect
from labcut3d.stages.detection_import import import_detections
from labcut3d.stages.exporting import export_recording
from labcut3d.stages.reconstructing import triangulate
from labcut3d.stages.viewing import view
from labcut3d.synthetic_rig import make_rig

SKELETON = 'name = "mouse"\nkeypoints = ["nose", "earL", "earR"]\nbones = [["nose", "earL"]]\n'
FRAMES = 12
SHAPE = (FRAMES, 3, 1)


@pytest.fixture
def scene(tmp_path: Path):
    """A project with a rig and a recording of three views, and the points that moved in it."""
    rig = make_rig(3, np.random.default_rng(1))
    root = tmp_path / "project"
    (root / "results").mkdir(parents=True)
    views = "".join(f"[views.{name}]\n" for name in rig.names)
    (root / "project.toml").write_text('skeleton = "mouse.toml"\nfps = 50.0\n' + views)
    (root / "mouse.toml").write_text(SKELETON)
    rig.save(root / "results" / "rig.toml")
    for camera in rig:
        folder = root / "recordings" / "walk" / camera.name
        folder.mkdir(parents=True)
        image = np.zeros((camera.size[1], camera.size[0], 3), np.uint8)
        for number in range(FRAMES):
            cv2.imwrite(str(folder / f"{number}.png"), image)
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    points = middle + np.random.default_rng(0).normal(scale=10, size=(FRAMES, 3, 3))
    return load_project(root), rig, points


def written(rig, points, folder: Path, to: str, names=("earR", "nose", "earL")) -> dict[str, Path]:
    """Write what the cameras see of the points, in another order of keypoints; one is missing."""
    pixels = rig.project(points)[:, :, [2, 0, 1]]
    pixels[0, 3, 1] = np.nan
    detections = make_detections(
        position=np.moveaxis(pixels, (0, 3), (1, 2))[..., None],
        confidence=np.full((FRAMES, 3, 3, 1), 0.75),
        views=rig.names,
        keypoints=names,
        individuals=["mouse"],
        fps=50.0,
    )
    ending = ".slp" if to == "sleap" else ".csv"
    paths = write_dataset(Export.of(detections, "walk"), folder / f"walk{ending}", to)
    return dict(zip(rig.names, paths, strict=True))


@pytest.mark.parametrize("to", ["deeplabcut", "sleap"])
def test_imported_detections_go_all_the_way(tmp_path: Path, scene, to: str) -> None:
    project, rig, points = scene
    files = written(rig, points, tmp_path, to)
    notes = Notes()
    result = import_detections(project, "walk", files, reporter=notes)
    found = open_dataset(result)
    assert tuple(found["keypoint"].values) == project.skeleton.keypoints
    assert found.attrs["fps"] == 50.0
    expected = np.moveaxis(rig.project(points), 0, 1)
    read = found["position"].isel(individual=0).transpose("time", "view", "keypoint", "space")
    gone = read.isnull().values
    assert gone.sum() == 2  # one point, x and y
    assert gone[3, 0, 0].all()
    np.testing.assert_allclose(read.values[~gone], expected[~gone], atol=1e-4)  # float32
    assert detect(project, "walk", notes) == result  # it is kept, and no detector is asked for
    assert any("was imported and is kept" in note for note in notes.notes)
    walk = open_dataset(triangulate(project, "walk"))
    raw = walk["position_raw"].isel(individual=0).transpose("time", "keypoint", "space")
    np.testing.assert_allclose(raw, points, atol=2e-3)  # as float32 pixels tell
    assert view(project, "walk").stat().st_size > 100_000
    (name,) = walk["individual"].values
    assert name == ("mouse" if to == "sleap" else "animal")  # DeepLabCut names no single animal
    exported(project, rig, name, tmp_path)


def exported(project: Project, rig, name: str, folder: Path) -> None:
    """Results of a project know their skeleton, cameras and detections."""
    (path,) = export_recording(project, "walk", to="nwb")
    assert path == project.results("walk") / "walk.nwb"
    with pynwb.NWBHDF5IO(str(path), "r") as stream:
        file = stream.read()
        pose = file.processing["behavior"][f"{name}_3d"]
        assert pose.skeleton.edges[:].tolist() == [[0, 1]]
        assert set(pose.pose_estimations) == {f"{name}_{view}" for view in rig.names}
        assert set(file.devices) == set(rig.names)
    (path,) = export_recording(project, "walk", output=folder / "walk.json")
    assert json.loads(path.read_text())["bones"] == [["nose", "earL"]]
    slp = export_recording(project, "walk", output=folder / "out.slp")
    assert [path.name for path in slp] == [f"out_{view}.slp" for view in rig.names]
    with pytest.raises(FileFormatError, match="is a result itself"):
        export_recording(project, "walk", output=project.results("walk") / "trajectories.nc")
    with pytest.raises(FileFormatError, match="say which format"):
        export_recording(project, "walk")
    with pytest.raises(FileFormatError, match="no format 'excel'"):
        export_recording(project, "walk", to="excel")


def test_detections_that_are_there_are_kept_unless_asked(tmp_path: Path, scene) -> None:
    project, rig, points = scene
    files = written(rig, points, tmp_path, "deeplabcut")
    result = import_detections(project, "walk", files)
    assert import_detections(project, "walk", files) == result  # the same again is no harm
    others = written(rig, points + 1, tmp_path, "deeplabcut")
    with pytest.raises(DatasetError, match="--replace"):
        import_detections(project, "walk", others)
    import_detections(project, "walk", others, overwrite=True)


def test_what_does_not_fit_the_project_is_named(tmp_path: Path, scene) -> None:
    project, rig, points = scene
    files = written(rig, points, tmp_path, "deeplabcut")
    first = rig.names[0]
    cases: list[tuple[type[Labcut3dError], str, dict[str, Path]]] = [
        (LabelError, "no view 'roof'", {"roof": files[first]}),
        (FileFormatError, "no such file", {first: tmp_path / "none.csv"}),
    ]
    for error, message, given in cases:
        with pytest.raises(error, match=message):
            import_detections(project, "walk", given)
    lines = files[first].read_text().splitlines()
    for name, kept in (("short.csv", lines[:-2]), ("long.csv", [*lines, *lines[-2:]])):
        (tmp_path / name).write_text("\n".join(kept) + "\n")
        with pytest.raises(DatasetError, match=rf"{name}: has 1[04] frames, but .* has 12"):
            import_detections(project, "walk", {first: tmp_path / name})
    other = written(rig, points, tmp_path, "deeplabcut", names=("snout", "earL", "tail"))
    with pytest.raises(LabelError, match="--rename 'snout="):
        import_detections(project, "walk", other)
    rename = {"snout": "earR", "tail": ""}
    result = import_detections(project, "walk", other, rename=rename)
    assert open_dataset(result)["position"].sel(keypoint="nose").isnull().all()
    assert not (project.results("walk") / "trajectories.nc").exists()
    with pytest.raises(DatasetError, match="nothing to export"):
        export_recording(replace(project, root=tmp_path / "none"), "walk", to="csv")


def test_sleap_may_end_before_the_video(tmp_path: Path, scene) -> None:
    project, rig, points = scene
    short = points.copy()
    short[-2:] = np.nan
    files = written(rig, short, tmp_path, "sleap")
    found = open_dataset(import_detections(project, "walk", files))
    assert found.sizes["time"] == FRAMES
    assert found["position"].isel(time=slice(-2, None)).isnull().all()


def test_points_go_through_crop_and_mirror(tmp_path: Path, scene) -> None:
    project, rig, points = scene
    files = written(rig, points, tmp_path, "deeplabcut")
    first = rig.names[0]
    text = (project.root / "project.toml").read_text()
    crop = f"[views.{first}]\ncrop = [10, 20, 100, 50]\nmirror = true\n"
    (project.root / "project.toml").write_text(text.replace(f"[views.{first}]\n", crop))
    found = open_dataset(import_detections(load_project(project.root), "walk", files))
    whole = rig[first].project(points[0, 1])
    read = found["position"].isel(time=0, view=0, keypoint=1, individual=0).values
    np.testing.assert_allclose(read, [99 - (whole[0] - 10), whole[1] - 20], atol=1e-3)  # float32


def test_skeletons_may_know_more_keypoints_than_the_data(tmp_path: Path, scene) -> None:
    _, rig, points = scene
    files = written(rig, points, tmp_path, "deeplabcut")
    dataset = read_dataset(files, fps=50)
    skeleton = Skeleton(
        name="more", keypoints=("nose", "earR", "tail"), bones=(("nose", "tail"), ("nose", "earR"))
    )
    export = Export(dataset=dataset, title="walk", skeleton=skeleton)
    assert export.bones == ((1, 0),)
