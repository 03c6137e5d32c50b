"""Rigs that look through walls: projection, rays, files, worlds, epipolar curves, triangulation.

Four cameras 300 mm from a box of 120 mm, filled with water, its walls seen at up to 45 degrees.
"""

import tomllib
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from walled import MEDIA, make_rig

from calibration import Rig
from calibration.alignment import WorldChange
from calibration.checks.checking import shared_views
from calibration.epipolar import epipolar_curve, epipolar_error, essential_matrix
from calibration.errors import RigError
from calibration.foreign.registry import save_rig
from calibration.geometry import make_pose, rotation_from_vector
from calibration.stereo import rectify
from calibration.triangulation import triangulate_points


@pytest.fixture(scope="module", params=MEDIA)
def rig(request) -> Rig:
    return make_rig(*MEDIA[request.param])


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return np.random.default_rng(0).uniform(-30, 30, (300, 3))


def without_walls(rig: Rig) -> Rig:
    return replace(rig, cameras=tuple(replace(camera, wall=None) for camera in rig))


def test_rays_pass_through_the_points_projected(rig, points):
    for camera in rig:
        origins, directions = camera.rays(camera.project(points))
        np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1, atol=1e-12)
        off = np.linalg.norm(np.cross(points - origins, directions), axis=-1)
        assert off.max() < 1e-8  # mm; 1e-7 px: the lens's tolerance
        again = camera.project(origins + 20 * directions)
        assert np.abs(again - camera.project(points)).max() < 1e-6  # px


def test_the_wall_matters(rig, points):
    shift = np.linalg.norm(rig.project(points) - without_walls(rig).project(points), axis=-1)
    assert shift.min() > 1  # px


def test_jacobians_match_finite_differences(rig, points):
    step = 1e-5
    for camera in rig:
        analytic = camera.project_jacobian(points)
        poses = camera.parameter_jacobian(points)[..., -6:]
        for axis, shift in enumerate(step * np.eye(3)):
            numeric = (camera.project(points + shift) - camera.project(points - shift)) / (2 * step)
            np.testing.assert_allclose(analytic[..., axis], numeric, atol=1e-5)
            turned = [
                replace(camera, rotation=rotation_from_vector(s * shift) @ camera.rotation)
                for s in (1, -1)
            ]
            moved = [replace(camera, translation=camera.translation + s * shift) for s in (1, -1)]
            for column, (one, other) in ((axis, turned), (3 + axis, moved)):
                numeric = (one.project(points) - other.project(points)) / (2 * step)
                np.testing.assert_allclose(poses[..., column], numeric, rtol=1e-6, atol=2e-4)


