"""Rigs whose cameras are not on time, calibrated from a moving board with known truth."""

import json
from dataclasses import replace

import numpy as np
import pytest
from moving_board import FPS, MovingBoard

from calibration import Rig, calibrate, observe
from calibration.boards.board import parse_board
from calibration.corners.observations import Observations
from calibration.errors import CalibrationError
from calibration.timing.boardmotion import coarse_offsets
from calibration.timing.clocks import Clock
from calibration.timing.synchronization import calibrate_in_time, resample
from calibration.timing.timestamps import pair_by_time, with_times
from labcut3d.video import open_frames

OFFSETS = [0.0, 0.37, -2.4]  # frames


@pytest.fixture(scope="module")
def scene() -> MovingBoard:
    return MovingBoard(n_views=3)


@pytest.fixture(scope="module")
def late(scene) -> Observations:
    return scene.filmed(80, offsets=OFFSETS)


@pytest.fixture(scope="module")
def corrected(scene, late):
    return calibrate_in_time(scene.board, late)


def test_offsets_are_found_to_a_hundredth_of_a_frame(corrected):
    """And within four of their stated deviations; a corner is noisy by 0.15 px, a frame is 5 px."""
    clocks = corrected.observations.clocks
    for clock, true in zip(clocks, OFFSETS, strict=True):
        assert clock.offset * FPS == pytest.approx(true, abs=0.01)
        assert abs(clock.offset - true / FPS) <= 4 * clock.offset_sigma
        assert clock.drift == 0
    assert [clock.corrected for clock in clocks] == [False, True, True]


def test_the_rig_is_as_good_as_that_of_cameras_on_time(scene, corrected):
    """The error left is that of 0.15 px of noise in each coordinate, 0.21 px in all."""
    assert corrected.rms < 1.1 * 0.15 * np.sqrt(2)
    on_time = calibrate(scene.board, scene.filmed(80, offsets=[0.0, 0.0, 0.0]))
    for rig, most in ((corrected.rig, 3.0), (on_time.rig, 3.0)):
        for camera, true in zip(rig, scene.rig, strict=True):
            focal = np.diag(camera.matrix)[:2] / np.diag(true.matrix)[:2] - 1
            assert np.abs(focal).max() < most / 100


def test_the_clocks_are_told_and_stored_with_the_rig(corrected, tmp_path):
    """A warning names the view, the time and the direction; rig.toml keeps the numbers."""
    told = " ".join(corrected.warnings)
    assert "'cam1': its images were taken 12." in told
    assert "(2.40 frames) earlier" in told
    corrected.rig.save(tmp_path / "rig.toml")
    stored = Rig.load(tmp_path / "rig.toml").metadata["clocks"]
    assert stored["cam2"]["offset"] == pytest.approx(-2.4 / FPS, abs=0.01 / FPS)


def test_cameras_on_time_are_calibrated_from_their_own_images(scene):
    """Nothing is interpolated, the rig is that of `calibrate`, and the offsets are near zero."""
    observations = scene.filmed(60, offsets=[0.0, 0.0, 0.0])
    result = calibrate_in_time(scene.board, observations)
    assert result.rig.cameras == calibrate(scene.board, observations).rig.cameras
    np.testing.assert_array_equal(result.observations.corners, observations.corners)
    for clock in result.observations.clocks:
        assert not clock.corrected
        assert abs(clock.offset) * FPS < 0.02
    assert not any("taken" in warning for warning in result.warnings)


def test_images_without_time_are_calibrated_as_ever(scene):
    """No time stamps, no clocks."""
    observations = replace(scene.filmed(24, offsets=[0.0] * 3), times=np.zeros(0))
    result = calibrate_in_time(scene.board, observations)
    assert result.observations.clocks == ()


def test_whole_frames_are_found_without_a_rig(scene, late):
    """From the board's motion alone, to half a frame."""
    found = coarse_offsets(scene.board, late, 1 / FPS)
    np.testing.assert_allclose(found * FPS, OFFSETS, atol=0.5)


def test_frames_that_a_view_dropped_are_told_and_keep_their_places(scene):
    """A view that lost three frames is paired by the gaps in its time stamps."""
    full = scene.filmed(60, offsets=[0.0, 0.0, 0.0])
    kept = np.delete(np.arange(60), [20, 41, 42])
    stamps = {**dict.fromkeys(full.views, full.times[0]), "cam1": full.times[0, kept]}
    lines = pair_by_time(stamps)
    corners = full.corners.copy()
    corners[1, [20, 41, 42]] = np.nan
    result = calibrate_in_time(scene.board, with_times(replace(full, corners=corners), lines))
    assert result.observations.clocks[1].dropped == (20, 41, 42)
    assert any("dropped 3 frames (20, 41, 42)" in warning for warning in result.warnings)
    assert result.rms < 1.1 * 0.15 * np.sqrt(2)


def test_resampling_undoes_a_known_clock(scene, late):
    """Corners come within their noise of those of a camera on time; few are lost, at the ends."""
    clocks = [
        Clock(view=view, offset=offset / FPS)
        for view, offset in zip(late.views, OFFSETS, strict=True)
    ]
    found = resample(late, clocks).corners
    exact = scene.filmed(80, offsets=[0.0, 0.0, 0.0], noise=0.0).corners
    error = np.linalg.norm(found - exact, axis=-1)
    assert np.nanmedian(error, axis=(1, 2)).max() < 1.2 * 0.15
    assert np.isfinite(error).mean() > 0.93


def test_a_clock_must_be_finite():
    """An offset that is not a number is refused with its value."""
    with pytest.raises(CalibrationError, match="'a': offset = nan"):
        Clock(view="a", offset=float("nan"))


@pytest.fixture(scope="module")
def fly(dataset):
    """Return the board of the fly chamber, and what its cameras saw of it, with time stamps."""
    folder = dataset("fly_chamber")
    board = parse_board(json.loads((folder / "board.json").read_text()), "board.json")
    names = ("cam0", "cam1", "cam2", "cam3")
    sources = {n: open_frames(folder / "calibration" / f"{n}.mp4") for n in names}
    printed, seen = observe(board, sources)
    return printed, with_times(seen, pair_by_time({n: s.times for n, s in sources.items()}))


@pytest.mark.parametrize("views", [("cam0", "cam2"), ("cam1", "cam3")])
def test_views_that_never_saw_the_board_together_are_not_shifted_until_they_did(fly, views):
    """Opposite cameras share no frame; some shift always makes the board move alike in both."""
    board, seen = fly
    pair = seen.without([view for view in seen.views if view not in views])
    with pytest.raises(CalibrationError, match="2 groups that never saw the board together"):
        calibrate_in_time(board, pair)


@pytest.mark.parametrize("late", [0, 60])
def test_views_that_started_apart_are_laid_over_each_other(fly, late):
    """By two seconds of the real recording, to a hundredth of a frame; and by nothing."""
    board, seen = fly
    corners = seen.corners.copy()
    corners[3] = np.roll(corners[3], -late, axis=0)
    corners[3, len(corners[3]) - late :] = np.nan
    pair = replace(seen, corners=corners).without(["cam0", "cam1"])
    clock = calibrate_in_time(board, pair).observations.clocks[1]
    assert clock.offset * 30 == pytest.approx(late, abs=0.01)
