"""What stands around the animal in 3-D: the chamber with its walls, and the plane it walks on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from calibration.chamber import Chamber
from calibration.geometry import transform
from labcut3d.kinematics.geometry import Plane
from labcut3d.viewers.palette import CYCLE, MUTED, plain

__all__ = [
    "Surroundings",
    "box_lines",
    "box_trace",
    "chamber_surroundings",
    "substrate_lines",
    "surrounding_traces",
]

Array = npt.NDArray[np.float64]

# The corners of each face of a box whose corners are numbered by x, y and z, minus before plus.
FACE_CORNERS = ((0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5))
REACH = 0.9  # of the half side of the scene's cube: how far a substrate is drawn
GRID = 9  # lines each way on a substrate


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is drawn around an animal, in the world frame of its rig.

    `boxes` are corners (2, 2, 2, 3) by name, `walls` those of a box's faces (4, 3) that are drawn
    as panes, and `substrate` what the animal walks on.
    """

    boxes: Mapping[str, Array] = field(default_factory=dict)
    walls: Mapping[str, Array] = field(default_factory=dict)
    substrate: Plane | None = None


def chamber_surroundings(
    chamber: Chamber,
    world_from_chamber: Array,
    up: Array,
    substrate: Plane | None = None,
) -> Surroundings:
    """Return a chamber as surroundings: inside, outside, and every face that has a wall.

    `world_from_chamber` (4, 4) is its pose, `up` (3,) roughly the upward direction of the world;
    without a `substrate`, the face inside that lies lowest is taken.
    """
    boxes = {
        kind: transform(world_from_chamber, chamber.corners(kind)) for kind in ("inner", "outer")
    }
    inner = boxes["inner"].reshape(8, 3)
    faces = {
        f"{sign}{axis}": inner[list(FACE_CORNERS[2 * index + side])]
        for index, axis in enumerate("xyz")
        for side, sign in enumerate("-+")
    }
    middle = inner.mean(axis=0)
    if substrate is None:
        lowest = min(faces.values(), key=lambda face: float((face.mean(axis=0) - middle) @ up))
        normal = middle - lowest.mean(axis=0)
        substrate = Plane(normal=normal, distance=float(normal @ lowest[0]))
    return Surroundings(
        boxes={f"chamber, {kind}": corners for kind, corners in boxes.items()},
        walls={name: face for name, face in faces.items() if name not in chamber.open},
        substrate=substrate,
    )


def surrounding_traces(surroundings: Surroundings, ranges: Array) -> list[go.Scatter3d | go.Mesh3d]:
    """Return the traces of surroundings, their role in `meta`, in a scene of `ranges` (3, 2)."""
    traces: list[go.Scatter3d | go.Mesh3d] = [
        box_trace(name, corners) for name, corners in surroundings.boxes.items()
    ]
    if surroundings.walls:
        traces.append(_panes(np.stack(list(surroundings.walls.values()))))
    if surroundings.substrate is not None:
        traces.append(_substrate_trace(surroundings.substrate, ranges))
    return traces


def box_lines(corners: Array) -> Array:
    """Return the edges of a box with corners (2, 2, 2, 3) as one line (36, 3), NaN between."""
    edges = []
    for axis in range(3):
        ends = np.moveaxis(corners, axis, 0).reshape(2, 4, 3)
        edges += [line for k in range(4) for line in (*ends[:, k], np.full(3, np.nan))]
    return np.array(edges)


def box_trace(name: str, corners: Array) -> go.Scatter3d:
    """Return the twelve edges of a box with corners (2, 2, 2, 3), world."""
    x, y, z = box_lines(corners).T.astype(np.float32)
    return go.Scatter3d(
        x=x,
        y=y,
        z=z,
        mode="lines",
        line={"color": MUTED, "width": 3},
        hoverinfo="skip",
        name=plain(name),
        meta={"role": "box"},
    )


def _panes(faces: Array) -> go.Mesh3d:
    """Return faces (n, 4, 3) as one translucent mesh."""
    x, y, z = faces.reshape(-1, 3).T
    first = 4 * np.arange(len(faces))
    return go.Mesh3d(
        x=x,
        y=y,
        z=z,
        i=np.concatenate([first, first]),
        j=np.concatenate([first + 1, first + 2]),
        k=np.concatenate([first + 2, first + 3]),
        color=CYCLE[4],
        opacity=0.07,
        hoverinfo="skip",
        name="walls",
        showlegend=False,
        meta={"role": "walls"},
    )


def substrate_lines(plane: Plane, ranges: Array) -> Array:
    """Return a grid on a plane as one line (n, 3), NaN where the pen is lifted.

    It lies where the plane is nearest to the middle of `ranges` (3, 2), and fills most of them.
    """
    normal = np.asarray(plane.normal, dtype=float)
    middle = ranges.mean(axis=1)
    foot = middle - normal * (normal @ middle - plane.distance)
    across = np.linalg.svd(normal[None])[2][1:]
    half = REACH * float(np.ptp(ranges[0])) / 2
    steps = np.linspace(-half, half, GRID)
    ends = np.array([-half, half])
    lines = []
    for one, other in (across, across[::-1]):
        line = foot + steps[:, None, None] * one + ends[:, None] * other
        lines.append(np.concatenate([line, np.full((GRID, 1, 3), np.nan)], axis=1))
    return np.concatenate(lines).reshape(-1, 3)


def _substrate_trace(plane: Plane, ranges: Array) -> go.Scatter3d:
    """Return the grid on a plane."""
    x, y, z = substrate_lines(plane, ranges).T.astype(np.float32)
    return go.Scatter3d(
        x=x,
        y=y,
        z=z,
        mode="lines",
        line={"color": CYCLE[5], "width": 1.5},
        opacity=0.5,
        hoverinfo="skip",
        name="substrate",
        showlegend=False,
        meta={"role": "substrate"},
    )
