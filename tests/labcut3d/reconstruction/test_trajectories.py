"""Reconstruction on small scenes of known truth: what is filled, refused, repaired and kept."""

import numpy as np
import pytest
import xarray as xr

from calibration.camera import Camera
from calibration.lens import Lens
from calibration.rig import Rig
from labcut3d.errors import DatasetError
from labcut3d.reconstruction import ReconstructionSettings, reconstruct
from labcut3d.schema import make_detections
from labcut3d.skeleton import Skeleton
from labcut3d.synthetic_rig import look_at

PIXEL = 40 / 2300  # mm; what a pixel measures at the animal
SKELETON = Skeleton(
    name="three",
    keypoints=("left", "right", "tail"),
    bones=(("left", "tail"), ("right", "tail")),
    left_right=(("left", "right"),),
)


def make_rig(views: int = 4) -> Rig:
    """Cameras 40 mm from the origin, all around above it."""
    cameras = []
    for index in range(views):
        angle = 2 * np.pi * index / views
        center = np.array([28 * np.cos(angle), 28 * np.sin(angle), 28.0])
        rotation, translation = look_at(center, np.zeros(3), np.array([0.0, 0.0, 1.0]))
        cameras.append(
            Camera(
                name=f"cam{index}",
                size=(640, 480),
                matrix=np.array([[2300.0, 0, 320], [0, 2300, 240], [0, 0, 1]]),
                lens=Lens(distortions=np.array([-0.5, 1.0, 1e-3, -5e-4, 0.0])),
                rotation=rotation,
                translation=translation,
            )
        )
    return Rig(cameras=tuple(cameras), unit="mm")


RIG = make_rig()


def walk(moments: int) -> np.ndarray:
    """An animal of three points that walks a circle (time, keypoint, 3) mm."""
    phase = np.linspace(0, 2 * np.pi, moments)
    center = 1.5 * np.stack([np.cos(phase), np.sin(phase), 0 * phase], axis=-1)
    radial = center / 1.5
    tangent = np.stack([-np.sin(phase), np.cos(phase), 0 * phase], axis=-1)
    return np.stack([center + 0.5 * radial, center - 0.5 * radial, center - tangent], axis=1)


def detections_of(pixels: np.ndarray, confidence: float | np.ndarray = 0.9, **names) -> xr.Dataset:
    """Detections from pixels (view, time, keypoint, individual, 2), NaN = not detected."""
    there = np.isfinite(pixels).all(axis=-1)
    return make_detections(
        position=np.moveaxis(pixels, (0, 4), (1, 2)),
        confidence=np.moveaxis(np.where(there, confidence, 0.0), 0, 1),
        views=names.get("views", [camera.name for camera in RIG][: len(pixels)]),
        keypoints=names.get("keypoints", SKELETON.keypoints),
        individuals=[f"animal{index}" for index in range(pixels.shape[3])],
        fps=30.0,
    )


def seen(truth: np.ndarray, noise: float = 0.5, seed: int = 0) -> np.ndarray:
    """Noisy pixels (view, time, keypoint, 1, 2) of points (time, keypoint, 3)."""
    pixels = RIG.project(truth)[:, :, :, None]
    return pixels + np.random.default_rng(seed).normal(0, noise, pixels.shape)


def errors(trajectories: xr.Dataset, truth: np.ndarray, name: str = "position") -> np.ndarray:
    """Distances (time, keypoint) of the first animal from the truth, mm."""
    position = trajectories[name].isel(individual=0).transpose("time", "keypoint", "space").values
    return np.linalg.norm(position - truth, axis=-1)


def test_smoothing_improves_on_single_moments() -> None:
    truth = walk(120)
    found = reconstruct(detections_of(seen(truth)), RIG, skeleton=SKELETON)
    raw, refined = errors(found, truth, "position_raw"), errors(found, truth)
    assert np.median(refined) < 0.75 * np.median(raw)  # smooth motion: at least 25 % better
    assert refined.max() < 2 * PIXEL
    assert found["view_used"].values.mean() > 0.98
    assert found["confidence"].values.min() > 0.95
    assert found.attrs["unit"] == "mm"
    assert found["reprojection_error"].values.mean() == pytest.approx(0.6, abs=0.15)  # px


