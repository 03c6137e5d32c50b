"""Groups of cameras against those that they were made from."""

import numpy as np

from calibration.grouping import connected_groups


def test_groups_are_linked_by_way_of_others_and_the_largest_comes_first():
    linked = np.eye(6, dtype=bool)
    for a, b in ((0, 5), (1, 2), (2, 4)):  # 3 is alone
        linked[a, b] = linked[b, a] = True
    assert connected_groups(linked) == [[1, 2, 4], [0, 5], [3]]


def test_large_rigs_are_grouped_without_overflow(recwarn):
    """As many cameras as the largest domes have, in two halves that do not see each other."""
    assert connected_groups(np.kron(np.eye(2), np.ones((200, 200))) > 0) == [
        list(range(200)),
        list(range(200, 400)),
    ]
    assert not recwarn.list
