"""Boxes placed by their corners or by a board flat on a wall: found again, through their walls."""

from dataclasses import replace

import numpy as np
import pytest
from walled import BOARD, MEDIA, make_rig

from calibration import Rig
from calibration.alignment import WorldChange
from calibration.chamber import BoardSpot, Chamber
from calibration.errors import CalibrationError, RigError
from calibration.fitting.placing import place_by_board, place_by_corners
from calibration.geometry import make_pose, rotation_from_vector, transform, vector_from_rotation

POSE = make_pose(rotation_from_vector([0.3, 1.0, -0.4]), [500.0, -20, 70])
CORNERS = [f"inner {x}x{y}y{z}z" for x in "-+" for y in "-+" for z in "-+"]


def chamber_of(medium: str) -> Chamber:
    thickness, indices = MEDIA[medium]
    return Chamber(inner=[120, 110, 100], thickness=thickness, indices=indices)


def scene(medium: str) -> tuple[Rig, Chamber, Rig]:
    """The rig in air, a box somewhere in its world, and the rig as the box's walls make it."""
    change = WorldChange(motion=POSE, how="a test")
    air = make_rig(*MEDIA[medium])
    air = replace(air, cameras=tuple(replace(camera, wall=None) for camera in air))
    air, chamber = change.move_rig(air), chamber_of(medium)
    return air, chamber, chamber.around(air, POSE)


def clicked(truth: Rig, chamber: Chamber, names=CORNERS, noise=0.5, seed=0):
    """What a person clicks, px, with noise."""
    points = transform(POSE, np.stack([chamber.corner(name) for name in names]))
    pixels = truth.project(points)
    pixels = pixels + np.random.default_rng(seed).normal(0, noise, pixels.shape)
    return {name: pixels[:, index] for index, name in enumerate(names)}


def off(found) -> tuple[float, float]:
    """How far a box was placed from the truth: mm and rad."""
    turn = found.world_from_chamber[:3, :3] @ POSE[:3, :3].T
    shift = found.world_from_chamber[:3, 3] - POSE[:3, 3]
    return float(np.linalg.norm(shift)), float(np.linalg.norm(vector_from_rotation(turn)))


@pytest.mark.parametrize("medium", MEDIA)
def test_exact_corners_give_the_exact_box(medium):
    air, chamber, truth = scene(medium)
    found = place_by_corners(air, chamber, clicked(truth, chamber, noise=0.0))
    assert max(off(found)) < 1e-6
    assert found.faces == ("+x", "+y", "+y", "+z")
    assert found.misfit < 1e-6
    points = transform(POSE, np.random.default_rng(1).uniform(-40, 40, (50, 3)))
    assert np.abs(found.rig.project(points) - truth.project(points)).max() < 1e-5  # px


@pytest.mark.parametrize("medium", MEDIA)
def test_clicks_with_noise_place_the_box_as_well_as_it_says(medium):
    air, chamber, truth = scene(medium)
    found = [
        place_by_corners(air, chamber, clicked(truth, chamber, seed=seed)) for seed in range(10)
    ]
    shifts, turns = np.transpose([off(one) for one in found])
    assert shifts.max() < 0.15  # mm; 0.5 px are 0.07 mm here
    assert turns.max() < 0.002  # rad
    assert found[0].misfit == pytest.approx(0.5 * np.sqrt(2), rel=0.2)
    # The deviations are of the worst of three axes, the errors lengths of three.
    ratio = np.sqrt(np.mean(shifts**2)) / np.mean([one.shift_deviation for one in found])
    assert 0.5 < ratio < 2
    ratio = np.sqrt(np.mean(turns**2)) / np.mean([one.turn_deviation for one in found])
    assert 0.5 < ratio < 2


def test_some_corners_in_some_views_suffice_and_outer_ones_count_where_they_are_seen_plainly():
    air, chamber, truth = scene("water")
    names = ["inner -x-y-z", "inner +x-y-z", "inner +x+y-z", "outer +x+y-z", "inner -x+y+z"]
    clicks = clicked(truth, chamber, names, noise=0.0)
    clicks["inner -x+y+z"][1:] = np.nan  # in one view: cannot be located, yet counts
    clicks["outer +x+y-z"][3] = np.nan  # not on the face of the fourth camera
    assert max(off(place_by_corners(air, chamber, clicks))) < 1e-6
    wrong = clicked(truth, chamber, names, noise=0.0)
    with pytest.raises(CalibrationError, match=r"'outer \+x\+y-z' lies outside .* 'cam3' looks"):
        place_by_corners(air, chamber, wrong)


