"""Walls where light cannot go: behind the camera, around it, at grazing angles."""

from dataclasses import replace

import numpy as np
import pytest
from walled import BOARD, MEDIA, make_rig

from calibration import Observations, triangulate_points
from calibration.chamber import Chamber
from calibration.errors import RigError
from calibration.fitting.walls import WallPriors, refine_walls
from calibration.geometry import make_pose, rotation_from_vector, transform
from calibration.points.imaging import project_with_slopes
from calibration.refraction import Wall

WALL = Wall(normal=[0, 0, 1.0], distance=0.0, thickness=3.0, indices=(1.0, 1.49, 1.0))
POINTS = np.random.default_rng(0).uniform(-20, 20, (40, 3))


@pytest.mark.parametrize("height", [-1.0, -2.999, -3.0, -50.0])
def test_a_camera_in_its_wall_or_behind_it_is_refused(height):
    """From inside the wall, on its far face, and from beyond."""
    rig = make_rig(*MEDIA["acrylic"])
    camera = rig.cameras[0]
    face = float(camera.wall.normal @ camera.center) + height
    with pytest.raises(RigError, match=r"cam0.*stands .* behind the face of its wall"):
        replace(camera, wall=replace(camera.wall, distance=face))


@pytest.mark.parametrize("height", [0.0, -1.0, -50.0])
def test_from_within_or_behind_a_wall_nothing_is_seen(height):
    center, points = np.array([1.0, 2.0, -height]), np.array([[5.0, 5.0, 20.0], [0.0, 0.0, 4.0]])
    assert np.isnan(WALL.enter(center, points)).all()
    for slopes in WALL.enter_jacobians(center, points):
        assert np.isnan(slopes).all()
    assert np.isnan(WALL.parameter_jacobian(center, points)).all()


def test_a_camera_in_the_walls_of_a_box_or_inside_it_is_refused():
    box = Chamber(inner=[100.0, 100.0, 100.0], thickness=10.0, indices=(1.0, 1.49, 1.0))
    rig = make_rig(*MEDIA["acrylic"]).select(["cam0"])
    center = rig.cameras[0].center
    for place, words in ((55.0, r"face '\+x' of the chamber.*behind the face"), (20.0, "inside")):
        pose = make_pose(np.eye(3), center - np.array([place, 0.0, 0.0]))
        with pytest.raises(RigError, match=words):
            box.around(rig, pose)


def test_pixels_of_totally_reflected_light_tell_nothing():
    """Out of glass of 1.6 nothing leaves beyond 38.7 degrees: such a view is left out."""
    rig = make_rig(3.0, (1.6, 1.6, 1.0))
    camera, pixels = rig.cameras[0], rig.project(POINTS)
    grid = np.stack(np.meshgrid(np.arange(0.0, 1280, 8), np.arange(0.0, 1024, 8)), axis=-1)
    total = np.isnan(camera.rays(grid)[1][..., 0])
    assert 0 < total.sum() < total.size
    pixels[0] = grid[total][0]
    found = triangulate_points(rig, pixels)
    assert not found.inliers[0].any()
    assert found.inliers[1:].all()
    np.testing.assert_allclose(found.points, POINTS, atol=1e-7)  # mm
    pixels[2:] = np.nan  # with one other view alone there is no point
    assert np.isnan(triangulate_points(rig, pixels).points).all()


def test_points_behind_a_camera_are_nan_with_a_wall_too():
    rig = make_rig(*MEDIA["water"])
    behind = rig.cameras[0].center - 40 * rig.cameras[0].rotation[2]
    pixels, slopes = project_with_slopes(rig, behind[None])
    assert np.isnan(rig.cameras[0].project(behind)).all()
    assert np.isnan(pixels[0]).all()
    assert np.isnan(slopes[0]).all()


@pytest.mark.parametrize("medium", MEDIA)
def test_projection_is_exact_to_a_millionth_of_a_pixel(medium):
    """Light sent out from pixels comes back to them, near and far, at up to 60 degrees."""
    rig = make_rig(*MEDIA[medium])
    rng = np.random.default_rng(1)
    for camera in rig:
        pixels = rng.uniform([0, 0], camera.size, (500, 2))
        origins, directions = camera.rays(pixels)
        for far in (1e-3, 1.0, 100.0):
            off = camera.project(origins + far * directions) - pixels
            assert np.abs(off).max() < 1e-6  # px


def test_walls_that_a_step_would_put_behind_their_cameras_stay_before_them():
    """Cameras 2 mm from their faces, and a prior of 50 mm: what is tried may be no rig at all."""
    rig = make_rig(*MEDIA["water"])
    walls = [replace(c.wall, distance=float(c.wall.normal @ c.center) + 2.0) for c in rig]
    cameras = tuple(replace(c, wall=wall) for c, wall in zip(rig, walls, strict=True))
    rig = replace(rig, cameras=cameras)
    turns = rotation_from_vector(np.random.default_rng(2).normal(0, 1, (8, 3)))
    poses = make_pose(turns, -turns @ BOARD.points.mean(axis=0))
    corners = rig.project(transform(poses, BOARD.points))
    corners += np.random.default_rng(3).normal(0, 3.0, corners.shape)
    sizes = tuple(camera.size for camera in rig)
    seen = Observations(views=rig.names, sizes=sizes, frames=np.arange(8), corners=corners)
    found = refine_walls(rig, BOARD, seen, WallPriors(distance=50.0, thickness=0.5, tilt=0.1))
    assert all(camera.wall.height(camera.center) > 0 for camera in found.rig)
    assert found.after <= found.before
