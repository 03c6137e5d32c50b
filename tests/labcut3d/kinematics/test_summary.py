"""A known movement summed up: ways, speeds, counts and durations."""

import numpy as np
import pandas as pd
import pytest

from labcut3d.kinematics.event_tables import COLUMNS
from labcut3d.kinematics.summary import body_of, event_columns, summarize
from labcut3d.skeleton import Skeleton, load_skeleton

FPS = 30.0


def events_of(*rows: tuple[str, int, int]) -> pd.DataFrame:
    table = [
        ("fly", event, start, stop, start / FPS, stop / FPS, 1.0, np.nan, np.nan, np.nan)
        for event, start, stop in rows
    ]
    return pd.DataFrame(table, columns=list(COLUMNS))


def test_a_walk_and_a_rest_are_summed_up(make_flies):
    """Ten seconds at 2 mm/s, then ten at rest; a fifth of the moments is not known."""
    position = np.zeros((600, 12, 3))
    position[:, :, 0] = (2.0 * np.minimum(np.arange(600), 300) / FPS)[:, None]
    position[2::5, 4] = np.nan  # the scutellum
    events = events_of(("walking", 0, 300), ("egg_laying", 310, 339), ("egg_laying", 400, 459))
    (row,) = summarize(
        make_flies(position),
        events,
        recording="r",
        body="scutellum",
        names=["walking", "egg_laying", "egg_deposited"],
    ).to_dict("records")
    assert (row["recording"], row["individual"]) == ("r", "fly")
    assert row["duration_s"] == pytest.approx(20.0)
    assert row["tracked"] == pytest.approx(1 - 0.2 / 12)
    # Smoothing over a quarter of a second draws the first moments together, by 0.2 mm at 2 mm/s.
    assert row["path_length"] == pytest.approx(20.0, abs=0.25)
    assert row["mean_speed"] == pytest.approx(1.0, abs=0.01)
    assert row["top_speed"] == pytest.approx(2.0, abs=0.01)
    assert row["walking_speed"] == pytest.approx(2.0, abs=0.05)
    assert [row[name] for name in event_columns("egg_laying")] == pytest.approx([2, 3.0, 1.5])
    assert row["egg_deposited_count"] == 0
    assert np.isnan(row["egg_deposited_median_s"])


def test_a_fly_that_is_not_there_has_no_speeds(make_flies):
    lost = make_flies(np.full((30, 12, 3), np.nan))
    (row,) = summarize(
        lost, events_of(), recording="r", body="scutellum", names=["walking"]
    ).to_dict("records")
    assert row["tracked"] == 0
    assert row["walking_count"] == 0
    assert row["duration_s"] == pytest.approx(1.0)
    for name in ("path_length", "mean_speed", "top_speed", "walking_speed"):
        assert np.isnan(row[name])


def test_the_body_is_in_the_middle_of_the_bones():
    assert body_of(load_skeleton("fly-egg-laying")) == "scutellum"
    assert body_of(Skeleton(name="points", keypoints=("a", "b"))) == "a"
