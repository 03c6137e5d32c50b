"""Bundle adjustment of boards and free points: truth, options, gauge, covariance, bad input."""

from dataclasses import replace

import numpy as np
import pytest

from calibration import Rig, adjust_boards, bundle_adjust, predict_uncertainty, triangulate_points
from calibration.errors import CalibrationError, RigError
from calibration.geometry import Array, make_pose, rotation_from_vector, transform
from calibration.lens import Lens
from calibration.solver.parameters import parameter_names
from labcut3d.synthetic import Blemishes, Scene, make_scene
from labcut3d.synthetic_rig import make_rig

NOISE = 0.05  # px


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(6, n_cameras=4, n_boards=15, blemishes=Blemishes(noise=0.0))


def shaken(rig: Rig, seed: int = 0) -> Rig:
    """A rig whose cameras but the first have moved a little, and all intrinsics."""
    rng = np.random.default_rng(seed)
    return replace(
        rig,
        cameras=tuple(
            replace(
                camera,
                matrix=camera.matrix * [[1.01, 1, 1.005], [1, 1.01, 0.995], [1, 1, 1]],
                rotation=rotation_from_vector(0.005 * (i > 0) * rng.normal(size=3))
                @ camera.rotation,
                translation=camera.translation + 2 * (i > 0) * rng.normal(size=3),
            )
            for i, camera in enumerate(rig)
        ),
    )


def seen_points(rig: Rig, n: int = 300) -> tuple[Array, Array]:
    middle = rig.cameras[0].center + 300 * rig.cameras[0].rotation[2]
    points = middle + np.random.default_rng(1).uniform(-50, 50, (n, 3))
    pixels = rig.project(points)
    size = np.array([camera.size for camera in rig])[:, None]
    pixels[((pixels < 0) | (pixels > size)).any(axis=-1)] = np.nan
    enough = np.isfinite(pixels[..., 0]).sum(axis=0) >= 2
    return points[enough], pixels[:, enough]


def assert_same(found: Rig, true: Rig, px: float, unit: float) -> None:
    for a, b in zip(found, true, strict=True):
        np.testing.assert_allclose(a.matrix, b.matrix, atol=px)
        np.testing.assert_allclose(a.rotation, b.rotation, atol=1e-6)
        np.testing.assert_allclose(a.center, b.center, atol=unit)


def test_boards_without_noise_bring_back_the_truth(scene):
    seen, board = scene.observations, scene.board
    moved = transform(make_pose(np.eye(3), [3.0, -2.0, 4.0]), np.eye(3))[0]
    start = scene.board_poses.copy()
    start[:, :3, 3] += moved
    found = adjust_boards(shaken(scene.rig), board.points, start, seen.corners, huber=None)
    assert found.cost < 1e-12
    assert_same(found.rig, scene.rig, px=1e-5, unit=1e-6)
    np.testing.assert_allclose(found.board_poses, scene.board_poses, atol=1e-6)
    np.testing.assert_allclose(
        found.points_world, transform(scene.board_poses, board.points), atol=1e-5
    )
    assert np.nanmax(np.abs(found.residuals)) < 1e-6


def test_points_without_noise_bring_back_the_truth_in_the_first_cameras_place(scene):
    points, pixels = seen_points(scene.rig)
    start = shaken(scene.rig)
    found = bundle_adjust(start, triangulate_points(start, pixels).points, pixels, huber=None)
    assert found.cost < 1e-10
    # Free points fix all but the size of the rig, which is kept as it started.
    centers = np.stack([c.center for c in start]) - start.cameras[0].center
    kept = np.linalg.norm(centers, axis=1).mean()
    centers = np.stack([c.center for c in found.rig]) - found.rig.cameras[0].center
    assert np.linalg.norm(centers, axis=1).mean() == pytest.approx(kept, rel=1e-9)
    true = np.stack([c.center for c in scene.rig]) - scene.rig.cameras[0].center
    scale = np.linalg.norm(true, axis=1).mean() / kept
    np.testing.assert_allclose(scale * centers, true, atol=1e-3)  # of 300 mm
    first = scene.rig.cameras[0].center
    np.testing.assert_allclose(scale * (found.points_world - first), points - first, atol=1e-3)
    np.testing.assert_allclose(
        found.rig.cameras[0].camera_from_world,
        scene.rig.cameras[0].camera_from_world,
        atol=1e-12,
    )


