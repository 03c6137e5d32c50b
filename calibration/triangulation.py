"""From pixels in several views to points in space, robust to wrong views, with a covariance.

For every point the views that agree are searched. All of them are tried first; where they do not
agree, the hypotheses of all pairs of views (and of all views at once) are scored by the truncated
squared residuals of every view (MSAC: Torr & Zisserman, "MLESAC", 2000). Gauss-Newton through the
exact lens model, and walls, then finds the maximum-likelihood point of the views that agree. No
point's result depends on another's. What runs over the points is compiled: `calibration.points`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.covariance import RigCovariance
from calibration.errors import RigError
from calibration.geometry import Array, is_covariance, is_seen
from calibration.notebook import html_table
from calibration.points.disagreement import calibration_disagreement
from calibration.points.likelihood import Found, find_points
from calibration.points.propagation import calibration_covariance
from calibration.points.sight import Seen, make_sight
from calibration.rig import Rig
from calibration.solver.parameters import to_arrays

__all__ = ["Triangulation", "triangulate_points"]

Flags = NDArray[np.bool_]

ENOUGH = 1e4  # factor on the noise with which all views but gross outliers agree


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Triangulation:
    """Points in the world frame of the rig, NaN where undetermined.

    `points` (..., 3) in the rig's unit; `covariance` (..., 3, 3) in unit^2, of the pixels' noise,
    and of the cameras' where that was given; `reprojection_error` (...) px, the mean distance over
    the views used; `inliers` (view, ...) these views; `crossing` (...) rad, from 0 to pi/2, the
    angle of those two of their rays that cross most squarely: where it is small, so is what is
    known of the depth.
    """

    points: Array
    covariance: Array
    reprojection_error: Array
    inliers: Flags
    crossing: Array

    def _repr_html_(self) -> str:
        known = np.isfinite(self.points).all(axis=-1)
        rows = [("points", f"{known.size:,}"), ("determined", f"{known.sum():,}")]
        if known.any():
            deviations = np.sqrt(np.trace(self.covariance[known], axis1=-2, axis2=-1))
            views = self.inliers.sum(axis=0)[known]
            rows += [
                (
                    "median reprojection error, px",
                    f"{np.median(self.reprojection_error[known]):.3g}",
                ),
                ("median standard deviation", f"{np.median(deviations):.3g}"),
                ("views used, mean", f"{views.mean():.2f}"),
                ("median crossing, degrees", f"{np.degrees(np.median(self.crossing[known])):.1f}"),
            ]
        return html_table("Triangulated points", ("", ""), rows)


def triangulate_points(
    rig: Rig,
    pixels: ArrayLike,
    *,
    covariance: ArrayLike | None = None,
    confidence: ArrayLike | None = None,
    rig_covariance: RigCovariance | None = None,
) -> Triangulation:
    """Return the maximum-likelihood points that the views of a rig see at `pixels`.

    `pixels` (view, ..., 2) in the order of the rig's cameras, NaN = missing; `covariance`
    (view, ..., 2, 2) px^2, by default 1 px^2; `confidence` (view, ...): a view of confidence 0.5
    counts half an observation, one of 0 or NaN is not used. `rig_covariance`, for example
    `RigCovariance.load("rig.toml")`, adds to each point's covariance what the doubt about the
    cameras makes of it, in the frame that it holds fixed (see `calibration_covariance`), and keeps
    views whose disagreement it explains.

    With three views or more, views that contradict the others are left out. Two views alone
    cannot tell which of them is wrong: their point is returned with its large
    `reprojection_error`, and the caller decides. NaN where fewer than two views see a point,
    no two of three or more agree, their rays are parallel, or they meet behind a camera.
    """
    pixels = np.asarray(pixels, dtype=float)
    if pixels.ndim < 2 or pixels.shape[0] != len(rig) or pixels.shape[-1] != 2:
        raise RigError(
            f"pixels have shape {pixels.shape}; {len(rig)} cameras need ({len(rig)}, ..., 2)"
        )
    shape, views = pixels.shape[1:-1], len(rig)
    n = int(np.prod(shape))
    seen = Seen(
        pixels=np.ascontiguousarray(pixels.reshape(views, n, 2)),
        covariance=_given(covariance, (*pixels.shape, 2), "covariance", (views, n, 2, 2)),
        confidence=_given(confidence, pixels.shape[:-1], "confidence", (views, n)),
    )
    found = _find(rig, seen)
    if rig_covariance is not None:
        _forgive(rig, rig_covariance, seen, found)
        weights = _information(seen) * found.inliers[..., None, None]
        found.covariance[:] += calibration_covariance(rig, rig_covariance, found.points, weights)
    return Triangulation(
        points=found.points.reshape(*shape, 3),
        covariance=found.covariance.reshape(*shape, 3, 3),
        reprojection_error=found.error.reshape(shape),
        inliers=found.inliers.reshape(views, *shape),
        crossing=np.arcsin(found.sine).reshape(shape),
    )


def _find(rig: Rig, seen: Seen) -> Found:
    """Return what is found of all points, for cameras that are exactly known."""
    views, n = seen.pixels.shape[:2]
    found = Found(
        points=np.full((n, 3), np.nan),
        covariance=np.full((n, 3, 3), np.nan),
        error=np.full(n, np.nan),
        sine=np.full(n, np.nan),
        inliers=np.zeros((views, n), dtype=bool),
    )
    cameras = to_arrays(rig.cameras)
    centers = -np.einsum("vij,vi->vj", cameras.rotations, cameras.translations)
    find_points(cameras, centers, seen, make_sight(views), found)
    return found


def _forgive(rig: Rig, rig_covariance: RigCovariance, seen: Seen, found: Found) -> None:
    """Take views back that disagree by no more than the cameras' own errors make them.

    Only the choice of views changes; as before, the points are those most probable under the
    pixels' noise, which is what the covariance assumes.
    """
    information = _information(seen)
    there = is_seen(seen.pixels) & (information[..., 0, 0] > 0)
    doubtful = (there.sum(axis=0) > 2) & (there & ~found.inliers).any(axis=0)
    if not doubtful.any():
        return
    there, information = there[:, doubtful], information[:, doubtful]
    pixels = np.where(there[..., None], seen.pixels[:, doubtful], np.nan)
    noise = np.linalg.inv(np.where(there[..., None, None], information, np.eye(2)))
    nothing = np.empty((0, 0))
    rough = _find(rig, Seen(pixels, ENOUGH * noise, nothing)).points
    rough = np.where(is_seen(found.points[doubtful])[:, None], found.points[doubtful], rough)
    spread = np.nan_to_num(calibration_disagreement(rig, rig_covariance, rough, information))
    chosen = _find(rig, Seen(pixels, noise + spread, nothing)).inliers
    changed = (chosen != found.inliers[:, doubtful]).any(axis=0)
    # With noise this wide all chosen views agree; the point does not depend on a common factor.
    wide = 10 * (1 + np.trace(information @ spread, axis1=2, axis2=3).max(axis=0))[:, None, None]
    pixels = np.where(chosen[..., None], pixels, np.nan)[:, changed]
    again = _find(rig, Seen(pixels, (wide * noise)[:, changed], nothing))
    again.covariance[:] /= wide[changed]
    where = np.flatnonzero(doubtful)[changed]
    for whole, part in zip(found[:4], again[:4], strict=True):
        whole[where] = part
    found.inliers[:, where] = again.inliers


def _given(
    values: ArrayLike | None, shape: tuple[int, ...], name: str, flat: tuple[int, ...]
) -> Array:
    """Return an optional argument as an array of the shape `flat`; empty where it is not given."""
    if values is None:
        return np.empty((0,) * len(flat))
    array = np.asarray(values, dtype=float)
    if array.shape != shape:
        raise RigError(f"{name} has shape {array.shape}, not {shape}")
    return np.ascontiguousarray(array.reshape(flat))


def _information(seen: Seen) -> Array:
    """Return the information (view, n, 2, 2) of the pixels, px^-2; zero where there is none."""
    information = np.broadcast_to(np.eye(2), (*seen.pixels.shape, 2))
    if len(seen.covariance):
        good = is_covariance(seen.covariance)[..., None, None]
        safe = np.where(good, seen.covariance, np.eye(2))
        information = np.where(good, np.linalg.inv(safe), 0.0)
    if len(seen.confidence):
        weight = np.nan_to_num(seen.confidence, nan=0.0).clip(min=0.0)
        information = information * weight[..., None, None]
    return information
