"""Cameras placed by the boards that pairs of them share, with flipped poses and missing links."""

import numpy as np
import pytest

from calibration.corners.observations import Observations
from calibration.errors import CalibrationError
from calibration.fitting.extrinsics import place_cameras, require_connected
from calibration.geometry import (
    invert_pose,
    make_pose,
    rotation_from_vector,
    vector_from_rotation,
)

POINTS = np.array([[x, y, 0.0] for y in range(0, 60, 10) for x in range(0, 80, 10)])
N_FRAMES = 40


def _cameras(n: int) -> np.ndarray:
    """Return camera_from_world (n, 4, 4) of cameras on a circle of 400 mm, looking inwards."""
    turn = rotation_from_vector([[0.0, 2 * np.pi * i / n, 0.0] for i in range(n)])
    tip = rotation_from_vector([[0.1 * i, 0.0, 0.05 * i] for i in range(n)])
    poses = make_pose(tip @ turn, np.broadcast_to([0.0, 0.0, 400.0], (n, 3)))
    return poses @ invert_pose(poses[0])


def _candidates(cameras, *, flipped=0.0, noise=0.3, seed=0):
    """Return camera_from_board (view, frame, 2, 4, 4) of boards that wave about the middle.

    The second candidate is turned by about 60 degrees; it comes first, as if it were the better
    one, in a part `flipped` of the images. `noise` in mm, of each board along each axis.
    """
    rng = np.random.default_rng(seed)
    shape = (len(cameras), N_FRAMES)
    world = make_pose(
        rotation_from_vector(rng.normal(size=(N_FRAMES, 3)) * 0.6),
        np.array([0.0, 0.0, 400.0]) + rng.normal(size=(N_FRAMES, 3)) * 60,
    )
    shake = make_pose(
        rotation_from_vector(rng.normal(size=(*shape, 3)) * noise / 40),
        rng.normal(size=(*shape, 3)) * noise,
    )
    true = cameras[:, None] @ world @ shake
    axis = rng.normal(size=(*shape, 3)) * [1, 1, 0]
    axis *= rng.uniform(0.8, 1.4, (*shape, 1)) / np.linalg.norm(axis, axis=-1, keepdims=True)
    both = np.stack([true, true @ make_pose(rotation_from_vector(axis), np.zeros(3))], axis=2)
    swap = rng.uniform(size=shape) < flipped
    both[swap] = both[swap][:, ::-1]
    return both


def _everywhere(n: int) -> np.ndarray:
    """Return the coverage of a rig in which all views see all frames."""
    return np.full((n, n), N_FRAMES)


def _errors(found, true):
    """Return the largest error of a rotation, rad, and of a centre, mm."""
    turn = vector_from_rotation(found[:, :3, :3] @ np.swapaxes(true[:, :3, :3], 1, 2))
    away = invert_pose(found)[:, :3, 3] - invert_pose(true)[:, :3, 3]
    return np.linalg.norm(turn, axis=-1).max(), np.linalg.norm(away, axis=-1).max()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_exact_poses_give_exact_cameras(n):
    """Without noise only rounding is left."""
    true = _cameras(n)
    found = place_cameras(_candidates(true, noise=0.0), POINTS, _everywhere(n))
    assert max(_errors(found, true)) < 1e-6


def test_flipped_poses_are_outvoted():
    """With 30 % of the poses flipped the rig is as good as without, and better than one board.

    Boards are off by 0.3 mm and 0.3 / 40 rad; forty of them leave 0.3 / 40 / sqrt(40) = 0.0012 rad
    a pair, which 3 deviations and 400 mm of leverage turn into 1.5 mm.
    """
    true = _cameras(5)
    found = place_cameras(_candidates(true, flipped=0.3), POINTS, _everywhere(5))
    turn, away = _errors(found, true)
    assert turn < 0.0036
    assert away < 1.5


def test_a_pair_whose_every_frame_is_wrong_is_outvoted_by_the_others():
    """Four frames that lie, the same way each time, between two cameras cannot place them."""
    true = _cameras(4)
    candidates = _candidates(true)
    lie = make_pose(rotation_from_vector([0.0, 0.9, 0.2]), [30.0, -20.0, 50.0])
    # Cameras 1 and 2 see the board together in four frames only, and wrongly.
    candidates[1, : N_FRAMES // 2 - 4] = np.nan
    candidates[2, N_FRAMES // 2 :] = np.nan
    shared = slice(N_FRAMES // 2 - 4, N_FRAMES // 2)
    candidates[1, shared] = lie @ candidates[1, shared]
    candidates[0, shared] = candidates[3, shared] = np.nan
    seen = np.isfinite(candidates[:, :, 0, 0, 0]).astype(int)
    turn, away = _errors(place_cameras(candidates, POINTS, seen @ seen.T), true)
    # Within the width (0.02 rad) at which a pair that disagrees stops to pull harder.
    assert turn < 0.02
    assert away < 8


def test_cameras_that_share_no_board_are_placed_by_way_of_others():
    """In a chain each camera shares the board with its neighbours alone."""
    true = _cameras(4)
    candidates = _candidates(true)
    for view in range(4):
        part = np.arange(N_FRAMES) * 3 // N_FRAMES  # third of the recording
        candidates[view, (part != view) & (part != view - 1)] = np.nan
    seen = np.isfinite(candidates[:, :, 0, 0, 0]).astype(int)
    turn, away = _errors(place_cameras(candidates, POINTS, seen @ seen.T), true)
    # A third of the frames and three links: sqrt(9) times the error of one full pair, 0.0012 rad.
    assert turn < 3 * 0.0036
    assert away < 3 * 1.5


def test_the_same_poses_give_the_same_bits():
    """Placing cameras is deterministic."""
    candidates = _candidates(_cameras(4), flipped=0.3)
    first, second = (place_cameras(candidates, POINTS, _everywhere(4)) for _ in range(2))
    assert np.array_equal(first, second)


def _observations(groups: list[list[str]]) -> Observations:
    """Return what views saw, each group of them in five frames of its own."""
    views = [view for group in groups for view in group]
    corners = np.full((len(views), 5 * len(groups), 12, 2), np.nan)
    for number, group in enumerate(groups):
        for view in group:
            corners[views.index(view), 5 * number : 5 * number + 5] = 1.0
    return Observations(
        views=tuple(views),
        sizes=((640, 480),) * len(views),
        frames=np.arange(5 * len(groups)),
        corners=corners,
    )


def test_separate_groups_are_named_with_what_to_film_next():
    """The message names groups, corners seen, frames shared, and the pair to film."""
    with pytest.raises(CalibrationError) as caught:
        require_connected(_observations([["side", "top"], ["back", "front", "left"]]))
    message = str(caught.value)
    assert "{back, front, left} and {side, top}" in message
    assert "film the board where 'back' and 'side' both see it" in message
    assert "side 60 corners in 5 frames" in message
    assert "drop_cameras=['side', 'top']" in message
    assert "frames in which two views saw the board together" in message


def test_linked_views_pass():
    """One group is no error."""
    require_connected(_observations([["a", "b", "c"]]))
