"""Skeletons: the presets load, mirrors are involutions, mistakes are named."""

import pytest

from labcut3d.errors import FileFormatError
from labcut3d.skeleton import Skeleton, guess_left_right, load_skeleton, preset_names

BODY = '[body]\nfront = ["{}"]\nrear = ["b"]\nleft = ["a"]\nright = ["b"]'


@pytest.mark.parametrize("name", preset_names())
def test_presets_load_and_mirroring_twice_changes_nothing(name):
    skeleton = load_skeleton(name)
    mirrored = skeleton.mirrored
    assert [mirrored[m] for m in mirrored] == list(range(len(skeleton.keypoints)))
    for left, right in skeleton.left_right:
        assert skeleton.keypoints[mirrored[skeleton.keypoints.index(left)]] == right


def test_the_fly_has_the_twelve_points_of_the_study():
    assert len(load_skeleton("fly-egg-laying").keypoints) == 12


@pytest.mark.parametrize(
    ("name", "keypoints", "angles"),
    [("fly-egg-laying", 12, 7), ("fly-legs", 30, 18), ("hand", 21, 15), ("mouse", 12, 4)],
)
def test_presets_have_angles_and_axes_whose_sides_are_mirrored(name, keypoints, angles):
    skeleton = load_skeleton(name)
    assert (len(skeleton.keypoints), len(skeleton.angles)) == (keypoints, angles)
    assert skeleton.body is not None
    if skeleton.left_right:
        partner = {a: b for pair in skeleton.left_right for a, b in (pair, pair[::-1])}
        assert tuple(partner[side] for side in skeleton.body.left) == skeleton.body.right


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('keypoints = ["a", "a"]', "twice"),
        ('keypoints = ["a"]\nbones = [["a", "b"]]', "'b'"),
        ('keypoints = ["a", "b"]\nbones = [["a"]]', "pairs"),
        ('keypoints = ["a", "b"]\nbones = [["a", "a"]]', "different"),
        ('keypoints = ["a", "b", "c"]\nleft_right = [["a", "b"], ["b", "c"]]', "two left_right"),
        ('keypoints = ["a"]\nbonse = []', "did you mean 'bones'"),
        ('keypoints = ["a", "b"]\n[angles]\nelbow = ["a", "b", "c"]', "'elbow' names 'c'"),
        ('keypoints = ["a", "b"]\n[angles]\nelbow = ["a", "b"]', "three keypoint names"),
        ('keypoints = ["a", "b"]\n[angles]\nelbow = ["a", "b", "a"]', "three different"),
        ('keypoints = ["a"]\nangles = 3', "must be a table"),
        ('keypoints = ["a"]\nbody = 3', "must be a table"),
        ('keypoints = ["a"]\n[body]\nfront = ["a"]', "needs 'rear'"),
        ('keypoints = ["a"]\n[body]\nfornt = ["a"]', "did you mean 'front'"),
        (f'keypoints = ["a", "b"]\n{BODY.format("c")}', "body names 'c'"),
        (f'keypoints = ["a", "b"]\n{BODY.format("b")}', "'front' and 'rear', and not the same"),
        ("keypoints = 3", "list of names"),
        ("keypoints = []", "at least one"),
    ],
)
def test_mistakes_are_named(tmp_path, text, expected):
    path = tmp_path / "worm.toml"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=expected):
        load_skeleton(path)


def test_an_unknown_preset_lists_those_there_are():
    with pytest.raises(FileFormatError, match="fly-egg-laying"):
        load_skeleton("flea")


def test_a_skeleton_may_have_neither_bones_nor_pairs():
    assert Skeleton(name="dots", keypoints=("a", "b")).mirrored == (0, 1)


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        ("leftear rightear nose", "leftear-rightear"),
        ("ear_l ear_r l_paw r_paw", "ear_l-ear_r l_paw-r_paw"),
        ("earL earR pawL1 pawR1 LEye REye", "earL-earR pawL1-pawR1 LEye-REye"),
        ("Left_Hip Right_Hip LEFT RIGHT", "Left_Hip-Right_Hip LEFT-RIGHT"),
        ("tail rump lip rip Lear Rear ALL ARR", ""),
    ],
)
def test_sides_are_guessed_from_names(names, pairs):
    expected = tuple(tuple(pair.split("-")) for pair in pairs.split())
    assert guess_left_right(names.split()) == expected
