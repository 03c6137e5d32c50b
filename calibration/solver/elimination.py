"""Bodies eliminated from the normal equations, compiled: the Schur complement and its way back."""

import math

import numpy as np

from calibration.compiling import compiled

__all__ = ["back_substitute", "eliminate", "gather_blocks"]


@compiled
def gather_blocks(index, own, own_side, n_free):
    """Return the cameras' system and right-hand side, from blocks placed by `index` (view, s)."""
    system, side = np.zeros((n_free, n_free)), np.zeros(n_free)
    for v in range(len(index)):
        for i in range(index.shape[1]):
            row = index[v, i]
            if row >= 0:
                side[row] += own_side[v, i]
                for j in range(index.shape[1]):
                    if index[v, j] >= 0:
                        system[row, index[v, j]] += own[v, i, j]
    return system, side


@compiled
def _factor(block, damping, root):
    """Fill `root` with the lower Cholesky factor of a damped block; return whether there is one."""
    n = len(block)
    for i in range(n):
        for j in range(i + 1):
            total = block[i, j] * (1 + damping) if i == j else block[i, j]
            limit = 1e-14 * total
            for k in range(j):
                total -= root[i, k] * root[j, k]
            if i == j:
                if not total > limit:
                    return False
                root[i, i] = math.sqrt(total)
            else:
                root[i, j] = total / root[j, j]
    return True


@compiled
def _forward(root, vector):
    """Solve root x = vector in place, root being lower triangular."""
    for i in range(len(vector)):
        for k in range(i):
            vector[i] -= root[i, k] * vector[k]
        vector[i] /= root[i, i]


@compiled
def eliminate(sights, index, blocks, damping, bodies, n_free):
    """Return what some bodies, `bodies` from and to, take from the cameras' system.

    `index` (view, s) is the place of each camera parameter among the `n_free` free ones, -1 where
    it is held. Returned are rows Y (bodies x dof, n_free) and z (bodies x dof): the system loses
    Y' Y and its right-hand side Y' z. All NaN where a body is not determined.
    """
    begin, end = bodies
    dof = blocks.sides.shape[1]
    rows, side = np.zeros(((end - begin) * dof, n_free)), np.zeros((end - begin) * dof)
    root, vector = np.zeros((dof, dof)), np.zeros(dof)
    for b in range(begin, end):
        at = (b - begin) * dof
        if not _factor(blocks.bodies[b], damping, root):
            side[:] = math.nan
            return rows, side
        vector[:] = blocks.sides[b]
        _forward(root, vector)
        side[at : at + dof] = vector
        for image in range(sights.first[b], sights.first[b + 1]):
            places = index[sights.camera[image]]
            for i in range(len(places)):
                if places[i] >= 0:
                    vector[:] = blocks.mixed[image, i]
                    _forward(root, vector)
                    for j in range(dof):
                        rows[at + j, places[i]] += vector[j]
    return rows, side


@compiled
def back_substitute(sights, index, blocks, damping, step):
    """Return the bodies' steps (body, dof) that belong to the cameras' `step` (n_free,)."""
    moves = blocks.sides.copy()
    dof = moves.shape[1]
    root = np.zeros((dof, dof))
    for b in range(len(moves)):
        for image in range(sights.first[b], sights.first[b + 1]):
            places = index[sights.camera[image]]
            for i in range(len(places)):
                if places[i] >= 0:
                    for j in range(dof):
                        moves[b, j] -= blocks.mixed[image, i, j] * step[places[i]]
        if not _factor(blocks.bodies[b], damping, root):
            moves[b] = math.nan
            continue
        _forward(root, moves[b])
        for i in range(dof - 1, -1, -1):
            for k in range(i + 1, dof):
                moves[b, i] -= root[k, i] * moves[b, k]
            moves[b, i] /= root[i, i]
    return moves
