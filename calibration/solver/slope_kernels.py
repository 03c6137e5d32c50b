"""Compiled slopes of what a camera sees: by its own parameters, by a wall's and by a body's pose.

The parameters of a camera are in the order that `kernels` tells.
"""

from calibration.bending import bend, by_layers, pull_back
from calibration.compiling import compiled, inlined
from calibration.solver.arrays import POSE_SIZE
from calibration.solver.lens_kernels import (
    SKEW,
    fisheye_slopes,
    lens_slopes,
)

__all__ = ["carry_of", "rows", "rows_through_wall"]


@inlined
def rows(k, fisheye, shift, q, active, room):
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
def rows_through_wall(k, fisheye, pose, q, active, room):
    """Fill the first of `room` as `rows` does, behind a wall, and its 8 columns at the end.

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
def carry_of(rotation, shift, normal, carry):
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
