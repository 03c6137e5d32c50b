"""The compiled heart of the bundle adjustment: residuals and the normal equations.

A camera's parameters are, in this order, a small turn and a shift of camera_from_world (turns act
from the left, `exp(turn) @ rotation`, so they have no singularity), then those of its intrinsics
that are free. A body's point moves in the camera when either moves, so that the derivatives by the
body are those by the camera's pose times a 6 x 6 matrix that is the same for all points of an
image (`_carry`): only the cameras' blocks are summed over corners. Behind a wall the point moves
against the wall as well: those derivatives by the wall are summed with the camera's, after the
intrinsics.
"""

import math

import numpy as np

from calibration.bending import bend, by_layers, pull_back, wall_in_camera
from calibration.compiling import compiled, inlined
from calibration.refraction import WALL_PARAMETERS
from calibration.solver.arrays import POSE_SIZE, Blocks
from calibration.solver.lens_kernels import (
    LENS_TERMS,
    SKEW,
    distort,
    distort_fisheye,
    fisheye_slopes,
    lens_slopes,
)

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


@inlined
def _rows(k, fisheye, shift, q, active, room):
    """Fill the first of `room` (2, 6 + active) with slopes for a point `q` turned into a view.

    Returns the pixel. The second, (2, 12), is room for the slopes by the lens.
    """
    jacobian = room[0]
    pixel = _slopes(k, fisheye, (q[0] + shift[0], q[1] + shift[1], q[2] + shift[2]), active, room)
    for row in range(2):
        px, py, pz = jacobian[row, 3], jacobian[row, 4], jacobian[row, 5]
        jacobian[row, 0] = q[1] * pz - q[2] * py
        jacobian[row, 1] = q[2] * px - q[0] * pz
        jacobian[row, 2] = q[0] * py - q[1] * px
    return pixel


@compiled
def _rows_through_wall(k, fisheye, pose, q, active, room):
    """Fill the first of `room` as `_rows` does, behind a wall, and its 8 columns at the end.

    `pose` is the camera's rotation and shift, and the wall in its frame. Those columns are by a
    small turn of the wall about the world's origin, its distance, thickness and indices. What the
    camera sees only depends on where point and wall are in its own frame, and turns with both.
    """
    rotation, t, wall = pose
    jacobian, end = room[0], POSE_SIZE + len(active)
    p = q[0] + t[0], q[1] + t[1], q[2] + t[2]
    bent = bend(wall, p[0], p[1], p[2])
    seen = bent.x, bent.y, bent.z
    pixel = _slopes(k, fisheye, seen, active, room)
    normal = wall[0], wall[1], wall[2]
    higher, thicker, first, second, third = by_layers(wall, bent)
    lever = _cross(normal, t)
    for row in range(2):
        slope = jacobian[row, 3], jacobian[row, 4], jacobian[row, 5]
        by_point = pull_back(wall, bent, slope)
        outward = slope[0] * bent.along[0] + slope[1] * bent.along[1] + slope[2] * bent.along[2]
        by_height = outward * higher
        by_turn, by_both = _cross(seen, slope), _cross(t, by_point)
        by_wall = _cross(p, by_point)
        for i in range(3):
            nearer = by_height * lever[i]
            jacobian[row, i] = by_turn[i] - by_both[i] + nearer
            jacobian[row, 3 + i] = by_point[i] + by_height * normal[i]
            total = 0.0
            for j in range(3):
                total += rotation[j, i] * (by_turn[j] - by_wall[j] + by_height * lever[j])
            jacobian[row, end + i] = total
        jacobian[row, end + 3], jacobian[row, end + 4] = by_height, outward * thicker
        jacobian[row, end + 5], jacobian[row, end + 6] = outward * first, outward * second
        jacobian[row, end + 7] = outward * third
    return pixel


@inlined
def _cross(a, b):
    """Return the vector product of two vectors (3,)."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@inlined
def _slopes(k, fisheye, p, active, room):
    """Fill columns 3 to 6 + active of `room`: by the direction `p` in the camera, and intrinsics.

    Returns the pixel.
    """
    jacobian, by_lens = room
    near = 1 / p[2]
    x, y = p[0] * near, p[1] * near
    if fisheye:
        xd, yd, a, b, c, d = fisheye_slopes(k, x, y, by_lens)
    else:
        xd, yd, a, b, c, d = lens_slopes(k, x, y, by_lens)
    fx, fy, skew = k[0], k[1], k[SKEW]
    for row in range(2):
        if row == 0:
            px, py = (fx * a + skew * c) * near, (fx * b + skew * d) * near
        else:
            px, py = fy * c * near, fy * d * near
        jacobian[row, 3], jacobian[row, 4], jacobian[row, 5] = px, py, -(px * x + py * y)
    for place in range(len(active)):
        term, at = active[place], 6 + place
        jacobian[0, at] = jacobian[1, at] = 0.0
        if term == 0:
            jacobian[0, at] = xd
        elif term == 1:
            jacobian[1, at] = yd
        elif term < 4:
            jacobian[term - 2, at] = 1.0
        else:
            jacobian[0, at] = fx * by_lens[0, term - 4] + skew * by_lens[1, term - 4]
            jacobian[1, at] = fy * by_lens[1, term - 4]
    return fx * xd + skew * yd + k[2], fy * yd + k[3]


@compiled
def _turn_rows(jacobian, u, w, n):
    """Turn the rows of `jacobian` (2, n): one along the residual (u, w), the other across."""
    size = math.sqrt(u * u + w * w)
    cosine, sine = u / size, w / size
    for i in range(n):
        first, second = jacobian[0, i], jacobian[1, i]
        jacobian[0, i] = cosine * first + sine * second
        jacobian[1, i] = cosine * second - sine * first


@compiled
def _carry(rotation, shift, normal, carry):
    """Fill `carry` (10, 6): what does the same as the body's turn and shift.

    The camera's turn and shift in the first rows: a body turned about its own origin at `shift` is
    the world turned about its origin, and moved back: R exp(b) = exp(R b) R. The wall does not
    move with that world: in the other rows its turn and distance, of `normal`, which undo it.
    """
    for i in range(3):
        for j in range(3):
            carry[i, j] = carry[3 + i, 3 + j] = rotation[i, j]
            carry[i, 3 + j] = 0.0
        r = rotation[i]
        carry[3 + i, 0] = r[1] * shift[2] - r[2] * shift[1]
        carry[3 + i, 1] = r[2] * shift[0] - r[0] * shift[2]
        carry[3 + i, 2] = r[0] * shift[1] - r[1] * shift[0]
        carry[6 + i, i], carry[9, 3 + i] = -1.0, -normal[i]
    carry[9, 0], carry[9, 1], carry[9, 2] = _cross(shift, normal)


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
                px, py = _rows_through_wall(k, fisheye, pose, q, terms, room)
            else:
                px, py = _rows(k, fisheye, shift, q, terms, room)
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
        _carry(cameras.rotations[v], bodies.translations[b], cameras.walls[v], carry)
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
