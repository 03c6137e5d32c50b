"""The compiled fit of a corner's picture: two soft edges that cross, or that meet.

Around a corner the image is modelled as

    grey(x) = mean + contrast tanh(d1 / softness) tanh(d2 / softness)

where d1, d2 are the distances of pixel x from two straight lines, one along the board's columns
and one along its rows. The seven parameters (crossing x, y; the directions of the two lines; mean,
contrast, softness) are fitted by Levenberg-Marquardt to the pixels beside the lines. The lines may
be far longer than a square patch, which must keep clear of markers, is wide: that is why the fit
is several times more exact than the gradients in such a patch (`cv2.cornerSubPix`).

At a marker's corner the edges end: there each tanh is replaced by (1 + tanh) / 2, which is light
or dark in one quadrant alone.
"""

import math

import numpy as np

from calibration.compiling import compiled, inlined

__all__ = ["fit_corners"]

SIZE = 7  # parameters: x, y, angle 1, angle 2, mean, contrast, softness
BAND = 4.0  # px beside a line that tell where it is and how soft
START_SOFTNESS = 1.0  # px
SATURATED = 5.0  # softnesses from an edge, beyond which tanh is 1 to 1e-4
MOST_ROUNDS = 20
MOST_CENTRINGS = 3
CENTRED = 0.5  # px; a crossing farther from where its pixels were chosen has the next edge in them
CONVERGED = 1e-3  # px of the crossing
GOOD_GAIN = 0.5  # of the promised fall of the sum of squares
SETTLED = 1e-4  # of the sum of squares, no longer gained
FEWEST_PIXELS = 24
SHARPEST = 0.3  # px; a pixel's own width makes an edge this soft


@compiled
def fit_corners(gray, corners, axes, clear, arm, ends):
    """Return for every corner its fit (corner, 6): x, y, softness, deviation, misfit and share.

    `gray` (height, width) uint8; `corners` (corner, 2) px, the start; `axes` (corner, 2, 2) px, the
    columns of each being the image of a square's two sides; pixels are used up to `arm` squares
    from the corner along a line and up to `clear` squares beside it (there is the next edge).
    `ends` tells that the edges end at the corner, which is a marker's, and do not cross.
    `deviation` px is the crossing's standard deviation, larger axis; `misfit` the residual in
    parts of the contrast; `share` of the pixels wanted that lie in the image. NaN where no fit
    converged.
    """
    result = np.full((len(corners), 6), np.nan)
    for index in range(len(corners)):
        corner = corners[index].copy()
        for _ in range(MOST_CENTRINGS):
            pixels, share = _collect(gray, corner, axes[index], clear, arm, ends)
            result[index, 5] = share
            if len(pixels) < FEWEST_PIXELS or not _fit(
                pixels, corner, axes[index], ends, result[index]
            ):
                result[index, :5] = np.nan
                break
            moved = math.hypot(result[index, 0] - corner[0], result[index, 1] - corner[1])
            if moved < CENTRED:
                break
            corner[:] = result[index, :2]
    return result


