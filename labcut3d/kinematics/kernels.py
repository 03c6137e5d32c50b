"""Products of many small matrices, compiled: numpy takes ten times as long for each."""

import numpy as np

from calibration.compiling import compiled
from calibration.geometry import Array

__all__ = ["pose_covariances", "quadratic_forms", "see_covariances"]


def quadratic_forms(vectors: Array, matrices: Array) -> Array:
    """Return v' M v (...) of vectors (..., n) and symmetric matrices (..., n, n)."""
    n = vectors.shape[-1]
    shape = np.broadcast_shapes(vectors.shape[:-1], matrices.shape[:-2])
    flat = np.broadcast_to(vectors, (*shape, n)).reshape(-1, n)
    result = np.empty(len(flat))
    _quadratic_forms(flat, np.broadcast_to(matrices, (*shape, n, n)).reshape(-1, n, n), result)
    return result.reshape(shape)


@compiled
def _quadratic_forms(vectors, matrices, result):
    """Fill result (m,) from vectors (m, n) and matrices (m, n, n)."""
    n = vectors.shape[1]
    for m in range(len(vectors)):
        total = 0.0
        for i in range(n):
            for j in range(n):
                total += vectors[m, i] * matrices[m, i, j] * vectors[m, j]
        result[m] = total


@compiled
def pose_covariances(slopes, matrices, result):
    """Fill result (m, 6, 6) with the covariances of poses.

    From their slopes (m, k, 6, 3) by points with covariances (m, k, 3, 3).
    """
    row = np.empty(3)
    for m in range(len(slopes)):
        result[m] = 0.0
        for k in range(slopes.shape[1]):
            for a in range(6):
                for j in range(3):
                    row[j] = 0.0
                    for i in range(3):
                        row[j] += slopes[m, k, a, i] * matrices[m, k, i, j]
                for b in range(6):
                    for j in range(3):
                        result[m, a, b] += row[j] * slopes[m, k, b, j]


@compiled
def see_covariances(axes, seen, pose, slopes, place, matrices):
    """Turn `matrices` (m, k, 3, 3), covariances in the world, into those seen from poses.

    `axes` (m, 3, 3) of the poses as columns, points `seen` (m, k, 3) in them; the `pose`
    covariances (m, 6, 6), of shift and turn, and the poses' slopes (m, f, 6, 3) by the points that
    they hang on, of which point k is `place` (k,), or -1.
    """
    moved = np.zeros((3, 6))  # how a seen point moves with the pose
    turned, through, both = np.empty((3, 3)), np.empty((3, 6)), np.empty((3, 3))
    for m in range(len(seen)):
        for k in range(seen.shape[1]):
            x, y, z = seen[m, k, 0], seen[m, k, 1], seen[m, k, 2]
            moved[0, 0] = moved[1, 1] = moved[2, 2] = -1.0
            moved[0, 4], moved[0, 5], moved[1, 3] = -z, y, z
            moved[1, 5], moved[2, 3], moved[2, 4] = -x, -y, x
            for i in range(3):  # matrix times axes, and moved times pose
                for j in range(3):
                    turned[i, j] = 0.0
                    for a in range(3):
                        turned[i, j] += matrices[m, k, i, a] * axes[m, a, j]
                for b in range(6):
                    through[i, b] = 0.0
                    for a in range(6):
                        through[i, b] += moved[i, a] * pose[m, a, b]
            for i in range(3):
                for j in range(3):
                    total = 0.0
                    for a in range(3):
                        total += axes[m, a, i] * turned[a, j]
                    for b in range(6):
                        total += through[i, b] * moved[j, b]
                    matrices[m, k, i, j] = total
            if place[k] < 0:
                continue
            for i in range(3):
                for j in range(3):
                    both[i, j] = 0.0
                    for a in range(6):
                        for b in range(3):
                            both[i, j] += moved[i, a] * slopes[m, place[k], a, b] * turned[b, j]
            for i in range(3):
                for j in range(3):
                    matrices[m, k, i, j] += both[i, j] + both[j, i]
