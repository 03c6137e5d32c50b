"""Least squares over views, compiled: what detections weigh, and what they say about points.

Arrays are (view, keypoint, time, ...), as in `Evidence`; `linear` is a `Linear`.
"""

import math
from typing import NamedTuple

from calibration.compiling import bare
from calibration.geometry import Array
from calibration.points.imaging import project_with_slopes
from calibration.rig import Rig

__all__ = ["FREEDOM", "POWER", "Linear", "add_up", "largest_form", "linearized", "weigh"]

FREEDOM = 10  # degrees of freedom of the detections' Student noise, even; see docs/stages.md
POWER = (FREEDOM + 2) // 2


class Linear(NamedTuple):
    """Detections near some points, to first order: a residual is `targets - slopes @ point`.

    `slopes` (view, keypoint, time, 2, 3), `targets` (view, keypoint, time, 2); zero where a camera
    does not image the point.
    """

    slopes: Array
    targets: Array


def linearized(rig: Rig, pixels: Array, points: Array) -> Linear:
    """Return the detections at `pixels` (view, keypoint, time, 2) near `points`."""
    targets, slopes = project_with_slopes(rig, points)
    _to_targets(pixels, points, targets, slopes)
    return Linear(slopes, targets)


@bare
def _to_targets(pixels, points, targets, slopes):
    """Turn targets, the images of the points, into what `Linear` holds."""
    views, keypoints, moments = targets.shape[:3]
    for v in range(views):
        for k in range(keypoints):
            for t in range(moments):
                s = slopes[v, k, t]
                for i in range(2):
                    along = pixels[v, k, t, i] - targets[v, k, t, i]
                    for j in range(3):
                        along += s[i, j] * points[k, t, j]
                    there = math.isfinite(along)
                    targets[v, k, t, i] = along if there else 0.0
                    for j in range(3):
                        s[i, j] = s[i, j] if there else 0.0


@bare
def weigh(linear, information, against, scale, points, weight):
    """Fill weight (view, keypoint, time): right (F + 2) / (F + squared) / scale, as in `judge`.

    `against` (view, keypoint, time) is the odds, at no distance, that a detection does not show its
    keypoint, infinite where there is none; `scale` (keypoint,) of the covariance.
    """
    views, keypoints, moments = weight.shape
    for v in range(views):
        for k in range(keypoints):
            for t in range(moments):
                s, w = linear.slopes[v, k, t], information[v, k, t]
                x, y, z = points[k, t, 0], points[k, t, 1], points[k, t, 2]
                a = linear.targets[v, k, t, 0] - (s[0, 0] * x + s[0, 1] * y + s[0, 2] * z)
                b = linear.targets[v, k, t, 1] - (s[1, 0] * x + s[1, 1] * y + s[1, 2] * z)
                squared = (a * a * w[0, 0] + 2 * a * b * w[0, 1] + b * b * w[1, 1]) / scale[k]
                right = 1 / (1 + against[v, k, t] * (1 + squared / FREEDOM) ** POWER)
                weight[v, k, t] = right * (FREEDOM + 2) / (FREEDOM + squared) / scale[k]


@bare
def add_up(linear, information, weight, total, vectors):
    """Add to total (keypoint, time, 3, 3) and vectors (keypoint, time, 3) what all views say."""
    views, keypoints, moments = weight.shape
    for v in range(views):
        for k in range(keypoints):
            for t in range(moments):
                s, w, f = linear.slopes[v, k, t], information[v, k, t], weight[v, k, t]
                a, b, c = f * w[0, 0], f * w[0, 1], f * w[1, 1]
                for i in range(3):
                    along = a * s[0, i] + b * s[1, i]
                    across = b * s[0, i] + c * s[1, i]
                    vectors[k, t, i] += (
                        along * linear.targets[v, k, t, 0] + across * linear.targets[v, k, t, 1]
                    )
                    for j in range(3):
                        total[k, t, i, j] += along * s[0, j] + across * s[1, j]


@bare
def largest_form(information, steps):
    """Return the largest `step @ information @ step` of information (keypoint, time, 3, 3)."""
    keypoints, moments = steps.shape[:2]
    largest = 0.0
    for k in range(keypoints):
        for t in range(moments):
            x, y, z = steps[k, t, 0], steps[k, t, 1], steps[k, t, 2]
            w = information[k, t]
            form = x * x * w[0, 0] + y * y * w[1, 1] + z * z * w[2, 2]
            form += 2 * (x * y * w[0, 1] + x * z * w[0, 2] + y * z * w[1, 2])
            largest = max(largest, form)
    return largest
