"""A rig refined by what it saw of moving points: nearer to the truth, and as sure as it says."""

from dataclasses import replace

import numpy as np
import pytest
import walled
from bumped import FPS, bump, detections, difference, make_bumped, make_walk

from calibration.covariance import RigCovariance
from calibration.errors import CalibrationError
from calibration.geometry import rotation_from_vector
from calibration.recordings import refine_rig
from calibration.solver.parameters import POSE
from calibration.solver.uncertainty import rig_parameters
from calibration.solver.wall_freedom import WallPriors

TIMES = np.arange(50) / FPS


@pytest.fixture(scope="module")
def fitted():
    """Eight rigs whose errors were drawn from their covariance, refined by a walk of 2 s."""
    results = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        bumped = make_bumped(4, rng)
        pixels = detections(bumped.true, make_walk(6, TIMES), rng)
        results.append((bumped, refine_rig(bumped.rig, bumped.covariance, pixels)))
    return results


def test_a_refined_rig_is_nearer_to_the_truth(fitted):
    """The images of points in the volume are at least 40 % nearer in the mean, and never worse."""
    points = np.random.default_rng(0).normal(size=(300, 3)) * 20

    def off(rig, true):
        return np.sqrt(np.mean((rig.project(points) - true.project(points)) ** 2))

    ratios = np.array([off(r.rig, b.true) / off(b.rig, b.true) for b, r in fitted])
    assert np.median(ratios) < 0.6
    assert (ratios < 1).mean() > 0.9


def test_its_covariance_is_honest(fitted):
    """Squared errors in units of the covariance are those of a chi-square: mean 1 a parameter."""
    squared, count = 0.0, 0
    for bumped, refined in fitted:
        error = difference(bumped.true, refined.rig)
        sigma = np.sqrt(np.diag(refined.covariance.matrix))
        free = sigma > 0
        unit = refined.covariance.matrix[np.ix_(free, free)] / np.outer(sigma[free], sigma[free])
        squared += (error / np.where(free, sigma, 1))[free] @ np.linalg.solve(
            unit, error[free] / sigma[free]
        )
        count += free.sum()
    # 8 rigs x 42 parameters: the mean of 336 squares has a standard deviation of 0.08.
    assert squared / count == pytest.approx(1, abs=0.25)


def test_what_the_calibration_holds_stays(fitted):
    for bumped, refined in fitted[:2]:
        first, before = refined.rig.cameras[0], bumped.rig.cameras[0]
        np.testing.assert_array_equal(first.rotation, before.rotation)
        np.testing.assert_array_equal(first.translation, before.translation)
        assert refined.covariance.deviation("cam0.rotation_x") == 0


def test_scale_stays_where_only_the_calibration_knows_it(fitted):
    """Pixels do not tell the size: it keeps the calibration's doubt, below 0.3 mm of 400 mm."""
    for bumped, refined in fitted:
        spans = [
            np.linalg.norm(rig.cameras[2].center - rig.cameras[0].center)
            for rig in (bumped.rig, refined.rig)
        ]
        assert spans[1] == pytest.approx(spans[0], rel=0.005)


def test_residuals_fall_and_wrong_points_are_told(fitted):
    for _, refined in fitted:
        assert np.nanmedian(refined.after) < np.nanmedian(refined.before)
        assert 0.01 < refined.outlying.mean() < 0.06  # 3 % of those detected are wrong
        assert refined.noise.scale == pytest.approx(1, abs=0.25)  # px^2