@compiled
def _collect(gray, corner, axes, clear, arm, ends):
    """Return the pixels (pixel, 3) x, y from the corner and grey, and the share in the image."""
    height, width = gray.shape
    ux, uy, vx, vy = axes[0, 0], axes[1, 0], axes[0, 1], axes[1, 1]
    area = ux * vy - uy * vx
    # A band is as wide as BAND px or as `clear` squares, whichever is less.
    band_v = min(clear, BAND * math.hypot(ux, uy) / abs(area))
    band_u = min(clear, BAND * math.hypot(vx, vy) / abs(area))
    per_area = 1 / area
    reach_x, reach_y = (abs(ux) + abs(vx)) * arm, (abs(uy) + abs(vy)) * arm
    left, right = math.floor(corner[0] - reach_x), math.ceil(corner[0] + reach_x)
    top, bottom = math.floor(corner[1] - reach_y), math.ceil(corner[1] + reach_y)
    pixels = np.empty((int((right - left + 1) * (bottom - top + 1)), 3))
    used = wanted = 0
    for row in range(int(top), int(bottom) + 1):
        for column in range(int(left), int(right) + 1):
            x, y = column - corner[0], row - corner[1]
            u, v = (x * vy - y * vx) * per_area, (y * ux - x * uy) * per_area
            along_v = abs(u) <= band_u and -(band_v if ends else arm) <= v <= arm
            along_u = abs(v) <= band_v and -(band_u if ends else arm) <= u <= arm
            if not (along_u or along_v):
                continue
            wanted += 1
            if 0 <= row < height and 0 <= column < width:
                pixels[used, 0], pixels[used, 1], pixels[used, 2] = x, y, gray[row, column]
                used += 1
    return pixels[:used], used / max(wanted, 1)


@compiled
def _fit(pixels, corner, axes, ends, result):
    """Fit the model, write x, y, softness, deviation and misfit, and tell whether it converged."""
    base = 0.5 if ends else 0.0
    state = _start(pixels, axes, base)
    normal, gradient = np.empty((SIZE, SIZE)), np.empty(SIZE)
    trial_normal, trial_gradient = np.empty((SIZE, SIZE)), np.empty(SIZE)
    error = _accumulate(pixels, state, base, normal, gradient)
    damping = 1e-3
    for _ in range(MOST_ROUNDS):
        step = _solve(normal, gradient, damping)
        trial = state + step
        if not np.isfinite(step).all():  # a picture without edges
            return False
        trial[6] = max(trial[6], 0.5 * state[6], SHARPEST)
        trial_error = _accumulate(pixels, trial, base, trial_normal, trial_gradient)
        promised = 0.0
        for i in range(SIZE):
            promised += step[i] * (gradient[i] + damping * normal[i, i] * step[i])
        gain = (error - trial_error) / promised
        settled = 0 <= error - trial_error < SETTLED * error
        # Where the parabola promised far more than came, as it does where pixels are coarser than
        # the edge, shorter steps end the swinging to and fro.
        damping *= 0.1 if gain > GOOD_GAIN else 10.0
        if trial_error < error:
            state, error = trial, trial_error
            normal, trial_normal = trial_normal, normal
            gradient, trial_gradient = trial_gradient, gradient
        if settled or abs(step[0]) + abs(step[1]) < CONVERGED:
            _write(result, state, normal, error / (len(pixels) - SIZE), corner)
            return True
    return False


@compiled
def _start(pixels, axes, base):
    """Return the first parameters: lines along the axes, the grey values by least squares."""
    state = np.zeros(SIZE)
    # The normals of the two lines, each on the side that the other axis points to.
    turn = 1.0 if axes[0, 0] * axes[1, 1] > axes[1, 0] * axes[0, 1] else -1.0
    state[2] = math.atan2(turn * axes[0, 0], -turn * axes[1, 0])
    state[3] = math.atan2(-turn * axes[0, 1], turn * axes[1, 1])
    state[6] = START_SOFTNESS
    n, p, pp, g, gp = len(pixels), 0.0, 0.0, 0.0, 0.0
    for index in range(n):
        x, y, grey = pixels[index]
        first = x * math.cos(state[2]) + y * math.sin(state[2])
        second = x * math.cos(state[3]) + y * math.sin(state[3])
        product = (base + (1 - base) * math.tanh(first)) * (base + (1 - base) * math.tanh(second))
        p, pp, g, gp = p + product, pp + product * product, g + grey, gp + grey * product
    state[5] = (n * gp - p * g) / max(n * pp - p * p, 1e-9)
    state[4] = (g - state[5] * p) / n
    return state


