"""What other programs' label files hold: the labelled frames of each of their videos."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from labcut3d.errors import FileFormatError, VideoError
from labcut3d.image_folder import last_number

__all__ = ["VideoLabels", "image_parts", "labels_by_video", "no_points"]

LARGEST_FRAME = 10**9  # as labels/NAME.csv has it
LARGEST = 2**27  # coordinates: 1 GB
PARTS = 3  # "labeled-data", video, image: what is kept of an image's path


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoLabels:
    """The labels of one video.

    `file` names the labels file in messages; `video` is the path, with "/" and without ending, of
    the video or folder of images, as the file calls it. `frames` (n,) rise; `position`
    (n, individual, keypoint, 2) px of the whole image, NaN = not visible. `images` are the
    labelled images, None where there is no such file. `size` is the (width, height) of the images
    where it is known. `notes` tell what was left out.
    """

    file: Path
    video: str
    keypoints: tuple[str, ...]
    individuals: tuple[str, ...]
    frames: npt.NDArray[np.int64]
    position: npt.NDArray[np.float64]
    images: tuple[Path | None, ...]
    size: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse names that stand twice; a point is there with both coordinates or not at all."""
        for what, names in (("keypoint", self.keypoints), ("individual", self.individuals)):
            if len(set(names)) != len(names):
                raise FileFormatError(f"{self.file}: a {what} stands twice in {', '.join(names)}")
        seen = np.isfinite(self.position).all(axis=-1, keepdims=True)
        object.__setattr__(self, "position", np.where(seen, self.position, np.nan))

    def without_empty(self) -> "VideoLabels":
        """Return the labels without frames that show no point: those were not labelled."""
        kept = np.asarray(np.isfinite(self.position).any(axis=(1, 2, 3)))
        if kept.all():
            return self
        note = f"{self.file}: {np.sum(~kept)} images of {self.video} have no points; left out"
        return replace(
            self,
            frames=self.frames[kept],
            position=self.position[kept],
            images=tuple(image for image, keep in zip(self.images, kept, strict=True) if keep),
            notes=(*self.notes, note),
        )


def no_points(file: Path, frames: int, individuals: int, keypoints: int) -> npt.NDArray[np.float64]:
    """Return positions (frames, individuals, keypoints, 2), all missing."""
    if frames * individuals * keypoints * 2 > LARGEST:
        raise FileFormatError(
            f"{file}: {individuals} individuals with {keypoints} keypoints in {frames} images are "
            "more than can be held; give the individuals names or tracks, or divide the file"
        )
    return np.full((frames, individuals, keypoints, 2), np.nan)


def image_parts(name: str) -> tuple[str, ...]:
    """Return the last parts of an image's path, whatever system wrote it, none leading upwards."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return tuple(part for part in parts if part not in ("/", ".", ".."))[-PARTS:]


def labels_by_video(
    all_labels: VideoLabels, names: Sequence[str], find: Callable[[tuple[str, ...]], Path | None]
) -> tuple[VideoLabels, ...]:
    """Divide the labels of images among their videos, which are the images' folders.

    `all_labels` has a row for each image, in any order, `names` their paths; `find` looks for one.
    Raises `FileFormatError` for an image without a number, or two with the same.
    """
    file = all_labels.file
    folders: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for row, name in enumerate(names):
        parts = image_parts(name)
        try:
            number = last_number(Path(parts[-1] if parts else name))
        except VideoError as error:
            raise FileFormatError(f"{file}: {error}") from error
        if number >= LARGEST_FRAME:
            raise FileFormatError(
                f"{file}: image '{name}': {number} is too large for a frame's number; rename it"
            )
        folders.setdefault(parts[:-1], []).append((number, row))
    divided = []
    for folder, numbered in folders.items():
        numbered.sort()
        numbers, rows = [number for number, _ in numbered], [row for _, row in numbered]
        for first in np.flatnonzero(np.diff(numbers) == 0):
            raise FileFormatError(
                f"{file}: {names[rows[first]]} and {names[rows[first + 1]]} both end in the number "
                f"{numbers[first]}, which tells the frame; rename one"
            )
        one = replace(
            all_labels,
            video=folder[-1] if folder else file.parent.name,
            frames=np.array(numbers, dtype=np.int64),
            position=all_labels.position[rows],
            images=tuple(find(image_parts(names[row])) for row in rows),
        )
        divided.append(one.without_empty())
    return tuple(one for one in divided if len(one.frames))
