"""Where the chamber stands among the cameras, and how well that is known: `chamber.html`."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from calibration.camera import Camera
from calibration.fitting.placing import PlacedChamber
from calibration.fitting.walls import RefinedWalls
from calibration.geometry import Array, transform
from calibration.rig import Rig
from labcut3d.viewers.page import (
    Number,
    Page,
    figure_block,
    length_text,
    number_text,
    render,
    table_block,
)
from labcut3d.viewers.palette import CYCLE
from labcut3d.viewers.rig_figure import figure_rig

__all__ = ["chamber_page"]

ARM = 0.75  # of the box's lengths: how far from its middle its axes are drawn
MOST_POINTS = 40  # listed one by one; a board has more


def chamber_page(project: str, placed: PlacedChamber, refined: RefinedWalls | None = None) -> str:
    """Return the page of a placed chamber, and of its walls where boards refined them."""
    chamber, unit = placed.chamber, placed.rig.unit
    rig = placed.rig if refined is None else refined.rig
    degrees = number_text(float(np.degrees(placed.turn_deviation)), 2, "degrees")
    numbers = [
        Number(label="points off, root mean square", value=f"{placed.misfit:.2f} px"),
        Number(label="place known to", value=length_text(placed.shift_deviation, unit, 2)),
        Number(label="direction known to", value=degrees),
    ]
    if refined is not None:
        change = f"{number_text(refined.before)} → {number_text(refined.after, unit='px')}"
        numbers.append(Number(label="boards through its walls, refined", value=change))
    note = "The box with its own axes x, y and z. Standard deviations are by the points' distances."
    body = figure_block("rig", "Cameras and chamber", note, height=560)
    page = Page(
        kind="Chamber",
        title=f"The chamber of {project}",
        subtitle=f"{' × '.join(f'{length:g}' for length in chamber.inner)} {unit} inside, walls "
        f"of {chamber.thickness:g} {unit}, indices of refraction from outside to inside "
        f"{', '.join(f'{index:g}' for index in chamber.indices)}.",
        numbers=numbers,
        body=body + _walls(placed, rig) + _points(placed),
        figures={"rig": _figure(placed, rig)},
    )
    return render(page)


def _figure(placed: PlacedChamber, rig: Rig) -> go.Figure:
    """Return the cameras, the box inside and outside, and its axes."""
    pose, chamber = placed.world_from_chamber, placed.chamber
    boxes = {
        f"chamber, {kind} corners": transform(pose, chamber.corners(kind))
        for kind in ("inner", "outer")
    }
    figure = figure_rig(rig, boxes=boxes)
    for index, name in enumerate("xyz"):
        arm = np.stack([np.zeros(3), ARM * chamber.inner * np.eye(3)[index]])
        x, y, z = transform(pose, arm).T
        figure.add_scatter3d(
            x=x,
            y=y,
            z=z,
            mode="lines+text",
            text=["", name],
            line={"color": CYCLE[-1 - index], "width": 3},
            hoverinfo="skip",
            showlegend=False,
        )
    return figure


def _walls(placed: PlacedChamber, rig: Rig) -> str:
    """Return the table of what each camera looks through."""
    middle, rows = placed.world_from_chamber[:3, 3], []
    for camera, face, away in zip(rig, placed.faces, placed.distances, strict=True):
        seen = away[np.isfinite(away)]
        off = f"{np.sqrt(np.mean(seen**2)):.2f}" if len(seen) else "–"
        rows.append([camera.name, face, *_wall(camera, middle), f"{len(seen)}", off])
    heads = ("camera", "looks through", "of thickness", "distance", "degrees", "shift, px")
    return table_block(
        "Walls",
        (*heads, "points", "off, px"),
        rows,
        "Degrees: between the wall's normal and the optical axis. Shift: how far the wall moves "
        "the image of the box's middle.",
    )


def _wall(camera: Camera, middle: Array) -> list[str]:
    """Return a camera's wall in words: thickness, distance, degrees, and the shift it makes."""
    wall = camera.wall
    if wall is None:
        return ["open", "–", "–", "0"]
    degrees = np.degrees(np.arccos(np.clip(camera.rotation[2] @ wall.normal, -1, 1)))
    shift = np.linalg.norm(camera.project(middle) - replace(camera, wall=None).project(middle))
    return [
        f"{wall.thickness:.4g}" if wall.thickness else "surface",
        f"{wall.height(camera.center):.4g}",
        f"{degrees:.1f}",
        number_text(float(shift)),
    ]


def _points(placed: PlacedChamber) -> str:
    """Return the table of how far each clicked corner lies from where it should be seen."""
    if len(placed.names) > MOST_POINTS:
        return ""
    rows = [
        [name, *("–" if np.isnan(value) else f"{value:.2f}" for value in away)]
        for name, away in zip(placed.names, placed.distances.T, strict=True)
    ]
    note = "From where the placed box puts them, px."
    return table_block("Clicked corners", ("corner", *placed.rig.names), rows, note)
