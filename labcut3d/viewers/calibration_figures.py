"""What a calibration rests on and how well it fits, as plotly figures."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from calibration.camera import Camera
from calibration.corners.frameselection import BLURRED, NEAR_IDENTICAL
from labcut3d.viewers.lengths import readable_lengths
from labcut3d.viewers.palette import (
    CYCLE,
    EMPTY,
    INK,
    MUTED,
    PAPER,
    RULE,
    SAND,
    SEQUENTIAL,
    TEMPLATE,
    plain,
)

if TYPE_CHECKING:  # a page needs no solver
    from calibration import Calibration, Observations

__all__ = [
    "SKIPPING",
    "figure_corner_coverage",
    "figure_corners_over_time",
    "figure_pair_coverage",
    "figure_residual_histogram",
    "figure_residuals",
    "figure_spacing",
    "grid_shape",
]

Array = npt.NDArray[np.float64]
MOST_ARROWS = 1500  # a camera; more only make the page heavy
SKIPPING = (BLURRED, NEAR_IDENTICAL)  # reasons to take no corner though the board was seen
SKIPPED = SAND  # the colour of such frames


def figure_pair_coverage(observations: "Observations") -> go.Figure:
    """Return in how many frames two cameras saw the board together; alone on the diagonal."""
    names = [plain(view) for view in observations.views]
    counts = observations.coverage
    top = max(int(counts.max(initial=0)), 1)
    figure = go.Figure(
        go.Heatmap(
            z=counts,
            x=names,
            y=names,
            colorscale=SEQUENTIAL,
            zmin=0,
            zmax=top,
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate="%{y} and %{x}: %{z} frames<extra></extra>",
        )
    )
    for row, column in np.ndindex(*counts.shape):
        figure.add_annotation(
            x=names[column],
            y=names[row],
            text=str(counts[row, column]),
            showarrow=False,
            font={"color": PAPER if counts[row, column] > 0.55 * top else INK},
        )
    figure.update_layout(template=TEMPLATE, margin={"l": 80, "t": 30, "b": 10})
    figure.update_xaxes(side="top", type="category", showgrid=False)
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    return figure


def figure_corners_over_time(observations: "Observations") -> go.Figure:
    """Return how many corners each camera saw in each frame.

    Frames that were skipped although the board was seen have a colour of their own: they hold no
    corners, but neither did the camera see none.
    """
    skipped = _skipped(observations)
    where = {
        "x": np.asarray(observations.frames),
        "y": [plain(view) for view in observations.views],
        "ygap": 3,
        "hoverongaps": False,
    }
    figure = go.Figure(
        go.Heatmap(
            z=np.where(skipped == "", observations.seen.sum(axis=-1), np.nan),
            colorscale=SEQUENTIAL,
            zmin=0,
            zmax=observations.corners.shape[2],
            colorbar={"title": {"text": "corners"}, "thickness": 10, "outlinewidth": 0},
            hovertemplate="%{y}, frame %{x}: %{z} corners<extra></extra>",
            **where,
        )
    )
    if (skipped != "").any():
        figure.add_trace(
            go.Heatmap(
                z=np.where(skipped == "", np.nan, 1.0),
                text=skipped,
                colorscale=[[0.0, SKIPPED], [1.0, SKIPPED]],
                showscale=False,
                hovertemplate="%{y}, frame %{x}: skipped, %{text}<extra></extra>",
                meta={"role": "skipped"},
                **where,
            )
        )
    figure.update_layout(template=TEMPLATE, margin={"l": 80})
    figure.update_xaxes(title_text="frame", showgrid=False)
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    return figure


def figure_residuals(calibration: "Calibration", camera: str) -> go.Figure:
    """Return the reprojection residuals of one camera as arrows in its image, enlarged.

    At most `MOST_ARROWS` arrows, evenly chosen. All cameras have one enlargement, told in the
    title, so that they can be compared.
    """
    index = calibration.rig.names.index(camera)
    known = calibration.errors[np.isfinite(calibration.errors)]
    width = max(each.size[0] for each in calibration.rig)
    typical = float(np.quantile(known, 0.9)) if len(known) else 1.0
    gain = _round_down(0.04 * width / max(typical, 1e-9))
    residuals = calibration.residuals[index].reshape(-1, 2)
    corners = _corners_of(calibration, camera).reshape(-1, 2)
    used = np.flatnonzero(np.isfinite(residuals).all(axis=-1))
    used = used[:: max(1, -(-len(used) // MOST_ARROWS))]
    start, stop = corners[used], corners[used] + gain * residuals[used]
    lines = np.stack([start, stop, np.full_like(start, np.nan)], axis=1).reshape(-1, 2)
    figure = _image_panel(calibration.rig[camera], f"{plain(camera)}: arrows {gain:g}×")
    for kind, points in (("lines", lines), ("markers", start)):
        figure.add_trace(
            go.Scatter(
                x=points[:, 0].astype(np.float32),
                y=points[:, 1].astype(np.float32),
                mode=kind,
                line={"color": CYCLE[index % len(CYCLE)], "width": 1},
                marker={"color": CYCLE[index % len(CYCLE)], "size": 2},
                hoverinfo="skip",
                showlegend=False,
                meta={"camera": camera, "gain": gain},
            )
        )
    return figure


def figure_residual_histogram(calibration: "Calibration") -> go.Figure:
    """Return the distribution of the reprojection errors of each camera, px, as curves.

    A dotted curve shows the corners that were left out of the fit, of all cameras together.
    """
    errors = calibration.errors
    known = errors[np.isfinite(errors)]
    limit = float(np.quantile(known, 0.995)) if len(known) else 1.0
    edges = np.linspace(0, max(limit, 1e-6), 41)
    figure = go.Figure()
    samples = [
        (name, errors[index][np.isfinite(errors[index])], CYCLE[index % len(CYCLE)], "solid")
        for index, name in enumerate(calibration.rig.names)
    ]
    if len(calibration.check.pixels):
        samples.append(("held out", calibration.check.pixels, INK, "dot"))
    for name, values, color, dash in samples:
        counts, _ = np.histogram(values, edges)
        figure.add_trace(
            go.Scatter(
                x=(edges[1:] + edges[:-1]) / 2,
                y=100 * counts / max(len(values), 1),
                mode="lines",
                line={"color": color, "shape": "hvh", "width": 1.8, "dash": dash},
                name=plain(name),
                hovertemplate="%{x:.2f} px: %{y:.1f} %",
                meta={"camera": name} if dash == "solid" else {"role": "held out"},
            )
        )
    figure.update_layout(template=TEMPLATE, hovermode="x")
    figure.update_xaxes(title_text="reprojection error (px)", rangemode="tozero")
    figure.update_yaxes(title_text="corners (%)", rangemode="tozero")
    return figure


def grid_shape(size: tuple[int, int], cells: int = 12) -> tuple[int, int]:
    """Return (columns, rows) of nearly square cells over an image of (width, height)."""
    return cells, max(2, round(cells * size[1] / size[0]))


def figure_corner_coverage(calibration: "Calibration", camera: str) -> go.Figure:
    """Return where in one camera's image corners were used: where the lens model is tested."""
    size = calibration.rig[camera].size
    index = calibration.rig.names.index(camera)
    used = np.isfinite(calibration.residuals[index]).all(axis=-1)
    points = _corners_of(calibration, camera)[used]
    columns, rows = grid_shape(size)
    x = np.linspace(-0.5, size[0] - 0.5, columns + 1)
    y = np.linspace(-0.5, size[1] - 0.5, rows + 1)
    counts, _, _ = np.histogram2d(points[:, 1], points[:, 0], bins=(y, x))
    share = float((counts > 0).mean())
    figure = _image_panel(calibration.rig[camera], f"{plain(camera)}: {100 * share:.0f} %")
    figure.add_trace(
        go.Heatmap(
            z=np.where(counts > 0, counts, np.nan),
            x=x,
            y=y,
            colorscale=SEQUENTIAL,
            zmin=0,
            showscale=False,
            hovertemplate="%{z} corners<extra></extra>",
            meta={"camera": camera},
        )
    )
    figure.update_layout(plot_bgcolor=EMPTY)
    return figure


