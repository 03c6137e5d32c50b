"""What stands in the scene: ellipsoids, the chamber, the substrate, and what had been exchanged."""

import numpy as np
import pytest
import xarray as xr

from calibration.chamber import Chamber
from calibration.geometry import make_pose, rotation_from_vector
from labcut3d.kinematics.geometry import Plane
from labcut3d.viewers import SceneOptions, Surroundings, chamber_surroundings, figure_trajectory_3d
from labcut3d.viewers.ellipsoids import RADIUS, ball, ellipsoid_trace, square_roots
from labcut3d.viewers.marks import marks_of
from labcut3d.viewers.repairs import exchanged_points
from labcut3d.viewers.scene_pictures import choose_projection, scene_pictures
from labcut3d.viewers.surroundings import substrate_lines


def test_the_ball_is_a_closed_surface_that_faces_outwards():
    corners, triangles = ball()
    np.testing.assert_allclose(np.linalg.norm(corners, axis=1), 1)
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    there, back = ({tuple(edge) for edge in e} for e in (edges, edges[:, ::-1]))
    assert there == back  # every edge is run through once in either direction
    assert len(there) == len(edges)
    a, b, c = np.moveaxis(corners[triangles], 1, 0)
    assert (np.einsum("ni,ni->n", np.cross(b - a, c - a), a + b + c) > 0).all()


def test_ellipsoids_hold_what_their_level_says():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(3, 3))
    covariance = root @ root.T
    roots = square_roots(covariance)
    np.testing.assert_allclose(roots @ roots.T, covariance, atol=1e-12)
    samples = rng.multivariate_normal(np.zeros(3), covariance, 20_000)
    inside = np.linalg.norm(np.linalg.solve(roots, samples.T), axis=0) <= RADIUS
    assert inside.mean() == pytest.approx(0.95, abs=0.006)  # four standard errors
    unknown = square_roots(np.full((2, 3, 3), np.nan))
    assert np.isnan(unknown).all()
    assert np.isfinite(square_roots(np.diag([1.0, 0.0, -1e-18]))).all()


def test_ellipsoid_meshes_lie_about_their_points():
    points = np.array([[1.0, 2.0, 3.0], [np.nan] * 3])
    trace = ellipsoid_trace(points, np.stack([0.04 * np.eye(3)] * 2))
    surface = np.stack([trace.x, trace.y, trace.z], axis=-1).reshape(2, -1, 3)
    away = np.linalg.norm(surface[0] - points[0], axis=-1)
    np.testing.assert_allclose(away, 0.2 * RADIUS, rtol=1e-5)
    assert np.isnan(surface[1]).all()
    assert trace.i.max() < len(trace.x)


@pytest.fixture
def box() -> tuple[Chamber, np.ndarray]:
    chamber = Chamber(inner=(8.0, 6.0, 5.0), thickness=0.5, indices=(1, 1.49, 1), open=("+z",))
    return chamber, make_pose(rotation_from_vector([0.2, -0.1, 0.4]), np.array([1.0, 2.0, 30.0]))


def test_a_chamber_has_its_walls_and_its_lowest_face_as_floor(box):
    chamber, pose = box
    around = chamber_surroundings(chamber, pose, up=pose[:3, 2])
    assert set(around.walls) == {"-x", "+x", "-y", "+y", "-z"}
    floor = around.substrate
    np.testing.assert_allclose(floor.normal, pose[:3, 2], atol=1e-12)
    assert floor.normal @ pose[:3, 3] - floor.distance == pytest.approx(2.5)  # half of 5
    for name, face in around.walls.items():
        local = (face - pose[:3, 3]) @ pose[:3, :3]
        axis, side = "xyz".index(name[1]), 1 if name[0] == "+" else -1
        np.testing.assert_allclose(local[:, axis], side * chamber.inner[axis] / 2)


