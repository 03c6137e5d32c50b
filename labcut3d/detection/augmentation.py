"""Training crops: random squares around the animal, in random light.

Geometry moves the keypoints exactly with the image, by one affine map from the original pixels;
light never moves anything.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from labcut3d.detection.crops import crop_matrix, cut, transform
from labcut3d.detection.symmetry import Mirror, mirror_points

__all__ = ["Augmentation"]

Points = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How far training crops depart from the plain ones.

    `zoom` multiplies or divides the scale, `stretch` lengthens one direction and shortens the
    other, as an animal that turns from the camera does, `shift` moves the centre in fractions of
    the crop's side, `occlusion` is how often a rectangle hides a part, and half of the crops are
    seen in the `mirror`, where there is one.
    """

    rotation_deg: float = 25.0
    zoom: float = 1.25
    stretch: float = 1.25
    shift: float = 0.1
    occlusion: float = 0.3
    mirror: Mirror | None = None

    def draw(
        self,
        rng: np.random.Generator,
        image: Image,
        points: Points,
        known: npt.NDArray[np.bool_],
        *,
        center: npt.ArrayLike,
        scale: float,
        size: Sequence[int],
    ) -> tuple[Image, Points, npt.NDArray[np.bool_]]:
        """Return a random crop of `size` (width, height) px, the keypoints (k, 2) in it, and which
        of them are `known` (k,).

        `center` px and `scale`, crop px an image px, are those of the plain crop. A keypoint that
        an occluding rectangle covers becomes NaN, as a label of something hidden is.
        """
        mirror = self.mirror if self.mirror is not None and rng.random() < 0.5 else None
        jitter = rng.uniform(-self.shift, self.shift, 2) * np.asarray(size) / scale
        matrix = crop_matrix(
            np.asarray(center) + jitter,
            scale * self.zoom ** rng.uniform(-1, 1),
            size,
            angle=math.radians(rng.uniform(-self.rotation_deg, self.rotation_deg)),
            mirrored=None if mirror is None else mirror.direction,
            stretched=stretching(rng, self.stretch),
        )
        moved = transform(matrix, points)
        if mirror is not None:
            moved = mirror_points(moved, mirror.roles)
            known = known[list(mirror.roles)]
        crop = relight(rng, cut(image, matrix, size))
        if rng.random() < self.occlusion:
            crop, moved = occlude(rng, crop, moved)
        return crop, moved, known


def stretching(rng: np.random.Generator, largest: float) -> Points:
    """Return a map (2, 2) that lengthens a random direction and shortens the one across it.

    Its factor is between 1 and `largest`; areas stay the same.
    """
    factor, angle = largest ** rng.uniform(-1, 1), rng.uniform(0, math.pi)
    along = np.array([math.cos(angle), math.sin(angle)])
    return np.eye(2) / factor + (factor - 1 / factor) * np.outer(along, along)


def relight(rng: np.random.Generator, image: Image) -> Image:
    """Return the image in other light: gain, colour cast, offset, sometimes blur, and noise."""
    gain = rng.uniform(0.7, 1.35) * rng.uniform(0.92, 1.08, 3)
    lit = image.astype(np.float32) * gain.astype(np.float32) + np.float32(rng.uniform(-20, 20))
    if rng.random() < 0.3:
        lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.4, 1.2)))
    noise = rng.standard_normal(image.shape[:2], dtype=np.float32) * rng.uniform(0, 6)
    return np.clip(lit + noise[..., None], 0, 255).astype(np.uint8)


def occlude(rng: np.random.Generator, image: Image, points: Points) -> tuple[Image, Points]:
    """Cover a bar of the image with a plain colour; what lies under it is hidden (NaN)."""
    height, width = image.shape[:2]
    long, short = rng.uniform(0.1, 0.6), rng.uniform(0.03, 0.13)
    across, down = (long, short) if rng.random() < 0.5 else (short, long)
    x, y = rng.uniform(-0.05, 1.0) * width, rng.uniform(-0.05, 1.0) * height
    left, right = max(0, round(x)), max(0, round(x + across * width))
    top, bottom = max(0, round(y)), max(0, round(y + down * height))
    covered = image.copy()
    covered[top:bottom, left:right] = rng.integers(0, 256)
    low, high = np.array([left, top]) - 0.5, np.array([right, bottom]) - 0.5
    with np.errstate(invalid="ignore"):
        hidden = np.all((points >= low) & (points < high), axis=-1, keepdims=True)
    return covered, np.where(hidden, np.nan, points)