@pytest.mark.parametrize(
    "spot",
    [
        BoardSpot(face="-z", columns="+y", height=2.0, middle=(3.0, -5.0)),
        BoardSpot(face="+y", columns="-x", face_down=True),
        BoardSpot(face="+y", columns="+z", inside=False, height=1.5),
    ],
    ids=["on the floor", "inside, print against the wall", "outside"],
)
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_board_on_a_wall_places_the_box(spot, noise):
    air, chamber, truth = scene("water")
    pose = POSE @ spot.chamber_from_board(chamber, BOARD)
    pixels = truth.project(transform(pose, BOARD.points))
    pixels = pixels + np.random.default_rng(0).normal(0, noise, pixels.shape)
    facing = np.einsum(
        "vi,i->v", transform(pose, BOARD.points).mean(0) - [c.center for c in truth], pose[:3, 2]
    )
    pixels[facing < 0] = np.nan
    if not spot.inside:  # or the others would look through two walls
        pixels[[0, 3]] = np.nan
    found = place_by_board(air, chamber, BOARD, pixels, spot)
    shift, turn = off(found)
    assert shift < (1e-5 if noise == 0 else 0.3)
    assert turn < (1e-7 if noise == 0 else 0.003)


def test_a_boards_pose_in_the_box_is_as_it_lies():
    chamber = chamber_of("acrylic")
    spot = BoardSpot(face="-z", columns="+x", height=2.0, middle=(10.0, -4.0))
    points = transform(spot.chamber_from_board(chamber, BOARD), BOARD.points)
    np.testing.assert_allclose(points[:, 2], -50 + 2, atol=1e-12)
    np.testing.assert_allclose((points.min(0) + points.max(0))[:2] / 2, [10, -4], atol=1e-12)
    first, second = points[0], points[1]
    np.testing.assert_allclose((second - first) / 12, [1, 0, 0], atol=1e-12)
    outside = replace(spot, inside=False, face_down=True, height=0.0)
    points = transform(outside.chamber_from_board(chamber, BOARD), BOARD.points)
    np.testing.assert_allclose(points[:, 2], -53, atol=1e-12)  # against the wall, outside


def test_what_cannot_be_placed_is_refused():
    air, chamber, truth = scene("acrylic")
    clicks = clicked(truth, chamber)
    with pytest.raises(RigError, match="no corner 'door'"):
        place_by_corners(air, chamber, {**clicks, "door": clicks[CORNERS[0]]})
    few = {name: clicks[name] for name in CORNERS[:2]}
    with pytest.raises(CalibrationError, match="2 corners of the chamber were clicked"):
        place_by_corners(air, chamber, few)
    with pytest.raises(CalibrationError, match="0 corners of the chamber"):
        place_by_corners(air, chamber, {})
    line = clicked(truth, chamber, ["inner -x-y-z", "outer -x-y-z", "inner +x+y+z"])
    with pytest.raises(CalibrationError, match="lie on one line"):
        place_by_corners(air, replace(chamber, inner=[120, 120, 120]), line)
    swapped = {**clicks, CORNERS[0]: clicks[CORNERS[1]], CORNERS[1]: clicks[CORNERS[0]]}
    with pytest.raises(CalibrationError, match=r"check its clicks|worst"):
        place_by_corners(air, chamber, swapped)
    mirrored = {
        ("inner +" if name[6] == "-" else "inner -") + name[7:]: xy for name, xy in clicks.items()
    }
    with pytest.raises(CalibrationError, match="mirror image"):
        place_by_corners(air, chamber, mirrored)
    with pytest.raises(CalibrationError, match="check their unit"):
        place_by_corners(air, replace(chamber, inner=chamber.inner / 10, thickness=0.3), clicks)
    with pytest.raises(CalibrationError, match="check their unit"):
        place_by_corners(air, replace(chamber, inner=chamber.inner * 1e3), clicks)
    off_by_30 = {name: xy.copy() for name, xy in clicks.items()}
    off_by_30["inner -x+y-z"][2] += 60.0
    with pytest.raises(CalibrationError, match=r"worst is 'inner -x\+y-z' in view 'cam2'"):
        place_by_corners(air, chamber, off_by_30)


def test_boards_that_cannot_lie_there_are_refused():
    air, chamber, _ = scene("acrylic")
    spot = BoardSpot(face="-z", columns="+x")
    none = np.full((4, BOARD.n_corners, 2), np.nan)
    with pytest.raises(CalibrationError, match="no camera saw 6 corners"):
        place_by_board(air, chamber, BOARD, none, spot)
    with pytest.raises(CalibrationError, match="needs"):
        place_by_board(air, chamber, BOARD, none[:2], spot)
    seen = np.zeros_like(none)
    with pytest.raises(CalibrationError, match=r"the board reaches 30 mm .* ends at 6 and 5\.5"):
        place_by_board(air, replace(chamber, inner=[12, 11, 10]), BOARD, seen, spot)
    with pytest.raises(CalibrationError, match="face = 'floor'"):
        BoardSpot(face="floor", columns="+x")
    with pytest.raises(CalibrationError, match=r"columns = '\+z' on face '-z'"):
        BoardSpot(face="-z", columns="+z")
    with pytest.raises(CalibrationError, match="height = nan"):
        BoardSpot(face="-z", columns="+x", height=np.nan)