def test_errors_that_stay_count_for_less():
    """Errors that stay the same for ten frames are worth a tenth of new ones."""
    rng = np.random.default_rng(4)
    bumped = make_bumped(4, rng)
    true = bumped.true.project(make_walk(6, np.arange(120) / FPS))
    sigmas = []
    for repeat in (1, 10):
        noise = rng.normal(size=(4, 6, 120 // repeat, 2)).repeat(repeat, axis=2)
        refined = refine_rig(bumped.rig, bumped.covariance, true + noise)
        sigmas.append(1 / np.sqrt(refined.noise.count * refined.noise.curvature))
    assert sigmas[1] / sigmas[0] == pytest.approx(np.sqrt(10), rel=0.4)


def test_delays_are_found_to_a_small_part_of_a_frame():
    rng = np.random.default_rng(5)
    bumped = make_bumped(4, rng)
    true = np.array([0, 0.2, -0.35, 0.6]) / FPS
    times = np.arange(90) / FPS
    seen = [
        camera.project(make_walk(6, times + late))
        for camera, late in zip(bumped.true, true, strict=True)
    ]
    pixels = np.stack(seen) + rng.normal(size=(4, 6, 90, 2))
    refined = refine_rig(bumped.rig, bumped.covariance, pixels, fps=FPS, delay_sigma=0.5 / FPS)
    assert refined.delays[0] == 0
    np.testing.assert_allclose(refined.delays * FPS, true * FPS, atol=0.04)
    assert (np.abs(refined.delays - true) <= 4 * refined.delay_sigmas).all()
    still = refine_rig(bumped.rig, bumped.covariance, pixels)
    assert np.nanmedian(refined.after) < 0.9 * np.nanmedian(still.after)


def test_where_nothing_moves_delays_stay_as_unknown_as_they_were():
    rng = np.random.default_rng(6)
    bumped = make_bumped(3, rng)
    points = make_walk(6, np.zeros(30))
    pixels = bumped.true.project(points) + rng.normal(size=(3, 6, 30, 2))
    refined = refine_rig(bumped.rig, bumped.covariance, pixels, fps=FPS, delay_sigma=0.01)
    np.testing.assert_allclose(refined.delays, 0, atol=1e-5)
    np.testing.assert_allclose(refined.delay_sigmas, [0, 0.01, 0.01], rtol=0.01)


def test_a_camera_that_was_moved_is_placed_anew():
    """1 degree and 2 mm are far beyond the calibration's doubt; the new pose is as sure as told."""
    rng = np.random.default_rng(7)
    bumped = make_bumped(4, rng)
    now = bump(bumped.true, "cam2", degrees=1, shift=2)
    pixels = detections(now, make_walk(6, TIMES), rng)
    refined = refine_rig(bumped.rig, bumped.covariance, pixels, moved=["cam2"])
    names = [f"cam2.{name}" for name in POSE]
    places = [refined.covariance.names.index(name) for name in names]
    error = difference(now, refined.rig)[places]
    squared = error @ np.linalg.solve(refined.covariance.of(names), error)
    assert squared < 22.5  # 99.9 % of chi-square with 6 degrees of freedom
    assert np.linalg.norm(refined.rig["cam2"].center - now["cam2"].center) < 1.2  # mm
    points = make_walk(6, TIMES)
    off = np.linalg.norm(refined.rig["cam2"].project(points) - now["cam2"].project(points), axis=-1)
    assert np.median(off) < 1.5  # px, of about 30 before


def test_a_recording_of_one_moment_hardly_tells():
    rng = np.random.default_rng(8)
    bumped = make_bumped(4, rng)
    pixels = bumped.true.project(make_walk(6, TIMES[:1])) + rng.normal(size=(4, 6, 1, 2))
    refined = refine_rig(bumped.rig, bumped.covariance, pixels, fps=FPS, delay_sigma=0.5 / FPS)
    before, after = np.diag(bumped.covariance.matrix), np.diag(refined.covariance.matrix)
    assert (after <= before * (1 + 1e-9)).all()
    assert np.median(np.sqrt(after[before > 0] / before[before > 0])) > 0.7


def test_detections_that_are_not_finite_are_left_out():
    rng = np.random.default_rng(9)
    bumped = make_bumped(3, rng)
    pixels = detections(bumped.true, make_walk(6, TIMES), rng)
    covariance = np.broadcast_to(np.eye(2), (*pixels.shape, 2)).copy()
    spoilt = rng.random(pixels.shape[:-1]) < 0.1
    covariance[spoilt] = np.nan
    missing = np.where(spoilt[..., None], np.nan, pixels)
    one = refine_rig(bumped.rig, bumped.covariance, pixels, covariance=covariance)
    other = refine_rig(bumped.rig, bumped.covariance, missing)
    np.testing.assert_allclose(difference(one.rig, other.rig), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda pixels, rng: rng.uniform(0, 1000, pixels.shape), "do not show the same"),
        (lambda pixels, rng: np.full(pixels.shape, np.nan), "seen by two cameras"),
        (lambda pixels, rng: pixels[:2], "pixels of shape"),
        (lambda pixels, rng: pixels[:, 0], "pixels of shape"),
    ],
)
def test_detections_without_sense_are_refused(spoil, words):
    rng = np.random.default_rng(10)
    bumped = make_bumped(3, rng)
    pixels = spoil(detections(bumped.true, make_walk(6, TIMES), rng), rng)
    with pytest.raises(CalibrationError, match=words):
        refine_rig(bumped.rig, bumped.covariance, pixels)


@pytest.mark.parametrize(
    "given", [{"moved": ["cam7"]}, {"delay_sigma": 0.01}, {"delay_sigma": np.nan, "fps": 30.0}]
)
def test_choices_without_sense_are_refused(given):
    bumped = make_bumped(2, np.random.default_rng(0))
    with pytest.raises(CalibrationError, match="give cameras among cam0, cam1"):
        refine_rig(bumped.rig, bumped.covariance, np.zeros((2, 1, 1, 2)), **given)


def test_a_rig_without_doubt_stays_as_it_is():
    """A covariance of zero holds everything; the residuals are told all the same."""
    rng = np.random.default_rng(12)
    bumped = make_bumped(3, rng)
    sure = replace(bumped.covariance, matrix=0 * bumped.covariance.matrix)
    refined = refine_rig(bumped.rig, sure, detections(bumped.true, make_walk(6, TIMES), rng))
    np.testing.assert_allclose(difference(refined.rig, bumped.rig), 0, atol=1e-12)


