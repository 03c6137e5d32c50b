"""A simulated detector: true pixels, spoilt as a detector trained on few labels spoils them.

Seen keypoints are off by about 2 px in the median and 8 px at the 95th percentile, alike from
frame to frame; left and right are exchanged in bursts; some detections lie anywhere. Hidden
keypoints are found too, at wrong places that stay for a while, a few with fair confidence.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

PAIRS = ((0, 1), (5, 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """Detected pixels (view, time, keypoint, 2) and confidence (view, time, keypoint)."""

    pixels: np.ndarray
    confidence: np.ndarray


def drifting(rng: np.random.Generator, shape: tuple[int, ...], memory: float) -> np.ndarray:
    """Normal numbers that resemble those of the frame before; time is the second axis."""
    values = np.moveaxis(rng.normal(size=shape), 1, 0).copy()
    for previous, current in pairwise(values):
        current *= np.sqrt(1 - memory**2)
        current += memory * previous
    return np.moveaxis(values, 0, 1)


def detect(truth: np.ndarray, visible: np.ndarray, seed: int) -> Simulated:
    """Simulate detections of `truth` (view, time, keypoint, 2) px, seen where `visible`."""
    rng = np.random.default_rng(seed)
    shape = visible.shape
    rough = rng.random(shape) < 0.12
    pixels = truth + np.where(rough, 4.5, 1.55)[..., None] * drifting(rng, truth.shape, 0.6)
    confidence = np.clip(rng.beta(9, 2, shape) - 0.12 * rough, 0.02, 1)
    burst = drifting(rng, shape, 0.9) > 1.9
    for pair in PAIRS:
        for one, other in (pair, pair[::-1]):
            where = burst[:, :, one]
            pixels[:, :, one][where] = truth[:, :, other][where] + rng.normal(
                0, 2, (where.sum(), 2)
            )
            confidence[:, :, one][where] = rng.uniform(0.3, 0.8, where.sum())
    stray = rng.random(shape) < 0.02
    pixels[stray] += rng.normal(0, 30, (stray.sum(), 2))
    confidence[stray] *= rng.uniform(0.2, 0.9, stray.sum())
    offset, mood = 25 * drifting(rng, truth.shape, 0.95), drifting(rng, shape, 0.9)
    sure = np.where(mood > 0.8, rng.uniform(0.3, 0.75, shape), rng.uniform(0.02, 0.3, shape))
    hidden, near = ~visible, ~visible & (mood < -0.5)
    pixels[hidden], confidence[hidden] = (truth + offset)[hidden], sure[hidden]
    pixels[near] = (truth + 0.25 * offset)[near]
    return Simulated(pixels=pixels, confidence=confidence)
