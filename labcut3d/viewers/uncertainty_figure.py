"""How well a rig will locate points, predicted over the volume in which the board was shown."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from calibration.checks.precision import in_frame_of_points
from calibration.errors import RigError
from calibration.gaussian import MEDIAN_OF_DISTANCE
from calibration.geometry import transform
from calibration.solver.uncertainty import predict_uncertainty
from labcut3d.viewers.lengths import readable_lengths
from labcut3d.viewers.palette import TEMPLATE, plain
from labcut3d.viewers.rig_figure import (
    camera_traces,
    cube_around,
    depth_of_frusta,
    scene_layout,
    view_camera,
)

if TYPE_CHECKING:  # a page needs no solver
    from calibration import Calibration

__all__ = ["Precision", "figure_uncertainty", "predict_precision"]

Array = npt.NDArray[np.float64]

GRID = 9  # points along each side of the volume
TRIM = 0.02  # of the corners beyond either side of the volume: strays do not widen it
SCALE = [[0.0, "#1268c4"], [0.5, "#a0a4a8"], [1.0, "#c84200"]]  # the colour-blind can read it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Precision:
    """The predicted standard deviation of a triangulated point over a volume.

    `points` (n, 3), world; `deviations` (n,) in the rig's unit, root of the summed variances of
    x, y and z, for a detection noise of `pixel_sigma` px; `of_rig` (n,) the part that the
    calibration has in them, in the frame in which the volume lies as still as can be. Only points
    that two cameras see.
    """

    points: Array
    deviations: Array
    of_rig: Array
    pixel_sigma: float

    def at_noise(self, pixel_sigma: float) -> Array:
        """Return the deviations (n,) for another detection noise."""
        of_pixels = self.deviations**2 - self.of_rig**2
        return np.sqrt(of_pixels * (pixel_sigma / self.pixel_sigma) ** 2 + self.of_rig**2)


def predict_precision(calibration: "Calibration") -> Precision:
    """Return the predicted precision in the box that the board's corners filled.

    The detection noise is that of the board's corners, from the median of their errors.
    """
    known = calibration.errors[np.isfinite(calibration.errors)]
    sigma = max(float(np.median(known)) / MEDIAN_OF_DISTANCE, 1e-6) if len(known) else np.nan
    posed = np.isfinite(calibration.board_poses).all(axis=(1, 2))
    if not posed.any() or not np.isfinite(sigma):
        nothing = np.empty(0)
        return Precision(
            points=np.empty((0, 3)), deviations=nothing, of_rig=nothing, pixel_sigma=sigma
        )
    corners = transform(calibration.board_poses[posed], calibration.board.points).reshape(-1, 3)
    low, high = np.quantile(corners, [TRIM, 1 - TRIM], axis=0)
    axes = np.linspace(low, high, GRID).T
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    rig = calibration.rig
    try:
        covariance = in_frame_of_points(calibration.covariance, rig, points)
    except RigError:  # hardly a point is seen by two cameras
        points, covariance = points[:0], calibration.covariance
    total = predict_uncertainty(rig, covariance, points, sigma)
    of_rig = predict_uncertainty(rig, covariance, points, 0.0)
    seen = np.isfinite(total).all(axis=(1, 2))
    return Precision(
        points=points[seen],
        deviations=np.sqrt(np.trace(total[seen], axis1=1, axis2=2)),
        of_rig=np.sqrt(np.maximum(np.trace(of_rig[seen], axis1=1, axis2=2), 0.0)),
        pixel_sigma=sigma,
    )


def figure_uncertainty(calibration: "Calibration", precision: Precision) -> go.Figure:
    """Return the working volume as points coloured by their predicted standard deviation."""
    rig = calibration.rig
    deviations, unit = readable_lengths(precision.deviations, rig.unit)
    centers = np.stack([camera.center for camera in rig])
    target = precision.points.mean(axis=0) if len(precision.points) else centers.mean(axis=0)
    x, y, z = precision.points.T.astype(np.float32)
    top = float(np.quantile(deviations, 0.98)) if len(deviations) else 1.0
    figure = go.Figure(camera_traces(rig, depth_of_frusta(rig, target)))
    figure.add_trace(
        go.Scatter3d(
            x=x,
            y=y,
            z=z,
            mode="markers",
            marker={
                "size": 4,
                "opacity": 0.75,
                "color": deviations.astype(np.float32),
                "colorscale": SCALE,
                "cmin": float(deviations.min()) if len(deviations) else 0.0,
                "cmax": top,
                "colorbar": {
                    "title": {"text": plain(unit)},
                    "exponentformat": "none",
                    "thickness": 10,
                    "outlinewidth": 0,
                    "len": 0.8,
                },
            },
            hovertemplate="± %{marker.color:.3~r} " + plain(unit) + "<extra></extra>",
            showlegend=False,
            meta={"role": "uncertainty"},
        )
    )
    around = np.concatenate([centers, precision.points])
    figure.update_layout(template=TEMPLATE, margin={"l": 0, "r": 0, "t": 0, "b": 0})
    figure.update_layout(
        scene=scene_layout(cube_around(around, 0.06), rig.unit, view_camera(rig, whole=True))
    )
    return figure
