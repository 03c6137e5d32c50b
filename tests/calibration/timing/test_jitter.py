"""Rigs calibrated from images of which each was taken at a moment of its own."""

from functools import partial

import numpy as np
import pytest
from moving_board import FPS, MovingBoard

from calibration import calibrate
from calibration.timing.jitter import without_jitter
from calibration.timing.synchronization import calibrate_in_time


def _focal_error(rig, true) -> float:
    """Return the root mean square relative error of the focal lengths."""
    ratios = [
        np.diag(a.matrix)[:2] / np.diag(b.matrix)[:2] - 1 for a, b in zip(rig, true, strict=True)
    ]
    return float(np.sqrt(np.mean(np.square(ratios))))


def test_straying_images_are_brought_to_one_moment():
    """Strays of 0.2 frames, 1 px of motion, are told, and the error falls to the corners' noise.

    The noise is 0.15 px in each coordinate, a median of 0.18 px; what is left of the motion
    (curvature, errors of its velocity) may add as much again.
    """
    scene = MovingBoard(n_views=3)
    observations = scene.filmed(80, offsets=[0.0, 0.0, 0.0], stray=0.2)
    plain = calibrate(scene.board, observations)
    result = calibrate_in_time(scene.board, observations)
    assert result.rms < 0.6 * plain.rms
    assert np.nanmedian(result.errors) < 0.36
    for clock in result.observations.clocks:
        assert clock.jitter * FPS == pytest.approx(0.17, abs=0.07)  # less the mean of the frame
    assert any("not taken at one moment" in warning for warning in result.warnings)
    assert _focal_error(result.rig, scene.rig) < _focal_error(plain.rig, scene.rig)


def test_images_on_time_are_left_alone():
    """The very same calibration is returned."""
    scene = MovingBoard(n_views=3)
    observations = scene.filmed(60, offsets=[0.0, 0.0, 0.0])
    result = calibrate(scene.board, observations)
    assert without_jitter(result, observations, 1 / FPS, partial(calibrate, scene.board)) is result


def test_untriggered_web_cameras_are_found_out(dataset):
    """The real recording of four web cameras at 6 frames a second: its floor of one pixel falls.

    Half of the corners of each image give the board's pose and the delays; the others judge.
    """
    from calibration import CharucoBoard, observe
    from calibration.timing.delays import gain_by_delays
    from calibration.timing.scene import Scene
    from calibration.timing.timestamps import read_timestamps, with_times
    from labcut3d.video import open_frames

    folder = dataset("charuco_4cam") / "calibration" / "extrinsic"
    sources = {f"cam_{i}": open_frames(folder / f"cam_{i}.mp4") for i in range(4)}
    lines = read_timestamps(folder / "timestamps.csv", dict.fromkeys(sources, 57))
    board = CharucoBoard(
        squares_x=4,
        squares_y=5,
        square_length=54.0,
        marker_length=40.5,
        dictionary="DICT_4X4_1000",
        unit="mm",
    )
    numbers = {view: line.numbers.tolist() for view, line in lines.items()}
    printed, observations = observe(board, sources, numbers=numbers)
    observations = with_times(observations, lines)
    result = calibrate_in_time(printed, observations)
    assert np.nanmedian(result.errors) < 0.2  # px; 0.4 and more without
    assert [clock.jitter > 0.01 for clock in result.observations.clocks] == [True] * 4
    left_out = result.check
    assert 0.2 < left_out.pixels.mean() < 0.35  # px; delays were fitted to the other corners
    assert np.median(np.abs(left_out.spacing_errors)) < 0.3  # mm, of 54
    plain, delayed = gain_by_delays(Scene.of(calibrate(printed, observations)), period=1 / 6)
    assert delayed < 0.7 * plain
