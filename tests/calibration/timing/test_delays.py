"""Delays of single images, told from boards that are rigid: found where they are, not elsewhere."""

import numpy as np
import pytest
from moving_board import FPS, MovingBoard

from calibration.timing.delays import Delays, fit_delays, gain_by_delays
from calibration.timing.scene import Scene

PERIOD = 1 / FPS


@pytest.fixture(scope="module")
def board() -> MovingBoard:
    return MovingBoard(n_views=3)


def _scene(board, observations) -> Scene:
    """Return the truth, with the corners of observations."""
    taken = observations.times[0]
    return Scene(
        board=board.board,
        rig=board.rig,
        boards=board.poses(taken),
        corners=observations.corners,
        taken=taken,
    )


def test_known_delays_are_found(board):
    """Relative to their mean in each frame, which the board's pose takes, to 0.03 frames.

    A corner moves by 5 px a frame and is noisy by 0.15 px; twenty corners leave 0.15 / 5 /
    sqrt(20) = 0.007 frames, and the curvature of the motion and the prior add as much again.
    """
    observations = board.filmed(60, offsets=[0.0] * 3, stray=0.2)
    exact = board.filmed(60, offsets=[0.0] * 3, noise=0.0).corners
    scene = _scene(board, observations)
    delays = Delays.none(observations.corners)
    for _ in range(3):
        delays = fit_delays(scene, observations.corners, delays, period=PERIOD)
    inner = slice(1, -1)  # the ends have no velocity
    evened = delays.undo(observations.corners)
    before = np.linalg.norm(observations.corners - exact, axis=-1)[:, inner]
    apart = evened - exact - (evened - exact).mean(axis=0)
    after = np.linalg.norm(apart, axis=-1)[:, inner]
    assert np.median(before) > 0.5
    assert np.median(after) < 0.35
    assert 0.1 < (delays.seconds * FPS)[:, inner].std() < 0.25


def test_an_image_without_a_neighbour_has_no_delay(board):
    """Where the motion is not known nothing is changed."""
    observations = board.filmed(20, offsets=[0.0] * 3, stray=0.2)
    scene = _scene(board, observations)
    none = Delays.none(observations.corners)
    delays = fit_delays(scene, observations.corners, none, period=PERIOD)
    assert (delays.seconds[:, [0, -1]] == 0).all()
    evened = delays.undo(observations.corners)
    np.testing.assert_array_equal(evened[:, [0, -1]], observations.corners[:, [0, -1]])


def test_corners_left_out_tell_whether_images_stray(board):
    """With strays of a fifth of a frame delays halve the error; without any they do not."""
    strayed = _scene(board, board.filmed(60, offsets=[0.0] * 3, stray=0.2))
    plain, delayed = gain_by_delays(strayed, period=PERIOD)
    assert delayed < 0.5 * plain
    plain, delayed = gain_by_delays(
        _scene(board, board.filmed(60, offsets=[0.0] * 3)), period=PERIOD
    )
    assert delayed > 0.9 * plain
