"""Figures about a detector: its training, its errors, what its confidence is worth, more labels."""

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from scipy.stats import chi2

from labcut3d.skeleton import Skeleton
from labcut3d.viewers.palette import CYCLE, MUTED, TEMPLATE, keypoint_colors, plain, translucent

if TYPE_CHECKING:  # these modules import torch, which a page has no use for
    from labcut3d.detection.evaluation import Evaluation
    from labcut3d.detection.learningcurve import Figure, LearningCurve
    from labcut3d.detection.training import TrainingReport

__all__ = [
    "figure_curves",
    "figure_keypoint_errors",
    "figure_learning_curve",
    "figure_reliability",
    "figure_squared_errors",
]

IDEAL = {"color": MUTED, "dash": "dot", "width": 1.4}
STATISTICS: "tuple[Figure, ...]" = ("mean", "median")


def figure_curves(report: "TrainingReport") -> go.Figure:
    """Return the loss of each network of a training against its steps, one panel a network."""
    names = list(report.curves)
    figure = make_subplots(
        cols=max(len(names), 1), subplot_titles=[plain(name) for name in names] or None
    )
    for index, name in enumerate(names):
        curve = report.curves[name]
        styles = (("training", curve.loss, "solid"), ("held out", curve.held_out, "dot"))
        for label, values, dash in styles:
            if not np.isfinite(values).any():
                continue
            figure.add_trace(
                go.Scatter(
                    x=curve.step,
                    y=values,
                    mode="lines" if dash == "solid" else "lines+markers",
                    name=label,
                    legendgroup=label,
                    showlegend=index == len(names) - 1,
                    connectgaps=True,
                    line={"color": CYCLE[0 if dash == "solid" else 1], "width": 1.6, "dash": dash},
                    meta={"network": name, "curve": label},
                ),
                row=1,
                col=index + 1,
            )
    figure.update_layout(template=TEMPLATE, legend={"x": 1, "xanchor": "right", "y": 1.06})
    figure.update_xaxes(title_text="step")
    figure.update_yaxes(type="log", title_text="loss", col=1)
    figure.update_yaxes(type="log")
    return figure


def figure_keypoint_errors(evaluation: "Evaluation", skeleton: Skeleton | None = None) -> go.Figure:
    """Return the distances to the labels of each keypoint as points and boxes, px, logarithmic."""
    colors = keypoint_colors(evaluation.keypoints, skeleton)
    figure = go.Figure()
    for index, name in enumerate(evaluation.keypoints):
        distance = evaluation.distance[:, index]
        seen = np.isfinite(distance)
        text = [
            f"{plain(evaluation.recordings[i])}, {plain(evaluation.views[i])}, "
            f"frame {evaluation.frames[i]}"
            for i in np.flatnonzero(seen)
        ]
        figure.add_trace(
            go.Box(
                y=np.maximum(distance[seen], 1e-2),
                name=plain(name),
                text=text,
                boxpoints="all",
                jitter=0.5,
                pointpos=0,
                marker={"size": 4, "opacity": 0.55, "color": colors[name]},
                line={"width": 1.2, "color": colors[name]},
                fillcolor="rgba(0,0,0,0)",
                hovertemplate="%{y:.2f} px<br>%{text}<extra></extra>",
                showlegend=False,
                meta={"keypoint": name},
            )
        )
    figure.update_layout(template=TEMPLATE, hovermode="closest")
    figure.update_yaxes(type="log", title_text="distance to label (px)")
    figure.add_hline(y=evaluation.tolerance, line={"color": MUTED, "dash": "dot", "width": 1})
    return figure


