"""Whether the cameras still stand where they were calibrated: `drift.html`, and its table."""

import warnings
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from calibration.geometry import Array
from labcut3d.viewers.page import (
    TONES,
    Number,
    Page,
    escape,
    figure_block,
    length_text,
    number_text,
    render,
    table_block,
)
from labcut3d.viewers.palette import CYCLE, TEMPLATE, plain

if TYPE_CHECKING:  # brings the solver along, which a page has no use for
    from calibration.drift import Drift, Suspect

__all__ = ["COLUMNS", "drift_page", "drift_rows", "figure_drift"]

COLUMNS = (
    *("camera", "boards left out, px", "this recording, px", "if it was moved, px"),
    *("turned, degrees", "shifted", "evidence"),
)
MOST_TIMES = 400  # points of a line


def drift_rows(drift: "Drift") -> list[tuple[str, ...]]:
    """Return a row for each camera in the order of `COLUMNS`; residuals are medians."""
    held_out = drift.still.rig.metadata.get("held_out_px", {})
    return [
        (
            suspect.camera,
            number_text(float(held_out.get(suspect.camera, np.nan)), 2),
            number_text(_median(drift.still.before[view]), 3),
            number_text(_median(suspect.refined.after[view]), 3),
            _with_sigma(np.degrees(suspect.turn), np.degrees(suspect.turn_sigma)),
            _shift_text(suspect, drift.still.rig.unit),
            f"{suspect.evidence:.0f}",
        )
        for view, suspect in enumerate(drift.suspects)
    ]


def drift_page(drift: "Drift", *, recording: str, seconds: Array) -> str:
    """Return the page about one recording, whose frames were taken at `seconds` (time,)."""
    finding = drift.finding
    tone = TONES[finding.level]
    words = escape(f"{finding.reason[0].upper()}{finding.reason[1:]}. {finding.remedy}".strip())
    note = (
        "Residuals are median distances of confident detections from the points that all views "
        "tell. Each camera in turn is taken for moved: how far, and how much likelier that is "
        f"than that none was (twice the logarithm; above {drift.limit:.0f} is no chance)."
    )
    best = drift.likeliest
    page = Page(
        kind="Drift",
        title=f"Cameras in {recording}",
        subtitle="Compared with the calibration, whose own doubt is allowed for.",
        numbers=[
            Number(label="moved", value=" or ".join(drift.moved) or "none", tone=tone),
            Number(label=f"turn of {best.camera}", value=f"{np.degrees(best.turn):.2g}°"),
            Number(label="residual, px", value=number_text(_median(drift.still.before), 3)),
            Number(label="if repaired, px", value=number_text(_median(best.refined.after), 3)),
        ],
        body=f'<section class="card verdict {tone}"><p>{words}</p></section>'
        + table_block("Each camera", COLUMNS, drift_rows(drift), note)
        + figure_block(
            "residuals",
            "Residual of each camera over time",
            f"As calibrated; dotted with '{best.camera}' placed anew.",
            height=420,
        ),
        figures={"residuals": figure_drift(drift, seconds)},
    )
    return render(page)


def figure_drift(drift: "Drift", seconds: Array) -> go.Figure:
    """Return the median residual of each camera over time, px, as calibrated and repaired."""
    figure = go.Figure()
    for style, refined in (("before", drift.still.before), ("dot", drift.likeliest.refined.after)):
        for view, name in enumerate(drift.still.rig.names):
            times, values = _over_time(refined[view], seconds)
            figure.add_scatter(
                x=times,
                y=values,
                mode="lines+markers" if len(times) == 1 else "lines",
                name=plain(name),
                legendgroup=plain(name),
                showlegend=style != "dot",
                line={
                    "color": CYCLE[view % len(CYCLE)],
                    "width": 1.2 if style == "dot" else 1.8,
                    "dash": "dot" if style == "dot" else "solid",
                },
            )
    figure.update_layout(template=TEMPLATE)
    figure.update_xaxes(title_text="time (s)")
    figure.update_yaxes(title_text="median residual (px)", rangemode="tozero")
    return figure


def _over_time(residuals: Array, seconds: Array) -> tuple[Array, Array]:
    """Return times and medians of residuals (keypoint, time) over stretches of time."""
    stretches = np.array_split(np.arange(len(seconds)), min(len(seconds), MOST_TIMES))
    times = np.array([seconds[part].mean() for part in stretches])
    return times, np.array([_median(residuals[:, part]) for part in stretches])


def _median(values: Array) -> float:
    """Return the median of what is known, NaN where nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(np.nanmedian(values))


def _with_sigma(value: float, sigma: float) -> str:
    """Return a value and its standard deviation."""
    return f"{number_text(float(value), 2)} ± {number_text(float(sigma), 1)}"


def _shift_text(suspect: "Suspect", unit: str) -> str:
    """Return how far a camera shifted, with its standard deviation and unit."""
    return f"{number_text(suspect.shift, 2)} ± {length_text(suspect.shift_sigma, unit, 1)}"
