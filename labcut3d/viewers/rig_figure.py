"""Rigs in 3-D: cameras as frusta, boards and boxes as outlines, the scene upright."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from calibration.alignment import up_direction
from calibration.boards.board import Board
from calibration.camera import Camera
from calibration.geometry import transform
from calibration.rig import Rig
from labcut3d.viewers.palette import CYCLE, FONT, MUTED, RULE, TEMPLATE, WALL, plain
from labcut3d.viewers.surroundings import box_trace

__all__ = [
    "camera_traces",
    "cube_around",
    "depth_of_frusta",
    "figure_rig",
    "frustum",
    "scene_layout",
    "view_camera",
]

Array = npt.NDArray[np.float64]
WHOLE = 1.5  # heights of the scene's cube, at which all of it and its titles are in view
DISTANCE = 1.95  # sides of the scene's cube
FRUSTUM = 0.17  # of the distance from the cameras to what they look at


def figure_rig(
    rig: Rig,
    board: Board | None = None,
    board_poses: Array | None = None,
    boxes: Mapping[str, Array] | None = None,
) -> go.Figure:
    """Return the cameras of a rig as frusta, the places where a board was, and boxes.

    `board_poses` (frame, 4, 4) world_from_board, NaN where unknown; `boxes` corners (2, 2, 2, 3),
    world, by name. Axes have one scale, and the picture is upright (`up_direction`).
    """
    boxes = boxes or {}
    poses = np.empty((0, 4, 4)) if board_poses is None else np.asarray(board_poses, dtype=float)
    poses = poses[np.isfinite(poses).all(axis=(1, 2))]
    outlines = np.empty((0, 6, 3))
    if board is not None and len(poses):
        outlines = transform(poses, _outline(board))
        outlines = np.concatenate([outlines, np.full_like(outlines[:, :1], np.nan)], axis=1)
    centers = np.stack([camera.center for camera in rig])
    target = np.nanmean(outlines, axis=(0, 1)) if len(outlines) else _look_point(rig)
    figure = go.Figure(camera_traces(rig, depth_of_frusta(rig, target)))
    x, y, z = outlines.reshape(-1, 3).T.astype(np.float32)
    figure.add_trace(
        go.Scatter3d(
            x=x,
            y=y,
            z=z,
            mode="lines",
            line={"color": "rgba(102,114,127,0.55)", "width": 2},
            hoverinfo="skip",
            name=f"board ({len(poses)} poses)",
            meta={"role": "boards"},
        )
    )
    figure.add_traces([box_trace(name, corners) for name, corners in boxes.items()])
    solids = [corners.reshape(-1, 3) for corners in boxes.values()]
    points = np.concatenate([centers, outlines.reshape(-1, 3), *solids])
    figure.update_layout(template=TEMPLATE, margin={"l": 0, "r": 0, "t": 0, "b": 0})
    figure.update_layout(
        scene=scene_layout(cube_around(points, 0.06), rig.unit, view_camera(rig, whole=True)),
        legend={"y": 0.99, "yanchor": "top"},
    )
    return figure


def camera_traces(rig: Rig, depth: float) -> list[go.Scatter3d]:
    """Return one trace a camera: its frustum down to `depth`, in the unit of the rig, and name."""
    traces = []
    for index, camera in enumerate(rig):
        # As lists, which the viewer's script can read, too: it draws cameras nearer.
        x, y, z = frustum(camera, depth).T.tolist()
        text = [plain(camera.name)] + [""] * (len(x) - 1)
        traces.append(
            go.Scatter3d(
                x=x,
                y=y,
                z=z,
                mode="lines+text",
                text=text,
                textposition="top center",
                textfont={"family": FONT, "size": 12},
                line={"color": CYCLE[index % len(CYCLE)], "width": 4},
                name=plain(camera.name),
                hovertemplate=f"{plain(camera.name)}<extra></extra>",
                showlegend=False,
                meta={"role": "camera"},
            )
        )
    return traces


def depth_of_frusta(rig: Rig, target: Array) -> float:
    """Return how deep frusta are drawn of cameras that look at `target` (3,), in the rig's unit."""
    away = [np.linalg.norm(camera.center - target) for camera in rig]
    return FRUSTUM * max(float(np.mean(away)), 1e-9)


