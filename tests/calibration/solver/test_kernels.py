"""The compiled derivatives, against finite differences and against the lenses in numpy."""

import numpy as np
import pytest

from calibration.camera import Camera
from calibration.geometry import Array, make_pose, rotation_from_vector
from calibration.lens import Lens
from calibration.solver.arrays import Bodies, Cameras, Robust, Sights
from calibration.solver.kernels import move_poses, normal_blocks, residuals_of
from calibration.solver.parameters import INTRINSICS, Layout, moved, parameter_names, to_arrays

STEP = 1e-6
LENSES = {
    "radial": Lens(distortions=[-0.3, 0.1, 0.002, -0.001, 0.02]),
    "prism": Lens(
        distortions=[-0.3, 0.1, 2e-3, -1e-3, 0.02, 0.1, 0.05, 0.01, 2e-3, 1e-3, 3e-3, 4e-3]
    ),
    "fisheye": Lens(distortions=[0.05, -0.02, 0.01, -0.003], model="fisheye"),
}
GENTLE = Robust(1.0, 1e9)


def camera_of(lens: Lens, name: str = "cam") -> Camera:
    return Camera(
        name=name,
        size=(640, 480),
        matrix=[[700.0, 3.0, 320.0], [0.0, 690.0, 250.0], [0.0, 0.0, 1.0]],
        lens=lens,
        rotation=rotation_from_vector([0.1, -0.2, 0.3]),
        translation=[0.2, -0.1, 5.0],
    )


def scene_of(lens: Lens, dof: int) -> tuple[tuple[Camera, ...], Bodies, Sights]:
    """Two cameras see two bodies: boards of four points, or free points."""
    rng = np.random.default_rng(3)
    points = rng.uniform(-1.5, 1.5, (4, 3)) if dof == 6 else np.zeros((1, 3))
    poses = make_pose(rotation_from_vector(rng.normal(size=(2, 3))), rng.normal(size=(2, 3)))
    if dof == 3:
        poses[:, :3, :3] = np.eye(3)
    n = len(points)
    cameras = (camera_of(lens), camera_of(lens, "other"))
    sights = Sights(
        points=points,
        camera=np.array([0, 1, 0, 1]),
        body=np.array([0, 0, 1, 1]),
        start=n * np.arange(5),
        first=np.array([0, 2, 4]),
        point=np.tile(np.arange(n), 4),
        pixels=rng.uniform(0, 480, (4 * n, 2)),
    )
    return cameras, Bodies(poses[:, :3, :3].copy(), poses[:, :3, 3].copy()), sights


def residuals(cameras: Cameras, bodies: Bodies, sights: Sights) -> Array:
    result = np.empty_like(sights.pixels)
    residuals_of(cameras, bodies, sights, GENTLE, result)
    return result


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES.keys())
def test_residuals_are_what_the_camera_projects(lens):
    cameras, bodies, sights = scene_of(lens, 6)
    world = sights.points @ np.swapaxes(bodies.rotations, 1, 2) + bodies.translations[:, None]
    pixels = np.stack([camera.project(world) for camera in cameras], axis=1)  # body, view
    found = residuals(to_arrays(cameras), bodies, sights) + sights.pixels
    np.testing.assert_allclose(found, pixels.reshape(-1, 2), rtol=1e-12)


