"""The arrays that the solver works on, compiled code and Python alike.

Everything that is not a camera is a body: a board that moves as one, with six degrees of freedom,
or a free point, which is a body of one point that cannot turn, with three. An image is all that
one view saw of one body; images are sorted by body.
"""

from typing import NamedTuple

import numpy as np

__all__ = ["POSE_SIZE", "Blocks", "Bodies", "Cameras", "Robust", "Sights"]

POSE_SIZE = 6  # a turn and a shift


class Cameras(NamedTuple):
    """All cameras: `intrinsics` (view, 17) are fx, fy, cx, cy, twelve coefficients, skew.

    `walls` (view, 8) are the normal, distance, thickness and three indices of the wall that a view
    looks through, zero where there is none; `walled` (view,) tells which do; `offset` (q,) by how
    much the walls have moved, in the directions in which they may.
    """

    intrinsics: np.ndarray
    fisheye: np.ndarray
    rotations: np.ndarray
    translations: np.ndarray
    walls: np.ndarray
    walled: np.ndarray
    offset: np.ndarray


class Bodies(NamedTuple):
    """The poses world_from_body: `rotations` (body, 3, 3), `translations` (body, 3)."""

    rotations: np.ndarray
    translations: np.ndarray


class Sights(NamedTuple):
    """What was seen.

    `points` (point, 3) in the frame of their body; `camera`, `body` (image,); the observations of
    image i are rows `start[i]` to `start[i + 1]` of `point` (n,) and `pixels` (n, 2); the images
    of body b are rows `first[b]` to `first[b + 1]`.
    """

    points: np.ndarray
    camera: np.ndarray
    body: np.ndarray
    start: np.ndarray
    first: np.ndarray
    point: np.ndarray
    pixels: np.ndarray


class Blocks(NamedTuple):
    """The normal equations in blocks; s is 6 and the most free intrinsics of a view.

    `own` (view, s, s) of the cameras with right-hand sides `own_side` (view, s); `mixed` (image,
    s, dof); `bodies` (body, dof, dof) with right-hand sides `sides` (body, dof).
    """

    own: np.ndarray
    own_side: np.ndarray
    mixed: np.ndarray
    bodies: np.ndarray
    sides: np.ndarray


class Robust(NamedTuple):
    """The noise `sigma` px of a coordinate, and Huber's limit in units of it.

    `bend` is the curvature of the loss that is reckoned with along residuals beyond the limit: 1
    for reweighted least squares, which comes near from afar; less for Newton's steps, which from
    nearby converge faster. The true one is 0, which may leave a body undetermined.

    All views count alike. Were each given its own noise, the one that the boards follow would seem
    perfect, and then be all that they follow.
    """

    sigma: float
    limit: float
    bend: float = 1.0
