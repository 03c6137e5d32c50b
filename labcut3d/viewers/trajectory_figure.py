"""The animal in 3-D: keypoints, bones and the trail of one keypoint at one moment."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import xarray as xr

from calibration.rig import Rig
from labcut3d.errors import DatasetError
from labcut3d.schema import validate_trajectories
from labcut3d.skeleton import Skeleton
from labcut3d.viewers.ellipsoids import ellipsoid_trace
from labcut3d.viewers.palette import BODY, CYCLE, PAPER, TEMPLATE, keypoint_colors, plain
from labcut3d.viewers.rig_figure import (
    camera_traces,
    cube_around,
    depth_of_frusta,
    scene_layout,
    view_camera,
)
from labcut3d.viewers.surroundings import Surroundings, surrounding_traces

__all__ = ["SceneOptions", "bone_line", "figure_trajectory_3d", "positions_of", "trail_of"]

Array = npt.NDArray[np.float64]
SYMBOLS = ("circle", "square", "diamond", "cross")


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneOptions:
    """What is drawn beside the animal: where it is filmed, and what is doubtful.

    `trail` names the keypoint whose path over the last `trail_length` moments is drawn, and with
    `uncertainty` ellipsoids hold each point with a probability of 95 %.
    """

    skeleton: Skeleton | None = None
    rig: Rig | None = None
    surroundings: Surroundings = field(default_factory=Surroundings)
    trail: str | None = None
    trail_length: int = 60
    uncertainty: bool = False


def figure_trajectory_3d(
    trajectories: xr.Dataset, moment: int = 0, *, options: SceneOptions | None = None
) -> go.Figure:
    """Return the skeleton at index `moment` of the time axis, in its surroundings.

    The axes hold the chamber where there is one, else the whole recording, outliers aside, with one
    scale; cameras are drawn where they stand, out of the axes' range if they are far away. Traces
    carry their role in `meta`. Raises `DatasetError` for a trail of an unknown keypoint.
    """
    validate_trajectories(trajectories)
    options = options or SceneOptions()
    names = [str(name) for name in trajectories["keypoint"].values]
    if options.trail is not None and options.trail not in names:
        raise DatasetError(f"no keypoint '{options.trail}' in the dataset; it has {names}")
    position = positions_of(trajectories)
    figure = go.Figure()
    for index in range(trajectories.sizes["individual"]):
        path = trail_of(position[:, index], moment, options, names)
        figure.add_traces(_traces(position[moment, index], path, names, options.skeleton, index))
        if options.uncertainty:
            here = trajectories["covariance"].isel(time=moment, individual=index)
            covariance = here.transpose("keypoint", "space", "space_").values
            figure.add_trace(ellipsoid_trace(position[moment, index], covariance, index))
    ranges = _ranges(position, options.surroundings)
    figure.add_traces(surrounding_traces(options.surroundings, ranges))
    if options.rig is not None:
        depth = depth_of_frusta(options.rig, ranges.mean(axis=1))
        figure.add_traces(camera_traces(options.rig, depth))
    figure.update_layout(template=TEMPLATE, margin={"l": 0, "r": 0, "t": 0, "b": 0})
    figure.update_layout(
        scene=scene_layout(ranges, str(trajectories.attrs["unit"]), view_camera(options.rig)),
        showlegend=False,
        uirevision="scene",
    )
    return figure


def positions_of(trajectories: xr.Dataset) -> Array:
    """Return the positions of trajectories as an array (time, individual, keypoint, 3)."""
    return trajectories["position"].transpose("time", "individual", "keypoint", "space").values


def trail_of(position: Array, moment: int, options: SceneOptions, names: list[str]) -> Array:
    """Return the path (n, 3) that leads to `moment` of one individual (time, keypoint, 3)."""
    if options.trail is None:
        return np.empty((0, 3))
    start = max(0, moment - options.trail_length)
    return position[start : moment + 1, names.index(options.trail)]


def _ranges(position: Array, surroundings: Surroundings) -> Array:
    """Return the ranges (3, 2) of the axes: the boxes where there are any, else the paths."""
    if surroundings.boxes:
        return cube_around(np.concatenate([c.reshape(-1, 3) for c in surroundings.boxes.values()]))
    return cube_around(position, 0.03, trim=0.002)


def bone_line(points: Array, skeleton: Skeleton | None, names: list[str]) -> Array:
    """Return the line (3 * bones, n) through all bones of points (keypoint, n), NaN in between."""
    if skeleton is None or not skeleton.bones:
        return np.full((1, points.shape[-1]), np.nan)
    bones = [[names.index(a), names.index(b)] for a, b in skeleton.bones if {a, b} <= set(names)]
    ends = points[np.array(bones, dtype=int).reshape(-1, 2)]
    return np.concatenate([ends, np.full_like(ends[:, :1], np.nan)], axis=1).reshape(
        -1, points.shape[-1]
    )


def _traces(
    points: Array, path: Array, names: list[str], skeleton: Skeleton | None, individual: int
) -> list[go.Scatter3d]:
    """Return the bones, the trail and the keypoints (keypoint, 3) of one individual."""
    colors = keypoint_colors(names, skeleton)
    common = {"hoverinfo": "skip", "mode": "lines"}
    body = BODY if individual == 0 else CYCLE[individual % len(CYCLE)]
    bones, trail = bone_line(points, skeleton, names), path
    return [
        go.Scatter3d(
            **_xyz(bones),
            **common,
            line={"color": body, "width": 5},
            meta={"role": "bones", "individual": individual},
        ),
        go.Scatter3d(
            **_xyz(trail),
            **common,
            line={"color": CYCLE[3], "width": 3},
            meta={"role": "trail", "individual": individual},
        ),
        go.Scatter3d(
            **_xyz(points),
            mode="markers",
            marker={
                "color": [colors[name] for name in names],
                "size": 6,
                "symbol": SYMBOLS[individual % len(SYMBOLS)],
                "line": {"color": PAPER, "width": 1},
            },
            text=[plain(name) for name in names],
            hovertemplate="%{text}<br>%{x:.4g}, %{y:.4g}, %{z:.4g}<extra></extra>",
            meta={"role": "points", "individual": individual},
        ),
    ]


def _xyz(points: Array) -> dict[str, Array]:
    """Return points (n, 3) as plotly's three arrays."""
    return dict(zip("xyz", points.T, strict=True))
