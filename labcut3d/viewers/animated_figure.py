"""A dataset as one plotly figure with a slider, for notebooks; the viewer's page shows more."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from calibration.rig import Rig
from labcut3d.contract import TRAJECTORIES
from labcut3d.schema import kind_of
from labcut3d.skeleton import Skeleton
from labcut3d.viewers.palette import BODY, TEMPLATE, keypoint_colors, plain
from labcut3d.viewers.signals import default_keypoints
from labcut3d.viewers.trajectory_figure import (
    SceneOptions,
    bone_line,
    figure_trajectory_3d,
    positions_of,
    trail_of,
)

__all__ = ["view"]

Array = npt.NDArray[np.float64]

MOVING = ("bones", "trail", "points")
MOST_MOMENTS = 300  # of the slider; each one is stored in the figure
COLUMNS = 2


def view(
    dataset: xr.Dataset,
    *,
    skeleton: Skeleton | None = None,
    rig: Rig | None = None,
    most_moments: int = MOST_MOMENTS,
) -> go.Figure:
    """Return trajectories in 3-D, or detections in all views, with a slider and a play button.

    Of a recording with more than `most_moments`, every n-th is shown. With a `rig`, the scene is
    upright and its cameras are drawn. Raises `DatasetError` for what is no dataset of labcut3d.
    """
    in_space = kind_of(dataset) is TRAJECTORIES
    names = [str(name) for name in dataset["keypoint"].values]
    if in_space:
        trail = default_keypoints(names, skeleton)[-1]
        options = SceneOptions(skeleton=skeleton, rig=rig, trail=trail)
        figure = figure_trajectory_3d(dataset, options=options)
        position = positions_of(dataset)
    else:
        figure = figure_detections(dataset, skeleton=skeleton)
        position = _flat_positions(dataset)

    def places(moment: int) -> list[Array]:
        """Return the line or points of each trace that moves, in the figure's order."""
        if not in_space:
            bodies = position[:, moment].reshape(-1, *position.shape[-2:])
            return [
                one for points in bodies for one in (bone_line(points, skeleton, names), points)
            ]
        return [
            part
            for index, points in enumerate(position[moment])
            for part in (
                bone_line(points, skeleton, names),
                trail_of(position[:, index], moment, options, names),
                points,
            )
        ]

    return _animate(figure, dataset, places, max(most_moments, 1))


def figure_detections(
    detections: xr.Dataset, moment: int = 0, *, skeleton: Skeleton | None = None
) -> go.Figure:
    """Return the detections of all views at index `moment` of the time axis, in px, y down."""
    names = [str(name) for name in detections["keypoint"].values]
    colors = list(keypoint_colors(names, skeleton).values())
    views = [plain(view) for view in detections["view"].values]
    columns = min(COLUMNS, len(views))
    rows = -(-len(views) // columns)
    figure = make_subplots(rows=rows, cols=columns, subplot_titles=views, vertical_spacing=0.12)
    for index, seen in enumerate(_flat_positions(detections)):
        place: dict[str, Any] = {"row": index // columns + 1, "col": index % columns + 1}
        for points in seen[moment]:
            figure.add_traces(_flat_traces(points, (names, colors), skeleton), **_both(place))
        limits = _limits(seen)
        figure.update_xaxes(range=limits[0], **place)
        figure.update_yaxes(range=limits[1][::-1], scaleanchor=f"x{index + 1}", **place)
    figure.update_layout(template=TEMPLATE, showlegend=False, height=320 * rows + 120)
    return figure


def _flat_traces(
    points: Array,
    keypoints: tuple[list[str], list[str]],
    skeleton: Skeleton | None,
) -> list[go.Scatter]:
    """Return bones and keypoints (names and colours) of one animal's points (keypoint, 2)."""
    names, colors = keypoints
    bones = bone_line(points, skeleton, names)
    return [
        go.Scatter(
            x=bones[:, 0],
            y=bones[:, 1],
            mode="lines",
            line={"color": BODY, "width": 2},
            hoverinfo="skip",
            meta={"role": "bones"},
        ),
        go.Scatter(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            marker={"color": colors, "size": 7},
            text=[plain(name) for name in names],
            hovertemplate="%{text}<br>%{x:.1f}, %{y:.1f}<extra></extra>",
            meta={"role": "points"},
        ),
    ]


def _both(place: dict[str, Any]) -> dict[str, Any]:
    """Return the place of two traces in the same panel."""
    return {"rows": [place["row"]] * 2, "cols": [place["col"]] * 2}


def _flat_positions(detections: xr.Dataset) -> Array:
    """Return detections as an array (view, time, individual, keypoint, 2) px."""
    order = ("view", "time", "individual", "keypoint", "space")
    return detections["position"].transpose(*order).values.astype(float)


def _limits(points: Array) -> Array:
    """Return the ranges (2, 2) of x and y that hold points (..., 2), with a margin; px."""
    known = points.reshape(-1, 2)
    known = known[np.isfinite(known).all(axis=-1)]
    if not len(known):
        return np.array([[0.0, 1.0], [0.0, 1.0]])
    low, high = known.min(axis=0), known.max(axis=0)
    margin = 0.05 * (high - low).max() + 1
    return np.stack([low - margin, high + margin], axis=-1)


def _animate(
    figure: go.Figure,
    dataset: xr.Dataset,
    places: Callable[[int], list[Array]],
    most_moments: int,
) -> go.Figure:
    """Return a figure with frames, in which the traces that move go to their `places`."""
    seconds = dataset["time"].values
    stride = -(-len(seconds) // most_moments)
    moments = list(range(0, len(seconds), stride))
    traces: tuple[Any, ...] = figure.data  # type: ignore[assignment]
    roles = [(trace.meta or {}).get("role") for trace in traces]
    moving = [index for index, role in enumerate(roles) if role in MOVING]
    kind = traces[moving[0]].type
    figure.frames = [
        {
            "name": str(moment),
            "traces": moving,
            "data": [
                {"type": kind, **dict(zip("xyz", place.T.astype(np.float32), strict=False))}
                for place in places(moment)
            ],
        }
        for moment in moments
    ]
    wait = 1000 * stride / float(dataset.attrs["fps"])
    now = {"mode": "immediate", "transition": {"duration": 0}}
    play = {"frame": {"duration": wait, "redraw": True}, "fromcurrent": True, **now}
    stop = {"frame": {"duration": 0, "redraw": True}, **now}
    steps = [
        {"method": "animate", "label": f"{seconds[moment]:.3f}", "args": [[str(moment)], stop]}
        for moment in moments
    ]
    buttons = [
        {"method": "animate", "label": "▶", "args": [None, play]},
        {"method": "animate", "label": "❚❚", "args": [[None], stop]},
    ]
    common = {"x": 0.09, "y": 0, "xanchor": "left", "yanchor": "top", "pad": {"t": 40, "b": 10}}
    figure.update_layout(
        sliders=[{"steps": steps, "len": 0.9, "currentvalue": {"suffix": " s"}, **common}],
        updatemenus=[
            {
                **common,
                "type": "buttons",
                "direction": "left",
                "showactive": False,
                "x": 0.08,
                "xanchor": "right",
                "buttons": buttons,
            }
        ],
        margin={"b": 110},
    )
    return figure
