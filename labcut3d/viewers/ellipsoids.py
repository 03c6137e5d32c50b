"""Uncertainty in 3-D: the ellipsoids in which points lie with a stated probability."""

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from scipy.stats import chi2

from labcut3d.viewers.palette import MUTED

__all__ = ["LEVEL", "RADIUS", "ball", "ellipsoid_trace", "square_roots"]

Array = npt.NDArray[np.float64]

LEVEL = 0.95
RADIUS = float(np.sqrt(chi2.ppf(LEVEL, 3)))
"""How many standard deviations the ellipsoid of probability `LEVEL` reaches."""


def ball(rings: int = 5, spokes: int = 8) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the corners (n, 3) and triangles (m, 3) of a sphere of radius one: poles and rings."""
    polar = np.pi * np.arange(1, rings + 1) / (rings + 1)
    around = 2 * np.pi * np.arange(spokes) / spokes
    ring = np.stack(
        [
            np.outer(np.sin(polar), np.cos(around)),
            np.outer(np.sin(polar), np.sin(around)),
            np.repeat(np.cos(polar)[:, None], spokes, axis=1),
        ],
        axis=-1,
    ).reshape(-1, 3)
    corners = np.concatenate([ring, [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]])
    here = np.arange(spokes)
    beside = (here + 1) % spokes
    top, bottom, last = len(ring), len(ring) + 1, (rings - 1) * spokes
    triangles = [np.stack([np.full(spokes, top), here, beside], axis=-1)]
    for ring_start in spokes * np.arange(rings - 1):
        a, b = ring_start + here, ring_start + beside
        triangles += [np.stack([a, a + spokes, b], -1), np.stack([b, a + spokes, b + spokes], -1)]
    triangles.append(np.stack([np.full(spokes, bottom), last + beside, last + here], axis=-1))
    return corners, np.concatenate(triangles)


def square_roots(covariance: Array) -> Array:
    """Return S (..., 3, 3) with S S' = covariance (..., 3, 3); NaN where it is not known.

    S maps the unit ball onto the ellipsoid of one standard deviation.
    """
    covariance = np.asarray(covariance, dtype=float)
    known = np.asarray(np.isfinite(covariance).all(axis=(-2, -1)))
    values, vectors = np.linalg.eigh(np.where(known[..., None, None], covariance, 0.0))
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
    return np.where(known[..., None, None], roots, np.nan)


def ellipsoid_trace(points: Array, covariance: Array, individual: int = 0) -> go.Mesh3d:
    """Return the ellipsoids of probability `LEVEL` of points (n, 3), all in one mesh.

    `covariance` (n, 3, 3) in the unit of the points, squared; what is not known is left out.
    """
    corners, triangles = ball()
    surface = points[:, None] + RADIUS * np.einsum("nij,cj->nci", square_roots(covariance), corners)
    x, y, z = surface.reshape(-1, 3).T.astype(np.float32)
    i, j, k = (triangles + len(corners) * np.arange(len(points))[:, None, None]).reshape(-1, 3).T
    return go.Mesh3d(
        x=x,
        y=y,
        z=z,
        i=i,
        j=j,
        k=k,
        color=MUTED,
        opacity=0.35,
        hoverinfo="skip",
        name=f"{100 * LEVEL:.0f} % ellipsoids",
        showlegend=False,
        meta={"role": "uncertainty", "individual": individual},
    )
