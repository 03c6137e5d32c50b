"""Held-out errors, in px and in the board's unit, of rigs that are right and rigs that are not."""

from dataclasses import replace

import numpy as np
import pytest

from calibration import calibrate, score_held_out
from calibration.errors import CalibrationError
from calibration.fitting.heldout import judge_held_out
from labcut3d.synthetic import Blemishes, Scene, make_scene

NOISE = 0.2  # px


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(7, n_boards=30, blemishes=Blemishes(noise=NOISE))


def test_the_true_rig_leaves_the_noise(scene):
    held = judge_held_out(scene.rig, scene.board, scene.observations)
    # The mean length of a Gaussian in a plane; six numbers of each board are fitted away.
    assert held.pixels.mean() == pytest.approx(NOISE * np.sqrt(np.pi / 2), rel=0.1)
    assert np.median(held.corner_errors) < 0.1  # mm: 0.2 px at 300 mm and 1400 px are 0.04 mm
    assert abs(held.spacing_errors.mean()) < 0.01  # mm of 8
    assert np.isnan(score_held_out(scene.rig, scene.board, scene.observations)).any()


def test_a_rig_of_the_wrong_size_shows_in_lengths_but_not_in_pixels(scene):
    """Twice as large and twice as far: every pixel fits a board that is twice as large."""
    cameras = tuple(replace(c, translation=1.02 * c.translation) for c in scene.rig)
    held = judge_held_out(replace(scene.rig, cameras=cameras), scene.board, scene.observations)
    assert np.median(held.spacing_errors) == pytest.approx(0.02 * 8.0, rel=0.1)  # mm


def test_calibrations_judge_themselves_by_the_other_half(scene):
    result = calibrate(scene.board, scene.observations)
    assert result.check is result.check
    held = result.check
    assert held.pixels.mean() == pytest.approx(NOISE * np.sqrt(np.pi / 2), rel=0.1)
    assert held.pixels.mean() > np.nanmean(result.errors)
    assert len(held.corner_errors) > 100
    few = result.observations.at(result.observations.frames[:6])
    assert not len(calibrate(scene.board, few.without(["cam2", "cam3"])).check.pixels)


def test_a_view_without_observations_is_named(scene):
    with pytest.raises(CalibrationError, match="cam3"):
        score_held_out(scene.rig, scene.board, scene.observations.without(["cam3"]))
