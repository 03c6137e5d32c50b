"""The fly's signals do not depend on where and how large the world is."""

import numpy as np
import pytest

from calibration.geometry import rotation_from_vector
from labcut3d.kinematics.ethogram import (
    compute_abdominal_bending,
    compute_head_width,
    compute_proboscis_extension,
)

SIGNALS = (compute_abdominal_bending, compute_proboscis_extension)


@pytest.mark.parametrize("compute", SIGNALS)
def test_signals_do_not_change_under_rigid_motion_and_scale(compute, make_flies):
    rng = np.random.default_rng(0)
    position = rng.normal(size=(50, 12, 3))
    rotation = rotation_from_vector(rng.normal(size=3))
    moved = 25.4 * (position @ rotation.T) + rng.normal(size=3) * 100
    before = compute(make_flies(position)["position"])
    after = compute(make_flies(moved)["position"])
    np.testing.assert_allclose(after.values, before.values, rtol=1e-9)
    assert set(before.dims) == {"time", "individual"}


def test_bending_is_the_angle_in_degrees(make_flies):
    position = np.zeros((1, 12, 3))
    position[0, :3] = [0, 0, 0]
    position[0, 4] = [-1, 0, 0]
    position[0, 7:9] = [-1.5, 0, 0]
    position[0, 11] = [-1.5, 0, -1]
    bending = compute_abdominal_bending(make_flies(position)["position"])
    assert bending.values[0, 0] == pytest.approx(90.0)
    assert bending.attrs["units"] == "degree"


def test_signals_of_missing_keypoints_are_missing(make_flies):
    position = np.random.default_rng(0).normal(size=(5, 12, 3))
    position[2] = np.nan
    for compute in SIGNALS:
        missing = np.isnan(compute(make_flies(position)["position"]).values[:, 0])
        assert missing.tolist() == [False, False, True, False, False]
    assert np.isnan(compute_head_width(make_flies(position * np.nan)["position"]).values).all()


def test_bent_and_extended_flies_stand_out(make_flies, truth):
    position, events = truth(0)
    bending = compute_abdominal_bending(make_flies(position)["position"]).values[:, 0]
    busy = np.zeros(len(bending), dtype=bool)
    for row in events[events["event"] == "egg_laying"].itertuples():
        busy[row.start_frame : row.stop_frame + 1] = True
    assert np.median(bending[busy]) > np.max(bending[~busy]) + 40  # degrees
