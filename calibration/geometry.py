"""Rotations and rigid motions as plain arrays, vectorised over leading axes.

A rotation vector points along the axis and is as long as the angle (Rodrigues, radians). A rigid
motion is a (4, 4) matrix named after what it does: `world_from_board @ point_board`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Array",
    "any_seen",
    "invert_pose",
    "is_covariance",
    "is_seen",
    "make_pose",
    "mean_of_known",
    "rotation_from_vector",
    "skew",
    "transform",
    "vector_from_rotation",
]

Array = NDArray[np.float64]

SMALL_ANGLE = 1e-4  # rad; below it the series of sin(a)/a is exact to the last bit


def skew(vectors: ArrayLike) -> Array:
    """Return the (..., 3, 3) matrices M with `M @ u = cross(v, u)` for vectors v (..., 3)."""
    x, y, z = np.moveaxis(np.asarray(vectors, dtype=float), -1, 0)
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def rotation_from_vector(vectors: ArrayLike) -> Array:
    """Return the rotations (..., 3, 3) of rotation vectors (..., 3), by Rodrigues' formula."""
    vectors = np.asarray(vectors, dtype=float)
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    safe = np.where(angle < SMALL_ANGLE, 1.0, angle)
    sine = np.where(angle < SMALL_ANGLE, 1 - angle**2 / 6, np.sin(safe) / safe)
    cosine = np.where(angle < SMALL_ANGLE, 0.5 - angle**2 / 24, (1 - np.cos(safe)) / safe**2)
    cross = skew(vectors)
    return np.eye(3) + sine * cross + cosine * (cross @ cross)


def vector_from_rotation(rotations: ArrayLike) -> Array:
    """Return the rotation vectors (..., 3), of angle at most pi, of rotations (..., 3, 3).

    By way of the unit quaternion, taken from the largest of its four possible pivots
    (Shepperd 1978), which stays exact at every angle, half turns included.
    """
    r = np.asarray(rotations, dtype=float)
    trace = np.trace(r, axis1=-2, axis2=-1)
    pivots = np.stack([1 + trace, *(1 - trace + 2 * r[..., i, i] for i in range(3))], axis=-1)
    a, b, c = r[..., 2, 1], r[..., 0, 2], r[..., 1, 0]
    d, e, f = r[..., 1, 2], r[..., 2, 0], r[..., 0, 1]
    w, x, y, z = np.moveaxis(pivots, -1, 0)
    candidates = np.stack(
        [
            np.stack([w, a - d, b - e, c - f], axis=-1),
            np.stack([a - d, x, c + f, b + e], axis=-1),
            np.stack([b - e, c + f, y, a + d], axis=-1),
            np.stack([c - f, b + e, a + d, z], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(pivots, axis=-1)[..., None, None]
    quaternion = np.take_along_axis(candidates, best, axis=-2)[..., 0, :]
    quaternion = quaternion / np.linalg.norm(quaternion, axis=-1, keepdims=True)
    quaternion = np.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    sine = np.linalg.norm(quaternion[..., 1:], axis=-1, keepdims=True)
    half = np.arctan2(sine, quaternion[..., :1])
    scale = np.where(sine < SMALL_ANGLE, 2 + sine**2 / 3, 2 * half / np.where(sine == 0, 1, sine))
    return scale * quaternion[..., 1:]


def is_seen(pixels: ArrayLike) -> np.ndarray:
    """Return which pixels (..., 2) are not missing, (...) bool."""
    finite = np.isfinite(np.asarray(pixels, dtype=float))
    return np.asarray(finite[..., 0] & finite[..., 1])  # ten times as fast as all(axis=-1)


def any_seen(pixels: ArrayLike) -> np.ndarray:
    """Return in which images any of their pixels (..., pixel, 2) is there, (...) bool."""
    return np.asarray(is_seen(pixels).any(axis=-1))


def mean_of_known(values: Array, axis: int, *, keepdims: bool = False) -> Array:
    """Return the mean of what is finite along an axis, NaN where nothing is."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=axis, keepdims=keepdims)
    count = known.sum(axis=axis, keepdims=keepdims)
    return total / np.where(count > 0, count, np.nan)


def is_covariance(matrices: ArrayLike) -> np.ndarray:
    """Return which symmetric matrices (..., 2, 2) are finite and positive definite, (...) bool."""
    matrices = np.asarray(matrices, dtype=float)
    (a, b), (c, d) = np.moveaxis(matrices, (-2, -1), (0, 1))
    with np.errstate(invalid="ignore", over="ignore"):
        determinant = np.asarray(a * d - b * c)  # not finite if any of the four is not
    return (determinant > 0) & (a > 0) & np.isfinite(determinant)


def make_pose(rotation: ArrayLike, translation: ArrayLike) -> Array:
    """Return the rigid motions (..., 4, 4) of rotations (..., 3, 3) and translations (..., 3)."""
    rotation, translation = np.asarray(rotation, float), np.asarray(translation, float)
    pose = np.zeros((*rotation.shape[:-2], 4, 4))
    pose[..., :3, :3], pose[..., :3, 3], pose[..., 3, 3] = rotation, translation, 1.0
    return pose


def invert_pose(pose: ArrayLike) -> Array:
    """Return the inverses of rigid motions (..., 4, 4)."""
    pose = np.asarray(pose, dtype=float)
    rotation = np.swapaxes(pose[..., :3, :3], -1, -2)
    return make_pose(rotation, -(rotation @ pose[..., :3, 3:])[..., 0])


def transform(pose: ArrayLike, points: ArrayLike) -> Array:
    """Move points (..., point, 3) by rigid motions (..., 4, 4)."""
    pose, points = np.asarray(pose, dtype=float), np.asarray(points, dtype=float)
    return points @ np.swapaxes(pose[..., :3, :3], -1, -2) + pose[..., None, :3, 3]
