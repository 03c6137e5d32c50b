"""Figures show the data they were given, upright and with one scale."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.alignment import up_direction
from calibration.geometry import transform
from labcut3d.errors import DatasetError
from labcut3d.viewers import SceneOptions, figure_rig, figure_time_series, figure_trajectory_3d
from labcut3d.viewers.palette import event_color, keypoint_colors, sides_of, translucent
from labcut3d.viewers.rig_figure import cube_around, frustum, view_camera
from labcut3d.viewers.signals import default_keypoints, detection_signals, trajectory_signals
from labcut3d.viewers.time_series import figure_signals


def by_role(figure, role):
    return [trace for trace in figure.data if trace.meta and trace.meta.get("role") == role]


def test_rig_figure_has_every_camera_where_it_stands(scene):
    figure = figure_rig(scene.rig, scene.board, scene.board_poses)
    cameras = by_role(figure, "camera")
    assert [trace.name for trace in cameras] == list(scene.rig.names)
    for trace, camera in zip(cameras, scene.rig, strict=True):
        np.testing.assert_allclose([trace.x[0], trace.y[0], trace.z[0]], camera.center, atol=1e-9)
    (boards,) = by_role(figure, "boards")
    outline = np.stack([boards.x, boards.y, boards.z], axis=-1).reshape(-1, 6, 3)
    assert len(outline) == len(scene.board_poses)
    assert np.isnan(outline[:, -1]).all()  # the pen is lifted between boards
    corner = transform(scene.board_poses[3], scene.board.points[:1])[0]
    np.testing.assert_allclose(outline[3, 0], corner, atol=1e-9)


def test_rig_figure_leaves_out_unknown_poses(scene):
    poses = scene.board_poses.copy()
    poses[2:] = np.nan
    (boards,) = by_role(figure_rig(scene.rig, scene.board, poses), "boards")
    assert len(boards.x) == 2 * 6
    assert len(by_role(figure_rig(scene.rig), "boards")[0].x) == 0


def test_frustum_passes_through_the_image_corners(scene):
    camera = scene.rig.cameras[1]
    line = frustum(camera, 50.0)
    local = line @ camera.rotation.T + camera.translation
    np.testing.assert_allclose(local[0], 0, atol=1e-9)
    pinhole = local[1:3] / local[1:3, 2:] @ camera.matrix.T
    expected = [[-0.5, -0.5], [camera.size[0] - 0.5, -0.5]]
    np.testing.assert_allclose(pinhole[:, :2], expected, atol=1e-6)  # px
    np.testing.assert_allclose(local[[1, 2, 4, 5], 2], 50.0, atol=1e-9)  # mm deep


def test_scene_is_upright_and_of_one_scale(scene):
    figure = figure_rig(scene.rig)
    up = figure.layout.scene.camera.up
    expected = -np.mean([camera.rotation[1] for camera in scene.rig], axis=0)
    expected /= np.linalg.norm(expected)
    np.testing.assert_allclose([up.x, up.y, up.z], expected, atol=1e-9)
    eye = figure.layout.scene.camera.eye
    assert np.dot([eye.x, eye.y, eye.z], expected) > 0  # seen from above
    spans = [np.ptp(figure.layout.scene[f"{axis}axis"].range) for axis in "xyz"]
    np.testing.assert_allclose(spans, spans[0])
    assert figure.layout.scene.aspectmode == "cube"
    assert figure.layout.scene.xaxis.title.text == "x (mm)"


def test_nothing_of_a_rig_is_cut_off(scene):
    """Not even where cameras stand in the corners of the scene's cube, one above the other.

    Plotly's camera sees 45 degrees from top to bottom, and the cube's sides have the length one.
    """
    diagonal = np.ones(3) / np.sqrt(3)
    side = np.array([1.0, -1.0, 0.0]) / np.sqrt(2)
    turn = np.stack([side, -diagonal, np.cross(side, -diagonal)])  # the images' top is up
    cameras = [
        replace(camera, rotation=turn, translation=-turn @ (height * diagonal))
        for camera, height in zip(scene.rig.cameras, (-100.0, 100.0), strict=False)
    ]
    figure = figure_rig(replace(scene.rig, cameras=tuple(cameras)))
    layout = figure.layout.scene
    eye, center = (np.array([p.x, p.y, p.z]) for p in (layout.camera.eye, layout.camera.center))
    back = (eye - center) / np.linalg.norm(eye - center)
    upward = diagonal - back * (diagonal @ back)
    for trace in by_role(figure, "camera"):
        places = zip("xyz", (trace.x, trace.y, trace.z), strict=True)
        inside = [np.subtract(v, np.mean(layout[f"{a}axis"].range)) for a, v in places]
        points = np.stack(inside, axis=-1) / np.ptp(layout.xaxis.range) - eye
        height = points @ upward / np.linalg.norm(upward) / -(points @ back)
        assert np.abs(height).max() < 0.95 * np.tan(np.radians(22.5))


def test_without_a_rig_up_is_against_y():
    np.testing.assert_array_equal(up_direction(None), [0, -1, 0])
    assert view_camera(None)["up"] == {"x": 0.0, "y": -1.0, "z": 0.0}


def test_cube_ignores_missing_points_and_outliers():
    points = np.random.default_rng(0).uniform(-1, 1, (2000, 3))
    points[0], points[1] = np.nan, 1e6
    ranges = cube_around(points, 0.0, trim=0.01)
    assert np.abs(ranges).max() < 1.2
    np.testing.assert_array_equal(cube_around(np.full((4, 3), np.nan)), [[-1, 1]] * 3)


def test_trajectory_figure_shows_points_bones_and_trail(scene, trajectories):
    options = SceneOptions(skeleton=scene.skeleton, rig=scene.rig, trail="nose", trail_length=10)
    figure = figure_trajectory_3d(trajectories, 30, options=options)
    (points,), (bones,), (trail,) = (by_role(figure, r) for r in ("points", "bones", "trail"))
    np.testing.assert_allclose(np.stack([points.x, points.y, points.z], -1), scene.position[30])
    np.testing.assert_allclose(trail.y, scene.position[20:31, 0, 1])
    assert len(bones.x) == 3 * len(scene.skeleton.bones)
    ends = scene.position[30][list(scene.skeleton.bone_indices[1])]
    np.testing.assert_allclose(bones.z[3:5], ends[:, 2])
    assert np.isnan(bones.z[2::3]).all()
    assert len(by_role(figure, "camera")) == len(scene.rig)


def test_trajectory_figure_without_skeleton_rig_or_data(trajectories):
    empty = trajectories.copy(deep=True)
    empty["position"][:] = np.nan
    figure = figure_trajectory_3d(empty)
    assert np.isnan(by_role(figure, "points")[0].x).all()
    with pytest.raises(DatasetError, match="no keypoint 'wing'"):
        figure_trajectory_3d(trajectories, options=SceneOptions(trail="wing"))


def test_time_series_has_the_signals_and_events(scene, trajectories, events):
    figure = figure_time_series(trajectories, ["nose", "tail"], events=events, rig=scene.rig)
    traces = {(t.meta["signal"], t.meta["keypoint"]): t for t in figure.data if "signal" in t.meta}
    assert {signal for signal, _ in traces} == {
        "height",
        "speed",
        "confidence",
        "reprojection_error",
    }
    height = scene.position[:, 0] @ up_direction(scene.rig)
    np.testing.assert_allclose(traces["height", "nose"].y, height)
    assert np.isnan(traces["height", "tail"].y[0])
    assert len({t.yaxis for t in traces.values()}) == 4
    bands = [s for s in figure.layout.shapes if s.type == "rect" and s.yref == "paper"]
    assert [(b.x0, b.x1) for b in bands] == [(10 / 30, 25 / 30)]
    lines = [s.x0 for s in figure.layout.shapes if s.type == "line"]
    assert lines == [pytest.approx(20 / 30)]
    marks = [t for t in figure.data if "event" in t.meta]
    assert [t.marker.symbol[0] for t in marks] == ["circle", "triangle-down"]
    assert list(figure.layout.yaxis.ticktext) == ["egg\u00a0laying", "egg\u00a0deposited"]


def test_time_series_of_detections_and_unknown_keypoints(scene):
    figure = figure_time_series(scene.detections, ["neck"])
    assert [t.meta["signal"] for t in figure.data] == ["x", "speed", "confidence"]
    with pytest.raises(DatasetError, match="no keypoint 'wing'"):
        figure_time_series(scene.detections, ["wing"])


def test_rows_share_one_time_axis(trajectories):
    signals = trajectory_signals(trajectories)[:3]
    figure = figure_signals(signals, trajectories["time"].values, None)
    assert [name for name in figure.layout.to_plotly_json() if name.startswith("xaxis")] == [
        "xaxis"
    ]
    assert figure.layout.yaxis3.title.text == "y (mm)"


def test_speed_is_that_of_a_steady_walk(trajectories):
    steady = trajectories.copy(deep=True)
    path = np.arange(steady.sizes["time"])[:, None] * [0.3, 0.0, 0.4]  # mm a moment
    steady["position"][:] = path[:, :, None, None]
    speed = next(s for s in trajectory_signals(steady) if s.name == "speed")
    np.testing.assert_allclose(speed.values, 0.5 * 30)  # mm/s at 30 fps
    assert speed.unit == "mm/s"


def test_signals_of_one_moment_have_no_speed(scene):
    one = scene.detections.isel(time=slice(0, 1))
    speed = next(s for s in detection_signals(one, "cam1") if s.name == "speed")
    assert np.isnan(speed.values).all()


def test_default_keypoints_are_the_ends_of_the_midline(scene):
    assert default_keypoints(scene.skeleton.keypoints, scene.skeleton) == ("tail",)
    assert default_keypoints(("a", "b", "c"), None) == ("a", "c")
    assert default_keypoints(("a",), None) == ("a",)


def test_sides_have_their_own_colours(scene):
    names = ("left_eye", "eye_r", "tail", "R_knee", "belly")
    assert list(sides_of(names).values()) == ["left", "right", "middle", "right", "middle"]
    assert sides_of(("nose", "left_ear"), scene.skeleton)["left_ear"] == "left"
    colors = keypoint_colors(scene.skeleton.keypoints, scene.skeleton)
    assert list(colors) == list(scene.skeleton.keypoints)
    assert len(set(colors.values())) == len(colors)
    blue, orange = (int(colors[name][5:], 16) for name in ("left_ear", "right_ear"))
    assert blue > 100 > orange


def test_event_colours_are_stable():
    assert event_color("egg_laying") == "#c07c0a"
    assert event_color("grooming") == event_color("grooming")
    assert translucent("#ff8000", 0.5) == "rgba(255,128,0,0.5)"


def test_a_box_is_drawn_by_its_twelve_edges_and_lies_in_the_picture(scene):
    corners = np.stack(np.meshgrid([-500, 500], [-400, 400], [-300, 300], indexing="ij"), axis=-1)
    figure = figure_rig(scene.rig, boxes={"tank": corners})
    (box,) = by_role(figure, "box")
    assert box.name == "tank"
    lines = np.stack([box.x, box.y, box.z], axis=-1).reshape(12, 3, 3)
    lengths = np.linalg.norm(lines[:, 1] - lines[:, 0], axis=-1)
    assert sorted(lengths) == [600] * 4 + [800] * 4 + [1000] * 4
    assert np.isnan(lines[:, 2]).all()
    assert figure.layout.scene.xaxis.range[0] <= -500
