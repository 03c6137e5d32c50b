"""Which camera was moved: told where it was, and not where none was."""

from dataclasses import replace

import numpy as np
import pytest
from bumped import FPS, bump, detections, make_bumped, make_walk

from calibration.drift import count_placements, find_drift

TIMES = np.arange(40) / FPS


def drift_of(count, name=None, seed=0, fps=None, **amount):
    """The drift of a rig whose camera `name` was moved."""
    rng = np.random.default_rng(seed)
    bumped = make_bumped(count, rng)
    now = bumped.true if name is None else bump(bumped.true, name, **amount)
    pixels = detections(now, make_walk(6, TIMES), rng)
    return find_drift(bumped.rig, bumped.covariance, pixels, fps=fps), now


@pytest.mark.parametrize("name", ["cam0", "cam2"])
def test_the_camera_that_was_moved_is_named_and_by_how_much(name):
    """1 degree and 2 mm; also the first camera, which the calibration holds."""
    drift, _ = drift_of(4, name, degrees=1, shift=2)
    assert drift.moved == (name,)
    assert not drift.is_more_than_one
    best = drift.likeliest
    assert abs(np.degrees(best.turn) - 1) < 4 * np.degrees(best.turn_sigma) < 0.5
    assert abs(best.shift - 2) < 4 * best.shift_sigma < 3
    assert drift.finding.level == "WARN"
    assert f"'{name}' was moved by" in drift.finding.reason


@pytest.mark.parametrize("seed", range(2))
def test_where_none_was_moved_none_is_named(seed):
    """The calibration's own doubt, two pixels, is no drift."""
    drift, _ = drift_of(3, seed=seed)
    assert drift.moved == ()
    assert drift.finding.level == "PASS"
    assert max(suspect.evidence for suspect in drift.suspects) < drift.limit


def test_with_three_cameras_it_is_still_told_which():
    drift, _ = drift_of(3, "cam1", degrees=2, shift=4)
    assert drift.likeliest.camera == "cam1"
    assert drift.moved == ("cam1",)


def test_of_two_cameras_it_is_not_told_which():
    drift, _ = drift_of(2, "cam1", degrees=1, shift=2)
    assert drift.moved == ("cam0", "cam1")
    assert "one of cam0, cam1 was moved; which of them, the recording cannot tell" in (
        drift.finding.reason
    )


def test_two_moved_cameras_are_not_repaired_as_one():
    rng = np.random.default_rng(3)
    bumped = make_bumped(4, rng)
    now = bump(bump(bumped.true, "cam1", degrees=1, shift=2), "cam3", degrees=-1, shift=-3)
    pixels = detections(now, make_walk(6, TIMES), rng)
    drift = find_drift(bumped.rig, bumped.covariance, pixels)
    assert drift.is_more_than_one
    assert drift.finding.level == "FAIL"


def test_a_camera_out_of_step_is_not_taken_for_moved():
    rng = np.random.default_rng(4)
    bumped = make_bumped(3, rng)
    pixels = bumped.true.project(make_walk(6, TIMES))
    pixels[1] = bumped.true["cam1"].project(make_walk(6, TIMES + 0.5 / FPS))
    pixels += rng.normal(size=pixels.shape)
    drift = find_drift(bumped.rig, bumped.covariance, pixels, fps=FPS)
    assert drift.moved == ()
    assert drift.still.delays[1] * FPS == pytest.approx(0.5, abs=0.1)


def test_labels_alike_askew_in_one_place_are_not_taken_for_a_motion():
    """A resting animal, all of whose keypoints a view shows 6 px off, each by 3 px on its own."""
    rng = np.random.default_rng(6)
    bumped = make_bumped(4, rng)
    pixels = bumped.true.project(make_walk(40, np.zeros(10)))
    pixels += 3 * rng.normal(size=(4, 40, 1, 2)) + 0.3 * rng.normal(size=pixels.shape)
    pixels[2] += [6, 0]
    drift = find_drift(bumped.rig, bumped.covariance, pixels)
    assert drift.moved == ()
    assert drift.likeliest.effect < drift.least_effect
    assert drift.likeliest.evidence > drift.limit
    assert "labels that are off alike" in drift.finding.reason


def test_places_are_counted_by_the_size_of_the_body():
    body = np.array([[0.0, 0, 0], [2, 0, 0], [0, 2, 0]])[:, None]
    steps = np.zeros((1, 9, 3))
    steps[0, :, 0] = [0, 0.5, 1, 10, 10, 10, np.nan, 10.5, 30]
    assert count_placements(body + steps) == 3
    assert count_placements(np.full((3, 5, 3), np.nan)) == 1


def test_progress_reaches_its_end():
    told = []
    rng = np.random.default_rng(0)
    bumped = make_bumped(2, rng)
    pixels = detections(bumped.true, make_walk(3, TIMES[:20]), rng)
    find_drift(
        replace(bumped.rig), bumped.covariance, pixels, progress=lambda *now: told.append(now)
    )
    assert told[-1] == (5, 5)