def figure_reliability(evaluation: "Evaluation") -> go.Figure:
    """Return the fraction that is right against the confidence; on the diagonal it is honest."""
    table = evaluation.reliability()
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line=IDEAL, name="honest", hoverinfo="skip"
    )
    share = table["count"] / table["count"].sum()
    figure.add_scatter(
        x=table["confidence"],
        y=table["right"],
        customdata=table["count"],
        mode="lines+markers",
        name="detections, area by number",
        line={"color": CYCLE[0], "width": 1.4},
        marker={"size": np.maximum(40 * np.sqrt(share), 5), "color": CYCLE[0], "opacity": 0.7},
        hovertemplate="confidence %{x:.2f}<br>right %{y:.2f}<br>%{customdata} detections"
        "<extra></extra>",
    )
    figure.update_layout(template=TEMPLATE)
    figure.update_xaxes(title_text="confidence", range=[-0.03, 1.03], zeroline=False)
    figure.update_yaxes(
        title_text=f"fraction within {evaluation.tolerance:g} px of a label",
        range=[-0.03, 1.03],
        zeroline=False,
    )
    return figure


def figure_squared_errors(evaluation: "Evaluation") -> go.Figure:
    """Return how the squared errors, in units of the covariance, are spread, beside chi-square."""
    squared = evaluation.normalized_squared_error()
    known = np.sort(squared[np.isfinite(squared)])
    below = (np.arange(len(known)) + 0.5) / max(len(known), 1)
    thin = slice(None, None, max(1, len(known) // 600))  # a curve needs no more
    figure = go.Figure()
    grid = np.geomspace(1e-2, 1e3, 200)
    figure.add_scatter(
        x=grid,
        y=chi2.cdf(grid, 2),
        mode="lines",
        line=IDEAL,
        name="chi-square of 2 degrees of freedom",
    )
    figure.add_scatter(
        x=known[thin],
        y=below[thin],
        mode="lines",
        line={"color": CYCLE[0], "width": 2},
        name="detections",
        hovertemplate="%{y:.0%} lie below %{x:.2g}<extra></extra>",
    )
    figure.update_layout(template=TEMPLATE)
    figure.update_xaxes(
        type="log", range=[-2, 3], title_text="squared error in units of the covariance", dtick=1
    )
    figure.update_yaxes(title_text="fraction below", range=[-0.03, 1.03], zeroline=False)
    return figure


def figure_learning_curve(curve: "LearningCurve") -> go.Figure:
    """Return mean and median error against the number of labelled moments, with power laws."""
    figure = go.Figure()
    moments = np.array(curve.moments, dtype=float)
    ahead = np.geomspace(moments[0], 2 * moments[-1], 30)
    for name, color in zip(STATISTICS, CYCLE, strict=False):
        law = curve.power_law(name)
        middle = np.exp(np.log(moments).mean())
        steep, flat = ((ahead / middle) ** power for power in (law.low, law.high))
        edge = law.at(np.array(middle))
        if np.isfinite(law.low):
            figure.add_scatter(
                x=np.concatenate([ahead, ahead[::-1]]),
                y=edge * np.concatenate([np.minimum(steep, flat), np.maximum(steep, flat)[::-1]]),
                fill="toself",
                fillcolor=translucent(color, 0.1),
                mode="none",
                hoverinfo="skip",
                showlegend=False,
            )
        figure.add_scatter(
            x=ahead,
            y=law.at(ahead),
            mode="lines",
            line={"color": color, "width": 1.4, "dash": "dot"},
            name=f"{name}, power law",
            hoverinfo="skip",
        )
        errors = curve.errors(name)
        figure.add_scatter(
            x=np.repeat(moments, errors.shape[1]),
            y=errors.ravel(),
            mode="markers",
            marker={"size": 8, "color": color},
            name=f"{name} error" + (" of a fold" if errors.shape[1] > 1 else ""),
            hovertemplate="%{x} moments: %{y:.3g} px<extra></extra>",
            meta={"statistic": name},
        )
    ticks = [*curve.moments, 2 * curve.moments[-1]]
    figure.update_layout(template=TEMPLATE)
    figure.update_xaxes(
        type="log", title_text="labelled moments", tickvals=ticks, ticktext=[str(t) for t in ticks]
    )
    figure.update_yaxes(type="log", title_text="error (px)", minor={"showgrid": True}, dtick="D1")
    return figure