def test_files_keep_walls_and_stay_as_they_were_without(rig, tmp_path):
    rig.save(tmp_path / "rig.toml")
    again = Rig.load(tmp_path / "rig.toml")
    assert [camera.wall for camera in again] == [camera.wall for camera in rig]
    assert tomllib.loads((tmp_path / "rig.toml").read_text())["cam_0"]["wall"]["normal"][0] == -1
    without_walls(rig).save(tmp_path / "plain.toml")
    assert "wall" not in (tmp_path / "plain.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("thickness", "thicknes", r"\[cam_0\]: wall: unknown key 'thicknes'; did you mean"),
        ("thickness = 3.0\n", "", "wall: 'thickness' is missing"),
        ("thickness = 3.0", 'thickness = "3 mm"', "thickness = '3 mm' is not made of numbers"),
        ("distance = -63.0", "distance = -900.0", "behind the face"),
        ("[cam_0.wall]", "wall = 3\n[cam_0.other]", "wall must be a table"),
    ],
)
def test_files_with_broken_walls_are_refused(old, new, words, tmp_path):
    make_rig(*MEDIA["acrylic"]).select(["cam0"]).save(tmp_path / "rig.toml")
    text = (tmp_path / "rig.toml").read_text()
    (tmp_path / "rig.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(RigError, match=words):
        Rig.load(tmp_path / "rig.toml")


def test_other_programs_files_do_not_lose_a_wall_silently(rig, tmp_path):
    for format in ("anipose", "caliscope", "jarvis", "opencv"):
        with pytest.raises(RigError, match="looks through a wall"):
            save_rig(rig, tmp_path / "out", format)
    save_rig(rig, tmp_path / "rig.toml", "labcut3d")


def test_walls_move_with_the_world(rig, points):
    motion = make_pose(rotation_from_vector([0.4, -1.0, 0.2]), [100.0, 20, -50])
    change = WorldChange(motion=motion, scale=0.1, how="a test")
    pixels = change.move_rig(rig).project(change.move_points(points))
    assert np.abs(pixels - rig.project(points)).max() < 1e-8


def test_a_camera_behind_its_wall_is_refused(rig):
    camera = rig.cameras[0]
    flipped = replace(camera.wall, normal=-camera.wall.normal, distance=-camera.wall.distance)
    with pytest.raises(RigError, match="behind the face of its wall"):
        replace(camera, wall=flipped)


def test_exact_pixels_lie_on_epipolar_curves(rig, points):
    pixels = rig.project(points)
    for a, b in combinations(range(len(rig)), 2):
        names = rig.names[a], rig.names[b]
        assert epipolar_error(rig, *names, pixels[[a, b]]).max() < 1e-6  # px
        shifted = pixels[[a, b]] + np.array([2.0, 0])
        assert np.median(epipolar_error(rig, *names, shifted)) > 0.1
    curve = epipolar_curve(rig, "cam0", "cam1", pixels[0], np.linspace(0, 120, 1201))
    assert curve.shape == (300, 1201, 2)
    nearest = np.linalg.norm(curve - pixels[1][:, None], axis=-1).min(axis=1)
    assert nearest.max() < 0.6  # px; half a step of 0.1 mm is 0.4 px


def test_what_is_straight_lines_by_definition_is_refused(rig):
    with pytest.raises(RigError, match="wall"):
        essential_matrix(rig, "cam0", "cam1")
    with pytest.raises(RigError, match="wall"):
        rectify(rig, "cam1", "cam2")


def test_cameras_that_look_into_one_box_share_a_view(rig):
    assert shared_views(rig).all()


@pytest.mark.parametrize("views", [2, 3, 4])
def test_exact_pixels_give_exact_points(rig, points, views):
    some = rig.select(rig.names[:views])
    found = triangulate_points(some, some.project(points).reshape(views, 30, 10, 2))
    assert found.points.reshape(-1, 3) == pytest.approx(points, abs=1e-7)  # mm
    assert found.inliers.all()
    assert found.reprojection_error.max() < 1e-6  # px


def test_covariance_holds_the_truth_as_often_as_it_says(rig):
    rng = np.random.default_rng(3)
    points = rng.uniform(-30, 30, (2000, 3))
    pixels = rig.project(points) + rng.normal(0, 0.5, (4, 2000, 2))
    covariance = np.broadcast_to(0.25 * np.eye(2), (4, 2000, 2, 2))
    found = triangulate_points(rig, pixels, covariance=covariance)
    error = found.points - points
    squared = np.einsum("ni,nij,nj->n", error, np.linalg.inv(found.covariance), error)
    # Chi-square with 3 degrees: 95 % below 7.815; 2000 points leave 0.5 % of sampling noise.
    assert np.mean(squared < 7.815) == pytest.approx(0.95, abs=0.02)
    assert np.mean(squared < 3.506) == pytest.approx(0.68, abs=0.04)


def test_a_wrong_view_is_left_out_and_a_missing_one_missed_by_nobody(rig, points):
    rng = np.random.default_rng(4)
    pixels = rig.project(points) + rng.normal(0, 0.5, (4, 300, 2))
    wrong = rng.integers(0, 4, 300)
    turn = rng.uniform(0, 2 * np.pi, 300)
    pixels[wrong, np.arange(300)] += 80 * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    found = triangulate_points(rig, pixels)
    # 0.5 px are 0.06 mm here. A shift along the epipolar curves may hide from three views, no more.
    assert np.quantile(np.linalg.norm(found.points - points, axis=-1), 0.98) < 0.5
    assert (~found.inliers[wrong, np.arange(300)]).mean() > 0.98
    pixels = rig.project(points)
    pixels[2:, :100] = np.nan
    pixels[1:, 100:150] = np.nan
    found = triangulate_points(rig, pixels)
    assert np.isnan(found.points[100:150]).all()
    assert not found.inliers[:, 100:150].any()
    rest = np.r_[:100, 150:300]
    assert found.points[rest] == pytest.approx(points[rest], abs=1e-6)


def test_a_wall_of_air_gives_the_points_of_no_wall(points):
    rig = make_rig(3.0, (1.0, 1.0, 1.0))
    pixels = rig.project(points) + np.random.default_rng(5).normal(0, 0.5, (4, 300, 2))
    bent, straight = (triangulate_points(one, pixels) for one in (rig, without_walls(rig)))
    np.testing.assert_array_equal(bent.inliers, straight.inliers)
    np.testing.assert_allclose(bent.points, straight.points, atol=1e-5)  # mm; both iterate
    np.testing.assert_allclose(bent.covariance, straight.covariance, rtol=1e-4)


def test_a_wall_of_air_projects_as_no_wall(points):
    rig = make_rig(3.0, (1.0, 1.0, 1.0))
    for camera, bare in zip(rig, without_walls(rig), strict=True):
        pixels = bare.project(points)
        np.testing.assert_allclose(camera.project(points), pixels, atol=1e-9)  # px
        slopes = bare.project_jacobian(points)
        np.testing.assert_allclose(camera.project_jacobian(points), slopes, atol=1e-9)
        slopes = bare.parameter_jacobian(points)
        np.testing.assert_allclose(camera.parameter_jacobian(points), slopes, rtol=1e-9, atol=1e-6)
        origins, directions = camera.rays(pixels)
        center, straight = bare.rays(pixels)
        np.testing.assert_allclose(directions, straight, atol=1e-12)
        along = np.cross(origins - center, straight)
        assert np.abs(along).max() < 1e-9  # mm; another origin on the same ray


def test_without_a_wall_not_a_bit_is_changed(points):
    """The very operations of a camera that knows nothing of walls, in their order."""
    for camera in without_walls(make_rig(3.0, (1.0, 1.49, 1.0))):
        in_camera = points @ camera.rotation.T + camera.translation
        distorted = camera.lens.distort(in_camera[:, :2] / in_camera[:, 2:])
        pixels = distorted @ camera.matrix[:2, :2].T + camera.matrix[:2, 2]
        np.testing.assert_array_equal(camera.project(points), pixels)
        slopes = camera.camera_jacobian(in_camera) @ camera.rotation
        np.testing.assert_array_equal(camera.project_jacobian(points), slopes)
        both = camera.linearize(points)
        np.testing.assert_array_equal(both[0], pixels)
        np.testing.assert_array_equal(both[1], slopes)
        xy = camera.undistort(pixels)
        directions = np.concatenate([xy, np.ones_like(xy[:, :1])], axis=-1) @ camera.rotation
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        found = camera.rays(pixels)
        np.testing.assert_array_equal(found[1], directions)
        np.testing.assert_array_equal(found[0], np.broadcast_to(camera.center, (300, 3)))


def test_pixels_and_slopes_at_once_are_those_one_by_one(rig, points):
    for camera in rig:
        pixels, slopes = camera.linearize(points)
        np.testing.assert_array_equal(pixels, camera.project(points))
        np.testing.assert_array_equal(slopes, camera.project_jacobian(points))
