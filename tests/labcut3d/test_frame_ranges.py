from labcut3d.frame_ranges import frame_ranges


def test_numbers_that_follow_each_other_are_one_range():
    assert frame_ranges([9, 0, 1, 2, 2, 7, 10]) == ["0-2", "7", "9-10"]
    assert frame_ranges([]) == []