def test_a_plane_may_be_given(box):
    chamber, pose = box
    plane = Plane(normal=np.array([0.0, 0.6, 0.8]), distance=7.0)
    assert chamber_surroundings(chamber, pose, np.eye(3)[2], plane).substrate is plane
    lines = substrate_lines(plane, np.array([[-5.0, 5.0]] * 3))
    lines = lines[np.isfinite(lines).all(axis=1)]
    np.testing.assert_allclose(lines @ plane.normal, 7.0)


def test_the_scene_holds_the_chamber(scene, trajectories, box):
    around = chamber_surroundings(*box, up=np.array([0.0, -1.0, 0.0]))
    options = SceneOptions(skeleton=scene.skeleton, surroundings=around, uncertainty=True)
    figure = figure_trajectory_3d(trajectories, 5, options=options)
    roles = [trace.meta["role"] for trace in figure.data]
    assert roles == ["bones", "trail", "points", "uncertainty", "box", "box", "walls", "substrate"]
    outer = around.boxes["chamber, outer"].reshape(-1, 3)
    for axis, name in enumerate("xyz"):
        low, high = figure.layout.scene[f"{name}axis"].range
        assert low <= outer[:, axis].min()
        assert high >= outer[:, axis].max()


def test_exchanged_detections_are_found_by_where_they_lie(scene, trajectories):
    names = list(scene.skeleton.keypoints)
    left, right = (names.index(name) for name in scene.skeleton.left_right[0])
    projected = scene.rig.project(scene.position)  # view, time, keypoint, xy
    reprojection = np.moveaxis(projected, 0, 1)[:, :, None]
    found = scene.detections.copy(deep=True)
    found["position"].values[:] = np.moveaxis(reprojection[:, :, 0], 2, 3)[..., None]
    pair = found["position"].values[8, 2][:, [left, right], 0]
    found["position"].values[8, 2][:, [left, right], 0] = pair[:, ::-1]
    count = xr.DataArray(np.zeros((50, 4, 1), dtype=int), dims=("time", "view", "individual"))
    count[8, 2, 0] = 1
    repaired = trajectories.assign(exchanged=count)
    marked = exchanged_points(repaired, found, reprojection, scene.skeleton)
    assert set(zip(*np.nonzero(marked), strict=True)) == {(8, 2, 0, left), (8, 2, 0, right)}
    assert not exchanged_points(trajectories, found, reprojection, scene.skeleton).any()
    assert not exchanged_points(repaired, found, reprojection, None).any()


def test_marks_are_where_the_cameras_see_points(recording, scene):
    marks = marks_of(recording)
    expected = scene.rig["cam2"].project(scene.position[9])
    np.testing.assert_allclose(marks.reprojected[9, 2, 0], expected, rtol=1e-6)
    assert marks.detected.shape == (50, 4, 1, 7, 2)


def test_pictures_of_the_scene_are_upright_and_hold_all_points(scene, trajectories):
    ranges = np.array([[-1.0, 1.0], [-1.0, 1.0], [9.0, 11.0]])
    project = choose_projection(ranges, scene.rig, 300)
    cube = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1)
    assert (np.abs(project(cube) - 150) < 150).all()
    up = -np.mean([camera.rotation[1] for camera in scene.rig], axis=0)
    top, middle = project(ranges.mean(axis=1) + 0.5 * up / np.linalg.norm(up)), np.full(2, 150.0)
    assert top[1] < middle[1]  # rows count downwards
    assert top[0] == pytest.approx(150, abs=1e-6)
    images = list(scene_pictures(trajectories.isel(time=slice(3)), 200, skeleton=scene.skeleton))
    assert [image.shape for image in images] == [(200, 200, 3)] * 3


def test_surroundings_may_be_empty(trajectories):
    options = SceneOptions(surroundings=Surroundings())
    roles = [t.meta["role"] for t in figure_trajectory_3d(trajectories, options=options).data]
    assert roles == ["bones", "trail", "points"]
