"""Bundle adjustment through walls: its derivatives, its answers against truth, what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from walled import BOARD, MEDIA, make_rig

from calibration import Rig, Wall
from calibration.errors import CalibrationError
from calibration.geometry import make_pose, rotation_from_vector, transform
from calibration.solver.adjusting import bodies_of, sights_of
from calibration.solver.adjustment import adjust_boards, bundle_adjust
from calibration.solver.arrays import Bodies, Robust
from calibration.solver.kernels import move_poses, normal_blocks, residuals_of
from calibration.solver.parameters import INTRINSICS, Layout, moved, to_arrays
from calibration.solver.wall_freedom import WallFreedom, WallPriors

STEP = 1e-5
GENTLE = Robust(1.0, 1e9)
PRIORS = WallPriors(distance=1.0, thickness=0.2, tilt=0.02, index=0.02)


def scattered(count: int = 60) -> np.ndarray:
    return np.random.default_rng(0).uniform(-30, 30, (count, 3))


def boards(frames: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    turns = rotation_from_vector(rng.normal(0, 1, (frames, 3)))
    return make_pose(turns, rng.uniform(-10, 10, (frames, 3)) - turns @ BOARD.points.mean(axis=0))


def disturbed(rig: Rig, degrees: float = 0.1) -> Rig:
    """The rig with all cameras but the first turned and shifted a little."""
    rng, cameras = np.random.default_rng(2), [rig.cameras[0]]
    for camera in rig.cameras[1:]:
        turn = rotation_from_vector(np.radians(degrees) * rng.normal(size=3))
        cameras.append(
            replace(
                camera,
                rotation=turn @ camera.rotation,
                translation=camera.translation + 0.3 * rng.normal(size=3),
            )
        )
    return replace(rig, cameras=tuple(cameras))


def with_walls(rig: Rig, **changes) -> Rig:
    return replace(rig, cameras=tuple(replace(c, wall=replace(c.wall, **changes)) for c in rig))


def slope(ahead: np.ndarray, behind: np.ndarray) -> np.ndarray:
    return (ahead - behind).ravel() / (2 * STEP)


@pytest.mark.parametrize("dof", [3, 6])
@pytest.mark.parametrize("medium", MEDIA)
def test_the_normal_equations_are_those_of_numeric_derivatives(medium, dof):
    rig = make_rig(*MEDIA[medium]).select(["cam0", "cam1"])
    rig = with_walls(rig, indices=tuple(n + 0.001 for n in MEDIA[medium][1]))  # off the bound of 1
    poses = boards(2) if dof == 6 else make_pose(np.stack([np.eye(3)] * 2), scattered(2))
    points = BOARD.points[:5] if dof == 6 else np.zeros((1, 3))
    seen = rig.project(transform(poses, points)) + 3.0
    sights, arrays, bodies = sights_of(seen, points), to_arrays(rig.cameras), bodies_of(poses)
    layout = Layout.of(rig.cameras, [INTRINSICS] * 2, posed=[True] * 2, walls=True)
    found = normal_blocks(arrays, bodies, sights, GENTLE, (layout.active, layout.counts), dof)

    def residuals(cameras, boards) -> np.ndarray:
        result = np.empty_like(sights.pixels)
        residuals_of(cameras, boards, sights, GENTLE, result)
        return result

    def wall_moved(view: int, parameter: int, sign: int):
        walls = arrays.walls.copy()
        if parameter < 3:  # a turn about the world's origin
            turn = rotation_from_vector(sign * STEP * np.eye(3)[parameter])
            walls[view, :3] = turn @ walls[view, :3]
        else:
            walls[view, parameter] += sign * STEP
        return arrays._replace(walls=walls)

    start = residuals(arrays, bodies).ravel()
    by_camera = np.zeros((2, found.own.shape[1], len(start)))
    for view in range(2):
        for place in range(10):
            step = np.zeros(layout.n_places)
            step[layout.index[view, place]] = STEP
            sides = (residuals(moved(arrays, *layout.spread(s)), bodies) for s in (step, -step))
            by_camera[view, place] = slope(*sides)
        for parameter in range(8):
            if parameter == 4 and MEDIA[medium][0] == 0:
                continue  # a surface has no thickness to change
            sides = (residuals(wall_moved(view, parameter, sign), bodies) for sign in (1, -1))
            by_camera[view, 10 + parameter] = slope(*sides)
    by_body = np.zeros((2, dof, len(start)))
    for body in range(2):
        for place in range(dof):
            step = np.zeros((2, dof))
            step[body, place] = STEP
            sides = (residuals(arrays, Bodies(*move_poses(*bodies, s))) for s in (step, -step))
            by_body[body, place] = slope(*sides)
    # Whitened, as an index moves pixels by hundreds and a shift by few; a turn about the normal, by
    # nothing.
    for view in range(2):
        expected = by_camera[view] @ by_camera[view].T
        size = np.sqrt(np.diag(expected)) + 1e-2
        np.testing.assert_allclose(
            found.own[view] / np.outer(size, size), expected / np.outer(size, size), atol=1e-5
        )
        pull = -by_camera[view] @ start / size
        np.testing.assert_allclose(
            found.own_side[view] / size, pull, atol=1e-6 * np.linalg.norm(start)
        )
    for body in range(2):
        expected = by_body[body] @ by_body[body].T
        np.testing.assert_allclose(found.bodies[body], expected, rtol=1e-5, atol=1e-3)
        np.testing.assert_allclose(found.sides[body], -by_body[body] @ start, rtol=1e-5, atol=1e-2)
    for image, (view, body) in enumerate(zip(sights.camera, sights.body, strict=True)):
        size = np.linalg.norm(by_camera[view], axis=1)[:, None] + 1e-2
        expected = by_camera[view] @ by_body[body].T
        np.testing.assert_allclose(found.mixed[image] / size, expected / size, atol=1e-3)


@pytest.mark.parametrize("shape", [{}, {"box": True, "size": 0.5}])
def test_slopes_of_walls_are_those_of_how_they_move(shape):
    rig = make_rig(3.0, (1.0, 1.5, 1.33))
    freedom = WallFreedom.of(rig.cameras, replace(PRIORS, **shape), np.array([5.0, -3.0, 8.0]))
    z = 0.5 * np.random.default_rng(3).normal(size=freedom.size)
    slopes, walls = freedom.slopes(z), freedom.moved(z)
    for column in range(freedom.size):
        step = 1e-6 * np.eye(freedom.size)[column]
        numeric = (freedom.moved(z + step) - freedom.moved(z - step)) / 2e-6
        turned = np.cross(slopes[:, :3, column], walls[:, :3])
        np.testing.assert_allclose(turned, numeric[:, :3], atol=1e-7)  # third order of tilts
        np.testing.assert_allclose(slopes[:, 3:, column], numeric[:, 3:], atol=1e-6)


def test_walls_of_a_box_stay_at_right_angles_and_keep_its_lengths():
    rig = make_rig(*MEDIA["water"])
    freedom = WallFreedom.of(rig.cameras, replace(PRIORS, box=True), np.zeros(3))
    walls = freedom.moved(np.random.default_rng(4).normal(size=freedom.size))
    assert walls[0, :3] @ walls[1, :3] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(walls[0, :3], -walls[3, :3], atol=1e-12)
    # cam0 and cam3 look through opposite faces: their distance apart is the box's outer length.
    assert walls[0, 3] + walls[3, 3] == pytest.approx(-126.0, abs=1e-9)
    assert len(np.unique(walls[:, 4:], axis=0)) == 1
    askew = replace(rig.cameras[1].wall, normal=[-0.2, -np.sqrt(0.96), 0.0])
    cameras = (rig.cameras[0], replace(rig.cameras[1], wall=askew))
    with pytest.raises(CalibrationError, match="not those of one box"):
        WallFreedom.of(cameras, replace(PRIORS, box=True), np.zeros(3))


@pytest.mark.parametrize("medium", MEDIA)
def test_exact_pixels_of_points_bring_disturbed_cameras_back(medium):
    true, points = make_rig(*MEDIA[medium]), scattered()
    pixels = true.project(points)
    start = disturbed(true)
    rough = points + np.random.default_rng(5).normal(0, 0.2, points.shape)
    found = bundle_adjust(start, rough, pixels, intrinsics="fixed", huber=None)
    assert np.abs(found.residuals).max() < 0.02  # px; 0.1 degrees are 4 px, the size is held
    size = [
        np.mean([np.linalg.norm(c.center - rig.cameras[0].center) for c in rig])
        for rig in (start, found.rig)
    ]
    assert size[1] == pytest.approx(size[0], rel=1e-4)
    scale = size[0] / np.mean([np.linalg.norm(c.center - true.cameras[0].center) for c in true])
    center = true.cameras[0].center
    for camera, now in zip(true, found.rig, strict=True):
        place = center + scale * (camera.center - center)
        np.testing.assert_allclose(now.center, place, atol=0.3)  # mm
        assert now.wall == camera.wall


def test_boards_tell_the_size_and_bring_everything_back_exactly():
    true, poses = make_rig(*MEDIA["water"]), boards(12)
    seen = true.project(transform(poses, BOARD.points))
    found = adjust_boards(disturbed(true), BOARD.points, poses, seen, intrinsics="fixed")
    for camera, now in zip(true, found.rig, strict=True):
        np.testing.assert_allclose(now.center, camera.center, atol=1e-5)  # mm
        np.testing.assert_allclose(now.rotation, camera.rotation, atol=1e-7)


@pytest.mark.parametrize("shape", [{}, {"box": True}])
def test_points_tell_that_a_wall_is_thicker_and_stands_askew(shape):
    """Water behind 3 mm of glass that was taken for 3.15 mm and 0.3 degrees off."""
    true = make_rig(*MEDIA["water"])
    turn = rotation_from_vector([0.003, -0.004, 0.005])
    wrong = [
        replace(c, wall=replace(c.wall, normal=turn @ c.wall.normal, thickness=3.15)) for c in true
    ]
    points = scattered(200)
    pixels = true.project(points) + np.random.default_rng(6).normal(0, 0.02, (4, 200, 2))
    held, freed = (
        bundle_adjust(replace(true, cameras=wrong), points, pixels, intrinsics="fixed", walls=walls)
        for walls in (None, replace(PRIORS, **shape))
    )
    assert np.sqrt(np.mean(freed.residuals**2)) < 0.02  # px; the noise, less what points take
    assert held.cost > 2 * freed.cost
    assert freed.rig.cameras[1].wall == freed.rig.cameras[2].wall


def test_a_wall_of_air_is_no_wall():
    walls = make_rig(3.0, (1.0, 1.0, 1.0))
    bare = replace(walls, cameras=tuple(replace(camera, wall=None) for camera in walls))
    poses = boards(6)
    seen = bare.project(transform(poses, BOARD.points))
    seen += np.random.default_rng(7).normal(0, 0.2, seen.shape)
    bent, straight = (adjust_boards(rig, BOARD.points, poses, seen) for rig in (walls, bare))
    assert bent.cost == pytest.approx(straight.cost, rel=1e-9)
    for one, other in zip(bent.rig, straight.rig, strict=True):
        np.testing.assert_allclose(one.center, other.center, atol=1e-4)  # mm
    np.testing.assert_allclose(
        np.sqrt(np.diag(bent.covariance.matrix)),
        np.sqrt(np.diag(straight.covariance.matrix)),
        rtol=1e-3,
        atol=1e-9,
    )


def test_doubt_about_walls_is_doubt_about_cameras():
    rig, poses = make_rig(*MEDIA["water"]), boards(6)
    seen = rig.project(transform(poses, BOARD.points))
    seen += np.random.default_rng(8).normal(0, 0.5, seen.shape)
    sure, unsure = (
        adjust_boards(rig, BOARD.points, poses, seen, intrinsics="fixed", walls=walls)
        for walls in (None, PRIORS)
    )
    sigmas = [np.sqrt(np.diag(one.covariance.matrix)) for one in (sure, unsure)]
    moving = sigmas[0] > 0
    assert (sigmas[1][moving] > 0.99 * sigmas[0][moving]).all()
    assert np.median(sigmas[1][moving] / sigmas[0][moving]) > 1.05


def test_steps_that_lead_behind_a_wall_are_taken_back():
    """Cameras 3 mm before their walls, far off: a step may end behind one; the answer does not."""
    rig = make_rig(*MEDIA["acrylic"])
    close = [replace(c.wall, distance=float(c.wall.normal @ c.center) + 3.0) for c in rig]
    cameras = tuple(replace(c, wall=wall) for c, wall in zip(rig, close, strict=True))
    rig, points = replace(rig, cameras=cameras), scattered(20)
    pixels = rig.project(points)
    pixels[2] -= 90
    found = bundle_adjust(rig, points, pixels, intrinsics="fixed", walls=PRIORS)
    assert all(camera.wall.height(camera.center) > 0 for camera in found.rig)
    assert np.isfinite(found.cost)


def test_what_makes_no_sense_is_refused():
    rig, points = make_rig(*MEDIA["water"]), scattered(20)
    bare = replace(rig, cameras=tuple(replace(camera, wall=None) for camera in rig))
    with pytest.raises(CalibrationError, match="no camera of the rig looks through a wall"):
        bundle_adjust(bare, points, bare.project(points), walls=PRIORS)
    behind = rig.cameras[0].center - 50 * rig.cameras[0].rotation[2]
    with pytest.raises(CalibrationError, match="behind camera 'cam0'"):
        bundle_adjust(rig, np.vstack([points, behind]), np.zeros((4, 21, 2)))
    with pytest.raises(CalibrationError, match="prior of size = -1"):
        WallPriors(distance=0.0, thickness=0.0, size=-1)
    assert isinstance(rig.cameras[0].wall, Wall)
