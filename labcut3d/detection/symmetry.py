"""Which mirror images of an animal could be real, and are worth training on.

An animal and its mirror image look alike, left and right exchanged. But a camera that always sees
a mouse face left never sees one face right, and a network that must learn both learns each less
well: with mirror images, the mean error on mirror_mouse was twice as large. So the axis is the one
after which the labelled poses look most like those labelled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from labcut3d.labels import LabelledImage

__all__ = ["Flips", "Mirror", "mirror_points", "plausible_flips"]

Array = npt.NDArray[np.float64]
Poses = npt.NDArray[np.complex128]
Flips = Literal["horizontal", "vertical", "none"]

DIRECTIONS: dict[str, Literal[0, 1]] = {"horizontal": 0, "vertical": 1}
ALIKE = 0.1  # animal sizes; a mirrored pose this near to a real one could be real
MOST_POSES = 300  # compared with each other
FEWEST_KEYPOINTS = 3  # in common, to compare poses by
FEWEST_POSES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A mirror image: the direction of the image that is reversed, and who is who in it.

    `direction` is 0 for x, left and right of the image, and 1 for y; `roles` are the indices of
    the keypoints in a mirror image (`Skeleton.mirrored`).
    """

    direction: Literal[0, 1]
    roles: tuple[int, ...]

    @classmethod
    def of(cls, flips: str, roles: tuple[int, ...]) -> "Mirror | None":
        """Return the mirror that a setting means; None for "none", and for "auto" until chosen."""
        if flips not in DIRECTIONS:
            return None
        return cls(direction=DIRECTIONS[flips], roles=roles)


def mirror_points(points: Array, roles: tuple[int, ...]) -> Array:
    """Give each keypoint (..., k, 2) of a mirror image its new role."""
    return points[..., list(roles), :]


def plausible_flips(
    images: Sequence[LabelledImage], roles: tuple[int, ...], size: float, rotation: float
) -> Flips:
    """Return the mirror after which the labelled poses look most like labelled ones, or "none".

    `size` px is the animal's, and `rotation` (radians) how far training turns poses anyway. Poses
    of too few keypoints to tell are mirrored horizontally.
    """
    step = max(1, -(-len(images) // MOST_POSES))
    points = np.stack([image.points[0] for image in images[::step]])
    poses = points[..., 0] + 1j * points[..., 1]
    poses = poses[np.isfinite(poses).sum(axis=1) >= FEWEST_KEYPOINTS]
    if len(poses) < FEWEST_POSES:
        return "horizontal"
    swapped = np.conj(poses[:, list(roles)])  # y reversed; x is so after half a turn
    unlikeness: dict[Flips, float] = {
        "horizontal": _unlikeness(poses, -swapped, rotation) / size,
        "vertical": _unlikeness(poses, swapped, rotation) / size,
    }
    best = min(unlikeness, key=lambda flips: unlikeness[flips])
    return best if unlikeness[best] <= ALIKE else "none"


def _unlikeness(known: Poses, asked: Poses, rotation: float) -> float:
    """Return the median distance, px, from poses `asked` to the nearest of those `known`.

    Poses (n, k) are x + iy px, NaN = hidden. The distance is the root mean square over common
    keypoints, after the best shift and the best turn by at most `rotation` radians.
    """
    common = np.isfinite(known)[:, None] & np.isfinite(asked)[None]
    count = np.maximum(common.sum(axis=-1), 1)

    def centered(poses: Poses) -> Poses:
        shared = np.where(common, poses, 0)
        return np.where(common, shared - (shared.sum(axis=-1) / count)[..., None], 0)

    a, b = centered(known[:, None]), centered(asked[None])
    product = np.sum(np.conj(a) * b, axis=-1)
    turn = np.exp(-1j * np.clip(np.angle(product), -rotation, rotation))
    squared = np.sum(np.abs(a) ** 2 + np.abs(b) ** 2, axis=-1) - 2 * np.real(turn * product)
    squared = np.where(common.sum(axis=-1) >= FEWEST_KEYPOINTS, squared, np.inf)
    return float(np.median(np.sqrt(np.maximum(squared, 0) / count).min(axis=0)))