@compiled
def _accumulate(pixels, state, base, normal, gradient):
    """Fill the normal equations (7, 7), (7,) at a state, and return the sum of squares.

    `base` is 0 where edges cross, and 0.5 where they end.
    """
    normal[:], gradient[:] = 0.0, 0.0
    cos1, sin1 = math.cos(state[2]), math.sin(state[2])
    cos2, sin2 = math.cos(state[3]), math.sin(state[3])
    contrast, scale = state[5], 1 / state[6]
    slopes = np.empty(SIZE)
    slopes[4] = 1.0
    total = 0.0
    for index in range(len(pixels)):
        x, y = pixels[index, 0] - state[0], pixels[index, 1] - state[1]
        first, second = (x * cos1 + y * sin1) * scale, (x * cos2 + y * sin2) * scale
        tanh1, tanh2 = _tanh(first), _tanh(second)
        edge1, edge2 = base + (1 - base) * tanh1, base + (1 - base) * tanh2
        residual = pixels[index, 2] - state[4] - contrast * edge1 * edge2
        total += residual * residual
        if abs(first) > SATURATED and abs(second) > SATURATED:  # only the grey values depend on it
            gradient[4] += residual
            gradient[5] += residual * edge1 * edge2
            normal[4, 4] += 1.0
            normal[5, 4] += edge1 * edge2
            normal[5, 5] += edge1 * edge1 * edge2 * edge2
            continue
        by1 = (1 - base) * contrast * (1 - tanh1 * tanh1) * edge2 * scale
        by2 = (1 - base) * contrast * (1 - tanh2 * tanh2) * edge1 * scale
        slopes[0], slopes[1] = -by1 * cos1 - by2 * cos2, -by1 * sin1 - by2 * sin2
        slopes[2], slopes[3] = by1 * (y * cos1 - x * sin1), by2 * (y * cos2 - x * sin2)
        slopes[5] = edge1 * edge2
        slopes[6] = -by1 * first - by2 * second
        for i in range(SIZE):
            gradient[i] += slopes[i] * residual
            for j in range(i + 1):
                normal[i, j] += slopes[i] * slopes[j]
    for i in range(SIZE):
        for j in range(i):
            normal[j, i] = normal[i, j]
    return total


@inlined
def _tanh(distance):
    """Return tanh, without computing it where it is 1."""
    if distance > SATURATED:
        return 1.0
    if distance < -SATURATED:
        return -1.0
    return 1 - 2 / (1 + math.exp(2 * distance))


@compiled
def _solve(normal, right, damping):
    """Return the damped solution (7,) of normal equations, by Cholesky; singular ones give NaN."""
    lower = np.zeros((SIZE, SIZE))
    solution = right.copy()
    for i in range(SIZE):
        for j in range(i + 1):
            value = normal[i, j] * (1 + damping if i == j else 1.0)
            for k in range(j):
                value -= lower[i, k] * lower[j, k]
            lower[i, j] = math.sqrt(max(value, 0.0)) if i == j else value / lower[j, j]
        for k in range(i):
            solution[i] -= lower[i, k] * solution[k]
        solution[i] /= lower[i, i]
    for i in range(SIZE - 1, -1, -1):
        for k in range(i + 1, SIZE):
            solution[i] -= lower[k, i] * solution[k]
        solution[i] /= lower[i, i]
    return solution


@compiled
def _write(result, state, normal, variance, corner):
    """Write a state into `result`, with the standard deviation that the residuals suggest."""
    unit = np.zeros((2, SIZE))
    unit[0, 0] = unit[1, 1] = variance
    by_x, by_y = _solve(normal, unit[0], 0.0), _solve(normal, unit[1], 0.0)
    a, b, c = by_x[0], by_x[1], by_y[1]  # the crossing's covariance
    result[0], result[1] = corner[0] + state[0], corner[1] + state[1]
    result[2] = state[6]
    result[3] = math.sqrt((a + c) / 2 + math.sqrt(((a - c) / 2) ** 2 + b * b))
    result[4] = math.sqrt(variance) / max(abs(state[5]), 1e-9)
