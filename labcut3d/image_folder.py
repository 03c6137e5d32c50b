"""A folder of images as frames of a view."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from labcut3d.errors import VideoError
from labcut3d.region import Image, Region

__all__ = ["IMAGE_ENDINGS", "ImageFolder", "last_number"]

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


class ImageFolder:
    """A folder of images, ordered and numbered by the last number in each name."""

    fps: float | None = None
    times: None = None
    trouble = ""

    def __init__(self, path: Path, region: Region) -> None:
        self.path = path
        self._region = region
        images = [p for p in path.iterdir() if p.suffix.lower() in IMAGE_ENDINGS]
        if not images:
            raise VideoError(f"{path}: holds no images ({', '.join(IMAGE_ENDINGS)})")
        numbered = sorted((last_number(image), image) for image in images)
        self._paths = [image for _, image in numbered]
        self.numbers = np.array([number for number, _ in numbered], dtype=np.int64)
        for index in np.flatnonzero(np.diff(self.numbers) == 0):
            raise VideoError(
                f"{path}: {self._paths[index].name} and {self._paths[index + 1].name} both end in "
                f"the number {self.numbers[index]}; images are matched by it, so rename one"
            )
        height, width = self._load(0).shape[:2]
        self._size = region.size((width, height), path)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the view."""
        return self._size

    @property
    def paths(self) -> tuple[Path, ...]:
        """The image of each index."""
        return tuple(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[Image]:
        return (image for _, image in self.read())

    def __getitem__(self, index: int) -> Image:
        return self._view(index, cv2.IMREAD_COLOR_RGB)

    def grey(self) -> Iterator[Image]:
        """Yield all images as grey values (height, width), decoded without their colours."""
        return (self._view(index, cv2.IMREAD_GRAYSCALE) for index in range(len(self)))

    def _view(self, index: int, flag: int) -> Image:
        """Read the view's part of one image, as RGB or grey."""
        image = self._region.cut(self._load(range(len(self))[index], flag))
        if image.shape[1::-1] != self.size:
            raise VideoError(
                f"{self._paths[index]}: {image.shape[1]}x{image.shape[0]} px, but the first image "
                f"of the folder has {self.size[0]}x{self.size[1]}; keep images of one size"
            )
        return image

    def read(self, indices: Sequence[int] | None = None) -> Iterator[tuple[int, Image]]:
        """Yield (index, RGB image) for `indices`, by default for all images."""
        for index in range(len(self)) if indices is None else indices:
            yield index, self[index]

    def _load(self, index: int, flag: int = cv2.IMREAD_COLOR_RGB) -> Image:
        """Read one whole image as RGB or grey."""
        data = np.fromfile(self._paths[index], dtype=np.uint8)
        try:
            image = cv2.imdecode(data, flag) if len(data) else None
        except cv2.error as error:  # of a size that no image has, or no memory holds
            raise VideoError(f"{self._paths[index]}: not a readable image ({error.err})") from error
        if image is None:
            raise VideoError(f"{self._paths[index]}: not a readable image; export it again")
        return image.astype(np.uint8, copy=False)


def last_number(path: Path) -> int:
    """Return the last number in a file's name."""
    digits = re.findall(r"\d+", path.stem)
    if not digits:
        raise VideoError(
            f"{path}: no number in the name; images of different views are matched by it"
        )
    return int(digits[-1][-18:])
