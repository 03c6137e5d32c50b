"""What all recordings come to: the page `summary.html`."""

from collections.abc import Mapping

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
from labcut3d.viewers.palette import TEMPLATE, event_color, plain

__all__ = ["figure_budget", "figure_ethogram", "summary_page"]

LANE = 13  # px: an event of an individual
AROUND = 110  # px above and below the lanes


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
    individuals = len(summary)
    lanes = sum(max(table["event"].nunique(), 1) for table in events.values())
    body = (
        figure_block(
            "ethogram",
            "What happened when",
            "One lane an event; triangles are moments. Point at a bar for its frames.",
            height=AROUND + LANE * lanes + 24 * len(events),
        )
        + figure_block(
            "budget",
            "Part of the time spent",
            "Events may overlap: a fly that lays an egg touches the substrate too.",
            height=AROUND + 26 * max(len(names), 1) * max(individuals, 1) // 2,
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
            "ethogram": figure_ethogram(events, lengths),
            "budget": figure_budget(summary),
        },
    )
    return render(page)


def figure_ethogram(events: Mapping[str, pd.DataFrame], lengths: Mapping[str, float]) -> go.Figure:
    """Return the events of all recordings over time: a lane for each event that there is."""
    figure = go.Figure()
    lanes: list[str] = []
    told: set[str] = set()
    for recording, table in events.items():
        for kind in dict.fromkeys(table["event"]) or [""]:
            lane = plain(f"{recording} · {_words(kind)}" if kind else recording)
            lanes.append(lane)
            rows = table[table["event"] == kind]
            if len(rows):
                figure.add_traces(_lane(rows, kind, lane, told))
    longest = max(lengths.values(), default=1.0)
    figure.update_layout(
        template=TEMPLATE,
        showlegend=False,
        barmode="overlay",
        bargap=0.25,
        hovermode="closest",
        margin={"l": 8, "r": 16, "t": 12, "b": 46},
    )
    figure.update_xaxes(title_text="time (s)", range=[0, longest])
    figure.update_yaxes(
        categoryorder="array", categoryarray=lanes[::-1], automargin=True, type="category"
    )
    return figure


def figure_budget(summary: pd.DataFrame) -> go.Figure:
    """Return the part of the time that each individual spends in each event."""
    names = [name for name in _events_of(summary) if summary[event_columns(name)[1]].any()]
    figure = go.Figure()
    for _, row in summary.iterrows():
        who = _who(row, summary)
        share = [100 * float(row[event_columns(name)[1]]) / row["duration_s"] for name in names]
        figure.add_trace(
            go.Bar(
                y=[plain(_words(name)) for name in names],
                x=share,
                orientation="h",
                name=plain(who),
                hovertemplate="%{y}: %{x:.1f} %<extra>" + plain(who) + "</extra>",
            )
        )
    figure.update_layout(template=TEMPLATE, barmode="group", hovermode="closest", bargap=0.3)
    figure.update_xaxes(title_text="part of the recording (%)", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


def _lane(rows: pd.DataFrame, kind: str, lane: str, told: set[str]) -> list[go.Bar | go.Scatter]:
    """Return the traces of one kind of event in its lane; `told` are kinds in the legend."""
    color = event_color(kind)
    instant = (rows["stop_frame"] <= rows["start_frame"]).to_numpy()
    text = [
        f"{plain(one.individual)}: frames {one.start_frame} to {one.stop_frame}, "
        f"confidence {one.confidence:.2f}"
        for one in rows.itertuples()
    ]
    told.add(kind)
    common = {"name": plain(_words(kind)), "hovertemplate": "%{text}<extra>%{y}</extra>"}
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
            label=words.get(name, f"{_words(name)}s"),
            value=str(int(summary[event_columns(name)[0]].sum())),
        )
        for name in shown
    ]
    return numbers


def _duration(summary: pd.DataFrame) -> str:
    """Return the recordings' length together, in seconds, minutes or hours."""
    seconds = float(summary.drop_duplicates("recording")["duration_s"].sum())
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
            _who(row, summary),
            number_text(row["duration_s"], 4),
            number_text(100 * row["tracked"], 3),
            *(number_text(row[name], 3) for name in FIXED_COLUMNS[5:]),
        )
        for _, row in summary.iterrows()
    ]
    return table_block("Movement", columns, rows, "Top speed is the 95th percentile.")


def _events_table(summary: pd.DataFrame, names: list[str]) -> str:
    """Return the card with counts and durations of events."""
    rows = []
    for _, row in summary.iterrows():
        cells = []
        for name in names:
            count, total, median = (row[column] for column in event_columns(name))
            lasting = f" · {number_text(total, 3)} s" if total > 0 else ""
            length = f" (median {number_text(median, 2)} s)" if total > 0 and count > 1 else ""
            cells.append(f"{int(count)}{lasting}{length}")
        rows.append((_who(row, summary), *cells))
    columns = ("recording", *(_words(name) for name in names))
    return table_block("Events", columns, rows, "How many, how long together, how long each.")


def _events_of(summary: pd.DataFrame) -> list[str]:
    """Return the events that a summary tells of, in its order."""
    return [name[: -len("_count")] for name in summary.columns if name.endswith("_count")]


def _who(row: pd.Series, summary: pd.DataFrame) -> str:
    """Return what a row is about: its recording, and its individual where there are several."""
    several = (summary.groupby("recording")["individual"].nunique() > 1).any()
    return f"{row['recording']}, {row['individual']}" if several else str(row["recording"])


def _words(kind: object) -> str:
    """Return the name of an event in words."""
    return str(kind).replace("_", " ")
