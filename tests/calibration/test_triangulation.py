"""Triangulation against scenes whose truth is known: ring rigs with strong lens distortion."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import least_squares

from calibration.camera import Camera
from calibration.errors import RigError
from calibration.lens import Lens
from calibration.rig import Rig
from calibration.solver.lens_kernels import undistort
from calibration.solver.parameters import to_arrays
from calibration.triangulation import triangulate_points
from labcut3d.synthetic_rig import look_at

ROUNDING = 1e-7  # mm; float64 rounding, at 40 mm and a focal length of 2300 px


def ring(views: int, *, lift: float = 8.0, spread: float = 2.0) -> Rig:
    """Cameras with strong lenses 40 mm from the origin, which they look at.

    They stand on an arc of `spread` radians, `lift` mm up and down in turn.
    """
    cameras = []
    for index, angle in enumerate(np.linspace(-spread / 2, spread / 2, views)):
        center = np.array([40 * np.sin(angle), lift * (-1) ** index, -40 * np.cos(angle)])
        rotation, translation = look_at(center, np.zeros(3), np.array([0.0, -1.0, 0.0]))
        cameras.append(
            Camera(
                name=f"cam{index}",
                size=(640, 480),
                matrix=np.array([[2300.0, 0, 320], [0, 2300, 240], [0, 0, 1]]),
                lens=Lens(distortions=np.array([-0.9, 3.0, 1e-3, -5e-4, 0.0])),
                rotation=rotation,
                translation=translation,
            )
        )
    return Rig(cameras=tuple(cameras), unit="mm")


@pytest.fixture(scope="module")
def rig() -> Rig:
    return ring(4)


def points_of(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-3, 3, (*shape, 3))


@pytest.mark.parametrize("views", [2, 3, 4, 7])
def test_exact_pixels_give_exact_points(views: int) -> None:
    rig, points = ring(views), points_of(0, 5, 20)
    found = triangulate_points(rig, rig.project(points))
    assert found.points == pytest.approx(points, abs=ROUNDING)
    assert found.points.shape == (5, 20, 3)
    assert found.covariance.shape == (5, 20, 3, 3)
    assert found.inliers.shape == (views, 5, 20)
    assert found.inliers.all()
    assert found.reprojection_error.max() < 1e-6  # px; rounding


def test_a_point_does_not_depend_on_the_others(rig: Rig) -> None:
    rng = np.random.default_rng(1)
    pixels = rig.project(points_of(1, 300)) + rng.normal(0, 1, (4, 300, 2))
    pixels[rng.random((4, 300)) < 0.2] = np.nan
    together = triangulate_points(rig, pixels)
    for index in range(0, 300, 17):
        alone = triangulate_points(rig, pixels[:, index])
        assert np.array_equal(alone.inliers, together.inliers[:, index])
        np.testing.assert_allclose(alone.points, together.points[index], atol=ROUNDING)


def test_is_the_maximum_of_the_likelihood(rig: Rig) -> None:
    rng = np.random.default_rng(2)
    root = rng.normal(size=(4, 30, 2, 2))
    covariance = 2.0 * root @ np.swapaxes(root, -1, -2) + 2.0 * np.eye(2)
    points = points_of(2, 30)
    noise = np.linalg.cholesky(covariance) @ rng.normal(size=(4, 30, 2, 1))
    pixels = rig.project(points) + noise[..., 0]
    found = triangulate_points(rig, pixels, covariance=covariance)

    def minus_log_likelihood(candidates: np.ndarray) -> np.ndarray:
        residual = pixels - rig.project(candidates)
        squared = np.einsum("vni,vnij,vnj->vn", residual, np.linalg.inv(covariance), residual)
        return (squared * found.inliers).sum(axis=0)

    best = minus_log_likelihood(found.points)
    for step in 1e-3 * np.concatenate([np.eye(3), -np.eye(3)]):
        assert (minus_log_likelihood(found.points + step) > best).all()


@pytest.mark.parametrize("views", [2, 5])
@pytest.mark.parametrize("fisheye", [False, True])
def test_a_general_optimizer_finds_the_same_point(views: int, fisheye: bool) -> None:
    """Through strong lenses, with views that contradict one another by up to 20 px."""
    rig, rng = ring(views), np.random.default_rng(9)
    if fisheye:
        lens = Lens(distortions=np.array([0.05, -0.02, 0.01, 0.0]), model="fisheye")
        rig = Rig(cameras=tuple(replace(c, lens=lens) for c in rig), unit="mm")
    pixels = rig.project(points_of(9, 30)) + rng.normal(0, 2, (views, 30, 2))
    if views == 2:
        pixels[1, :, 1] += 20.0
    found = triangulate_points(rig, pixels)
    assert np.isfinite(found.points).all()
    for index, point in enumerate(found.points):
        used = found.inliers[:, index]
        best = least_squares(
            lambda x, used=used, index=index: (rig.project(x) - pixels[:, index])[used].ravel(),
            point + 0.01,
            jac=lambda x, used=used: np.concatenate(
                [c.project_jacobian(x) for c, one in zip(rig, used, strict=True) if one]
            ),
            xtol=1e-15,
            ftol=1e-15,
            gtol=1e-15,
        )
        away = (rig.project(best.x) - rig.project(point))[used]
        assert np.abs(away).max() < 1e-6  # px


def test_crossing_is_the_angle_between_the_rays_that_cross_most_squarely() -> None:
    narrow = ring(2, lift=0.0, spread=0.02)
    found = triangulate_points(narrow, narrow.project(np.zeros((1, 3))))
    assert found.crossing == pytest.approx([0.02], abs=1e-6)
    # Of three rays at 0, 1.4 and 2.8 rad, the outer two are 0.34 rad from opposite.
    wide = ring(3, lift=0.0, spread=2.8)
    assert triangulate_points(wide, wide.project(np.zeros(3))).crossing == pytest.approx(1.4)
    pair = wide.select(["cam0", "cam2"])
    found = triangulate_points(pair, pair.project(np.zeros(3)))
    assert found.crossing == pytest.approx(np.pi - 2.8, abs=1e-6)
    assert np.isnan(triangulate_points(pair, np.full((2, 1, 2), np.nan)).crossing).all()


@pytest.mark.parametrize(
    "lens",
    [
        Lens(distortions=np.array([-0.9, 3.0, 1e-3, -5e-4, 0.0])),
        Lens(distortions=np.array([-0.4, 0.1, 1e-3, -5e-4, 0.01, 0.1, 0.02, 0.01])),
        Lens(distortions=np.array([0.05, -0.02, 0.01, 0.0]), model="fisheye"),
    ],
)
def test_the_compiled_lenses_are_the_lenses(rig: Rig, lens: Lens) -> None:
    """Near the middle and far outside, where some have no ray."""
    terms = to_arrays([replace(rig.cameras[0], lens=lens)]).intrinsics[0]
    seen = np.random.default_rng(11).uniform(-1.5, 1.5, (500, 2))
    expected = lens.undistort(seen)
    assert np.isfinite(expected).any()
    for distorted, ideal in zip(seen, expected, strict=True):
        *ray, a, b, c, d, there = undistort(terms, lens.model == "fisheye", *distorted)
        assert there == np.isfinite(ideal).all()
        if there:
            assert lens.distort(ray) == pytest.approx(distorted, abs=1e-9)  # 1e-6 px
            slopes = lens.jacobian(ideal).ravel()  # ours are of one Newton step before
            assert [a, b, c, d] == pytest.approx(slopes, abs=1e-4)


def test_covariance_holds_the_truth_as_often_as_it_says(rig: Rig) -> None:
    rng = np.random.default_rng(3)
    points = points_of(3, 4000)
    covariance = np.array([[1.0, 0.3], [0.3, 0.5]])
    noise = rng.normal(size=(4, 4000, 2)) @ np.linalg.cholesky(covariance).T
    found = triangulate_points(
        rig,
        rig.project(points) + noise,
        covariance=np.broadcast_to(covariance, (4, 4000, 2, 2)),
    )
    error = found.points - points
    squared = np.einsum("ni,nij,nj->n", error, np.linalg.inv(found.covariance), error)
    # Chi-square with 3 degrees: 95 % below 7.815. 4000 points leave 0.35 % of sampling noise.
    assert np.mean(squared < 7.815) == pytest.approx(0.95, abs=0.015)
    assert np.mean(squared < 3.506) == pytest.approx(0.68, abs=0.03)


@pytest.mark.parametrize("views", [4, 6])
def test_one_wrong_view_is_left_out(views: int) -> None:
    rig, rng = ring(views), np.random.default_rng(4)
    points = points_of(4, 500)
    pixels = rig.project(points) + rng.normal(0, 0.5, (views, 500, 2))
    wrong = rng.integers(0, views, 500)
    direction = rng.uniform(0, 2 * np.pi, 500)
    shift = 60 * np.stack([np.cos(direction), np.sin(direction)], axis=-1)
    pixels[wrong, np.arange(500)] += shift
    found = triangulate_points(rig, pixels)
    error = np.linalg.norm(found.points - points, axis=-1)
    # 0.5 px are 9 um here. A shift along the epipolar lines may hide from three views, no more.
    assert np.quantile(error, 0.99) < 0.06
    assert not found.inliers[wrong, np.arange(500)].mean() > 0.01


def test_two_views_that_disagree_are_returned_with_their_error(rig: Rig) -> None:
    pair = rig.select(["cam0", "cam3"])
    pixels = pair.project(points_of(5, 10))
    pixels[1, :, 1] += 40.0  # across the epipolar lines, which run sideways
    found = triangulate_points(pair, pixels)
    assert np.isfinite(found.points).all()
    assert found.inliers.all()
    assert (found.reprojection_error > 10).all()  # px; 40 shared by two views, each 20


def test_missing_is_missing(rig: Rig) -> None:
    pixels = rig.project(points_of(6, 4))
    pixels[1:, 0] = np.nan  # one view left
    pixels[:, 1] = np.nan
    pixels[0, 2, 1] = np.nan  # half a pixel is none
    found = triangulate_points(rig, pixels)
    assert np.isnan(found.points[:2]).all()
    assert np.isnan(found.covariance[:2]).all()
    assert np.isnan(found.reprojection_error[:2]).all()
    assert not found.inliers[:, :2].any()
    assert found.inliers[:, 2].tolist() == [False, True, True, True]
    assert np.isfinite(found.points[2:]).all()


def test_no_points_and_one_point(rig: Rig) -> None:
    assert triangulate_points(rig, np.zeros((4, 0, 2))).points.shape == (0, 3)
    assert triangulate_points(rig, rig.project(np.zeros(3))).points.shape == (3,)


def test_parallel_rays_are_degenerate() -> None:
    rig = ring(1)
    camera = rig.cameras[0]
    twin = Camera(
        name="twin", size=camera.size, matrix=camera.matrix, lens=camera.lens,
        rotation=camera.rotation, translation=camera.translation,
    )  # fmt: skip
    doubled = Rig(cameras=(camera, twin), unit="mm")
    found = triangulate_points(doubled, doubled.project(points_of(7, 20)))
    assert np.isnan(found.points).all()
    assert not found.inliers.any()


def test_rays_that_meet_behind_the_cameras_give_no_point() -> None:
    narrow = ring(2, lift=0.0, spread=0.02)
    # A point at infinity is 46 px apart in the two images; beyond that the rays diverge.
    apart = np.array([[[-60.0, 0.0]], [[60.0, 0.0]]])
    center = np.array([320.0, 240.0])
    near, behind = (triangulate_points(narrow, center + sign * apart) for sign in (-1, 1))
    if np.isnan(near.points).any():
        near, behind = behind, near
    assert np.isfinite(near.points).all()
    assert np.isnan(behind.points).all()
    assert not behind.inliers.any()


def test_confidence_weighs_and_zero_excludes(rig: Rig) -> None:
    points = points_of(8, 6)
    pixels = rig.project(points)
    pixels[0] += 2.0
    confidence = np.ones((4, 6))
    plain = triangulate_points(rig, pixels)
    confidence[0] = 0.1
    weak = triangulate_points(rig, pixels, confidence=confidence)
    confidence[0] = 0.0
    none = triangulate_points(rig, pixels, confidence=confidence)
    errors = [np.linalg.norm(r.points - points, axis=-1).mean() for r in (plain, weak, none)]
    assert errors[0] > errors[1] > errors[2]
    assert none.points == pytest.approx(points, abs=ROUNDING)
    assert not none.inliers[0].any()


def test_wrong_shapes_are_named(rig: Rig) -> None:
    with pytest.raises(RigError, match=r"\(4, \.\.\., 2\)"):
        triangulate_points(rig, np.zeros((3, 5, 2)))
    with pytest.raises(RigError, match="covariance"):
        triangulate_points(rig, np.zeros((4, 5, 2)), covariance=np.zeros((4, 2, 2)))
    with pytest.raises(RigError, match="confidence"):
        triangulate_points(rig, np.zeros((4, 5, 2)), confidence=np.zeros((4, 2)))
