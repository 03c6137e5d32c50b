"""The bundle adjustment: every derivative against finite differences, and the solver's pieces."""

import numpy as np
import pytest

from calibration.bundle import adjust, normal_equations, robust_scale
from calibration.fitting import free_parameters
from calibration.geometry import invert_pose, make_pose, rotation_from_vector, transform
from calibration.model import BOARD_SIZE, CAMERA_PARAMETERS, Images, State, linearize, predict, step
from labcut3d.synthetic import Blemishes, make_scene

STEP = 1e-6


@pytest.fixture(scope="module")
def problem() -> tuple[State, Images]:
    scene = make_scene(4, n_cameras=3, n_boards=6, blemishes=Blemishes(noise=0.2))
    seen = scene.observations
    images = Images.of(seen.corners, seen.usable, scene.board.points)
    return State(cameras=scene.rig.cameras, boards=scene.board_poses), images


@pytest.mark.parametrize("parameter", range(len(CAMERA_PARAMETERS)))
def test_camera_derivatives(problem, parameter):
    state, images = problem
    analytic = linearize(state, images)[0][..., parameter]
    moves = np.zeros((len(state.cameras), len(CAMERA_PARAMETERS)))
    moves[:, parameter] = STEP
    still = np.zeros((len(state.boards), BOARD_SIZE))
    more, less = (
        predict(step(state, moves, still), images),
        predict(step(state, -moves, still), images),
    )
    numeric = (more - less) / (2 * STEP)
    np.testing.assert_allclose(analytic, numeric, atol=1e-5 * np.abs(numeric).max() + 1e-6)


@pytest.mark.parametrize("parameter", range(BOARD_SIZE))
def test_board_derivatives(problem, parameter):
    state, images = problem
    analytic = linearize(state, images)[1][..., parameter]
    still = np.zeros((len(state.cameras), len(CAMERA_PARAMETERS)))
    moves = np.zeros((len(state.boards), BOARD_SIZE))
    moves[:, parameter] = STEP
    more, less = (
        predict(step(state, still, moves), images),
        predict(step(state, still, -moves), images),
    )
    numeric = (more - less) / (2 * STEP)
    np.testing.assert_allclose(analytic, numeric, atol=1e-5 * np.abs(numeric).max() + 1e-6)


def test_eliminating_the_boards_solves_the_whole_system(problem):
    state, images = problem
    residuals = predict(state, images) - images.corners
    free = free_parameters(len(state.cameras), ("k1", "k2"))
    normal = normal_equations(state, images, residuals, free, 0.2)
    cameras, boards = normal.solve(1e-3)
    n, rows = len(state.boards), np.flatnonzero(normal.free)
    whole = np.zeros((len(rows) + 6 * n,) * 2)
    whole[: len(rows), : len(rows)] = normal.cameras[np.ix_(rows, rows)]
    for i in range(n):
        at = slice(len(rows) + 6 * i, len(rows) + 6 * i + 6)
        whole[at, at] = normal.boards[i]
        whole[: len(rows), at] = normal.mixed[i][rows]
        whole[at, : len(rows)] = normal.mixed[i][rows].T
    whole += 1e-3 * np.diag(np.diag(whole))
    side = np.concatenate([normal.camera_side[rows], normal.board_side.ravel()])
    scale = 1 / np.sqrt(np.diag(whole))
    expected = scale * np.linalg.solve(whole * np.outer(scale, scale), scale * side)
    np.testing.assert_allclose(cameras.ravel()[rows], expected[: len(rows)], rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(boards.ravel(), expected[len(rows) :], rtol=1e-5, atol=1e-9)


def test_parameters_that_are_held_do_not_move(problem):
    state, images = problem
    fixed = np.zeros((len(state.cameras), len(CAMERA_PARAMETERS)), dtype=bool)
    adjusted, residuals = adjust(state, images, fixed, 0.2)
    for before, after in zip(state.cameras, adjusted.cameras, strict=True):
        np.testing.assert_allclose(before.matrix, after.matrix)
        np.testing.assert_allclose(before.rotation, after.rotation, atol=1e-14)
    start = predict(state, images) - images.corners
    assert np.nanmean(residuals**2) < np.nanmean(start**2)  # better than the truth: fits noise


def test_the_robust_scale_ignores_outliers():
    residuals = np.random.default_rng(0).normal(scale=0.3, size=(1000, 2))
    residuals[:50] = 100.0
    assert robust_scale(residuals) == pytest.approx(0.3, rel=0.15)


def test_poses_invert_and_carry_points():
    rng = np.random.default_rng(0)
    pose = make_pose(rotation_from_vector(rng.normal(size=(5, 3))), rng.normal(size=(5, 3)))
    points = rng.normal(size=(5, 4, 3))
    np.testing.assert_allclose(transform(invert_pose(pose), transform(pose, points)), points)
