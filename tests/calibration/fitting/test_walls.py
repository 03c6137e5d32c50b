"""Walls refined with boards seen through them: simulated, and those of acrylic_box."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from walled import MEDIA, make_rig

from calibration import Camera, CharucoBoard, Lens, Observations, Rig, Wall, observe
from calibration.errors import CalibrationError
from calibration.fitting.heldout import pose_boards
from calibration.fitting.walls import WallPriors, refine_walls
from calibration.geometry import make_pose, rotation_from_vector, transform
from calibration.triangulation import triangulate_points

BOARD = CharucoBoard(
    squares_x=7,
    squares_y=5,
    square_length=6.0,
    marker_length=4.5,
    dictionary="DICT_5X5_100",
    unit="mm",
)
PRIORS = WallPriors(distance=1.0, thickness=0.2, tilt=0.02, index=0.02)


def with_walls(rig: Rig, **changes) -> Rig:
    return replace(rig, cameras=tuple(replace(c, wall=replace(c.wall, **changes)) for c in rig))


def see_boards(rig: Rig, noise: float, seed: int = 0, frames: int = 20) -> Observations:
    rng = np.random.default_rng(seed)
    turns = rotation_from_vector(rng.normal(0, 1, (frames, 3)))
    poses = make_pose(turns, rng.uniform(-15, 15, (frames, 3)) - turns @ BOARD.points.mean(axis=0))
    corners = rig.project(transform(poses, BOARD.points))
    corners = corners + rng.normal(0, noise, corners.shape)
    sizes = tuple(camera.size for camera in rig)
    return Observations(views=rig.names, sizes=sizes, frames=np.arange(frames), corners=corners)


@pytest.mark.parametrize("medium", MEDIA)
def test_a_wall_that_is_not_as_was_thought_is_found(medium):
    thickness, indices = MEDIA[medium]
    truth = make_rig(thickness, indices)
    behind = indices[2] if indices[2] == 1 else indices[2] - 0.015
    wrong = with_walls(truth, thickness=1.05 * thickness, indices=(1.0, indices[1], behind))
    cameras = list(wrong.cameras)  # and one wall stands askew
    normal = rotation_from_vector([0.0, 0.004, 0.003]) @ cameras[0].wall.normal
    cameras[0] = replace(cameras[0], wall=replace(cameras[0].wall, normal=normal))
    wrong = replace(wrong, cameras=tuple(cameras))
    found = refine_walls(wrong, BOARD, see_boards(truth, 0.05), PRIORS)
    assert found.before > 2 * found.after
    assert found.after == pytest.approx(0.05 * np.sqrt(2), rel=0.15)  # px; the noise
    walls = [camera.wall for camera in found.rig]
    assert walls[1] == walls[2]  # one wall, seen by two cameras, stays one
    assert len({(wall.thickness, wall.indices) for wall in walls}) == 1
    pixels = see_boards(truth, 0.0, seed=1).corners
    again = found.rig.project(triangulate_points(found.rig, pixels).points)
    assert np.nanmax(np.linalg.norm(again - pixels, axis=-1)) < 0.1  # px


def test_what_is_certain_stays_and_right_walls_are_left_alone():
    truth = make_rig(*MEDIA["water"])
    seen = see_boards(truth, 0.0)
    assert refine_walls(truth, BOARD, seen, PRIORS).after < 1e-6
    wrong = with_walls(truth, thickness=3.1)
    certain = WallPriors(distance=0, thickness=0, tilt=0, index=0)
    found = refine_walls(wrong, BOARD, seen, certain)
    assert [c.wall for c in found.rig] == [c.wall for c in wrong]
    assert found.before == pytest.approx(found.after)


def test_walls_of_air_are_refined_to_the_boards_of_no_walls():
    truth = make_rig(3.0, (1.0, 1.0, 1.0))
    bare = replace(truth, cameras=tuple(replace(camera, wall=None) for camera in truth))
    seen = see_boards(truth, 0.0)
    certain = WallPriors(distance=0, thickness=0, tilt=0, index=0)
    found = refine_walls(truth, BOARD, seen, certain)
    assert found.after < 1e-6  # px
    straight = pose_boards(bare.cameras, BOARD, seen.corners)
    np.testing.assert_allclose(found.board_poses, straight, atol=1e-6)  # mm; both iterate
    # With noise nothing but the index is moved: of a plane that bends nothing, pixels say nothing.
    noisy = see_boards(truth, 0.1)
    free = refine_walls(truth, BOARD, noisy, PRIORS)
    held = refine_walls(truth, BOARD, noisy, certain)
    assert 0.99 * held.after < free.after <= held.after
    np.testing.assert_allclose(free.board_poses, held.board_poses, atol=0.05)  # mm


def test_what_cannot_be_refined_is_refused():
    rig = make_rig(*MEDIA["water"])
    seen = see_boards(rig, 0.0)
    bare = replace(rig, cameras=tuple(replace(camera, wall=None) for camera in rig))
    with pytest.raises(CalibrationError, match="no camera of the rig looks through a wall"):
        refine_walls(bare, BOARD, seen, PRIORS)
    lonely = seen.corners.copy()
    lonely[1:] = np.nan
    with pytest.raises(CalibrationError, match="show it to several"):
        refine_walls(rig, BOARD, replace(seen, corners=lonely), PRIORS)
    with pytest.raises(CalibrationError, match="prior of tilt = -1"):
        WallPriors(distance=1, thickness=1, tilt=-1)


@pytest.fixture(scope="module")
def acrylic(dataset):
    """The true cameras of acrylic_box, the walls that they look through, and boards inside."""
    folder = dataset("acrylic_box")
    truth = json.loads((folder / "truth" / "rig.json").read_text())
    box, cameras = truth["box"], []
    for one in truth["cameras"]:
        angle = np.radians(box["wall_normals_deg"][one["name"]])
        wall = Wall(
            normal=-np.round([np.cos(angle), np.sin(angle), 0.0], 12),
            distance=-box["inner"] / 2 - box["thickness"],
            thickness=box["thickness"],
            indices=(1.0, box["index"], 1.0),
        )
        lens, turn = Lens(distortions=one["distortions"]), rotation_from_vector(one["rotation"])
        given = {name: one[name] for name in ("name", "size", "matrix", "translation")}
        cameras.append(Camera(**given, lens=lens, rotation=turn, wall=wall))
    images = {
        camera.name: [
            cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            for path in sorted((folder / "box" / camera.name).glob("*.jpg"))
        ]
        for camera in cameras
    }
    corners = np.load(folder / "truth" / "corners.npz")["box"]
    _, seen = observe(BOARD, images)
    return Rig(cameras=tuple(cameras), unit="mm"), seen, corners


def test_real_refraction_is_as_computed(acrylic):
    """Path-traced through true acrylic: nothing of ours had a part in how the light went."""
    rig, seen, corners = acrylic
    off = np.linalg.norm(rig.project(corners) - seen.corners, axis=-1)
    assert (np.nanmedian(off, axis=(1, 2)) < 0.06).all()  # px
    bare = replace(rig, cameras=tuple(replace(camera, wall=None) for camera in rig))
    ignored = np.linalg.norm(bare.project(corners) - seen.corners, axis=-1)
    assert (np.nanmedian(ignored, axis=(1, 2)) > 2.4).all()
    found = triangulate_points(rig, seen.corners).points
    away = np.linalg.norm(found - corners, axis=-1)
    assert np.nanmedian(away) < 0.005  # mm; 0.03 px
    assert np.nanmax(away) < 0.02
    refined = refine_walls(rig, BOARD, seen, WallPriors(distance=0.3, thickness=0.05))
    assert refined.after < 0.6 * refined.before
    assert refined.after < 0.02  # px
