"""The solver: its elimination against the whole system, its answers against truth."""

import numpy as np
import pytest

from calibration.solver.adjusting import bodies_of, sights_of
from calibration.solver.arrays import Robust
from calibration.solver.bundle import Normal, Problem, solve
from calibration.solver.lens_kernels import SKEW, Prior, prior_cost, prior_terms
from calibration.solver.parameters import INTRINSICS, Layout, from_arrays, to_arrays
from labcut3d.synthetic import Blemishes, Scene, make_scene


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(4, n_cameras=3, n_boards=6, blemishes=Blemishes(noise=0.2))


def problem_of(scene: Scene, **options) -> Problem:
    cameras = scene.rig.cameras
    return Problem(
        sights=sights_of(scene.observations.corners, scene.board.points),
        layout=Layout.of(
            cameras,
            [(*INTRINSICS, "k1", "k2")] * len(cameras),
            posed=[view > 0 for view in range(len(cameras))],
            shared=options.pop("shared", False),
        ),
        robust=Robust(0.2, 1.5),
        dof=6,
        **options,
    )


def test_eliminating_the_bodies_solves_the_whole_system(scene):
    problem = problem_of(scene)
    cameras, bodies = to_arrays(scene.rig.cameras), bodies_of(scene.board_poses)
    normal, damping = Normal.at(problem, cameras, bodies), 1e-3
    step, moves = normal.solve(damping)
    n, p = len(normal.blocks.sides), problem.layout.n_free
    whole = np.zeros((p + 6 * n,) * 2)
    whole[:p, :p] = normal.system
    for image, (view, body) in enumerate(
        zip(problem.sights.camera, problem.sights.body, strict=True)
    ):
        places, at = problem.layout.index[view], slice(p + 6 * body, p + 6 * body + 6)
        rows = np.flatnonzero(places >= 0)
        whole[places[rows], at] += normal.blocks.mixed[image, rows]
        whole[at, places[rows]] += normal.blocks.mixed[image, rows].T
    for body in range(n):
        at = slice(p + 6 * body, p + 6 * body + 6)
        whole[at, at] = normal.blocks.bodies[body]
    whole += damping * np.diag(np.diag(whole))
    side = np.concatenate([normal.side, normal.blocks.sides.ravel()])
    scale = 1 / np.sqrt(np.diag(whole))
    expected = scale * np.linalg.solve(whole * np.outer(scale, scale), scale * side)
    np.testing.assert_allclose(step, expected[:p], rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(moves.ravel(), expected[p:], rtol=1e-5, atol=1e-9)


def test_near_the_solution_the_promised_decrease_is_kept(scene):
    problem = problem_of(scene)
    cameras, bodies = to_arrays(scene.rig.cameras), bodies_of(scene.board_poses)
    rough = solve(problem, cameras, bodies, tolerance=1e-3)
    fine = solve(problem, rough.cameras, rough.bodies)
    normal = Normal.at(problem, rough.cameras, rough.bodies)
    promised = normal.decrease(0.0, *normal.solve(0.0))
    # Some corners lie beyond Huber's limit, where the weights change with the step.
    assert promised == pytest.approx(rough.cost - fine.cost, rel=0.5)


def test_shared_intrinsics_are_one_set(scene):
    layout = problem_of(scene, shared=True).layout
    assert layout.n_free == 6 + 2 * 6
    assert (layout.index[:, 6:] == layout.index[0, 6:]).all()


def test_held_parameters_do_not_move(scene):
    problem = problem_of(scene)
    cameras = scene.rig.cameras
    found = from_arrays(
        solve(problem, to_arrays(cameras), bodies_of(scene.board_poses)).cameras, cameras
    )
    for before, after in zip(cameras, found, strict=True):
        np.testing.assert_array_equal(before.distortions[2:], after.distortions[2:])
        assert before.distortions[0] != after.distortions[0]
    np.testing.assert_allclose(found[0].camera_from_world, cameras[0].camera_from_world, atol=1e-15)


def prior_at(cameras, deviation: float) -> Prior:
    information = np.zeros((len(cameras), SKEW + 1))
    information[:, 0] = 1 / deviation**2
    rng = np.random.default_rng(1)
    rays = rng.uniform(-0.5, 0.5, (len(cameras), 4, 2))
    return Prior(
        mean=to_arrays(cameras).intrinsics + 5.0,
        information=information,
        rays=rays,
        targets=0.9 * rays,
        weights=np.full((len(cameras), 4), 40.0),
    )


def test_a_prior_pulls_as_hard_as_it_is_sure(scene):
    cameras = scene.rig.cameras
    start = to_arrays(cameras), bodies_of(scene.board_poses)
    free = solve(problem_of(scene), *start).cameras.intrinsics[:, 0]
    mean = start[0].intrinsics[:, 0] + 5.0
    for deviation, part in ((1e-4, 1.0), (1e4, 0.0)):  # px: nearly fixed, nearly free
        prior = prior_at(cameras, deviation)._replace(weights=np.zeros((len(cameras), 4)))
        found = solve(problem_of(scene, prior=prior), *start).cameras.intrinsics[:, 0]
        np.testing.assert_allclose(found, part * mean + (1 - part) * free, atol=0.01)


def test_the_priors_slopes_are_those_of_its_cost(scene):
    arrays = to_arrays(scene.rig.cameras)
    prior = prior_at(scene.rig.cameras, 2.0)
    pull, information = prior_terms(arrays, prior)
    step = 1e-6
    for term in (0, 4, 5, 6, 8, 9, 12):
        change = np.zeros_like(arrays.intrinsics)
        change[1, term] = step
        more = arrays._replace(intrinsics=arrays.intrinsics + change)
        less = arrays._replace(intrinsics=arrays.intrinsics - change)
        slope = (prior_cost(more, prior) - prior_cost(less, prior)) / (2 * step)
        assert -pull[1, term] == pytest.approx(slope, rel=1e-4, abs=1e-6)
        bent = (prior_terms(less, prior)[0] - prior_terms(more, prior)[0])[1] / (2 * step)
        if term < 9:  # the model is linear in these, so that Gauss and Newton agree
            np.testing.assert_allclose(information[1, :9, term], bent[:9], rtol=1e-4, atol=1e-4)


def test_the_same_problem_gives_the_same_bits(scene):
    start = to_arrays(scene.rig.cameras), bodies_of(scene.board_poses)
    one, two = solve(problem_of(scene), *start), solve(problem_of(scene), *start)
    assert one.cost == two.cost
    np.testing.assert_array_equal(one.cameras.intrinsics, two.cameras.intrinsics)
