"""Laying one set of points onto another by a rigid motion: turned and moved, never scaled.

Source: Kabsch, "A solution for the best rotation to relate two sets of vectors", 1976.
"""

import numpy as np
from numpy.typing import ArrayLike

from calibration.errors import CalibrationError
from calibration.geometry import Array

__all__ = ["rigid_alignment"]


def rigid_alignment(points_a: ArrayLike, points_b: ArrayLike) -> tuple[Array, Array]:
    """Return the rotation (3, 3) and translation (3,) that lay points a onto points b.

    `points_a`, `points_b` (..., 3) in one unit; a pair with a NaN is left out. The rotation is
    proper, never a mirror image, and `points_a @ rotation.T + translation` is as close to
    `points_b` as a rigid motion allows, in least squares. Raises `CalibrationError` where the
    pairs are fewer than three or lie on one line.
    """
    a, b = np.asarray(points_a, dtype=float), np.asarray(points_b, dtype=float)
    if a.shape != b.shape or a.shape[-1:] != (3,):
        raise CalibrationError(f"points of shapes {a.shape} and {b.shape}: give twice (..., 3)")
    known = np.isfinite(a).all(axis=-1) & np.isfinite(b).all(axis=-1)
    a, b = a[known], b[known]
    if len(a) < 3:
        raise CalibrationError(f"{len(a)} pairs of points; an alignment needs three or more")
    center_a, center_b = a.mean(axis=0), b.mean(axis=0)
    u, singular, vt = np.linalg.svd((b - center_b).T @ (a - center_a))
    if singular[1] <= 1e-9 * singular[0]:
        raise CalibrationError("the points lie on one line: the turn about it is undetermined")
    mirror = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ mirror @ vt
    return rotation, center_b - rotation @ center_a
