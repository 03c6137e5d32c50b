"""The compiled way of light through a flat wall: in which direction a camera sees a point.

A ray crosses three layers: what is before the wall, the wall, and what is behind. Snell's law keeps
p = n sin(angle from the normal) the same in all of them, so that one number is all there is to
find: from the camera, a ray comes as far across as

    r(p) = sum over the layers of  depth p / sqrt(n^2 - p^2),

and r is the distance of the point from the wall's normal through the camera. With u, the tangent
of the ray in the layer of least index, in place of p, r is increasing and concave, and linear in u
where it matters, at grazing rays: Newton's method from below comes to the root from below, from
anywhere, without a bracket.

A camera sees only a direction. With n the wall's normal, that is n + t o, where o points along the
wall, from the camera's foot to the point, and t is the tangent of the ray in the first layer. So
all that follows works on points in the camera's own frame and never needs the wall's scale.

Source: Agrawal, Ramalingam, Taguchi & Chari, "A theory of multi-layer flat refractive geometry",
CVPR 2012; Treibitz, Schechner, Kunz & Singh, "Flat refractive geometry", 2012.
"""

import math
from typing import NamedTuple

import numpy as np

from calibration.compiling import bare, bare_inlined

__all__ = [
    "LAYERS",
    "Bent",
    "bend",
    "bend_all",
    "bend_back",
    "by_layers",
    "pull_back",
    "wall_in_camera",
]

LAYERS = 5  # that the direction follows beside the point: height, thickness, three indices

NEWTON_STEPS = 60  # two or three are usual; a point that almost touches a wall of air needs more
CONVERGED = 1e-7  # of the tangent: a step that small leaves an error of its square


class Bent(NamedTuple):
    """How a camera sees one point; all vectors are in the frame of the point.

    `x`, `y`, `z`: the direction, in which the point itself lies where it is not behind the wall
    (`behind`); `along` the unit vector o; `gain` is t over the point's distance from the normal,
    and `steep` d t / d distance; `tangents` are those of the ray in the three layers, `depths` of
    these how far the ray has to go, along the normal.
    """

    x: float
    y: float
    z: float
    behind: bool
    along: tuple[float, float, float]
    gain: float
    steep: float
    tangents: tuple[float, float, float]
    depths: tuple[float, float, float]


@bare_inlined
def wall_in_camera(cameras, v):
    """Return the wall of view `v` of the solver's `Cameras` as `bend` wants it, in its frame."""
    r, t, w = cameras.rotations, cameras.translations, cameras.walls
    a, b, c = w[v, 0], w[v, 1], w[v, 2]
    x = r[v, 0, 0] * a + r[v, 0, 1] * b + r[v, 0, 2] * c
    y = r[v, 1, 0] * a + r[v, 1, 1] * b + r[v, 1, 2] * c
    z = r[v, 2, 0] * a + r[v, 2, 1] * b + r[v, 2, 2] * c
    height = w[v, 3] + x * t[v, 0] + y * t[v, 1] + z * t[v, 2]
    return x, y, z, height, w[v, 4], w[v, 5], w[v, 6], w[v, 7]


@bare_inlined
def _root(index, least, u):
    """Return sqrt(n^2 - p^2) sqrt(1 + u^2) without the difference that cancels."""
    return math.sqrt(index * index + (index * index - least * least) * (u * u))


@bare
def bend(wall, x, y, z):
    """Return how a camera at the origin sees the point (x, y, z) through a wall, as `Bent`.

    `wall` is its normal, the camera's height before it, the thickness and the three indices. All
    is NaN where the camera does not stand before the wall.
    """
    nx, ny, nz, height, thickness, n0, n1, n2 = wall
    deep = nx * x + ny * y + nz * z
    depth = deep - height
    none = (0.0, 0.0, 0.0)
    if not height > 0:
        unknown = (np.nan, np.nan, np.nan)
        return Bent(*unknown, True, unknown, np.nan, np.nan, unknown, none)
    if depth <= 0:
        return Bent(x, y, z, False, none, 1.0, 1.0, none, none)
    ax, ay, az = x - deep * nx, y - deep * ny, z - deep * nz
    radius = math.sqrt(ax * ax + ay * ay + az * az)
    within = min(depth, thickness)
    rest = depth - within
    # A layer that no light crosses has no say; it is given an index that is harmless.
    m1 = n1 if within > 0 else n0
    m2 = n2 if rest > 0 else n0
    least = min(n0, m1, m2)
    reach = radius / least
    u = reach / (height / n0 + within / m1 + rest / m2)  # r is concave: this is never too far
    for _ in range(NEWTON_STEPS):
        a, b, c = 1 / _root(n0, least, u), 1 / _root(m1, least, u), 1 / _root(m2, least, u)
        slope = (n0 * a) ** 2 * (height * a) + (m1 * b) ** 2 * (within * b)
        slope += (m2 * c) ** 2 * (rest * c)
        step = (reach - u * (height * a + within * b + rest * c)) / slope
        u += step
        if not abs(step) > CONVERGED * u:
            break
    a, b, c = 1 / _root(n0, least, u), 1 / _root(m1, least, u), 1 / _root(m2, least, u)
    slope = (n0 * a) ** 2 * (height * a) + (m1 * b) ** 2 * (within * b)
    slope += (m2 * c) ** 2 * (rest * c)
    gain = a / (height * a + within * b + rest * c)
    up = 1 / max(radius, 1e-300)
    tangent = least * u
    return Bent(
        nx + gain * ax,
        ny + gain * ay,
        nz + gain * az,
        True,
        (ax * up, ay * up, az * up),
        gain,
        (n0 * a) ** 2 * a / slope,
        (tangent * a, tangent * b, tangent * c),
        (height, within, rest),
    )


