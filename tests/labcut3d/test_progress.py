"""How parts of some work tell how far the whole is."""

from labcut3d.progress import part_of


def test_steps_add_up_over_parts_of_known_lengths():
    told = []
    tell = lambda *step: told.append(step)  # noqa: E731
    part_of(tell, 0, 5)(3, 3, "left")
    part_of(tell, 3, 5, "right")(1, 2)
    assert told == [(3, 5, "left"), (4, 5, "right")]


def test_equal_parts_count_the_same_however_many_steps_they_have():
    told = []
    tell = lambda *step: told.append(step)  # noqa: E731
    part_of(tell, 1, 3, "second", equal=True)(5, 10, "loss 1.0")
    part_of(tell, 2, 3, equal=True)(20, 20)
    assert told == [(15, 30, "second: loss 1.0"), (60, 60, "")]


def test_nobody_need_listen():
    part_of(None, 0, 1)(1, 1)
