"""What all recordings come to: the page `summary.html`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from labcut3d.kinematics.summary import FIXED_COLUMNS, event_columns
from labcut3d.viewers.page import (
    Number,
    Page,
    figure_block,
    number_text,
    render,
    table_block,
)
from labcut3d.viewers.palette import TEMPLATE, event_color, in_words, plain

__all__ = ["figure_budget", "figure_ethogram", "summary_page"]

NO_BREAK = "\u00a0"
MOST_LANES = 40  # recordings whose events are drawn
MOST_BARS = 8  # individuals that have a bar of their own
LANE = 18  # px: an event of a recording
AROUND = 70  # px above and below the lanes


def summary_page(
    project: str,
    summary: pd.DataFrame,
    events: Mapping[str, pd.DataFrame],
    lengths: Mapping[str, float],
) -> str:
    """Return the page of a project's summary table.

    `events` are the tables of events by recording, `lengths` the recordings' lengths in s.
    """
    names = _events_of(summary)
    bars = min(len(summary), MOST_BARS)
    shown = dict(list(events.items())[:MOST_LANES])
    kinds = {kind for table in shown.values() for kind in table["event"]}
    lanes = (len(kinds) + 1) * len(shown)
    first = (
        f" Of {len(events)} recordings the first {MOST_LANES}." if len(events) > len(shown) else ""
    )
    body = (
        figure_block(
            "ethogram",
            "What happened when",
            f"One lane an event; triangles are moments. Point at a bar for its frames.{first}",
            height=AROUND + LANE * lanes,
        )
        + figure_block(
            "budget",
            "Part of the time spent",
            "Events may overlap: a fly that lays an egg touches the substrate too.",
            height=2 * AROUND + 13 * (len(names) + 1) * (bars + 1),
        )
        + _movement_table(summary)
        + _events_table(summary, names)
    )
    page = Page(
        kind="Summary",
        title=f"What {project} comes to",
        subtitle="Each number is a column of summary.csv, one row a recording and individual.",
        numbers=_numbers(summary, names),
        body=body,
        figures={
            "ethogram": figure_ethogram(shown, lengths, names),
            "budget": figure_budget(summary),
        },
    )
    return render(page)


def figure_ethogram(
    events: Mapping[str, pd.DataFrame], lengths: Mapping[str, float], names: Sequence[str]
) -> go.Figure:
    """Return the events of all recordings over time: a lane for each of `names` that there is.

    `events` are tables by recording, `lengths` the recordings' lengths in s.
    """
    figure = go.Figure()
    there = {kind for table in events.values() for kind in table["event"]}
    kinds = [kind for kind in names if kind in there]
    lanes: list[str] = []
    for recording, table in events.items():
        for kind in kinds:
            lane = plain(f"{recording} · {in_words(kind)}").replace(" ", NO_BREAK)
            lanes.append(lane)
            figure.add_traces(_lane(table.loc[table["event"] == kind], kind, lane))
        lanes.append(NO_BREAK * len(lanes))  # an empty lane between recordings, each of its own
    longest = max(lengths.values(), default=1.0)
    figure.update_layout(
        template=TEMPLATE,
        showlegend=False,
        barmode="overlay",
        bargap=0.2,
        hovermode="closest",
        margin={"l": 8, "r": 16, "t": 12, "b": 46},
    )
    figure.update_xaxes(title_text="time (s)", range=[0, longest])
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=lanes[-2::-1],
        range=[-0.6, len(lanes) - 1.4],
        dtick=1,
        automargin=True,
        showgrid=False,
    )
    return figure


def figure_budget(summary: pd.DataFrame) -> go.Figure:
    """Return the part of the time that individuals spend in each event: bars, or boxes of many."""
    names = _events_of(summary)
    seconds = summary[[event_columns(name)[1] for name in names]].to_numpy(dtype=float)
    lasting = np.flatnonzero(seconds.sum(axis=0) > 0)
    names, seconds = [names[index] for index in lasting], seconds[:, lasting]
    shares = 100 * seconds / summary[["duration_s"]].to_numpy(dtype=float)
    kinds, who = [plain(in_words(name)) for name in names], [plain(one) for one in _who(summary)]
    figure = go.Figure()
    if len(summary) > MOST_BARS:
        for kind, name, share in zip(kinds, names, shares.T, strict=True):
            figure.add_trace(
                go.Box(
                    x=share,
                    name=kind,
                    boxpoints="all",
                    orientation="h",
                    marker={"color": event_color(name), "size": 4},
                    text=who,
                    hovertemplate="%{text}: %{x:.1f} %<extra>" + kind + "</extra>",
                )
            )
        figure.update_layout(showlegend=False)
    else:
        for one, share in zip(who, shares, strict=True):
            figure.add_trace(
                go.Bar(
                    y=kinds,
                    x=share,
                    orientation="h",
                    name=one,
                    hovertemplate="%{y}: %{x:.1f} %<extra>" + one + "</extra>",
                )
            )
    figure.update_layout(template=TEMPLATE, barmode="group", hovermode="closest", bargap=0.3)
    figure.update_xaxes(title_text="part of the recording (%)", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


def _lane(rows: pd.DataFrame, kind: str, lane: str) -> list[go.Bar | go.Scatter]:
    """Return the traces of one kind of event in its lane."""
    color = event_color(kind)
    instant = (rows["stop_frame"] <= rows["start_frame"]).to_numpy()
    text = [
        f"{plain(one['individual'])}: frames {one['start_frame']} to {one['stop_frame']}, "
        f"confidence {one['confidence']:.2f}"
        for one in rows.to_dict("records")
    ]
    common: dict[str, Any] = {
        "name": plain(in_words(kind)),
        "hovertemplate": "%{text}<extra>%{y}</extra>",
    }
    lasting, moments = rows[~instant], rows[instant]
    traces: list[go.Bar | go.Scatter] = []
    if len(lasting):
        traces.append(
            go.Bar(
                y=[lane] * len(lasting),
                base=lasting["start_s"],
                x=lasting["stop_s"] - lasting["start_s"],
                orientation="h",
                marker={"color": color, "line": {"width": 0}},
                text=[word for word, short in zip(text, instant, strict=True) if not short],
                textposition="none",
                **common,
            )
        )
    if len(moments):
        traces.append(
            go.Scatter(
                x=moments["start_s"],
                y=[lane] * len(moments),
                mode="markers",
                marker={"color": color, "symbol": "triangle-down", "size": 10},
                text=[word for word, short in zip(text, instant, strict=True) if short],
                **common,
            )
        )
    return traces


def _numbers(summary: pd.DataFrame, names: list[str]) -> list[Number]:
    """Return the header's figures: how much there is, and how many of the rarer events."""
    numbers = [
        Number(label="recordings", value=str(summary["recording"].nunique())),
        Number(label="recorded", value=_duration(summary)),
    ]
    wanted = ("egg_laying", "egg_deposited", "proboscis_extension")
    shown = [name for name in wanted if name in names] or names[:3]
    words = {"egg_laying": "egg-laying bouts", "egg_deposited": "eggs"}
    numbers += [
        Number(
            label=words.get(name, f"{in_words(name)}s"),
            value=str(summary[event_columns(name)[0]].to_numpy(dtype=int).sum()),
        )
        for name in shown
    ]
    return numbers


