"""Surfaces about the animal: distances, probabilities of contact, and where the substrate is."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm

from calibration.alignment import WorldChange
from calibration.chamber import Chamber
from calibration.geometry import make_pose, rotation_from_vector
from labcut3d.errors import DatasetError, ProjectError
from labcut3d.kinematics.geometry import Plane
from labcut3d.kinematics.settings import SubstrateSettings
from labcut3d.kinematics.substrate import find_substrate
from labcut3d.kinematics.surfaces import Surface, Surroundings, chamber_walls, compute_contact
from labcut3d.kinematics.surroundings import find_surroundings

FLOOR = Surface(plane=Plane(normal=np.array([0.0, 0.0, 2.0]), distance=1.0))
BOX = Chamber(inner=(8.0, 6.0, 4.0), thickness=0.5, indices=(1.0, 1.49, 1.0), open=("+z",))
TURN, SHIFT = rotation_from_vector([0.4, -2.0, 1.1]), np.array([30.0, -10.0, 40.0])


def points_at(*heights: float) -> xr.DataArray:
    position = np.zeros((len(heights), 3))
    position[:, 2] = heights
    coords = {"space": list("xyz")}
    return xr.DataArray(position, coords, dims=("time", "space"), attrs={"units": "mm"})


def spread(variance: float, count: int) -> xr.DataArray:
    matrix = np.broadcast_to(variance * np.eye(3), (count, 3, 3))
    coords = {"space": list("xyz"), "space_": list("xyz")}
    return xr.DataArray(matrix, coords, dims=("time", "space", "space_"))


def test_contact_has_the_probability_that_drawn_points_have():
    rng = np.random.default_rng(3)
    known = Surface(plane=FLOOR.plane, deviation=0.03)
    contact = compute_contact(points_at(0.55, 0.62), spread(0.04**2, 2), known, 0.1)
    heights = np.array([0.55, 0.62])[:, None] + rng.normal(0, 0.04, (2, 40_000))
    floors = 0.5 + rng.normal(0, 0.03, (2, 40_000))
    drawn = (heights - floors < 0.1).mean(axis=1)
    np.testing.assert_allclose(contact.values, drawn, atol=0.01)  # 4 sd of 40,000 draws
    np.testing.assert_allclose(contact.values, norm.cdf([1.0, -0.4]), rtol=1e-12)


def test_contact_is_certain_without_noise_and_missing_where_the_point_is():
    contact = compute_contact(points_at(0.55, 0.61, np.nan, 0.1), spread(0.0, 4), FLOOR, 0.1)
    np.testing.assert_array_equal(contact.values, [1.0, 0.0, np.nan, 1.0])
    assert contact.attrs["units"] == "1"


def test_the_walls_of_a_chamber_are_its_closed_faces_seen_from_inside():
    walls = chamber_walls(BOX, make_pose(TURN, SHIFT), 0.02)
    assert set(walls) == {"-x", "+x", "-y", "+y", "-z"}
    inside = SHIFT + TURN @ np.array([1.0, -1.0, 0.5])
    apart = {face: float(wall.normal @ inside - wall.offset) for face, wall in walls.items()}
    assert apart == pytest.approx({"-x": 5.0, "+x": 3.0, "-y": 2.0, "+y": 4.0, "-z": 2.5})
    assert walls["-z"].deviation == 0.02
    assert walls["-z"].raised(1.5).offset == pytest.approx(walls["-z"].offset + 1.5)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_floor_is_found_from_the_animal(truth, make_flies, number):
    position, _ = truth(number)
    noisy = position + np.random.default_rng(number).normal(0, 0.03, position.shape)
    flies = make_flies(noisy @ TURN.T + SHIFT)
    found = find_substrate(flies, TURN @ np.array([0.3, 0.2, 1.0]), 0.1)
    tip = position[:, 11]
    touching = tip[tip[:, 2] < 0.09] @ TURN.T + SHIFT
    # The true floor is 0.02 to 0.09 mm below a tip that touches it; how near it is found decides
    # whether a contact is one (0.1 mm), so the half of that is asked for.
    assert np.abs(touching @ found.normal - found.offset).max() < 0.05 + 0.05
    assert np.degrees(np.arccos(found.normal @ TURN[:, 2])) < 4
    assert 0 < found.deviation < 0.1


def test_an_animal_that_is_not_there_or_moves_anywhere_tells_no_substrate(make_flies):
    with pytest.raises(DatasetError, match="fewer than 10 moments"):
        find_substrate(make_flies(np.full((30, 12, 3), np.nan)), np.array([0, 0, 1.0]), 0.1)
    rng = np.random.default_rng(0)
    anywhere = rng.normal(size=(200, 1, 3)) + 0.3 * rng.normal(size=(200, 12, 3))
    with pytest.raises(DatasetError, match="did not move along one plane"):
        find_substrate(make_flies(anywhere), np.array([0, 0, 1.0]), 0.1)
    still = np.broadcast_to(rng.normal(size=(12, 3)), (50, 12, 3))
    with pytest.raises(DatasetError, match="hardly moved"):
        find_substrate(make_flies(still, keypoints=[f"k{i}" for i in range(12)]), TURN[2], 0.1)


def test_surroundings_come_from_the_surest_source(truth, make_flies, true_rig):
    flies = make_flies(truth(0)[0])
    rig = true_rig
    found, notes = find_surroundings(flies, rig, SubstrateSettings())
    assert "movement" in notes[0]
    assert not found.walls
    rig.metadata["world"] = "charuco board on the floor seen by cam0 (0.1 px), z up"
    found, notes = find_surroundings(flies, rig, SubstrateSettings(height=200, unit="um"))
    assert found.substrate is not None
    assert found.substrate.offset == pytest.approx(0.2)
    assert "board on the floor" in notes[0]
    rig.metadata["world_from_chamber"] = make_pose(np.eye(3), np.array([0, 0, 2.0])).tolist()
    found, notes = find_surroundings(flies, rig, SubstrateSettings(contact=0.05), BOX)
    assert found.substrate is not None
    np.testing.assert_allclose(found.substrate.normal, [0, 0, 1])
    assert found.substrate.offset == pytest.approx(0.0)
    assert found.contact == pytest.approx(0.05)
    face = SubstrateSettings(source="chamber", face="-x")
    assert find_surroundings(flies, rig, face, BOX)[0].substrate.normal[0] == 1.0  # type: ignore[union-attr]
    with pytest.raises(ProjectError, match="open face"):
        find_surroundings(flies, rig, SubstrateSettings(face="+z"), BOX)
    del rig.metadata["world"], rig.metadata["world_from_chamber"]
    for source, named in (("board", "labcut3d align"), ("chamber", "labcut3d chamber")):
        with pytest.raises(ProjectError, match=named):
            find_surroundings(flies, rig, SubstrateSettings(source=source))


def test_a_fly_that_tells_no_substrate_has_none_and_says_so(make_flies, true_rig):
    lost = make_flies(np.full((30, 12, 3), np.nan))
    found, notes = find_surroundings(lost, true_rig, SubstrateSettings())
    assert found.substrate is None
    assert "cannot be found" in notes[0]
    with pytest.raises(DatasetError, match="um, the rig in mm"):
        find_surroundings(lost.assign_attrs(unit="um"), true_rig, SubstrateSettings())


def test_the_chamber_moves_with_the_world(true_rig):
    pose = make_pose(TURN, SHIFT)
    true_rig.metadata["world_from_chamber"] = pose.tolist()
    change = WorldChange(motion=make_pose(TURN.T, -SHIFT), scale=2.0, how="test")
    moved = np.array(change.move_rig(true_rig).metadata["world_from_chamber"])
    del true_rig.metadata["world_from_chamber"]
    np.testing.assert_allclose(moved[:3, 3], change.move_points(SHIFT), atol=1e-12)
    np.testing.assert_allclose(moved[:3, :3], np.eye(3), atol=1e-12)


def test_impossible_surfaces_are_refused():
    with pytest.raises(DatasetError, match="deviation = -1"):
        Surface(plane=FLOOR.plane, deviation=-1.0)
    assert Surroundings().substrate is None
