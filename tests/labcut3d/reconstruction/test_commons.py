"""What a recording has in common: learnt once, recalled in the same order."""

import numpy as np

from labcut3d.reconstruction.commons import Commons


def test_what_was_learnt_is_recalled_in_order():
    learning = Commons()
    assert [learning.tell("noise", lambda k=k: k) for k in range(3)] == [0, 1, 2]
    for _ in range(2):
        recalled = learning.recalled()
        assert [recalled.tell("noise", lambda: -1) for _ in range(3)] == [0, 1, 2]


def test_what_was_never_learnt_is_computed_and_not_kept():
    learning = Commons()
    recalled = learning.recalled()
    assert recalled.tell("noise", lambda: 5) == 5
    assert learning.recalled().recall("noise") is None


def test_values_of_keypoints_go_to_their_keypoints():
    learning = Commons().of_keypoints(np.array([0, 2, 3]), 5)
    learning.keep_each("scale", np.array([1.0, 3.0, 8.0]))
    others = learning.recalled().of_keypoints(np.array([1, 2]), 5)
    # The second keypoint was not seen while learning: as most others, 3.
    np.testing.assert_array_equal(others.recall_each("scale"), [3.0, 3.0])


def test_arrays_of_keypoints_keep_their_shape():
    learning = Commons().of_keypoints(np.array([1]), 2)
    learning.keep_each("lasting", np.array([[0.5, 0.25]]))
    both = learning.recalled().of_keypoints(np.array([0, 1]), 2)
    np.testing.assert_array_equal(both.recall_each("lasting"), [[0.5, 0.25]] * 2)
