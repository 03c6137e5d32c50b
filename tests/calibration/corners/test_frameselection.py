"""Frames that add nothing, told from corners alone."""

import numpy as np

from calibration.corners.frameselection import find_blurred, find_repeats


def still_corners(n_views: int, n_frames: int) -> np.ndarray:
    """Return corners (view, frame, corner, 2) px of a board that stands still, with noise."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 100, (n_views, 1, 20, 2)).repeat(n_frames, axis=1)
    return corners + rng.normal(scale=0.02, size=corners.shape)


NOISE = np.full(2, 0.02)  # px


def test_a_still_board_is_seen_once():
    assert find_repeats(still_corners(2, 5), NOISE).tolist() == [False, True, True, True, True]


def test_a_board_that_creeps_is_seen_again_once_it_has_moved():
    corners = still_corners(1, 9)
    corners += 0.06 * np.arange(9)[None, :, None, None]  # px a frame along x and y; limit 0.2
    assert find_repeats(corners, NOISE[:1]).tolist() == [
        *[False, True, True],
        *[False, True, True],
        *[False, True, True],
    ]


def test_one_view_that_sees_motion_keeps_the_frame_for_all():
    corners = still_corners(2, 3)
    corners[1, 2] += 5.0
    assert find_repeats(corners, NOISE).tolist() == [False, True, False]


def test_a_view_that_sees_the_board_anew_keeps_the_frame():
    corners = still_corners(2, 3)
    corners[1, :2] = np.nan
    assert find_repeats(corners, NOISE).tolist() == [False, True, False]


def test_views_that_see_less_of_a_still_board_do_not_keep_the_frame():
    corners = still_corners(2, 3)
    corners[1, 1:] = np.nan
    corners[0, 2, 4:] = np.nan  # four common corners are enough
    assert find_repeats(corners, NOISE).tolist() == [False, True, True]
    corners[0, 2, 3:] = np.nan
    assert find_repeats(corners, NOISE).tolist() == [False, True, False]


def test_frames_without_the_board_are_no_repeats():
    assert not find_repeats(np.full((2, 3, 20, 2), np.nan), NOISE).any()
    assert not find_repeats(still_corners(2, 3), np.full(2, np.nan)).any()  # noise not known


def test_blur_is_judged_against_the_views_other_images():
    blur = np.array([0.8, 0.9, np.nan, 0.85, 2.1, 0.8, 0.9])
    assert np.flatnonzero(find_blurred(blur)).tolist() == [4]
    assert not find_blurred(blur * 0.3).any()  # so sharp that twice as soft costs nothing
    assert not find_blurred(np.full(10, 3.0)).any()  # a lens out of focus, not a moved board
    assert not find_blurred(blur[3:6]).any()  # too few images to say
