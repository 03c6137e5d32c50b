"""What the networks are trained on: who is held out, how large the animal is, and the batches."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from labcut3d.detection.augmentation import Augmentation
from labcut3d.detection.crops import crop_matrix, cut, transform
from labcut3d.detection.detector import canvas_size, locator_scale
from labcut3d.detection.fitting import Batch, Draw
from labcut3d.detection.settings import DetectorSettings
from labcut3d.detection.symmetry import Mirror
from labcut3d.labels import LabelledImage

__all__ = ["animal_sizes", "box", "hold_out", "locator_draw", "plain_crops", "pose_draw"]

Array = npt.NDArray[np.float64]
_Drawn = tuple[npt.NDArray[np.uint8], Array, npt.NDArray[np.bool_]]

FEWEST_MOMENTS = 10  # with fewer, all are trained on
FEWEST_IMAGES = 5  # of one view, to trust its own size of the animal
LARGE_ENOUGH = 0.9  # quantile of the sizes seen that stands for the animal's size
FORESHORTENING = 2.0
SMALLEST = 8.0  # px; below, no keypoints can be told apart
STREAMS = {"locator": 1, "pose": 2}


def hold_out(
    images: Sequence[LabelledImage], fraction: float
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Split images into those to train on and those held out.

    All views of a moment go together, and the held-out moments are neighbours in time: random
    frames of one video are so alike that they would flatter. They are the middle ones.
    """
    moments = sorted({(image.recording, image.frame) for image in images})
    count = round(fraction * len(moments))
    if len(moments) < FEWEST_MOMENTS or count == 0:
        return list(images), []
    first = (len(moments) - count) // 2
    chosen = set(moments[first : first + count])
    inside = [image for image in images if (image.recording, image.frame) not in chosen]
    return inside, [image for image in images if (image.recording, image.frame) in chosen]


def box(image: LabelledImage) -> tuple[Array, float]:
    """Return the middle (2,) px and the larger side, px, of the box around visible keypoints."""
    points = image.points[0]
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    return (low + high) / 2, float(np.max(high - low))


def animal_sizes(images: Sequence[LabelledImage]) -> dict[str, float]:
    """Return the animal's size, px, under "", and by view for views of clearly another scale.

    Keypoints may be hidden and a body may point at the camera, so the size is a high quantile of
    the boxes, and a view has its own only where it differs by more than foreshortening explains.
    A single keypoint has no box, and an eighth of the image's height stands for it.
    """
    by_view: dict[str, list[float]] = {}
    for image in images:
        if np.isfinite(image.points).any():
            _, side = box(image)
            least = image.image.shape[0] / 8 if image.points.shape[1] == 1 else SMALLEST
            by_view.setdefault(image.view, []).append(max(side, least))
    pooled = [side for sides in by_view.values() for side in sides]
    sizes = {"": float(np.quantile(pooled, LARGE_ENOUGH))}
    for view, sides in by_view.items():
        own = float(np.quantile(sides, LARGE_ENOUGH))
        ratio = max(own / sizes[""], sizes[""] / own)
        if len(sides) >= FEWEST_IMAGES and ratio > FORESHORTENING:
            sizes[view] = own
    return sizes


def locator_draw(
    images: Sequence[LabelledImage], sizes: dict[str, float], settings: DetectorSettings
) -> Draw:
    """Return the batches of the locator: whole images, and the middle of the animal in them."""
    images = _whole(images)
    augmentation = Augmentation(
        rotation_deg=settings.rotation_deg,
        occlusion=0.0,
        mirror=Mirror.of(settings.flips, (0,)),
    )
    frames = [(image.image.shape[1], image.image.shape[0]) for image in images]
    scales = [
        locator_scale(settings, sizes.get(image.view, sizes[""]), frame)
        for image, frame in zip(images, frames, strict=True)
    ]
    canvases = [canvas_size(frame, s) for frame, s in zip(frames, scales, strict=True)]
    size = (max(c[0] for c in canvases), max(c[1] for c in canvases))
    middles = [
        box(image)[0][None] if np.isfinite(image.points).any() else np.full((1, 2), np.nan)
        for image in images
    ]

    def one(rng: np.random.Generator, i: int) -> _Drawn:
        center = (np.array(frames[i]) - 1) / 2
        known = np.array([True])
        return augmentation.draw(
            rng, images[i].image, middles[i], known, center=center, scale=scales[i], size=size
        )

    return _batches(one, len(images), settings, "locator")


def pose_draw(
    images: Sequence[LabelledImage],
    sizes: dict[str, float],
    settings: DetectorSettings,
    mirrored: tuple[int, ...],
) -> Draw:
    """Return the batches of the pose network: squares around the animal, and its keypoints."""
    augmentation = Augmentation(
        rotation_deg=settings.rotation_deg, mirror=Mirror.of(settings.flips, mirrored)
    )
    shown = [image for image in images if np.isfinite(image.points).any()]
    side = settings.crop_side(sizes[""])

    def one(rng: np.random.Generator, i: int) -> _Drawn:
        image = shown[i]
        scale = side / (settings.margin * sizes.get(image.view, sizes[""]))
        return augmentation.draw(
            rng,
            image.image,
            image.points[0],
            image.known[0],
            center=box(image)[0],
            scale=scale,
            size=(side, side),
        )

    return _batches(one, len(shown), settings, "pose")


def plain_crops(
    images: Sequence[LabelledImage], sizes: dict[str, float], settings: DetectorSettings
) -> tuple[npt.NDArray[np.uint8], Array]:
    """Return the squares (n, h, w, 3) around the animal, unaltered, and the keypoints in them."""
    side = settings.crop_side(sizes[""])
    crops, points = [], []
    for image in images:
        scale = side / (settings.margin * sizes.get(image.view, sizes[""]))
        matrix = crop_matrix(box(image)[0], scale, (side, side))
        crops.append(cut(image.image, matrix, (side, side)))
        points.append(transform(matrix, image.points[0]))
    return np.stack(crops), np.stack(points)


def _whole(images: Sequence[LabelledImage]) -> Sequence[LabelledImage]:
    """Return the images of which every keypoint is known, as only they show the whole animal."""
    return [image for image in images if image.known.all()] or images


def _batches(
    one: Callable[[np.random.Generator, int], _Drawn],
    count: int,
    settings: DetectorSettings,
    stream: str,
) -> Draw:
    """Return a function from the step to its batch, which depends on the seed and step alone.

    Each image comes once an epoch, in a new order.
    """
    key = (settings.seed, STREAMS[stream])

    def draw(step: int) -> Batch:
        rng = np.random.default_rng((*key, 0, step))
        first = step * settings.batch
        drawn = []
        for position in range(first, first + settings.batch):
            epoch, place = divmod(position, count)
            order = np.random.default_rng((*key, 1, epoch)).permutation(count)
            drawn.append(one(rng, int(order[place])))
        inputs, points, known = (np.stack(arrays) for arrays in zip(*drawn, strict=True))
        return Batch(inputs=inputs, points=points, known=known)

    return draw