def test_huber_shrugs_off_a_wrong_pixel(scene):
    _, pixels = seen_points(scene.rig)
    pixels[1, 7] += 40.0
    points = triangulate_points(scene.rig, pixels).points
    robust = bundle_adjust(scene.rig, points, pixels, huber=0.1, intrinsics="fixed")
    plain = bundle_adjust(scene.rig, points, pixels, huber=None, intrinsics="fixed")

    def worst(rig: Rig) -> float:
        return max(np.linalg.norm(a.center - b.center) for a, b in zip(rig, scene.rig, strict=True))

    assert worst(robust.rig) < 0.1 * worst(plain.rig)


def test_fixed_and_shared_intrinsics(scene):
    points, pixels = seen_points(scene.rig)
    fixed = bundle_adjust(scene.rig, points + 0.1, pixels, intrinsics="fixed")
    for before, after in zip(scene.rig, fixed.rig, strict=True):
        np.testing.assert_array_equal(before.matrix, after.matrix)
        assert before.lens == after.lens
    shared = bundle_adjust(scene.rig, points, pixels, intrinsics="shared")
    first = shared.rig.cameras[0]
    assert all((camera.matrix == first.matrix).all() for camera in shared.rig)
    some = bundle_adjust(shaken(scene.rig), points, pixels, fixed=("cx", "k1"))
    for before, after in zip(shaken(scene.rig), some.rig, strict=True):
        assert before.matrix[0, 2] == after.matrix[0, 2]
        assert before.matrix[1, 2] != after.matrix[1, 2]
        assert before.distortions[0] == after.distortions[0]
    assert some.covariance.deviation(f"{first.name}.cx") == 0.0


def test_a_prior_keeps_what_it_knows(scene):
    _, pixels = seen_points(scene.rig)
    start = shaken(scene.rig)
    points = triangulate_points(start, pixels).points
    found = bundle_adjust(start, points, pixels, priors={"fx": 1e-3})
    for before, after in zip(start, found.rig, strict=True):
        assert abs(before.matrix[0, 0] - after.matrix[0, 0]) < 0.1  # px; 1 % were to be gained


def test_the_covariance_leaves_out_the_gauge(scene):
    points, pixels = seen_points(scene.rig)
    rng = np.random.default_rng(2)
    noisy = pixels + rng.normal(scale=NOISE, size=pixels.shape)
    found = bundle_adjust(scene.rig, points, noisy, huber=None)
    first = [f"{scene.rig.names[0]}.{name}" for name in parameter_names(scene.rig.cameras[0])[-6:]]
    assert all(found.covariance.deviation(name) == 0 for name in first)
    values, vectors = np.linalg.eigh(found.covariance.matrix)
    centers = np.stack([camera.center for camera in found.rig])
    # Growing the rig about its first camera is a direction that was held: no variance along it.
    growth = np.concatenate(
        [
            np.concatenate([np.zeros(len(parameter_names(c)) - 3), -c.rotation @ (x - centers[0])])
            for c, x in zip(found.rig, centers, strict=True)
        ]
    )
    along = growth @ found.covariance.matrix @ growth / (growth @ growth)
    assert along < 1e-2 * values[-1]
    assert np.isfinite(vectors).all()


def small_rig(rng: np.random.Generator) -> Rig:
    """Three cameras at 500 mm around a volume, with random intrinsics and lenses."""
    rig = make_rig(3, rng, distance=500.0)
    cameras = []
    for camera in rig:
        focal = rng.uniform(700, 1100)
        cameras.append(
            replace(
                camera,
                matrix=[[focal, 0, 320 + rng.normal(0, 8)], [0, 1.01 * focal, 240], [0, 0, 1]],
                lens=Lens(distortions=[*rng.normal([-0.1, 0.05], 0.05), *rng.normal(0, 1e-3, 2)]),
            )
        )
    return replace(rig, cameras=tuple(cameras))


