"""Settings that no signal could meet are refused, and what project.toml says is understood."""

import pytest

from labcut3d.errors import FileFormatError, ProjectError
from labcut3d.event_rules import parse_events
from labcut3d.kinematics.fly_events import FLY_EVENTS
from labcut3d.kinematics.rules import EventRule
from labcut3d.kinematics.settings import EventSettings, SubstrateSettings
from labcut3d.skeleton import load_skeleton

FLY = load_skeleton("fly-egg-laying")
RULE = {"signal": "speed:scutellum", "enter": 2.0, "leave": 1.0}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"enter": float("nan")}, "enter is nan"),
        ({"leave": 3.0}, r"leave \(3\) must not lie beyond enter \(2\)"),
        ({"side": "below"}, r"leave \(1\) must not lie beyond"),
        ({"baseline": "rest", "leave": -1.0}, "distances from rest are positive"),
        ({"rest_quantile": 1.5}, "rest_quantile is 1.5"),
        ({"smooth_s": -1.0}, "smooth_s is -1"),
        ({"min_s": float("inf")}, "min_s is inf"),
        ({"enter_sd": 5.0}, "goes with baseline = 'rest'"),
        ({"baseline": "rest", "enter_least": 2.5}, "enter_least is 2.5"),
        ({"unit": "furlong"}, "unit is 'furlong'"),
    ],
)
def test_impossible_rules_are_refused_by_name(values, named):
    with pytest.raises(ProjectError, match=named):
        EventRule(**{**RULE, **values})


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"egg_contrast": 0.0}, "egg_contrast is 0.0"),
        ({"egg_min_length": 3.0}, "egg_max_length"),
        ({"egg_min_confidence": 1.0}, "must be below 1"),
        ({"rules": {"egg_deposited": EventRule(**RULE)}}, "choose another name"),
        ({"rules": {"a": EventRule(**RULE, unless=("b",))}}, "none during 'b'"),
    ],
)
def test_impossible_settings_are_refused_by_name(values, named):
    with pytest.raises(ProjectError, match=named):
        EventSettings(**values)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"contact": 0.0}, "contact is 0.0"),
        ({"height": float("nan")}, "height is nan"),
        ({"unit": "px"}, "unit of length"),
        ({"source": "animal", "face": "-z"}, "goes with source = 'chamber'"),
    ],
)
def test_impossible_substrates_are_refused_by_name(values, named):
    with pytest.raises(ProjectError, match=named):
        SubstrateSettings(**values)


def test_a_table_changes_the_fly_s_event_key_by_key_or_makes_a_new_one():
    table = {
        "egg_contrast": 20.0,
        "egg_laying": {"enter": 30.0},
        "resting": {"enabled": False},
        "grooming": {**RULE, "signal": "distance:left_hind_knee,abdomen_a5", "unless": ["walking"]},
    }
    table["grooming"]["unless"] = ["egg_laying"]
    settings = parse_events(table, FLY, "project.toml [events]")
    assert settings.egg_contrast == 20.0
    assert settings.rules["egg_laying"].enter == 30.0
    assert settings.rules["egg_laying"].leave == FLY_EVENTS["egg_laying"].leave
    assert not settings.rules["resting"].enabled
    assert settings.rules["grooming"].unless == ("egg_laying",)
    assert set(settings.rules) == {*FLY_EVENTS, "grooming"}


def test_a_skeleton_has_only_the_events_whose_keypoints_it_has():
    assert parse_events({}, load_skeleton("mouse"), "[events]").rules == {}
    assert dict(parse_events({}, FLY, "[events]").rules) == dict(FLY_EVENTS)


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"egg_contrst": 3.0}, r"\[events\]: unknown key 'egg_contrst'; did you mean 'egg_contras"),
        ({"rules": 3.0}, "unknown key 'rules'"),
        ({"egg_laying": {"entr": 3.0}}, r"\[events.egg_laying\]: unknown key 'entr'.*'enter'"),
        ({"egg_layin": {"enter": 3.0}}, "did you mean 'egg_laying'"),
        ({"x": {**RULE, "signal": "sped:scutellum"}}, r"\[events.x\].*did you mean 'speed'"),
        ({"x": {**RULE, "signal": "speed:scutelum"}}, "did you mean 'scutellum'"),
        ({"x": {**RULE, "signal": "speed"}}, "takes 1 keypoint"),
        ({"x": {**RULE, "signal": "distance:scutellum"}}, "takes 2 keypoint"),
        ({"x": {**RULE, "signal": "abdominal_bending:scutellum"}}, "takes no keypoint"),
        ({"x": {**RULE, "place": "nose"}}, "no keypoint 'nose'"),
        ({"x": {**RULE, "side": "abov"}}, "did you mean 'above'"),
        ({"x": {**RULE, "leave": 3.0}}, r"\[events.x\]: leave"),
        ({"x": {**RULE, "unless": ["y"]}}, "none during 'y'"),
        ({"eggs_in": "egglaying"}, "did you mean 'egg_laying'"),
        ({"egg_deposited": RULE}, "choose another name"),
    ],
)
def test_mistakes_in_the_file_are_named_with_the_nearest_known(table, named):
    with pytest.raises(FileFormatError, match=named):
        parse_events(table, FLY, "project.toml [events]")