def _duration(summary: pd.DataFrame) -> str:
    """Return the recordings' length together, in seconds, minutes or hours."""
    seconds = summary.drop_duplicates("recording")["duration_s"].to_numpy(dtype=float).sum()
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 3 * size:
            return number_text(seconds / size, 3, unit)
    return number_text(seconds, 3, "s")


def _movement_table(summary: pd.DataFrame) -> str:
    """Return the card with durations, ways and speeds."""
    unit = str(summary["unit"].iloc[0])
    columns = (
        "recording", "duration, s", "tracked, %", f"path, {unit}", f"mean speed, {unit}/s",
        f"top speed, {unit}/s", f"walking speed, {unit}/s",
    )  # fmt: skip
    rows = [
        (
            who,
            number_text(row["duration_s"], 4),
            number_text(100 * row["tracked"], 3),
            *(number_text(row[name], 3) for name in FIXED_COLUMNS[5:]),
        )
        for who, row in zip(_who(summary), summary.to_dict("records"), strict=True)
    ]
    return table_block("Movement", columns, rows, "Top speed is the 95th percentile.")


def _events_table(summary: pd.DataFrame, names: list[str]) -> str:
    """Return the card with counts and durations of events."""
    rows = [
        (who, *(_cell(*(row[column] for column in event_columns(name))) for name in names))
        for who, row in zip(_who(summary), summary.to_dict("records"), strict=True)
    ]
    columns = ("recording", *(in_words(name) for name in names))
    return table_block("Events", columns, rows, "How many, how long together, how long each.")


def _cell(count: int, total: float, median: float) -> str:
    """Return in words how many events there are and how long they last."""
    if total <= 0:
        return str(int(count))
    each = f" (median {number_text(median, 2)} s)" if count > 1 else ""
    return f"{int(count)} · {number_text(total, 3)} s{each}"


def _events_of(summary: pd.DataFrame) -> list[str]:
    """Return the events that a summary tells of, in its order."""
    return [name[: -len("_count")] for name in summary.columns if name.endswith("_count")]


def _who(summary: pd.DataFrame) -> list[str]:
    """Return what each row is about: its recording, and its individual where there are several."""
    recordings = summary["recording"].astype(str).tolist()
    if len(set(recordings)) == len(recordings):
        return recordings
    individuals = summary["individual"].astype(str).tolist()
    return [f"{r}, {i}" for r, i in zip(recordings, individuals, strict=True)]
