"""The compiled heart of the bundle adjustment: residuals and the normal equations.

A camera's parameters are, in this order, a small turn and a shift of camera_from_world (turns act
from the left, `exp(turn) @ rotation`, so they have no singularity), then those of its intrinsics
that are free. A body's point moves in the camera when either moves, so that the derivatives by the
body are those by the camera's pose times a 6 x 6 matrix that is the same for all points of an
image (`slope_kernels.carry_of`): only the cameras' blocks are summed over corners. Behind a wall
the point moves against the wall as well: those derivatives by the wall are summed with the
camera's, after the intrinsics.
"""

import math

import numpy as np

from calibration.bending import bend, wall_in_camera
from calibration.compiling import compiled, inlined
from calibration.refraction import WALL_PARAMETERS
from calibration.solver.arrays import POSE_SIZE, Blocks
from calibration.solver.lens_kernels import (
    LENS_TERMS,
    SKEW,
    distort,
    distort_fisheye,
)
from calibration.solver.slope_kernels import carry_of, rows, rows_through_wall

__all__ = [
    "move_poses",
    "normal_blocks",
    "residuals_of",
]


@compiled
def move_poses(rotations, translations, steps):
    """Return poses (n, 3, 3) and (n, 3) moved by steps (n, 6), a turn and a shift each.

    Steps (n, 3) are shifts alone. Turns are made by Rodrigues' formula.
    """
    if steps.shape[1] == 3:
        return rotations, translations + steps
    result, turn = np.empty_like(rotations), np.empty((3, 3))
    for i in range(len(steps)):
        x, y, z = steps[i, 0], steps[i, 1], steps[i, 2]
        angle2 = x * x + y * y + z * z
        angle = math.sqrt(angle2)
        if angle < 1e-4:  # the series is exact to the last bit
            sine, cosine = 1 - angle2 / 6, 0.5 - angle2 / 24
        else:
            sine, cosine = math.sin(angle) / angle, (1 - math.cos(angle)) / angle2
        turn[0, 0] = 1 - cosine * (y * y + z * z)
        turn[1, 1] = 1 - cosine * (x * x + z * z)
        turn[2, 2] = 1 - cosine * (x * x + y * y)
        turn[0, 1], turn[1, 0] = cosine * x * y - sine * z, cosine * x * y + sine * z
        turn[0, 2], turn[2, 0] = cosine * x * z + sine * y, cosine * x * z - sine * y
        turn[1, 2], turn[2, 1] = cosine * y * z - sine * x, cosine * y * z + sine * x
        for j in range(3):
            for k in range(3):
                total = 0.0
                for m in range(3):
                    total += turn[j, m] * rotations[i, m, k]
                result[i, j, k] = total
    return result, translations + steps[:, 3:]


@compiled
def _compose(cameras, bodies, v, b, turn):
    """Fill `turn` (3, 4): what turns a body's points into a camera's directions, and moves them."""
    rotation = cameras.rotations[v]
    for i in range(3):
        for j in range(3):
            turn[i, j] = (
                rotation[i, 0] * bodies.rotations[b, 0, j]
                + rotation[i, 1] * bodies.rotations[b, 1, j]
                + rotation[i, 2] * bodies.rotations[b, 2, j]
            )
        turn[i, 3] = (
            rotation[i, 0] * bodies.translations[b, 0]
            + rotation[i, 1] * bodies.translations[b, 1]
            + rotation[i, 2] * bodies.translations[b, 2]
        )


@inlined
def _turned(turn, points, p):
    """Return point `p`, turned into the camera's directions but not yet shifted."""
    x, y, z = points[p, 0], points[p, 1], points[p, 2]
    return (
        turn[0, 0] * x + turn[0, 1] * y + turn[0, 2] * z + turn[0, 3],
        turn[1, 0] * x + turn[1, 1] * y + turn[1, 2] * z + turn[1, 3],
        turn[2, 0] * x + turn[2, 1] * y + turn[2, 2] * z + turn[2, 3],
    )


@compiled
def residuals_of(cameras, bodies, sights, robust, residuals):
    """Fill `residuals` (n, 2), predicted minus seen, px; return half the robust cost.

    The cost is infinite where a point that was seen lies behind its camera, or a focal length is
    not positive.
    """
    cost, turn = 0.0, np.zeros((3, 4))
    for image in range(len(sights.camera)):
        v = sights.camera[image]
        _compose(cameras, bodies, v, sights.body[image], turn)
        k, shift, wall = cameras.intrinsics[v], cameras.translations[v], wall_in_camera(cameras, v)
        if k[0] <= 0 or k[1] <= 0:
            cost = math.inf  # no camera has such a focal length
        for row in range(sights.start[image], sights.start[image + 1]):
            x, y, z = _turned(turn, sights.points, sights.point[row])
            x, y, z = x + shift[0], y + shift[1], z + shift[2]
            if cameras.walled[v]:
                bent = bend(wall, x, y, z)
                x, y, z = bent.x, bent.y, bent.z
            x, y = x / z, y / z
            if cameras.fisheye[v]:
                xd, yd, _, _, _ = distort_fisheye(k, x, y)
            else:
                xd, yd, _, _, _ = distort(k, x, y)
            u = k[0] * xd + k[SKEW] * yd + k[2] - sights.pixels[row, 0]
            w = k[1] * yd + k[3] - sights.pixels[row, 1]
            residuals[row, 0], residuals[row, 1] = u, w
            size = math.sqrt(u * u + w * w) / robust.sigma
            if z <= 0 or not size < math.inf:
                residuals[row, 0] = residuals[row, 1] = math.nan
                cost = math.inf
            elif size <= robust.limit:
                cost += 0.5 * size * size
            else:
                cost += robust.limit * (size - 0.5 * robust.limit)
    return cost