def squared_distance(seed: int, huber: float | None) -> tuple[float, int]:
    """Return the squared Mahalanobis error of all parameters of a random rig, and their number."""
    rng = np.random.default_rng(seed)
    rig = small_rig(rng)
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(4)), axis=-1).reshape(-1, 2) * 25.0
    points = np.column_stack([grid - grid.mean(axis=0), np.zeros(len(grid))])
    center = rig.cameras[0].center + 500 * rig.cameras[0].rotation[2]
    poses = make_pose(
        rotation_from_vector(0.7 * rng.normal(size=(20, 3))), center + rng.uniform(-80, 80, (20, 3))
    )
    pixels = rig.project(transform(poses, points))
    pixels += rng.normal(scale=NOISE, size=pixels.shape)
    found = adjust_boards(rig, points, poses, pixels, huber=huber)
    errors = []
    for a, b in zip(found.rig, rig, strict=True):
        matrix = (a.matrix - b.matrix)[[0, 1, 0, 1], [0, 1, 2, 2]]
        turn = a.rotation @ b.rotation.T
        axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
        shift = a.translation - b.translation
        errors += [*matrix, *(a.distortions - b.distortions), *axis / 2, *shift]
    free = np.diag(found.covariance.matrix) > 0
    error, matrix = np.array(errors)[free], found.covariance.matrix[np.ix_(free, free)]
    return float(error @ np.linalg.solve(matrix, error)), int(free.sum())


@pytest.mark.parametrize(
    "huber",
    [
        pytest.param(None, id="least squares"),
        pytest.param(1.5 * NOISE, id="robust", marks=pytest.mark.slow),
    ],
)
def test_95_of_100_rigs_lie_within_their_95_percent_region(huber):
    n_rigs, quantile = 1000, 50.998  # of a chi-square with 36 degrees of freedom, at 95 %
    found = [squared_distance(seed, huber) for seed in range(n_rigs)]
    assert {n for _, n in found} == {36}
    inside = np.mean([distance < quantile for distance, _ in found])
    assert 0.93 <= inside <= 0.97  # a share of a thousand has a deviation of 0.7 %


def test_predicted_uncertainty_is_the_scatter_of_points_over_repeated_calibrations(scene):
    rng = np.random.default_rng(8)
    seen, board = scene.observations, scene.board
    target = scene.board_poses[:3, :3, 3]
    clean, found = scene.rig.project(target), []
    for _ in range(60):
        corners = seen.corners + rng.normal(scale=NOISE, size=seen.corners.shape)
        adjusted = adjust_boards(scene.rig, board.points, scene.board_poses, corners, huber=None)
        pixels = clean + rng.normal(scale=NOISE, size=clean.shape)
        found.append(triangulate_points(adjusted.rig, pixels).points)
    predicted = predict_uncertainty(adjusted.rig, adjusted.covariance, target, NOISE)
    from_pixels = predict_uncertainty(
        adjusted.rig,
        replace(adjusted.covariance, matrix=0 * adjusted.covariance.matrix),
        target,
        NOISE,
    )
    scatter = np.std(found, axis=0, ddof=1).mean()
    deviation = np.sqrt(np.einsum("...ii->...i", predicted)).mean()
    assert scatter == pytest.approx(deviation, rel=0.2)  # 60 repetitions: 9 %, in 9 numbers
    assert (np.einsum("...ii->...i", predicted) > np.einsum("...ii->...i", from_pixels)).all()


