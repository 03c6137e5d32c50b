"""`align`: the world of a board on the floor, of known points, and the scale, in rig files."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from calibration.covariance import RigCovariance
from calibration.geometry import make_pose, transform
from calibration.rig import Rig
from labcut3d.project import load_project
from labcut3d.provenance import changed_inputs, write_stamp
from labcut3d.synthetic import make_scene
from labcut3d.synthetic_images import render_board

BOARD = (
    "squares_x = 7\nsquares_y = 6\nsquare_length = 8.0\nmarker_length = 6.0\n"
    'dictionary = "DICT_4X4_50"\nunit = "mm"\n'
)


@pytest.fixture(scope="module")
def scene():
    return make_scene(6, n_cameras=5, n_boards=20, n_times=2)


@pytest.fixture(scope="module")
def pictures(scene):
    """What two cameras see of the board on the floor."""
    cameras, rng = scene.rig.cameras[:2], np.random.default_rng(0)
    return {c.name: render_board(c, scene.board, floor_of(scene), rng) for c in cameras}


@pytest.fixture
def folder(tmp_path, scene, pictures):
    """A rig with its covariance, a picture of the board in two views, and clicked points."""
    (tmp_path / "board.toml").write_text(BOARD)
    names = [f"{c.name}.{k}_{a}" for c in scene.rig for k in KINDS for a in "xyz"]
    covariance = RigCovariance(names=tuple(names), matrix=1e-6 * np.eye(len(names)), gauge="none")
    scene.rig.save(tmp_path / "rig.toml", covariance)
    for name, image in pictures.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
    points = scene.position[0, :4]
    pixels = scene.rig.project(points)
    rows = [
        f"{camera.name},{name},{xy[0]},{xy[1]}"
        for camera, seen in zip(scene.rig, pixels, strict=True)
        for name, xy in zip("abcd", seen, strict=True)
    ]
    (tmp_path / "clicks.csv").write_text("\n".join(["view,point,x,y", *rows]))
    moved = points @ np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]).T + [1, 2, 3]
    rows = [f"{name},{p[0]},{p[1]},{p[2]}" for name, p in zip("abcd", moved, strict=True)]
    (tmp_path / "known.csv").write_text("\n".join(["point,x,y,z", *rows]))
    return tmp_path


KINDS = ("rotation", "translation")


def floor_of(scene) -> np.ndarray:
    """The pose of a board that the first two cameras see."""
    both = scene.observations.usable[:2].all(axis=0)
    return scene.board_poses[np.flatnonzero(both)[0]]


def test_a_board_on_the_floor(folder, labcut3d, scene):
    arguments = ["rig.toml", "--board", "board.toml", "cam0=cam0.png", "cam1=cam1.png"]
    status, text = labcut3d("align", *arguments, "-o", "world.toml", cwd=folder)
    assert status == 0, text
    assert "charuco board on the floor seen by cam0, cam1" in text
    rig = Rig.load(folder / "world.toml")
    assert rig.metadata["world"] in text
    # What the cameras saw of the board now lies on z = 0, its rows along -y.
    board = scene.board.points * [1, -1, -1]
    true = scene.rig.project(transform(floor_of(scene), scene.board.points))
    assert np.nanmax(np.abs(rig.project(board)[:2] - true[:2])) < 0.5  # px: found corners
    assert RigCovariance.load(folder / "world.toml").gauge.startswith("none; then the world")


def test_known_points(folder, labcut3d, scene):
    arguments = ["--clicks", "clicks.csv", "--known", "known.csv", "-o", "world.toml"]
    status, text = labcut3d("align", "rig.toml", *arguments, cwd=folder)
    assert status == 0, text
    rig = Rig.load(folder / "world.toml")
    turn = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    pose = make_pose(turn, np.array([1.0, 2, 3]))
    for before, after in zip(scene.rig, rig, strict=True):
        np.testing.assert_allclose(after.center, transform(pose, before.center[None])[0], atol=1e-5)


def test_a_measured_distance(folder, labcut3d, scene):
    a, b = scene.position[0, :2]
    true = 1.02 * np.linalg.norm(a - b)
    arguments = ["--clicks", "clicks.csv", "--distance", f"a,b={true}", "-o", "world.toml"]
    status, text = labcut3d("align", "rig.toml", *arguments, cwd=folder)
    assert status == 0, text
    rig = Rig.load(folder / "world.toml")
    assert rig.metadata["world_scale"] == pytest.approx(1.02, rel=1e-6)
    assert "world" not in rig.metadata
    np.testing.assert_allclose(rig.cameras[1].center, 1.02 * scene.rig.cameras[1].center, rtol=1e-6)


@pytest.mark.parametrize(("factor", "boarded", "told"), [(1.2, 1, 1), (1.02, 1, 0), (1.2, 0, 0)])
def test_a_scale_that_a_board_had_set_is_not_changed_in_silence(
    folder, labcut3d, scene, factor, boarded, told
):
    metadata = {"board": {"type": "charuco"}} if boarded else {}
    replace(scene.rig, metadata=metadata).save(folder / "bare.toml")
    true = factor * np.linalg.norm(scene.position[0, 0] - scene.position[0, 1])
    arguments = ["--clicks", "clicks.csv", "--distance", f"a,b={true}", "-o", "world.toml"]
    status, text = labcut3d("align", "bare.toml", *arguments, cwd=folder)
    assert status == 0, text
    assert ("Note: the board" in text and "1.2 times" in text) == bool(told)


def test_a_projects_rig_is_replaced_and_not_calibrated_anew(folder, labcut3d):
    project = folder / "project"
    status, text = labcut3d("new", project, "--views", "cam0,cam1,cam2,cam3,cam4")
    assert status == 0, text
    rig_path = project / "results" / "rig.toml"
    Rig.load(folder / "rig.toml").save(rig_path)
    write_stamp(rig_path, {"board": "as it was"})
    board = f"[board]\n{BOARD}"
    with (project / "project.toml").open("a") as stream:
        stream.write(board)
    sources = [f"cam0={folder / 'cam0.png'}", f"cam1={folder / 'cam1.png'}"]
    status, text = labcut3d("align", project, *sources, "--centre", "--height", "3")
    assert status == 0, text
    assert "origin at its centre" in Rig.load(rig_path).metadata["world"]
    assert changed_inputs(rig_path, {"board": "as it was"}) == ()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["rig.toml", "--clicks", "clicks.csv"], "-o aligned.toml"),
        (["rig.toml", "-o", "w.toml"], "--board"),
        (["rig.toml", "-o", "w.toml", "--board", "board.toml"], "NAME=PATH"),
        (["rig.toml", "-o", "w.toml", "--clicks", "clicks.csv"], "--known"),
        (["rig.toml", "-o", "w.toml", "--known", "known.csv"], "--clicks"),
        (["rig.toml", "-o", "w.toml", "--clicks", "clicks.csv", "--distance", "a=3"], "A,B=12.5"),
        (["rig.toml", "-o", "w.toml", "--clicks", "clicks.csv", "--distance", "a,z=3"], "'z'"),
    ],
)
def test_wrong_usage_is_explained(folder, labcut3d, arguments, expected):
    status, text = labcut3d("align", *arguments, cwd=folder)
    assert status == 2
    assert expected in text
    assert not (folder / "w.toml").exists()


def test_a_chamber_is_placed_from_the_command_line(folder, labcut3d, scene):
    project = folder / "project"
    labcut3d("new", project, "--views", ",".join(scene.rig.names))
    status, text = labcut3d("chamber", project)
    assert (status, "no [chamber]; describe there the box" in text) == (1, True)
    lines = (project / "project.toml").read_text().splitlines()
    start = lines.index("# [chamber]")
    lines[start : start + 6] = [line.removeprefix("# ") for line in lines[start : start + 6]]
    (project / "project.toml").write_text("\n".join(lines))
    scene.rig.save(project / "results" / "rig.toml")
    box = load_project(project).chamber.to_chamber()
    pose = make_pose(scene.rig.cameras[0].rotation.T, scene.position.mean(axis=(0, 1)))
    pixels = {
        name: box.around(scene.rig, pose).project(transform(pose, box.corner(name)[None]))[:, 0]
        for name in ("inner -x-y-z", "inner +x-y-z", "inner +x+y-z", "inner -x+y+z")
    }
    rows = [
        f"{view},{name},{x},{y}"
        for name, seen in pixels.items()
        for view, (x, y) in zip(scene.rig.names, seen, strict=True)
    ]
    (project / "chamber").mkdir()
    (project / "chamber" / "corners.csv").write_text("\n".join(["view,point,x,y", *rows]))
    status, text = labcut3d("chamber", project)
    assert status == 0, text
    assert "placed by its corners: 20 points 0.00 px off" in text
    assert "rig_in_chamber.toml" in text
    assert Rig.load(project / "results" / "rig_in_chamber.toml").cameras[0].wall.thickness == 3