def test_same_input_same_bits_and_input_untouched() -> None:
    detections = detections_of(seen(walk(40)))
    before = detections.copy(deep=True)
    first, second = (reconstruct(detections, RIG, skeleton=SKELETON) for _ in range(2))
    assert first.identical(second)
    assert detections.identical(before)


def test_a_jump_is_not_smoothed_away() -> None:
    truth = walk(120)
    truth[60:, 2] += [0.0, 0.0, 0.5]  # half a millimetre between two frames, 29 px
    found = reconstruct(detections_of(seen(truth)), RIG)
    assert errors(found, truth)[58:62, 2].max() < 3 * PIXEL


def test_a_wrong_view_is_overruled_even_when_only_one_other_sees() -> None:
    truth = walk(90)
    pixels = seen(truth)
    pixels[2:, 40:44, 0] = np.nan
    pixels[1, 40:44, 0] += [25.0, 25.0]
    found = reconstruct(detections_of(pixels), RIG)
    assert errors(found, truth, "position_raw")[40:44, 0].min() > 0.2
    assert errors(found, truth)[40:44, 0].max() < 5 * PIXEL
    assert not found["view_used"].isel(keypoint=0, view=1, individual=0).values[40:44].any()


def test_swaps_of_left_and_right_are_repaired_and_counted() -> None:
    truth = walk(90)
    pixels = seen(truth)
    pixels[1, 30:45, [0, 1]] = pixels[1, 30:45, [1, 0]]
    found = reconstruct(detections_of(pixels), RIG, skeleton=SKELETON)
    assert found.attrs["refinement_repaired_swaps"] == 15
    assert found["view_used"].isel(view=1, individual=0).values[30:45, :2].all()
    assert errors(found, truth).max() < 2.5 * PIXEL


def test_short_gaps_are_filled_and_long_ones_are_not() -> None:
    truth = walk(150)
    pixels = seen(truth)
    pixels[:, 30:34, 2] = np.nan  # 0.13 s
    pixels[:, 80:120, 2] = np.nan  # 1.3 s
    found = reconstruct(detections_of(pixels), RIG)
    error = errors(found, truth)
    assert errors(found, truth, "position_raw")[30:34, 2] == pytest.approx(np.nan, nan_ok=True)
    assert error[30:34, 2].max() < 5 * PIXEL
    assert np.isnan(error[80:120, 2]).all()
    assert np.isfinite(error[:80]).all()
    assert np.isfinite(error[120:]).all()
    variance = np.trace(found["covariance"].values[:, 2, 0], axis1=-2, axis2=-1)
    assert variance[32] > 3 * variance[20]
    assert not found["view_used"].values[80:120, :, 2].any()


def test_never_detected_keypoints_are_missing_and_disturb_nobody() -> None:
    truth = walk(30)
    pixels = seen(truth)
    pixels[:, :, 1] = np.nan
    found = reconstruct(detections_of(pixels), RIG, skeleton=SKELETON)
    assert np.isnan(errors(found, truth)[:, 1]).all()
    assert errors(found, truth)[:, [0, 2]].max() < 3 * PIXEL
    nothing = reconstruct(detections_of(np.full_like(pixels, np.nan)), RIG, skeleton=SKELETON)
    assert np.isnan(nothing["position"].values).all()
    assert (nothing["confidence"].values == 0).all()


@pytest.mark.parametrize("moments", [1, 2, 3, 5])
def test_few_frames(moments: int) -> None:
    truth = walk(100)[:moments]
    found = reconstruct(detections_of(seen(truth)), RIG, skeleton=SKELETON)
    assert errors(found, truth).max() < 3 * PIXEL
    assert np.isfinite(found["covariance"].values).all()


def test_individuals_do_not_influence_each_other() -> None:
    one, other = seen(walk(40)), seen(walk(40) + np.array([0.0, 0.0, 1.0]), seed=1)
    both = reconstruct(detections_of(np.concatenate([one, other], axis=3)), RIG)
    alone = reconstruct(detections_of(one), RIG)
    assert both["position"].isel(individual=0).equals(alone["position"].isel(individual=0))
    assert np.isfinite(both["position"].values).all()