@bare_inlined
def pull_back(wall, bent, g):
    """Return the slope (3,) by the point of what has the slope `g` (3,) by the direction."""
    nx, ny, nz = wall[0], wall[1], wall[2]
    ox, oy, oz = bent.along
    if not bent.behind:
        return g
    last = bent.tangents[2] if bent.depths[2] > 0 else bent.tangents[1]
    outward = g[0] * ox + g[1] * oy + g[2] * oz
    deeper = g[0] * nx + g[1] * ny + g[2] * nz
    by_radius = (bent.steep - bent.gain) * outward
    by_depth = -bent.steep * last * outward - bent.gain * deeper
    return (
        bent.gain * g[0] + by_radius * ox + by_depth * nx,
        bent.gain * g[1] + by_radius * oy + by_depth * ny,
        bent.gain * g[2] + by_radius * oz + by_depth * nz,
    )


@bare_inlined
def by_layers(wall, bent):
    """Return d tangent t / d (height, thickness, three indices): the direction moves along o."""
    if not bent.behind:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    t0, t1, t2 = bent.tangents
    height, within, rest = bent.depths
    inside = rest > 0  # the far side, so that a thicker wall takes from what is behind it
    higher = -bent.steep * (t0 - (t2 if inside else t1))
    thicker = -bent.steep * (t1 - t2) if inside and within > 0 else 0.0
    s0, s1, s2 = t0 * (1 + t0 * t0) / wall[5], t1 * (1 + t1 * t1) / wall[6], 0.0
    if inside:
        s2 = t2 * (1 + t2 * t2) / wall[7]
    return (
        higher,
        thicker,
        bent.steep * height * s0 - s0,
        bent.steep * within * s1,
        bent.steep * rest * s2,
    )


@bare_inlined
def bend_back(wall, x, y, z):
    """Return the ray, behind the wall, of what a camera sees in the direction (x, y, z).

    Its origin on the wall's far face and its direction, each (3,), in the camera's frame. NaN where
    light is totally reflected; a ray that never meets the wall stays as it is.
    """
    nx, ny, nz, height, thickness, n0, n1, n2 = wall
    away = nx * x + ny * y + nz * z
    if away <= 0:
        return (0.0, 0.0, 0.0), (x, y, z)
    ax, ay, az = x / away - nx, y / away - ny, z / away - nz
    t2 = ax * ax + ay * ay + az * az
    p2 = n0 * n0 * t2 / (1 + t2)
    # Ratios of the tangents in the wall and behind it to that before it.
    before = math.sqrt(n0 * n0 - p2)
    inside = before / math.sqrt(n1 * n1 - p2) if n1 * n1 > p2 else np.nan
    behind = before / math.sqrt(n2 * n2 - p2) if n2 * n2 > p2 else np.nan
    if not thickness > 0:
        inside = 0.0
    far, across = height + thickness, height + thickness * inside
    return (
        (far * nx + across * ax, far * ny + across * ay, far * nz + across * az),
        (nx + behind * ax, ny + behind * ay, nz + behind * az),
    )


@bare
def bend_all(wall, points, directions, by_point, by_layer, behind):
    """Fill how a camera at the origin sees points (n, 3): `directions` (n, 3), and their slopes.

    `by_point` (n, 3, 3) and `by_layer` (n, 3, 5), by height, thickness and indices; `behind` (n,)
    tells which points lie behind the wall's face. Directions of the others are the points
    themselves.
    """
    for i in range(len(points)):
        bent = bend(wall, points[i, 0], points[i, 1], points[i, 2])
        directions[i, 0], directions[i, 1], directions[i, 2] = bent.x, bent.y, bent.z
        behind[i] = bent.behind
        m = by_point
        m[i, 0, 0], m[i, 0, 1], m[i, 0, 2] = pull_back(wall, bent, (1.0, 0.0, 0.0))
        m[i, 1, 0], m[i, 1, 1], m[i, 1, 2] = pull_back(wall, bent, (0.0, 1.0, 0.0))
        m[i, 2, 0], m[i, 2, 1], m[i, 2, 2] = pull_back(wall, bent, (0.0, 0.0, 1.0))
        slopes = by_layers(wall, bent)
        for j in range(3):
            along = bent.along[j]
            for layer in range(LAYERS):
                by_layer[i, j, layer] = slopes[layer] * along
