"""The event of one's own that docs/events.md writes down does what the page says."""

import re
import tomllib
from pathlib import Path

import numpy as np

from labcut3d.event_rules import parse_events
from labcut3d.kinematics.events import find_events
from labcut3d.kinematics.fly_events import FLY_EVENTS
from labcut3d.kinematics.signals import SIGNALS
from labcut3d.skeleton import load_skeleton

PAGE = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")
FLY = load_skeleton("fly-egg-laying")


def test_the_grooming_of_the_page_is_found_where_the_knee_is_at_the_abdomen(make_flies):
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    settings = parse_events(tomllib.loads(example)["events"], FLY, "docs/events.md [events]")
    assert set(settings.rules) == {*FLY_EVENTS, "grooming"}
    knee, abdomen = (FLY.keypoints.index(name) for name in ("left_hind_knee", "abdomen_a5"))
    position = np.tile(np.arange(12.0)[None, :, None], (150, 1, 3))
    position[:, knee] = position[:, abdomen] + [0, 0, 0.5]  # mm, out of a bout
    position[30:60, knee, 2] -= 0.4  # a second of grooming,
    position[64:94, knee, 2] -= 0.4  # a pause of 0.13 s, another second,
    position[110:118, knee, 2] -= 0.4  # and a quarter of a second, which is noise
    table = find_events(make_flies(position), settings=settings)
    found = table[table["event"] == "grooming"]
    assert len(found) == 1
    # Smoothing over 0.25 s shifts no edge of a step by more than a frame or two.
    assert abs(found["start_frame"].iloc[0] - 30) <= 2
    assert abs(found["stop_frame"].iloc[0] - 93) <= 2
    np.testing.assert_allclose(found[["x", "y", "z"]].iloc[0], position[30, abdomen])


def test_the_page_tells_of_every_signal_and_event_that_there_is():
    for name in (*SIGNALS, *FLY_EVENTS):
        assert f"`{name}" in PAGE, name