def test_order_of_views_and_cameras_is_free() -> None:
    truth = walk(30)
    detections = detections_of(seen(truth))
    expected = reconstruct(detections, RIG)
    turned = reconstruct(
        detections.isel(view=[2, 0, 3, 1]), RIG.select(["cam3", "cam1", "cam0", "cam2"])
    )
    assert turned["position"].values == pytest.approx(expected["position"].values, abs=1e-6)
    three = reconstruct(detections.isel(view=[0, 1, 2]), RIG)
    assert errors(three, truth).max() < 3 * PIXEL


def test_views_without_a_camera_are_named() -> None:
    detections = detections_of(seen(walk(5)), views=["cam0", "left", "cam2", "cam3"])
    with pytest.raises(DatasetError, match=r"'left'.*cam0, left, cam2, cam3.*cam0, cam1, cam2"):
        reconstruct(detections, RIG)
    with pytest.raises(DatasetError, match="at least two views"):
        reconstruct(detections.isel(view=[0]), RIG)
    with pytest.raises(DatasetError, match="'confidence'"):
        reconstruct(detections.drop_vars("confidence"), RIG)


def test_without_smoothing_every_moment_stands_alone() -> None:
    truth = walk(20)
    settings = ReconstructionSettings(smooth=False)
    found = reconstruct(detections_of(seen(truth)), RIG, settings)
    assert found["position"].equals(found["position_raw"])
    assert np.isfinite(found["position"].values).all()
    cut = reconstruct(detections_of(seen(truth)[:, :7]), RIG, settings)
    assert cut["position"].values == pytest.approx(found["position"].values[:7], abs=0.1 * PIXEL)


def test_a_detector_worse_than_it_says_is_believed_less() -> None:
    truth = walk(200)
    pixels = seen(truth, noise=6.0)  # claimed: 1 px
    found = reconstruct(detections_of(pixels), RIG)
    assert np.isfinite(errors(found, truth)).all()
    assert found["view_used"].values.mean() > 0.95
    deviation = np.sqrt(np.trace(found["covariance"].values, axis1=-2, axis2=-1))
    assert np.median(deviation) == pytest.approx(
        np.sqrt((errors(found, truth) ** 2).mean()), rel=0.4
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"lowest_confidence": -0.1},
        {"lowest_confidence": 1.5},
        {"longest_gap_s": float("nan")},
        {"largest_deviation_px": 0},
        {"smooth": "yes"},
        {"longest_gap_s": "short"},
    ],
)
def test_settings_refuse_what_means_nothing(wrong: dict) -> None:
    with pytest.raises(DatasetError, match=next(iter(wrong))):
        ReconstructionSettings(**wrong)


def test_progress_runs_to_its_end_over_all_individuals() -> None:
    calls: list[tuple[int, int]] = []
    pixels = np.concatenate([seen(walk(10)), seen(walk(10), seed=1)], axis=3)
    reconstruct(
        detections_of(pixels),
        RIG,
        progress=lambda done, total, note="": calls.append((done, total)),
    )
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert calls[-1][0] == calls[-1][1]


def test_empty_detections_are_refused() -> None:
    detections = detections_of(seen(walk(3)))
    with pytest.raises(DatasetError, match="'time' is empty"):
        reconstruct(detections.isel(time=slice(0)), RIG)
    with pytest.raises(DatasetError, match="'individual' is empty"):
        reconstruct(detections.isel(individual=slice(0)), RIG)


def test_points_that_never_move_beside_moments_nobody_sees() -> None:
    """What stands still exactly asks for endless stiffness; the equations must stay solvable."""
    truth = np.repeat(walk(2)[:1], 60, axis=0)
    pixels = seen(truth, noise=0.0)
    pixels[:, 20:50] = np.nan
    confidence = np.full(pixels.shape[:-1], 0.9)
    confidence[:, 50:] = 0.021
    found = reconstruct(detections_of(pixels, confidence), RIG, skeleton=SKELETON)
    known = errors(found, truth)[:20]
    assert np.nanmax(known) < 0.1 * PIXEL  # mm; float32 pixels without noise