def figure_spacing(errors: Array, unit: str) -> go.Figure:
    """Return the distribution of the errors of neighbouring corners' distances, in `unit`.

    Small errors are shown in micrometres.
    """
    errors, unit = readable_lengths(errors, unit)
    reach = float(np.quantile(np.abs(errors), 0.99)) if len(errors) else 1.0
    counts, edges = np.histogram(errors, np.linspace(-reach, reach, 61))
    figure = go.Figure(
        go.Bar(
            x=(edges[1:] + edges[:-1]) / 2,
            y=counts,
            marker={"color": CYCLE[0], "line": {"width": 0}},
            hovertemplate="%{x:.3g}: %{y} pairs<extra></extra>",
        )
    )
    figure.add_vline(x=0, line={"color": MUTED, "width": 1})
    figure.update_layout(template=TEMPLATE, bargap=0.05)
    figure.update_xaxes(
        title_text=f"measured minus true distance ({plain(unit)})", exponentformat="none"
    )
    figure.update_yaxes(title_text="pairs of corners")
    return figure


def _skipped(observations: "Observations") -> np.ndarray:
    """Return why images (view, frame) in which the board was seen were skipped, "" elsewhere."""
    reasons = np.full(observations.seen.shape[:2], "", dtype=object)
    rows = {view: row for row, view in enumerate(observations.views)}
    columns = {int(frame): column for column, frame in enumerate(observations.frames)}
    for refusal in observations.refusals:
        if refusal.reason in SKIPPING and refusal.frame in columns:
            reasons[rows[refusal.view], columns[refusal.frame]] = refusal.kind
    return np.where(observations.seen.any(axis=-1), "", reasons)


def _image_panel(camera: Camera, title: str) -> go.Figure:
    """Return an empty figure shaped like a camera's image, y down."""
    width, height = camera.size
    lines = {"showgrid": False, "zeroline": False, "mirror": True, "linecolor": RULE}
    figure = go.Figure()
    figure.update_layout(
        template=TEMPLATE,
        margin={"l": 38, "r": 6, "t": 26, "b": 22},
        title={"text": title, "font": {"size": 12, "color": MUTED}, "x": 0.02, "y": 0.97},
    )
    figure.update_xaxes(range=[-0.5, width - 0.5], constrain="domain", nticks=5, **lines)
    figure.update_yaxes(
        range=[height - 0.5, -0.5], scaleanchor="x", constrain="domain", nticks=5, **lines
    )
    return figure


def _corners_of(calibration: "Calibration", camera: str) -> Array:
    """Return the corners (frame, corner, 2) px that a camera saw."""
    observations = calibration.observations
    return observations.corners[observations.views.index(camera)]


def _round_down(value: float) -> float:
    """Return 1, 2 or 5 times a power of ten, at most `value`."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * max(step for step in (1, 2, 5) if step * power <= value * (1 + 1e-9)))
