"""A trained detector: finds the animal in an image, then its keypoints in a square around it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from labcut3d.compute import CHUNK_STEP
from labcut3d.detection.augmentation import Augmentation
from labcut3d.detection.crops import crop_matrix, cut, inverse, transform
from labcut3d.detection.following import between, confirmed
from labcut3d.detection.network import KeypointNetwork
from labcut3d.detection.runtime import Runtime
from labcut3d.detection.settings import DetectorSettings
from labcut3d.detection.symmetry import Mirror
from labcut3d.detection.uncertainty import Calibration
from labcut3d.errors import DetectorError

__all__ = ["Detector", "Prediction", "RawPrediction", "canvas_size", "locator_scale"]

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

LARGEST_CANVAS = 512  # px; the longer side of the locator's input
BATCH = CHUNK_STEP  # images computed at once, which bounds the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a detector says of n images with k keypoints.

    `position` (n, k, 2) px; `confidence` (n, k), the probability that it is right; `covariance`
    (n, k, 2, 2) px^2, of a detection that is right.
    """

    position: Array
    confidence: Array
    covariance: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPrediction:
    """Detections before calibration: `position` (n, k, 2) px, `mass` (n, k) of probability around
    it, `spread` (n, k, 2, 2) px^2.
    """

    position: Array
    mass: Array
    spread: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Detector:
    """Two networks, the scales they work at, and what their word is worth.

    `sizes` is the animal's size in px by view, with "" for all views that have none of their own;
    `mirrored` are the indices of the keypoints in a mirror image (`Skeleton.mirrored`).
    """

    keypoints: tuple[str, ...]
    mirrored: tuple[int, ...]
    settings: DetectorSettings
    sizes: Mapping[str, float]
    locator: KeypointNetwork
    pose: KeypointNetwork
    calibration: Calibration
    _runtimes: dict[str, Runtime] = field(default_factory=dict, repr=False)

    def detect(self, images: Sequence[Image], *, view: str = "") -> Prediction:
        """Detect the keypoints in RGB images, each (h, w, 3) uint8, of one view.

        Sizes may differ between images. Each image is judged by itself, so that a mistake never
        lasts.
        """
        return self.calibrate(self.look(images, view=view))

    def calibrate(self, raw: RawPrediction) -> Prediction:
        """Turn raw detections into those with an honest confidence and covariance."""
        return Prediction(
            position=raw.position,
            confidence=self.calibration.confidence(raw.mass),
            covariance=self.calibration.covariance(raw.spread, raw.mass),
        )

    def look(self, images: Sequence[Image], *, view: str = "") -> RawPrediction:
        """Return the detections as the networks give them, before calibration."""
        _require_images(images)
        size, k = self.size_in(view), len(self.keypoints)
        parts = [(np.zeros((0, k, 2)), np.zeros((0, k)), np.zeros((0, k, 2, 2)))]
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            parts.append(self._look_around(batch, self.locate(batch, size), size))
        position, mass, spread = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return RawPrediction(position=position, mass=mass, spread=spread)

    def follow(
        self, images: Sequence[Image], *, after: Image | None = None, view: str = ""
    ) -> RawPrediction:
        """Return what `look` does for at most `BATCH` consecutive frames of one size, sooner.

        The square follows the animal, which is located in few frames (see `following.between`),
        the one `after` them included. A frame whose keypoints do not confirm its square is looked
        at by itself, so that a mistake never lasts.
        """
        shown = [*images] if after is None else [*images, after]
        _require_images(shown)
        size = self.size_in(view)
        near = Augmentation().shift * self.settings.margin * size  # as far as training shifts them
        centers = between(
            lambda rows: self.locate([shown[row] for row in rows], size), len(shown), near
        )[: len(images)]
        position, mass, spread = self._look_around(images, centers, size)
        doubtful = np.flatnonzero(~confirmed(position, mass, centers, near))
        if len(doubtful):
            alone = self.look([images[int(row)] for row in doubtful], view=view)
            position[doubtful], mass[doubtful] = alone.position, alone.mass
            spread[doubtful] = alone.spread
        return RawPrediction(position=position, mass=mass, spread=spread)

    def size_in(self, view: str) -> float:
        """Return the animal's size in a view, px."""
        return self.sizes.get(view, self.sizes[""])

    def locate(self, images: Sequence[Image], size: float) -> Array:
        """Return the middle of the animal (n, 2) px in images, where it is about `size` px."""
        centers = np.empty((len(images), 2))
        shapes = [image.shape[:2] for image in images]
        for shape in dict.fromkeys(shapes):
            rows = [i for i, other in enumerate(shapes) if other == shape]
            height, width = shape
            scale = locator_scale(self.settings, size, (width, height))
            canvas = canvas_size((width, height), scale)
            middle = np.array([(width - 1) / 2, (height - 1) / 2])
            matrix = crop_matrix(middle, scale, canvas)
            batch = np.stack([cut(images[i], matrix, canvas) for i in rows])
            found = self._runtime("locator")(batch)
            centers[rows] = transform(inverse(matrix), found.position[:, 0])
        return centers

    def _look_around(
        self, images: Sequence[Image], centers: Array, size: float
    ) -> tuple[Array, Array, Array]:
        """Look once at the squares around `centers`; return position, mass and spread in px."""
        side = self.settings.crop_side(self.sizes[""])
        scale = side / (self.settings.margin * size)
        matrices = np.stack([crop_matrix(center, scale, (side, side)) for center in centers])
        pairs = zip(images, matrices, strict=True)
        batch = np.stack([cut(image, matrix, (side, side)) for image, matrix in pairs])
        found = self._runtime("pose")(batch)
        position = transform(inverse(matrices)[:, None], found.position)
        return position, found.mass, found.spread / scale**2

    def _runtime(self, part: str) -> Runtime:
        """Return the compiled network, made when first needed."""
        if part not in self._runtimes:
            device = self.settings.device
            if part == "locator":
                self._runtimes[part] = Runtime(self.locator, device)
            else:
                mirror = Mirror.of(self.settings.flips, self.mirrored)
                self._runtimes[part] = Runtime(self.pose, device, mirror)
        return self._runtimes[part]


def locator_scale(settings: DetectorSettings, size: float, image: tuple[int, int]) -> float:
    """Return the locator's input px an image px, for an animal of `size` px in an image (w, h)."""
    return min(settings.locator_animal / size, LARGEST_CANVAS / max(image), 1.0)


def canvas_size(image: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return the locator's input (width, height) for an image (w, h): multiples of 32 px."""
    width, height = (32 * math.ceil(side * scale / 32) for side in image)
    return width, height


def _require_images(images: Sequence[Image]) -> None:
    """Refuse what is not RGB."""
    for image in images:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise DetectorError(
                f"an image of shape {image.shape} and type {image.dtype} was given; "
                "expected (height, width, 3) uint8 RGB"
            )
