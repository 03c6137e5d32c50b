"""The part of a file's image that is a view.

A view may be a part of a shared file: `crop` cuts a rectangle out of each frame, and `mirror`
undoes the reflection of a view that was filmed through a mirror. All coordinates everywhere else
are those of the cropped and unmirrored image.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labcut3d.errors import VideoError

__all__ = ["Image", "Region"]

Image = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The part of a file's image that is a view: `crop` (x, y, width, height) px, then `mirror`."""

    crop: tuple[int, int, int, int] | None = None
    mirror: bool = False

    def __post_init__(self) -> None:
        """Refuse a part that lies in no image."""
        if self.crop is not None and (min(self.crop[:2]) < 0 or min(self.crop[2:]) < 1):
            raise VideoError(
                f"crop = {list(self.crop)}; it is [x, y, width, height], px from the upper left"
            )

    def size(self, whole: tuple[int, int], where: Path) -> tuple[int, int]:
        """Return the view's (width, height); raise `VideoError` where the crop leaves the image."""
        if self.crop is None:
            return whole
        x, y, width, height = self.crop
        if x + width > whole[0] or y + height > whole[1]:
            raise VideoError(
                f"{where}: crop {list(self.crop)} does not lie inside the image of "
                f"{whole[0]}x{whole[1]} px; crop is [x, y, width, height]"
            )
        return width, height

    def cut(self, image: Image) -> Image:
        """Return the view's part of an image of the file, as a contiguous array."""
        if self.crop is not None:
            x, y, width, height = self.crop
            image = image[y : y + height, x : x + width]
        if self.mirror:
            image = image[:, ::-1]
        return np.ascontiguousarray(image)

    def to_view(self, points: Points, width: int) -> Points:
        """Return points (..., 2) px of the file's image as the view's, which is `width` px wide."""
        corner = (0, 0) if self.crop is None else self.crop[:2]
        x, y = np.moveaxis(points - np.array(corner), -1, 0)
        return np.stack([width - 1 - x if self.mirror else x, y], axis=-1)
