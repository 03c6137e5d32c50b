"""The animal in 3-D: keypoints, bones and the trail of one keypoint at one moment."""

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import xarray as xr

from calibration.rig import Rig
from labcut3d.errors import DatasetError
from labcut3d.schema import validate_trajectories
from labcut3d.skeleton import Skeleton
from labcut3d.viewers.palette import CYCLE, TEMPLATE, keypoint_colors, plain
from labcut3d.viewers.rig_figure import (
    FRUSTUM,
    camera_traces,
    cube_around,
    scene_layout,
    view_camera,
)

__all__ = ["bone_line", "figure_trajectory_3d"]

Array = npt.NDArray[np.float64]
SYMBOLS = ("circle", "square", "diamond", "cross")


def figure_trajectory_3d(
    trajectories: xr.Dataset,
    moment: int = 0,
    *,
    skeleton: Skeleton | None = None,
    rig: Rig | None = None,
    trail: str | None = None,
    trail_length: int = 60,
) -> go.Figure:
    """Return the skeleton at index `moment` of the time axis, with a trail of one keypoint.

    The trail is the path of the keypoint `trail` over the last `trail_length` moments. The axes
    hold the whole recording, outliers aside, with one scale; cameras of the `rig` are drawn where
    they stand, out of the axes' range if they are far away. Traces carry their role in `meta`.
    """
    validate_trajectories(trajectories)
    names = [str(name) for name in trajectories["keypoint"].values]
    if trail is not None and trail not in names:
        raise DatasetError(f"no keypoint '{trail}' in the dataset; it has {', '.join(names)}")
    order = ("time", "individual", "keypoint", "space")
    position = trajectories["position"].transpose(*order).values
    unit = str(trajectories.attrs["unit"])
    figure = go.Figure()
    start = max(0, moment - trail_length)
    for index in range(trajectories.sizes["individual"]):
        path = np.empty((0, 3))
        if trail is not None:
            path = position[start : moment + 1, index, names.index(trail)]
        figure.add_traces(_traces(position[moment, index], path, names, skeleton, index))
    ranges = cube_around(position, 0.03, trim=0.002)
    if rig is not None:
        depth = FRUSTUM * float(
            np.mean([np.linalg.norm(c.center - ranges.mean(axis=1)) for c in rig])
        )
        figure.add_traces(camera_traces(rig, depth))
    figure.update_layout(template=TEMPLATE, margin={"l": 0, "r": 0, "t": 0, "b": 0})
    figure.update_layout(
        scene=scene_layout(ranges, unit, view_camera(rig)), showlegend=False, uirevision="scene"
    )
    return figure


def bone_line(points: Array, skeleton: Skeleton | None, names: list[str]) -> Array:
    """Return the line (3 * bones, 3) through all bones of points (keypoint, 3), NaN in between."""
    if skeleton is None or not skeleton.bones:
        return np.full((1, 3), np.nan)
    bones = [[names.index(a), names.index(b)] for a, b in skeleton.bones if {a, b} <= set(names)]
    ends = points[np.array(bones, dtype=int).reshape(-1, 2)]
    return np.concatenate([ends, np.full_like(ends[:, :1], np.nan)], axis=1).reshape(-1, 3)


def _traces(
    points: Array, path: Array, names: list[str], skeleton: Skeleton | None, individual: int
) -> list[go.Scatter3d]:
    """Return the bones, the trail and the keypoints (keypoint, 3) of one individual."""
    colors = keypoint_colors(names, skeleton)
    common = {"hoverinfo": "skip", "mode": "lines"}
    body = "#4a5560" if individual == 0 else CYCLE[individual % len(CYCLE)]
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
            line={"color": "#cc79a7", "width": 3},
            meta={"role": "trail", "individual": individual},
        ),
        go.Scatter3d(
            **_xyz(points),
            mode="markers",
            marker={
                "color": [colors[name] for name in names],
                "size": 6,
                "symbol": SYMBOLS[individual % len(SYMBOLS)],
                "line": {"color": "#ffffff", "width": 1},
            },
            text=[plain(name) for name in names],
            hovertemplate="%{text}<br>%{x:.4g}, %{y:.4g}, %{z:.4g}<extra></extra>",
            meta={"role": "points", "individual": individual},
        ),
    ]


def _xyz(points: Array) -> dict[str, Array]:
    """Return points (n, 3) as plotly's three arrays."""
    return dict(zip("xyz", points.T, strict=True))