def frustum(camera: Camera, depth: float) -> Array:
    """Return the line (n, 3), world, that draws a camera's frustum, beginning at its centre.

    The four corners of the image are taken through the matrix alone: lens models may not reach
    them. A mark at the top edge tells up from down.
    """
    width, height = camera.size
    edges = np.array([[0, 0], [width, 0], [width, height], [0, height], [width / 2, -height / 6]])
    y = (edges[:, 1] - 0.5 - camera.matrix[1, 2]) / camera.matrix[1, 1]
    x = (edges[:, 0] - 0.5 - camera.matrix[0, 2] - camera.matrix[0, 1] * y) / camera.matrix[0, 0]
    directions = np.stack([x, y, np.ones_like(x)], axis=-1) @ camera.rotation
    a, b, c, d, tip = camera.center + depth * directions
    eye = camera.center
    return np.stack([eye, a, b, eye, c, d, eye, a, d, c, b, tip, a])


def view_camera(rig: Rig | None, *, whole: bool = False) -> dict[str, dict[str, float]]:
    """Return plotly's 3-D camera that sees the scene upright, from beside the first camera.

    `whole`: from so far that nothing is cut off where the cube of the axes stands on a corner.
    """
    up = up_direction(rig)
    distance = WHOLE * float(np.abs(up).sum()) if whole else DISTANCE
    towards = -rig.cameras[0].rotation[2] if rig is not None else np.array([0.0, 0.0, -1.0])
    level = towards - up * np.dot(up, towards)
    if np.linalg.norm(level) < 1e-3:  # looking straight down: any side will do
        level = np.cross(up, np.eye(3)[np.argmin(np.abs(up))])
    level /= np.linalg.norm(level)
    side = np.cross(up, level)
    eye = distance * (0.78 * level + 0.4 * side + 0.5 * up)
    names = ("x", "y", "z")
    return {
        "up": dict(zip(names, up.tolist(), strict=True)),
        "eye": dict(zip(names, eye.tolist(), strict=True)),
        "center": dict(zip(names, (-0.15 * up).tolist(), strict=True)),
    }


def cube_around(points: Array, margin: float = 0.08, *, trim: float = 0.0) -> Array:
    """Return axis ranges (3, 2) of equal length that hold points (n, 3).

    `trim` is the part, 0 to 0.5, of the points left out at either end, against outliers.
    """
    points = np.asarray(points, dtype=float).reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return np.array([[-1.0, 1.0]] * 3)
    low, high = np.quantile(points, [trim, 1 - trim], axis=0)
    half = max(float((high - low).max()) / 2 * (1 + 2 * margin), 1e-9)
    return ((low + high) / 2)[:, None] + [-half, half]


def scene_layout(ranges: Array, unit: str, camera: dict[str, dict[str, float]]) -> dict:
    """Return plotly's layout of a 3-D scene with axis `ranges` (3, 2) of equal length."""
    axis = {
        "backgroundcolor": WALL,
        "gridcolor": RULE,
        "zerolinecolor": RULE,
        "showspikes": False,
        "tickfont": {"size": 10, "color": MUTED},
        "nticks": 6,
    }
    axes = {
        f"{name}axis": {**axis, "range": limits, "title": {"text": f"{name} ({plain(unit)})"}}
        for name, limits in zip("xyz", ranges.tolist(), strict=True)
    }
    return {**axes, "aspectmode": "cube", "camera": camera, "dragmode": "orbit"}


def _outline(board: Board) -> Array:
    """Return the closed outline (5, 3) of a board's corners, in the board's frame."""
    points = board.points
    low, high = points.min(axis=0)[:2], points.max(axis=0)[:2]
    x, y = np.stack([low, high]).T
    square = [[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]], [x[0], y[0]]]
    return np.concatenate([square, np.zeros((5, 1))], axis=1)


def _look_point(rig: Rig) -> Array:
    """Return the point (3,) nearest to all optical axes."""
    axes = np.stack([camera.rotation[2] for camera in rig])
    centers = np.stack([camera.center for camera in rig])
    if len(rig) == 1:
        return centers[0] + axes[0]
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    return np.linalg.lstsq(across.sum(0), np.einsum("nij,nj->i", across, centers), rcond=None)[0]
