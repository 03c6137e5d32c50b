"""The substrate that an animal is on: found from its own movement, where nothing else tells it.

An animal that walks about moves along its substrate, and its left is as high as its right. The
direction along which these vectors are shortest is the substrate's normal: the maximum-likelihood
one, where each kind of vector is scattered along the normal by an amount of its own that is not
known beforehand. Where the animal comes lowest, again and again, is the substrate.
"""

import numpy as np
import xarray as xr

from calibration.gaussian import MAD_TO_DEVIATION
from calibration.geometry import Array
from labcut3d.dataset_pieces import thinned
from labcut3d.errors import DatasetError
from labcut3d.kinematics.geometry import Plane
from labcut3d.kinematics.surfaces import Surface
from labcut3d.skeleton import guess_left_right

__all__ = ["find_substrate"]

LOWEST = 0.02  # quantile of the heights of the lowest keypoint that is no mistake of a moment
WINDOWS = (4.0, 2.0, 2.0)  # contacts lie this many times `within` about the lowest, by round
TILT = 0.07  # rad; how wrong the normal that movement tells may be
PLACES = 5  # contacts in one place err alike, so that all together count as so many
LEAST_MOMENTS = 10
MOMENTS = 20_000  # that are looked at, evenly spread
FLAT = 0.5  # most spread along the normal, as a part of that along the next direction
STILL = 1e-18  # of the squared distance from the origin: movement below it is rounding
LEVEL = 1e-6  # least part of a squared vector along the normal
ROUNDS = 20  # of weighting; far more than are needed
HOW = "the animal's movement and lowest points"


def find_substrate(trajectories: xr.Dataset, up: Array, within: float) -> Surface:
    """Return the surface that the animals of a recording are on, from their lowest points.

    `up` (3,) says roughly which side is up; `within`, in the trajectories' unit, is how near to a
    substrate its contacts lie. All individuals count. Raises `DatasetError` where they moved
    too little, or not in a plane, to tell.
    """
    stride = -(-trajectories.sizes["time"] // MOMENTS)
    position = thinned(trajectories[["position"]], stride)["position"]
    position = position.transpose("individual", "time", "keypoint", "space").values
    keypoints = [str(name) for name in trajectories["keypoint"].values]
    normal = _normal(position.astype(float), keypoints, np.asarray(up, dtype=float))
    return _lowest_plane(position.reshape(-1, len(keypoints), 3), normal, within)


def _lowest_plane(position: Array, normal: Array, within: float) -> Surface:
    """Return the surface through the lowest of points (time, keypoint, space), again and again.

    A least-squares plane through each moment's lowest point, where that is about as low as ever;
    `normal` is the direction expected, and the one in which low is measured.
    """
    position = position[np.isfinite(position).all(axis=-1).any(axis=-1)]
    middle = np.nanmedian(position, axis=(0, 1))
    turn = np.linalg.svd(normal[None])[2]
    turn[0] = normal  # the others span the plane
    local = (position - middle) @ turn.T
    lowest = local[np.arange(len(local)), np.nanargmin(local[..., 0], axis=1)]
    slope, spread = np.zeros(2), within
    for window in WINDOWS:
        heights = lowest[:, 0] - lowest[:, 1:] @ slope
        near = np.abs(heights - np.quantile(heights, LOWEST)) <= window * within
        level = float(np.median(heights[near]))
        spread = max(
            MAD_TO_DEVIATION * float(np.median(np.abs(heights[near] - level))), 0.1 * within
        )
        design = np.column_stack([lowest[near, 1:], np.ones(near.sum())])
        prior = np.diag([spread**2 / (PLACES * TILT**2)] * 2 + [0.0])
        fitted = np.linalg.solve(
            design.T @ design / near.sum() + prior, design.T @ lowest[near, 0] / near.sum()
        )
        slope = fitted[:2]
    tilted = np.array([1.0, *-slope]) @ turn
    plane = Plane(normal=tilted, distance=float(tilted @ middle) + float(fitted[2]))
    return Surface(plane=plane, deviation=spread, how=HOW)


def _normal(position: Array, keypoints: list[str], up: Array) -> Array:
    """Return the unit vector (3,) along which (individual, time, keypoint, space) move least."""
    middle = np.full((*position.shape[:2], 3), np.nan)
    whole = np.isfinite(position).all(axis=(-2, -1))
    middle[whole] = position[whole].mean(axis=-2)
    size = float(np.nanmax(np.abs(middle))) if whole.any() else 0.0
    ways = [one[np.isfinite(one).all(axis=-1)] for one in middle]
    ways = [one - np.median(one, axis=0) for one in ways if len(one) >= LEAST_MOMENTS]
    if not ways:
        raise DatasetError(
            f"the substrate cannot be found from the animal: fewer than {LEAST_MOMENTS} moments "
            "have all keypoints; give [substrate] of project.toml another source"
        )
    scatters = [_scatter(np.concatenate(ways))]
    for left, right in guess_left_right(keypoints):
        across = position[:, :, keypoints.index(left)] - position[:, :, keypoints.index(right)]
        across = across[np.isfinite(across).all(axis=-1)]
        scatters += [_scatter(across)] if len(across) else []
    moved = np.stack([one for one in scatters if np.trace(one) > STILL * size**2] or [np.eye(3)])
    weights = 1 / np.trace(moved, axis1=1, axis2=2)
    for _ in range(ROUNDS):
        spread, axes = np.linalg.eigh(np.einsum("k,kij->ij", weights, moved))
        along = np.einsum("i,kij,j->k", axes[:, 0], moved, axes[:, 0])
        weights = 1 / np.maximum(along, LEVEL * np.trace(moved, axis1=1, axis2=2))
    if max(float(spread[0]), 0.0) >= FLAT**2 * float(spread[1]):
        raise DatasetError(
            "the substrate cannot be found from the animal: it did not move along one plane, or "
            "hardly moved; give [substrate] of project.toml another source"
        )
    return axes[:, 0] * (1.0 if axes[:, 0] @ up >= 0 else -1.0)


def _scatter(vectors: Array) -> Array:
    """Return the mean square (3, 3) of vectors (n, 3)."""
    return vectors.T @ vectors / len(vectors)
