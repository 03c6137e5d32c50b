"""What a calibration rests on and how well it fits, as plotly figures."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from calibration.triangulation import triangulate_points
from labcut3d.viewers.palette import CYCLE, INK, MUTED, RULE, SEQUENTIAL, TEMPLATE, plain

if TYPE_CHECKING:  # a page needs no solver
    from calibration import Calibration, Observations

__all__ = [
    "board_spacing_errors",
    "figure_corner_coverage",
    "figure_corners_over_time",
    "figure_pair_coverage",
    "figure_residual_histogram",
    "figure_residuals",
    "figure_spacing",
    "grid_shape",
    "panel_shape",
]

Array = npt.NDArray[np.float64]
MOST_ARROWS = 1500  # a camera; more only make the page heavy


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
            font={"color": "#ffffff" if counts[row, column] > 0.55 * top else INK},
        )
    figure.update_layout(template=TEMPLATE, margin={"l": 80, "t": 30, "b": 10})
    figure.update_xaxes(side="top", type="category", showgrid=False)
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    return figure


def figure_corners_over_time(observations: "Observations") -> go.Figure:
    """Return how many corners each camera saw in each frame."""
    seen = observations.seen.sum(axis=-1)
    figure = go.Figure(
        go.Heatmap(
            z=seen,
            x=np.asarray(observations.frames),
            y=[plain(view) for view in observations.views],
            colorscale=SEQUENTIAL,
            zmin=0,
            zmax=observations.corners.shape[2],
            ygap=3,
            colorbar={"title": {"text": "corners"}, "thickness": 10, "outlinewidth": 0},
            hovertemplate="%{y}, frame %{x}: %{z} corners<extra></extra>",
        )
    )
    figure.update_layout(template=TEMPLATE, margin={"l": 80})
    figure.update_xaxes(title_text="frame", showgrid=False)
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    return figure


def figure_residuals(calibration: "Calibration") -> go.Figure:
    """Return the reprojection residuals of every camera as arrows in its image, enlarged.

    One panel a camera; at most `MOST_ARROWS` arrows, evenly chosen. All have one enlargement, told
    in the title of the first panel, so that cameras can be compared.
    """
    observations, names = calibration.observations, calibration.rig.names
    known = calibration.errors[np.isfinite(calibration.errors)]
    width = max(camera.size[0] for camera in calibration.rig)
    typical = float(np.quantile(known, 0.9)) if len(known) else 1.0
    gain = _round_down(0.04 * width / max(typical, 1e-9))
    titles = [f"{plain(name)}: arrows {gain:g}×" for name in names]
    figure = _panels(calibration, titles)
    for index, name in enumerate(names):
        view = observations.views.index(name)
        residuals = calibration.residuals[index].reshape(-1, 2)
        corners = observations.corners[view].reshape(-1, 2)
        used = np.flatnonzero(np.isfinite(residuals).all(axis=-1))
        used = used[:: max(1, -(-len(used) // MOST_ARROWS))]
        start, stop = corners[used], corners[used] + gain * residuals[used]
        lines = np.stack([start, stop, np.full_like(start, np.nan)], axis=1).reshape(-1, 2)
        row, column = _place(index, len(names))
        for kind, points in (("lines", lines), ("markers", start)):
            figure.add_trace(
                go.Scatter(
                    x=points[:, 0],
                    y=points[:, 1],
                    mode=kind,
                    line={"color": CYCLE[index % len(CYCLE)], "width": 1},
                    marker={"color": CYCLE[index % len(CYCLE)], "size": 2},
                    hoverinfo="skip",
                    showlegend=False,
                    meta={"camera": name, "gain": gain},
                ),
                row=row,
                col=column,
            )
    return figure


def figure_residual_histogram(calibration: "Calibration") -> go.Figure:
    """Return the distribution of the reprojection errors of each camera, px, as curves."""
    errors = calibration.errors
    known = errors[np.isfinite(errors)]
    limit = float(np.quantile(known, 0.995)) if len(known) else 1.0
    edges = np.linspace(0, max(limit, 1e-6), 41)
    figure = go.Figure()
    for index, name in enumerate(calibration.rig.names):
        values = errors[index][np.isfinite(errors[index])]
        counts, _ = np.histogram(values, edges)
        figure.add_trace(
            go.Scatter(
                x=(edges[1:] + edges[:-1]) / 2,
                y=100 * counts / max(len(values), 1),
                mode="lines",
                line={"color": CYCLE[index % len(CYCLE)], "shape": "hvh", "width": 1.8},
                name=plain(name),
                hovertemplate="%{x:.2f} px: %{y:.1f} %",
                meta={"camera": name},
            )
        )
    figure.update_layout(template=TEMPLATE, hovermode="x")
    figure.update_xaxes(title_text="reprojection error (px)", rangemode="tozero")
    figure.update_yaxes(title_text="corners (%)", rangemode="tozero")
    return figure


def grid_shape(size: tuple[int, int], cells: int = 12) -> tuple[int, int]:
    """Return (columns, rows) of nearly square cells over an image of (width, height)."""
    return cells, max(2, round(cells * size[1] / size[0]))


def figure_corner_coverage(calibration: "Calibration") -> go.Figure:
    """Return where in each camera's image corners were used: where the lens model is tested."""
    observations = calibration.observations
    figure = _panels(calibration, [plain(name) for name in calibration.rig.names])
    for index, camera in enumerate(calibration.rig):
        used = np.isfinite(calibration.residuals[index]).all(axis=-1)
        points = observations.corners[observations.views.index(camera.name)][used]
        row, column = _place(index, len(calibration.rig))
        columns, rows = grid_shape(camera.size)
        x = np.linspace(-0.5, camera.size[0] - 0.5, columns + 1)
        y = np.linspace(-0.5, camera.size[1] - 0.5, rows + 1)
        counts, _, _ = np.histogram2d(points[:, 1], points[:, 0], bins=(y, x))
        figure.add_trace(
            go.Heatmap(
                z=np.where(counts > 0, counts, np.nan),
                x=x,
                y=y,
                coloraxis="coloraxis",
                hovertemplate="%{z} corners<extra></extra>",
                meta={"camera": camera.name},
            ),
            row=row,
            col=column,
        )
    bar = {"title": {"text": "corners"}, "thickness": 10, "outlinewidth": 0}
    figure.update_layout(coloraxis={"colorscale": SEQUENTIAL, "cmin": 0, "colorbar": bar})
    figure.update_layout(plot_bgcolor="#eceff1")
    return figure


