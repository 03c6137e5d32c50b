"""Clocks from residuals: unbiased, with deviations that hold."""

from dataclasses import replace

import numpy as np
import pytest
from moving_board import FPS, MovingBoard

from calibration.geometry import rotation_from_vector
from calibration.rig import Rig
from calibration.timing.clockfit import fit_clocks


@pytest.fixture(scope="module")
def scene() -> MovingBoard:
    return MovingBoard(n_views=3)


def _fit(scene, observations, rig=None):
    """Return the clocks that the true boards, and by default the true rig, lead to."""
    return fit_clocks(
        rig or scene.rig,
        scene.board.points,
        scene.poses(observations.times[0]),
        observations.corners,
        observations.times[0],
        period=1 / FPS,
    )


def test_small_offsets_are_found_within_their_deviations(scene):
    """Over 40 recordings the errors in units of the deviation scatter by about one.

    The variance of 80 errors is within 0.5 to 1.6 with 99.9 % (chi-squared); the deviations are
    cautious where few stretches of frames make them, so that it may be as low as 0.3.
    """
    offsets, scores = [0.0, 0.02, -0.03], []
    for seed in range(40):
        fit = _fit(scene, scene.filmed(60, offsets=offsets, seed=seed))
        scores.append((fit.offset * FPS - offsets)[1:] / (fit.offset_sigma * FPS)[1:])
    assert 0.3 < np.var(scores) < 1.6
    assert np.abs(np.mean(scores)) < 4 / np.sqrt(80)


def test_drift_is_found_over_a_long_recording(scene):
    """50 millionths over 40 s, at most 1 ms, are found to 4 of their deviations."""
    drifts = [0.0, 50e-6, 0.0]
    fit = _fit(scene, scene.filmed(1200, offsets=[0.0, 0.0, 0.0], drifts=drifts))
    assert np.abs(fit.drift - drifts)[1:] == pytest.approx(0, abs=4 * fit.drift_sigma[1:].max())
    assert fit.drift_sigma[1:].max() < 5e-6


def test_a_camera_that_is_not_quite_right_does_not_pass_for_a_clock(scene):
    """A camera turned by 1 mrad and 0.3 % too long in focus leaves the offsets alone.

    They are fitted along, to first order: what is left is below a hundredth of a frame.
    """
    cameras = list(scene.rig.cameras)
    matrix = cameras[1].matrix.copy()
    matrix[[0, 1], [0, 1]] *= 1.003
    turned = rotation_from_vector([1e-3, 0, 0]) @ cameras[1].rotation
    cameras[1] = replace(cameras[1], matrix=matrix, rotation=turned)
    observations = scene.filmed(120, offsets=[0.0, 0.03, -0.02])
    fit = _fit(scene, observations, Rig(cameras=tuple(cameras), unit=scene.rig.unit))
    np.testing.assert_allclose(fit.offset * FPS, [0.0, 0.03, -0.02], atol=0.01)


def test_a_still_board_tells_nothing_of_time(scene):
    """Its offset is uncertain by frames, and so of no significance."""
    observations = scene.filmed(60, offsets=[0.0, 0.0, 0.0])
    still = replace(observations, corners=np.repeat(observations.corners[:, :1], 60, axis=1))
    fit = fit_clocks(
        scene.rig,
        scene.board.points,
        np.repeat(scene.poses(np.zeros(1)), 60, axis=0),
        still.corners,
        still.times[0],
        period=1 / FPS,
    )
    assert (fit.offset_sigma[1:] * FPS > 1).all()