def test_cameras_that_look_through_walls_are_refined_too():
    """Their pixels bend at the walls: taken into account, half a degree is mended to 1 px."""
    rng = np.random.default_rng(13)
    true = walled.make_rig(*walled.MEDIA["acrylic"])
    names = rig_parameters(true)
    loose = [0.0 if "rotation" not in name or name.startswith("cam0") else 0.01 for name in names]
    covariance = RigCovariance(names=names, matrix=np.diag(np.square(loose)), gauge="cam0")
    points = make_walk(6, TIMES) * 0.5
    pixels = true.project(points) + 0.5 * rng.normal(size=(4, 6, len(TIMES), 2))
    start = bump(true, "cam1", degrees=0.5, shift=0)
    start = replace(  # turned about the world's origin, which the covariance allows
        true,
        cameras=tuple(
            replace(now, translation=old.translation) for now, old in zip(start, true, strict=True)
        ),
    )
    refined = refine_rig(start, covariance, pixels)
    off = np.linalg.norm(refined.rig.project(points) - true.project(points), axis=-1)
    assert np.nanmedian(off) < 0.5
    assert refined.rig.cameras[1].wall == true.cameras[1].wall


@pytest.mark.parametrize("shape", [{}, {"box": True}])
def test_poses_a_wall_and_delays_are_refined_together(shape):
    """Water behind glass 0.9 degrees askew, a camera 0.24 degrees off, and views that are late."""
    true = walled.make_rig(*walled.MEDIA["water"])
    names = rig_parameters(true)
    loose = [0.003 * ("rotation" in name and not name.startswith("cam0")) for name in names]
    covariance = RigCovariance(names=names, matrix=np.diag(np.square(loose)), gauge="cam0")
    late, times = np.array([0, 0.3, -0.25, 0.15]) / FPS, np.arange(90) / FPS
    seen = [c.project(make_walk(6, times + t) * 0.5) for c, t in zip(true, late, strict=True)]
    pixels = np.stack(seen) + 0.3 * np.random.default_rng(14).normal(size=(4, 6, 90, 2))
    turn = rotation_from_vector([0.01, -0.01, 0.012])
    cameras = [replace(c, wall=replace(c.wall, normal=turn @ c.wall.normal)) for c in true]
    aside = rotation_from_vector([0.002, 0.003, -0.002]) @ true.cameras[1].rotation
    cameras[1] = replace(cameras[1], rotation=aside)
    start, given = replace(true, cameras=tuple(cameras)), {"fps": FPS, "delay_sigma": 0.5 / FPS}
    walls = WallPriors(distance=0.0, thickness=0.0, tilt=0.01, index=0.0, **shape)
    held = refine_rig(start, covariance, pixels, **given)
    refined = refine_rig(start, covariance, pixels, walls=walls, **given)
    # The noise of 0.3 px a coordinate has a median distance of 0.35 px, less what points take.
    assert np.nanmedian(refined.after) < 0.35
    assert np.nanmedian(held.after) > 0.7
    np.testing.assert_allclose(refined.delays * FPS, late * FPS, atol=0.02)  # frames
    assert np.abs((held.delays - late) * FPS).max() > 0.1
    for camera, wall in zip(refined.rig, true, strict=True):
        off = np.linalg.norm(np.cross(camera.wall.normal, wall.wall.normal))
        assert np.degrees(off) < 0.3
    points = make_walk(6, times) * 0.5
    off = [
        np.median(np.linalg.norm(rig.project(points) - true.project(points), axis=-1))
        for rig in (start, refined.rig)
    ]
    assert off[1] < 0.2 * off[0]


def test_steps_that_lead_behind_a_wall_are_taken_back():
    """Cameras 3 mm before their walls, one moved: what is tried on the way may be no rig at all."""
    rng = np.random.default_rng(13)
    rig = walled.make_rig(*walled.MEDIA["acrylic"])
    close = [replace(c.wall, distance=float(c.wall.normal @ c.center) + 3.0) for c in rig]
    cameras = tuple(replace(c, wall=wall) for c, wall in zip(rig, close, strict=True))
    rig = replace(rig, cameras=cameras)
    names = rig_parameters(rig)
    covariance = RigCovariance(names=names, matrix=np.eye(len(names)) * 1e-8, gauge="all")
    pixels = rig.project(make_walk(4, TIMES[:15]) * 0.5)
    pixels += 0.5 * rng.normal(size=pixels.shape)
    pixels[2] -= 90
    walls = WallPriors(distance=2.0, thickness=0.1)
    refined = refine_rig(rig, covariance, pixels, moved=rig.names, walls=walls)
    assert all(camera.wall.height(camera.center) > 0 for camera in refined.rig)