@pytest.mark.parametrize("dof", [3, 6])
@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES.keys())
def test_the_blocks_are_those_of_numeric_derivatives(lens, dof):
    cameras, bodies, sights = scene_of(lens, dof)
    names = [(*INTRINSICS, *camera.lens.names) for camera in cameras]
    layout = Layout.of(cameras, names, posed=[True, True])
    arrays = to_arrays(cameras)
    own, own_side, mixed, blocks, sides = normal_blocks(
        arrays, bodies, sights, GENTLE, (layout.active, layout.counts), dof
    )
    start = residuals(arrays, bodies, sights).ravel()
    n_own = own.shape[1]
    by_camera = np.zeros((2, n_own, len(start)))
    for view in range(2):
        for place in range(n_own):
            step = np.zeros(layout.n_free)
            step[layout.index[view, place]] = STEP
            more = residuals(moved(arrays, *layout.spread(step)), bodies, sights)
            less = residuals(moved(arrays, *layout.spread(-step)), bodies, sights)
            by_camera[view, place] = (more - less).ravel() / (2 * STEP)
    by_body = np.zeros((2, dof, len(start)))
    for body in range(2):
        for place in range(dof):
            step = np.zeros((2, dof))
            step[body, place] = STEP
            more = residuals(arrays, Bodies(*move_poses(*bodies, step)), sights)
            less = residuals(arrays, Bodies(*move_poses(*bodies, -step)), sights)
            by_body[body, place] = (more - less).ravel() / (2 * STEP)
    # The steps' own error is about 1e-8 of the derivatives.
    near = {"rtol": 1e-5, "atol": 1e-5 * np.abs(own).max() ** 0.5}
    for view in range(2):
        np.testing.assert_allclose(own[view], by_camera[view] @ by_camera[view].T, **near)
        np.testing.assert_allclose(own_side[view], -by_camera[view] @ start, **near)
    for body in range(2):
        np.testing.assert_allclose(blocks[body], by_body[body] @ by_body[body].T, **near)
        np.testing.assert_allclose(sides[body], -by_body[body] @ start, **near)
    for image, (view, body) in enumerate(zip(sights.camera, sights.body, strict=True)):
        np.testing.assert_allclose(mixed[image], by_camera[view] @ by_body[body].T, **near)


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES.keys())
def test_the_camera_knows_its_own_derivatives(lens):
    camera = camera_of(lens)
    points = np.random.default_rng(0).uniform(-1.5, 1.5, (5, 3))
    analytic = camera.parameter_jacobian(points)
    names = parameter_names(camera)
    assert analytic.shape == (5, 2, len(names))
    layout = Layout.of([camera], [names], posed=[True])
    arrays = to_arrays([camera])
    bodies = Bodies(np.broadcast_to(np.eye(3), (5, 3, 3)).copy(), points)
    sights = Sights(
        points=np.zeros((1, 3)),
        camera=np.zeros(5, int),
        body=np.arange(5),
        start=np.arange(6),
        first=np.arange(6),
        point=np.zeros(5, int),
        pixels=np.zeros((5, 2)),
    )
    for column, place in enumerate(layout.places(0, names)):
        step = np.zeros(layout.n_free)
        step[place] = STEP
        more = residuals(moved(arrays, *layout.spread(step)), bodies, sights)
        less = residuals(moved(arrays, *layout.spread(-step)), bodies, sights)
        numeric = (more - less) / (2 * STEP)
        np.testing.assert_allclose(analytic[..., column], numeric, rtol=1e-5, atol=1e-5)


def test_hubers_loss_grows_linearly_beyond_its_limit():
    cameras, bodies, sights = scene_of(LENSES["radial"], 6)
    arrays, scratch = to_arrays(cameras), np.empty_like(sights.pixels)
    robust = Robust(2.5, 1.5)
    cost = residuals_of(arrays, bodies, sights, robust, scratch)
    size = np.linalg.norm(scratch, axis=1) / robust.sigma
    expected = np.where(size < 1.5, size**2 / 2, 1.5 * size - 1.5**2 / 2)
    assert cost == pytest.approx(expected.sum(), rel=1e-12)


def test_a_point_behind_a_camera_costs_infinitely_much():
    cameras, bodies, sights = scene_of(LENSES["radial"], 3)
    behind = Bodies(bodies.rotations, bodies.translations - [0, 0, 50.0])
    scratch = np.empty_like(sights.pixels)
    assert residuals_of(to_arrays(cameras), behind, sights, GENTLE, scratch) == np.inf
    assert np.isnan(scratch).any()