def test_uncertainty_where_fewer_than_two_cameras_look_is_unknown(scene):
    covariance = adjust_boards(
        scene.rig, scene.board.points, scene.board_poses, scene.observations.corners
    ).covariance
    away = scene.rig.cameras[0].center - 1000.0 * scene.rig.cameras[0].rotation[2]
    assert np.isnan(predict_uncertainty(scene.rig, covariance, away, 1.0)).all()
    other = replace(covariance, names=tuple(f"x{name}" for name in covariance.names))
    with pytest.raises(RigError, match="another rig"):
        predict_uncertainty(scene.rig, other, away, 1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, p, x: (p[:, :2], x, {}), "shape"),
        (lambda s, p, x: (p, np.where(np.arange(len(p))[:, None] == 3, np.nan, x), {}), "point 3"),
        (lambda s, p, x: (p * np.nan, x, {}), "not finite"),
        (lambda s, p, x: (p - 3000 * s.rig.cameras[0].rotation[2], x, {}), "behind camera"),
        (lambda s, p, x: (p, x, {"huber": 0.0}), "huber"),
        (lambda s, p, x: (p, x, {"intrinsics": "none"}), "shared"),
        (lambda s, p, x: (p, x, {"fixed": ("k9",)}), "k9"),
        (lambda s, p, x: (p, x, {"priors": {"fx": 0.0}}), "positive"),
        (lambda s, p, x: (p, x, {"priors": {"fx": 1e-320}}), "positive"),
        (lambda s, p, x: (p, x, {"priors": ["fx"]}), "mapping"),
        (lambda s, p, x: (p, x, {"fixed": "k3"}), "list of names"),
        (lambda s, p, x: (p, x, {"huber": "1"}), "huber"),
        (lambda s, p, x: (p, x, {"tolerance": np.nan}), "tolerance"),
    ],
)
def test_bad_input_is_named(scene, change, message):
    points, pixels, options = change(scene, *seen_points(scene.rig))
    with pytest.raises(CalibrationError, match=message):
        bundle_adjust(scene.rig, points, pixels, **options)


def test_cameras_of_two_kinds_cannot_share_intrinsics(scene):
    points, pixels = seen_points(scene.rig)
    odd = replace(scene.rig.cameras[1], size=(320, 240))
    rig = replace(scene.rig, cameras=(scene.rig.cameras[0], odd, *scene.rig.cameras[2:]))
    with pytest.raises(CalibrationError, match="differ in image size"):
        bundle_adjust(rig, points, pixels, intrinsics="shared")


def test_what_pixels_cannot_determine_is_refused(scene):
    points, pixels = seen_points(scene.rig)
    with pytest.raises(CalibrationError, match="cannot determine"):
        bundle_adjust(scene.rig, points[:1], pixels[:, :1])


@pytest.mark.parametrize("turn", [1.5 * np.eye(3), np.diag([1.0, 1.0, -1.0]), np.zeros((3, 3))])
def test_board_poses_that_are_not_rigid_are_named(scene, turn):
    poses = scene.board_poses.copy()
    poses[3, :3, :3] = turn
    with pytest.raises(CalibrationError, match="frame 3 is not a rigid motion"):
        adjust_boards(scene.rig, scene.board.points, poses, scene.observations.corners)


@pytest.mark.parametrize(("points", "sigma"), [(np.zeros((6, 2)), 1.0), (np.zeros(3), -1.0)])
def test_predictions_of_nonsense_are_refused(scene, points, sigma):
    corners = scene.observations.corners
    found = adjust_boards(scene.rig, scene.board.points, scene.board_poses, corners)
    with pytest.raises(RigError, match="give"):
        predict_uncertainty(found.rig, found.covariance, points, sigma)


def test_a_frame_without_corners_is_named(scene):
    corners = scene.observations.corners.copy()
    corners[:, 2] = np.nan
    with pytest.raises(CalibrationError, match="frame 2"):
        adjust_boards(scene.rig, scene.board.points, scene.board_poses, corners)


@pytest.mark.parametrize("columns", [2, 4])
def test_board_points_that_are_no_points_in_space_never_reach_the_compiled_code(scene, columns):
    """It does not check bounds: two columns would read beyond the array."""
    points = np.zeros((scene.board.n_corners, columns))
    with pytest.raises(CalibrationError, match=rf"board points of shape .*{columns}\)"):
        adjust_boards(scene.rig, points, scene.board_poses, scene.observations.corners)


def test_nothing_to_adjust_to_is_refused(scene):
    corners = scene.observations.corners[:, :0]
    with pytest.raises(CalibrationError, match="at least one frame"):
        adjust_boards(scene.rig, scene.board.points, scene.board_poses[:0], corners)
    with pytest.raises(CalibrationError, match="at least one point"):
        bundle_adjust(scene.rig, np.zeros((0, 3)), np.zeros((len(scene.rig), 0, 2)))


def test_a_board_of_one_point_or_line_is_refused(scene):
    corners = np.zeros((len(scene.rig), len(scene.board_poses), 3, 2))
    with pytest.raises(CalibrationError, match="lie on a line"):
        adjust_boards(scene.rig, np.zeros((3, 3)), scene.board_poses, corners)