def board_spacing_errors(calibration: "Calibration") -> Array:
    """Return by how much triangulated neighbouring corners are off their true distance, in unit.

    Each frame's used corners that two cameras see are triangulated without knowing the board, and
    neighbours along rows and columns compared with the length of a square: (n,) signed.
    """
    used = np.asarray(np.isfinite(calibration.residuals).all(axis=-1))
    observations = calibration.observations
    views = [observations.views.index(name) for name in calibration.rig.names]
    pixels = np.where(used[..., None], observations.corners[views], np.nan)
    keep = used.sum(axis=0) >= 2
    points = np.full((*keep.shape, 3), np.nan)
    if keep.any():
        points[keep] = triangulate_points(calibration.rig, pixels[:, keep]).points
    true = calibration.board.points
    apart = np.linalg.norm(true[:, None] - true[None], axis=-1)
    length = calibration.board.square_length
    a, b = np.nonzero(np.triu(np.isclose(apart, length, rtol=1e-6)))
    errors = np.linalg.norm(points[:, a] - points[:, b], axis=-1) - length
    return errors[np.isfinite(errors)]


def figure_spacing(errors: Array, unit: str) -> go.Figure:
    """Return the distribution of the errors of neighbouring corners' distances, in `unit`."""
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
    figure.update_xaxes(title_text=f"measured minus true distance ({plain(unit)})")
    figure.update_yaxes(title_text="pairs of corners")
    return figure


def _panels(calibration: "Calibration", titles: list[str]) -> go.Figure:
    """Return an empty figure with one panel a camera, each shaped like its image, y down."""
    rows, columns = panel_shape(len(titles))
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=titles,
        horizontal_spacing=0.16 / columns,
        vertical_spacing=0.3 / max(rows, 2),
    )
    figure.update_layout(template=TEMPLATE, margin={"l": 40, "r": 16, "t": 34, "b": 24})
    for index, camera in enumerate(calibration.rig):
        row, column = _place(index, len(titles))
        width, height = camera.size
        lines = {"showgrid": False, "zeroline": False, "mirror": True, "linecolor": RULE}
        figure.update_xaxes(
            range=[-0.5, width - 0.5], constrain="domain", nticks=5, **lines, row=row, col=column
        )
        anchor = "x" if index == 0 else f"x{index + 1}"
        figure.update_yaxes(
            range=[height - 0.5, -0.5],
            scaleanchor=anchor,
            constrain="domain",
            nticks=5,
            **lines,
            row=row,
            col=column,
        )
    figure.update_annotations(font={"size": 12, "color": MUTED})
    return figure


def panel_shape(count: int) -> tuple[int, int]:
    """Return (rows, columns) that hold `count` panels with few gaps."""
    columns = min(count, 4 if count % 4 == 0 or count > 6 else 3)
    return -(-count // columns), columns


def _place(index: int, count: int) -> tuple[int, int]:
    """Return the row and column of a panel, as plotly counts them."""
    row, column = divmod(index, panel_shape(count)[1])
    return row + 1, column + 1


def _round_down(value: float) -> float:
    """Return 1, 2 or 5 times a power of ten, at most `value`."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * max(step for step in (1, 2, 5) if step * power <= value * (1 + 1e-9)))
