"""Squares cut out of images: affine maps between image pixels and the pixels of a network's input.

A map is a (2, 3) matrix `crop_from_image`; integer coordinates are pixel centres on both sides.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["crop_matrix", "cut", "inverse", "linear_scale", "transform"]

Array = npt.NDArray[np.float64]


def crop_matrix(
    center: npt.ArrayLike,
    scale: float,
    size: Sequence[int],
    *,
    angle: float = 0.0,
    mirrored: int | None = None,
    stretched: Array | None = None,
) -> Array:
    """Return the map that puts `center` (2,) px of the image at the middle of the crop.

    `scale` is crop px an image px, `size` the crop's (width, height), `angle` a rotation in
    radians, `mirrored` the direction that is reversed after it, 0 for x, 1 for y, and `stretched`
    a linear map (2, 2) that comes last.
    """
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cosine, -sine], [sine, cosine]])
    if mirrored is not None:
        linear[mirrored] *= -1
    if stretched is not None:
        linear = stretched @ linear
    middle = (np.asarray(size, dtype=float) - 1) / 2
    return np.column_stack([linear, middle - linear @ np.asarray(center, dtype=float)])


def transform(matrix: Array, points: Array) -> Array:
    """Map points (..., 2) px through a (..., 2, 3) map."""
    return (matrix[..., :2] @ points[..., None])[..., 0] + matrix[..., 2]


def inverse(matrix: Array) -> Array:
    """Return the map back, (..., 2, 3)."""
    linear = np.asarray(np.linalg.inv(matrix[..., :2]), dtype=np.float64)
    return np.concatenate([linear, -linear @ matrix[..., 2:]], axis=-1)


def linear_scale(matrix: Array) -> float:
    """Return the crop px an image px of a map."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def cut(image: npt.NDArray[np.uint8], matrix: Array, size: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Return the (h, w, 3) uint8 crop of an image; beyond its border the last pixels go on.

    Where the crop is much smaller than its part of the image, the image is shrunk first by
    averaging, as sampling alone would alias.
    """
    factor = int(1 / max(linear_scale(matrix), 1e-6))
    if factor >= 2:
        height, width = image.shape[:2]
        small = (max(1, round(width / factor)), max(1, round(height / factor)))
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        grown = np.array([width / small[0], height / small[1]])
        # Pixel centres: x = (x_small + 0.5) * grown - 0.5.
        offset = matrix[:, :2] @ ((grown - 1) / 2) + matrix[:, 2]
        matrix = np.column_stack([matrix[:, :2] * grown, offset])
    crop = cv2.warpAffine(
        image, matrix, tuple(size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, dtype=np.uint8)
