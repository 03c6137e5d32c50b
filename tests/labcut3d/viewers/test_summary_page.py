"""The page of all recordings: what it draws, and that it stays readable when there are many."""

import numpy as np
import pandas as pd
import pytest

from labcut3d.kinematics.event_tables import COLUMNS
from labcut3d.kinematics.summary import FIXED_COLUMNS, event_columns
from labcut3d.viewers.summary_page import figure_budget, figure_ethogram, summary_page

NAMES = ["egg_laying", "egg_deposited", "walking"]


def events_of(who: str = "fly") -> pd.DataFrame:
    rows = [
        (who, "egg_laying", 30, 90, 1.0, 3.0, 0.9, 1.0, 2.0, 3.0),
        (who, "egg_deposited", 60, 60, 2.0, 2.0, 0.8, 1.0, 2.0, 3.0),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def summary_of(count: int) -> pd.DataFrame:
    fixed = {"duration_s": 10.0, "tracked": 1.0, "unit": "mm", "path_length": 5.0}
    fixed |= {"mean_speed": 0.5, "top_speed": 2.0, "walking_speed": np.nan}
    counts = dict.fromkeys((c for n in NAMES for c in event_columns(n)), 0.0)
    counts |= {"egg_laying_count": 1, "egg_laying_s": 2.0, "egg_deposited_count": 1}
    rows = [{"recording": f"r{i}", "individual": "fly", **fixed, **counts} for i in range(count)]
    return pd.DataFrame(rows)[[*FIXED_COLUMNS, *counts]]


def test_every_event_has_its_lane_in_the_order_of_the_table():
    events = {"r0": events_of(), "r1": events_of().iloc[:0]}
    figure = figure_ethogram(events, {"r0": 10.0, "r1": 20.0}, NAMES)
    lanes = [lane.replace("\u00a0", " ") for lane in figure.layout.yaxis.categoryarray[::-1]]
    assert [lane for lane in lanes if lane.strip()] == [
        f"{recording} · {words}"
        for recording in ("r0", "r1")
        for words in ("egg laying", "egg deposited")
    ]
    bar, moment = figure.data
    assert (bar.type, moment.type) == ("bar", "scatter")
    assert (bar.base[0], bar.x[0]) == (1.0, 2.0)
    assert "frames 30 to 90" in bar.text[0]
    assert tuple(figure.layout.xaxis.range) == (0, 20.0)


@pytest.mark.parametrize(("count", "kind"), [(2, "bar"), (9, "box")])
def test_parts_of_the_time_are_bars_or_boxes_of_many(count, kind):
    figure = figure_budget(summary_of(count))
    assert {trace.type for trace in figure.data} == {kind}
    assert np.allclose(np.asarray(figure.data[0].x, dtype=float), 20.0)


def test_names_are_text_and_long_lists_are_cut():
    summary = summary_of(50)
    summary.loc[0, "recording"] = "<img src=x>"
    events = {str(name): events_of() for name in summary["recording"]}
    lengths = dict.fromkeys(events, 10.0)
    page = summary_page("a<b", summary, events, lengths)
    assert "<img src=x>" not in page
    assert "a&lt;b" in page
    assert "Of 50 recordings the first 40" in page
    assert "egg-laying bouts" in page
    assert ">50<" in page  # as many bouts, and eggs


def test_a_project_without_events_has_a_page():
    summary = summary_of(1)[[*FIXED_COLUMNS]]
    page = summary_page("p", summary, {"r0": events_of().iloc[:0]}, {"r0": 10.0})
    assert "10.0 s" in page
