"""Choosing moments by appearance: one of each kind, however rare, and none that is known."""

import cv2
import numpy as np
import pytest

from labcut3d.detection.features import describe_moments
from labcut3d.detection.selection import candidates, choose_moments, main_components, thinned
from labcut3d.video import open_frames

SHARES = (120, 40, 12, 4, 2)  # moments of each kind: rare ones are rare indeed


@pytest.fixture
def kinds() -> np.ndarray:
    """The kind of each moment: runs of time, as an animal does one thing after another."""
    return np.repeat(np.arange(len(SHARES)), SHARES)


@pytest.fixture
def features(kinds) -> np.ndarray:
    """Features (moment, view, feature) whose kinds lie well apart."""
    rng = np.random.default_rng(4)
    middles = rng.normal(0, 5, (len(SHARES), 2, 24))
    return middles[kinds] + rng.normal(0, 0.3, (len(kinds), 2, 24))


def test_as_many_moments_as_kinds_are_one_of_each(features, kinds):
    choices = choose_moments(features, len(SHARES))
    assert [kinds[choice.row] for choice in choices] == [0, 1, 2, 3, 4]  # the commonest first
    np.testing.assert_allclose([c.share for c in choices], np.array(SHARES) / len(kinds))
    uniform = np.linspace(0, len(kinds) - 1, len(SHARES)).round().astype(int)
    assert len(set(kinds[uniform])) < len(SHARES)


def test_of_each_kind_the_most_typical_is_taken(features, kinds):
    points = main_components(features)
    for choice in choose_moments(features, len(SHARES)):
        alike = points[kinds == kinds[choice.row]]
        distance = np.linalg.norm(alike - alike.mean(axis=0), axis=1)
        own = np.linalg.norm(points[choice.row] - alike.mean(axis=0))
        assert own == pytest.approx(distance.min())


def test_kinds_that_are_labelled_are_not_chosen_again(features, kinds):
    labelled = np.zeros(len(kinds), dtype=bool)
    labelled[[3, 90, 177]] = True  # kinds 0, 0 and 4
    choices = choose_moments(features, 3, labelled=labelled)
    assert sorted(kinds[choice.row] for choice in choices) == [1, 2, 3]


def test_the_same_seed_chooses_the_same(features):
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(150, 1, 10))
    assert choose_moments(cloud, 12, seed=5) == choose_moments(cloud, 12, seed=5)
    assert choose_moments(cloud, 12, seed=5) != choose_moments(cloud, 12, seed=6)


def test_a_missing_view_counts_as_average(features, kinds):
    features[kinds == 1, 1] = np.nan  # the second view failed for a while
    features[:, 0, 3] = np.nan  # a feature that is never there
    found = [kinds[choice.row] for choice in choose_moments(features, len(SHARES))]
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert np.isfinite(main_components(features)).all()


@pytest.mark.parametrize("value", [0.0, 7.3, np.nan])
def test_a_recording_in_which_nothing_changes_yields_one_moment(value):
    choices = choose_moments(np.full((30, 2, 8), value), 5)
    assert [choice.share for choice in choices] == [1.0]


def test_nothing_to_choose_from():
    assert choose_moments(np.empty((0, 2, 8)), 5) == []
    assert choose_moments(np.ones((4, 1, 3)), 0) == []
    assert choose_moments(np.ones((4, 1, 3)), 3, labelled=np.ones(4, dtype=bool)) == []


def test_more_moments_than_there_are_yield_all(features):
    assert len(choose_moments(features[:7], 50)) == 7


def test_candidates_are_spread_evenly_and_hold_the_labelled():
    assert candidates(3).tolist() == [0, 1, 2]
    assert candidates(0).tolist() == []
    many = candidates(100_000, [7, 7, 3])
    assert {3, 7} <= set(many.tolist())
    assert len(many) == 502
    assert np.ptp(np.diff(many[2:])) <= 1
    assert many.max() < 100_000
    assert thinned([]).tolist() == []
    assert thinned([9, 2, 2]).tolist() == [2, 9]
    assert len(thinned(range(1400))) <= 500


def scene(kind: int, view: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one of four postures of a bright animal; the second view alone tells 2 and 3 apart."""
    image = rng.integers(60, 80, (96, 128, 3)).astype(np.uint8)
    shown = 2 if kind == 3 and view == 0 else kind
    middle = (64 + int(rng.integers(-2, 3)), 48)
    if shown == 0:
        cv2.ellipse(image, middle, (36, 8), 0, 0, 360, (230, 120, 40), -1)
    elif shown == 1:
        cv2.ellipse(image, middle, (36, 8), 90, 0, 360, (230, 120, 40), -1)
    elif shown == 2:
        cv2.circle(image, middle, 17, (40, 200, 230), -1)
    else:
        cv2.circle(image, middle, 17, (40, 200, 230), 4)
        cv2.line(image, (20, 20), (108, 76), (240, 240, 240), 4)
    return image


def test_images_of_distinct_postures_are_told_apart_over_all_views(tmp_path):
    rng = np.random.default_rng(1)
    kinds = np.repeat(np.arange(4), (34, 8, 3, 3))
    for view in range(2):
        (tmp_path / str(view)).mkdir()
        for moment, kind in enumerate(kinds):
            path = tmp_path / str(view) / f"{moment:03d}.png"
            cv2.imwrite(str(path), scene(int(kind), view, rng))
    sources = {name: open_frames(tmp_path / name) for name in "01"}
    steps = []
    features = describe_moments(
        sources,
        range(len(kinds)),
        views=("0", "1", "absent"),
        progress=lambda done, total, note="": steps.append((done, total)),
    )
    assert features.shape == (48, 3, 224)
    assert np.isnan(features[:, 2]).all()
    assert steps[-1] == (96, 144)
    assert sorted(kinds[c.row] for c in choose_moments(features, 4)) == [0, 1, 2, 3]
    uniform = np.linspace(0, len(kinds) - 1, 4).round().astype(int)
    assert len(set(kinds[uniform])) < 4
    one_view = choose_moments(features[:, :1], 4)
    assert {2, 3} - {kinds[c.row] for c in one_view}  # what cannot be seen is not told apart


def test_a_view_that_ends_early_is_missing_from_there_on(tmp_path):
    rng = np.random.default_rng(2)
    for view, count in (("long", 6), ("short", 4)):
        (tmp_path / view).mkdir()
        for moment in range(count):
            cv2.imwrite(str(tmp_path / view / f"{moment}.png"), scene(0, 0, rng))
    sources = {name: open_frames(tmp_path / name) for name in ("long", "short")}
    features = describe_moments(sources, [0, 3, 5], views=("long", "short"))
    assert np.isnan(features).all(axis=2).tolist() == [
        [False, False],
        [False, False],
        [False, True],
    ]
