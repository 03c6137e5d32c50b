"""Signals over time, one above the other on one time axis, with events as bands."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
import xarray as xr

from calibration.rig import Rig
from labcut3d.errors import DatasetError
from labcut3d.viewers.palette import (
    INK,
    TEMPLATE,
    event_color,
    in_words,
    keypoint_colors,
    plain,
    translucent,
)
from labcut3d.viewers.signals import Signal, default_keypoints, signals_of

__all__ = ["ROW", "figure_signals", "figure_time_series", "one_a_row", "strip_height"]

DASHES = ("solid", "dot", "dash", "dashdot")
STRIP, ROW, GAP, TOP, BOTTOM = 22, 120, 14, 28, 46  # px: an event, a signal, between, around


def figure_time_series(
    dataset: xr.Dataset,
    keypoints: Sequence[str] | None = None,
    *,
    signals: Sequence[str] | None = None,
    events: pd.DataFrame | None = None,
    rig: Rig | None = None,
) -> go.Figure:
    """Return signals of `keypoints` over time, by default position, speed and how well it is known.

    `dataset` is trajectories, or detections of which the first view is shown; `signals` are names
    such as "height", "x", "speed", "bending", "reprojection_error", "confidence", "uncertainty";
    `events` has the columns of events.csv and becomes bands; with a `rig` the position is the
    height. Raises `DatasetError` for a keypoint or signal that the dataset does not have.
    """
    names = [str(name) for name in dataset["keypoint"].values]
    chosen = tuple(keypoints or default_keypoints(names, None))
    for name in chosen:
        if name not in names:
            raise DatasetError(f"no keypoint '{name}' in the dataset; it has {', '.join(names)}")
    shown = _chosen(signals_of(dataset, rig), signals)
    figure = figure_signals(shown, dataset["time"].values, events)
    colors, several = keypoint_colors(names), dataset.sizes["individual"] > 1
    for row, signal in enumerate(shown):
        whole = signal.values.shape[1] == 1  # of the animal, not of a keypoint
        for name in chosen[:1] if whole else chosen:
            for index, individual in enumerate(dataset["individual"].values):
                label = signal.label if whole else name
                figure.add_scatter(
                    x=dataset["time"].values,
                    y=signal.values[:, 0 if whole else names.index(name), index],
                    mode="lines",
                    name=plain(f"{individual} {label}" if several else label),
                    legendgroup=plain(f"{individual} {label}"),
                    showlegend=row == 0 or whole,
                    line={
                        "color": INK if whole else colors[name],
                        "width": 1.4,
                        "dash": DASHES[index % len(DASHES)],
                    },
                    xaxis="x",
                    yaxis=f"y{row + 2}",
                    meta={"signal": signal.name, "keypoint": None if whole else name},
                )
    return figure


def one_a_row(signals: Sequence[Signal]) -> list[Signal]:
    """Return the first signal of every row that is shown to begin with."""
    first = {signal.row: signal for signal in reversed(signals) if signal.shown}
    return list(first.values())[::-1]


def _chosen(signals: Sequence[Signal], names: Sequence[str] | None) -> list[Signal]:
    """Return the signals of these names, by default the first of every row shown."""
    if names is None:
        return one_a_row(signals)
    known = {signal.name: signal for signal in signals}
    for name in names:
        if name not in known:
            raise DatasetError(f"no signal '{name}' of the dataset; it has {', '.join(known)}")
    return [known[name] for name in names]


def figure_signals(
    signals: Sequence[Signal], seconds: npt.NDArray[np.float64], events: pd.DataFrame | None
) -> go.Figure:
    """Return the empty axes of `signals`, one row each, below a strip of events.

    Row n of the signals is axis y(n + 2); the strip is y. All rows share the axis x, in seconds.
    """
    kinds = _kinds(events)
    heights = [strip_height(events), *[ROW] * len(signals)]
    inside = sum(heights) + GAP * len(signals)
    tops = 1 - (np.cumsum([0, *heights[:-1]]) + GAP * np.arange(len(heights))) / inside
    axes: dict[str, Any] = {
        "yaxis": {
            "showgrid": False,
            "zeroline": False,
            "range": [len(kinds) - 0.5, -0.5],
            "tickvals": list(range(len(kinds))),
            "ticktext": [plain(in_words(kind)).replace(" ", "\u00a0") for kind in kinds],
        }
    }
    for row, signal in enumerate(signals):
        title = plain(f"{signal.label} ({signal.unit})" if signal.unit else signal.label)
        axes[f"yaxis{row + 2}"] = {"title": {"text": title, "standoff": 8}, "nticks": 5}
    for axis, top, height in zip(axes.values(), tops.tolist(), heights, strict=True):
        bottom = max(top - height / inside, 0.0)
        axis |= {"domain": [bottom, top], "anchor": "x", "fixedrange": True}
    start, stop = float(seconds[0]), float(seconds[-1])
    figure = go.Figure()
    figure.update_layout(
        template=TEMPLATE,
        hovermode="x",
        height=inside + TOP + BOTTOM,
        margin={"l": 130 if kinds else 64, "r": 16, "t": TOP, "b": BOTTOM},
        xaxis={
            "anchor": f"y{len(heights)}" if signals else "y",
            "title": {"text": "time (s)"},
            "range": [start, max(stop, start + 1e-9)],
        },
        **axes,
    )
    if events is not None:
        _add_events(figure, events, kinds)
    return figure


def strip_height(events: pd.DataFrame | None) -> int:
    """Return the height of the strip of events, px."""
    return max(STRIP * len(_kinds(events)), 1)


def _kinds(events: pd.DataFrame | None) -> list[str]:
    """Return the kinds of events, in the order of their first."""
    return [] if events is None else list(dict.fromkeys(str(kind) for kind in events["event"]))


def _add_events(figure: go.Figure, events: pd.DataFrame, kinds: Sequence[str]) -> None:
    """Draw every event as a bar of the strip, and as a pale band or a line through all rows."""
    shapes: list[dict[str, Any]] = []
    for level, kind in enumerate(kinds):
        records = [event for event in events.to_dict("records") if event["event"] == kind]
        instant = [event["stop_frame"] <= event["start_frame"] for event in records]
        color = event_color(kind)
        for event, is_instant in zip(records, instant, strict=True):
            span = float(event["start_s"]), float(event["stop_s"])
            shapes += [_line(color, span[0])] if is_instant else _band(color, span, level)
        figure.add_trace(
            go.Scatter(
                x=[(event["start_s"] + event["stop_s"]) / 2 for event in records],
                y=[level] * len(records),
                mode="markers",
                marker={
                    "color": color,
                    "size": [9 if point else 5 for point in instant],
                    "symbol": ["triangle-down" if point else "circle" for point in instant],
                },
                text=[_describe(event) for event in records],
                hovertemplate="%{text}<extra></extra>",
                name=plain(in_words(kind)),
                showlegend=False,
                xaxis="x",
                yaxis="y",
                meta={"event": kind},
            )
        )
    figure.update_layout(shapes=shapes)


def _band(color: str, span: tuple[float, float], level: int) -> list[dict[str, Any]]:
    """Return a bar at `level` of the strip and a pale band through all rows."""
    common = {"type": "rect", "x0": span[0], "x1": span[1], "line": {"width": 0}, "layer": "below"}
    bar = {**common, "yref": "y", "y0": level - 0.34, "y1": level + 0.34}
    band = {**common, "yref": "paper", "y0": 0, "y1": 1}
    return [
        {**band, "fillcolor": translucent(color, 0.10)},
        {**bar, "fillcolor": translucent(color, 0.75)},
    ]


def _line(color: str, at: float) -> dict[str, Any]:
    """Return a dotted line through all rows at one moment."""
    line = {"color": color, "width": 1.4, "dash": "dot"}
    return {"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _describe(event: Mapping[Hashable, Any]) -> str:
    """Return what hovering over an event tells."""
    text = f"{in_words(event['event'])}: frames {event['start_frame']} to {event['stop_frame']}"
    confidence = event.get("confidence")
    if confidence is not None and pd.notna(confidence):
        text += f", confidence {float(confidence):.2f}"
    return plain(text)
