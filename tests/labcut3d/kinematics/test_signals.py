"""Signals by name: what they are of known movements, and what is said of those that are not."""

import numpy as np
import pytest

from labcut3d.errors import DatasetError, ProjectError
from labcut3d.kinematics import (
    compute_body_axes,
    compute_egocentric,
    compute_joint_angles,
    compute_kinematics,
    compute_middle,
    compute_orientation,
    compute_segment_lengths,
    compute_velocity,
)
from labcut3d.kinematics.geometry import Plane
from labcut3d.kinematics.signals import SIGNALS, compute_signal, parse_signal, unit_factor
from labcut3d.kinematics.surfaces import Surface, Surroundings
from labcut3d.skeleton import load_skeleton

FLY = load_skeleton("fly-egg-laying")
NAMES = ["a", "b", "c"]
FLOOR = Surface(plane=Plane(normal=np.array([0.0, 0.0, 1.0]), distance=0.0))
WALL = Surface(plane=Plane(normal=np.array([-1.0, 0.0, 0.0]), distance=-5.0))
PLACE = Surroundings(substrate=FLOOR, walls={"-z": FLOOR, "+x": WALL}, contact=0.1)


@pytest.fixture
def walker(make_flies):
    """Three points that go 2 mm/s along x; b is 3 mm above a, c 4 mm beside b."""
    position = np.zeros((60, 3, 3))
    position[:, :, 0] = 2.0 * np.arange(60)[:, None] / 30
    position[:, 1:, 2] = 3.0
    position[:, 2, 1] = 4.0
    return make_flies(position, keypoints=NAMES)


@pytest.mark.parametrize(
    ("text", "value", "units"),
    [
        ("speed:a", 2.0, "mm/s"),
        ("speed:a,c", 2.0, "mm/s"),
        ("net_speed:b", 2.0, "mm/s"),
        ("distance:a,b", 3.0, "mm"),
        ("joint_angle:a,b,c", 90.0, "degree"),
        ("distance_to_substrate:b", 3.0, "mm"),
        ("distance_to_substrate:a,b", 0.0, "mm"),
        ("contact:b", 0.0, "1"),
        ("contact:a,b", 1.0, "1"),
        ("distance_to_wall:b", 1.0667, "mm"),
        ("wall_contact:b", 0.0, "1"),
    ],
)
def test_signals_of_a_known_movement(walker, text, value, units):
    signal = compute_signal(text, walker, PLACE)
    assert signal.dims == ("time", "individual")
    assert signal.attrs["units"] == units
    assert signal.values[-1, 0] == pytest.approx(value, abs=1e-4)
    still = text.startswith("distance_to_wall")
    np.testing.assert_allclose(signal.values[:30, 0], 3.0 if still else value, atol=1e-9)


def test_every_signal_is_in_the_module_s_text():
    import labcut3d.kinematics.signals as module

    for name in SIGNALS:
        assert f"\n    {name}" in (module.__doc__ or "")


def test_an_animal_that_sways_covers_no_ground(make_flies):
    time = np.arange(300) / 30
    position = np.zeros((300, 1, 3))
    position[:, 0, 0] = 0.2 * np.sin(2 * np.pi * 2 * time)  # at 2 Hz: 2.5 mm/s at most
    swaying = make_flies(position, keypoints=["a"])
    assert compute_signal("speed:a", swaying).max() > 2
    net = compute_signal("net_speed:a", swaying).values[8:-8]
    assert np.abs(net).max() < 0.2  # its half second is 16 frames, not 15


def test_the_nearest_known_keypoint_counts(walker):
    walker["position"][5, :, 0] = np.nan
    near = compute_signal("distance_to_substrate:a,b", walker, PLACE).values[:, 0]
    assert near[4] == 0
    assert near[5] == pytest.approx(3)
    assert np.isnan(compute_signal("speed:a", walker).values[5, 0])


def test_what_is_missing_is_named(walker):
    for text, named in (
        ("speed:d", "skeleton has no d"),
        ("contact:a", "substrate is not known"),
        ("wall_contact:a", "no \\[chamber\\]"),
        ("abdominal_bending", "skeleton has no left_eye"),
    ):
        with pytest.raises(DatasetError, match=named):
            compute_signal(text, walker)
    for text, named in (
        ("spede:a", "did you mean 'speed'"),
        ("distance:a", "as in 'distance:A,B'"),
    ):
        with pytest.raises(ProjectError, match=named):
            parse_signal(text)


def test_units_are_converted_and_never_mixed_up():
    assert unit_factor("um", "mm", "x") == pytest.approx(1e-3)
    assert unit_factor("cm/s", "mm/s", "x") == pytest.approx(10)
    assert unit_factor(None, "degree", "x") == 1
    for given, own in (("mm", "mm/s"), ("mm", "degree"), ("degree", "mm")):
        with pytest.raises(ProjectError, match="x: unit"):
            unit_factor(given, own, "x")


def test_names_of_movement_before_0_17_are_named_with_the_remedy(make_flies):
    old = make_flies(np.zeros((20, 12, 3))).rename(keypoint="keypoints", individual="individuals")
    position = old["position"]
    for compute in (
        lambda: compute_signal("speed:scutellum", old),
        lambda: compute_middle(position, ("scutellum",)),
        lambda: compute_segment_lengths(position, FLY),
        lambda: compute_joint_angles(position, FLY),
        lambda: compute_body_axes(position, FLY.body),
        lambda: compute_egocentric(position, FLY.body),
        lambda: compute_orientation(position, FLY.body),
        lambda: compute_kinematics(old, FLY),
    ):
        with pytest.raises(DatasetError, match="rename"):
            compute()
    # What works along time and space alone takes any other names.
    assert compute_velocity(position).dims == position.dims