@compiled
def normal_blocks(cameras, bodies, sights, robust, layout, dof):
    """Return the weighted normal equations as `Blocks`.

    `layout` is (active (view, m), counts (view,)): the free intrinsics of each view.
    """
    active, counts = layout
    size = POSE_SIZE + active.shape[1] + (WALL_PARAMETERS if cameras.walled.any() else 0)
    n_views, n_bodies = len(counts), len(sights.first) - 1
    own, own_side = np.zeros((n_views, size, size)), np.zeros((n_views, size))
    mixed = np.zeros((len(sights.camera), size, dof))
    blocks, sides = np.zeros((n_bodies, dof, dof)), np.zeros((n_bodies, dof))
    block, side = np.zeros((size, size)), np.zeros(size)
    jacobian, turn = np.zeros((2, size)), np.zeros((3, 4))
    room = (jacobian, np.zeros((2, LENS_TERMS)))
    carry, carried = np.zeros((POSE_SIZE + 4, POSE_SIZE)), np.zeros((size, dof))
    precision = 1 / robust.sigma
    for image in range(len(sights.camera)):
        v, b = sights.camera[image], sights.body[image]
        n, k, shift = POSE_SIZE + counts[v], cameras.intrinsics[v], cameras.translations[v]
        fisheye, terms = cameras.fisheye[v], active[v, : counts[v]]
        walled, wall = cameras.walled[v], wall_in_camera(cameras, v)
        pose = (cameras.rotations[v], shift, wall)
        if walled:
            n += WALL_PARAMETERS
        _compose(cameras, bodies, v, b, turn)
        block[:], side[:] = 0.0, 0.0
        for row in range(sights.start[image], sights.start[image + 1]):
            q = _turned(turn, sights.points, sights.point[row])
            if walled:
                px, py = rows_through_wall(k, fisheye, pose, q, terms, room)
            else:
                px, py = rows(k, fisheye, shift, q, terms, room)
            u, w = px - sights.pixels[row, 0], py - sights.pixels[row, 1]
            distance = math.sqrt(u * u + w * w) * precision
            across = along = precision * precision
            pull = across
            if distance > robust.limit:
                across *= robust.limit / distance
                pull, along = across, across * robust.bend
                _turn_rows(jacobian, u, w, n)
                u, w = math.sqrt(u * u + w * w), 0.0
            for i in range(n):
                side[i] -= pull * (jacobian[0, i] * u + jacobian[1, i] * w)
                left, right = along * jacobian[0, i], across * jacobian[1, i]
                for j in range(i + 1):
                    block[i, j] += left * jacobian[0, j] + right * jacobian[1, j]
        for i in range(n):
            for j in range(i):
                block[j, i] = block[i, j]
        own[v] += block
        own_side[v] += side
        carry_of(cameras.rotations[v], bodies.translations[b], cameras.walls[v], carry)
        at = n - WALL_PARAMETERS if walled else -1
        _carry_block((block, side), carry, (n, at), carried, (blocks[b], sides[b]))
        for i in range(n):
            for j in range(dof):
                mixed[image, i, j] = carried[i, j]
    return Blocks(own, own_side, mixed, blocks, sides)


@compiled
def _carry_block(own, carry, places, carried, body):
    """Fill `carried` (n, dof) with a camera's block carried to a body, and add to the body's own.

    `own` is the camera's block and side, `body` the body's; `places` are n, and where among them
    the wall's parameters begin, -1 where there is no wall.
    """
    block, side = own
    n, at = places
    result, right = body
    dof, rows = len(right), POSE_SIZE if at < 0 else POSE_SIZE + 4
    skip = POSE_SIZE - dof  # a shift of the body does not turn the camera
    for i in range(n):
        for j in range(dof):
            total = 0.0
            for m in range(skip, POSE_SIZE):
                total += block[i, m] * carry[m, skip + j]
            for m in range(POSE_SIZE, rows):
                total += block[i, at + m - POSE_SIZE] * carry[m, skip + j]
            carried[i, j] = total
    for m in range(skip, rows):
        place = m if m < POSE_SIZE else at + m - POSE_SIZE
        for i in range(dof):
            factor = carry[m, skip + i]
            right[i] += factor * side[place]
            for j in range(dof):
                result[i, j] += factor * carried[place, j]


@compiled
def _turn_rows(jacobian, u, w, n):
    """Turn the rows of `jacobian` (2, n): one along the residual (u, w), the other across."""
    size = math.sqrt(u * u + w * w)
    cosine, sine = u / size, w / size
    for i in range(n):
        first, second = jacobian[0, i], jacobian[1, i]
        jacobian[0, i] = cosine * first + sine * second
        jacobian[1, i] = cosine * second - sine * first
