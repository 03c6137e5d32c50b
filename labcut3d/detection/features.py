"""What moments look like: pooled features of a pretrained encoder, for choosing what to label."""

import math
from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch

from labcut3d.detection.encoders.encoder import Encoder
from labcut3d.detection.encoders.weights import new_encoder
from labcut3d.detection.network import MEAN, STD
from labcut3d.detection.runtime import choose_device
from labcut3d.progress import Progress
from labcut3d.video import Frames

__all__ = ["describe_moments"]

LONGER_SIDE = 224  # px of an image as the encoder sees it; 320 covers poses no better
BATCH = 16  # images computed at once, which bounds the memory
Image = npt.NDArray[np.uint8]


@torch.inference_mode()
def describe_moments(
    sources: Mapping[str, Frames],
    moments: Sequence[int],
    *,
    views: Sequence[str],
    device: str = "auto",
    progress: Progress | None = None,
) -> npt.NDArray[np.float32]:
    """Return what each view shows at rising `moments` (indices): (moment, view, feature).

    The features are mean and standard deviation over the image of the encoder's coarsest channels:
    what there is, and what stands out. Images are streamed. A view of `views` that `sources` lack,
    or that has no frame of a moment, is NaN there.
    """
    chosen = choose_device(device)
    encoder = new_encoder("efficientnet-lite0").to(chosen).eval()
    described = np.full((len(moments), len(views), 2 * encoder.channels[-1]), np.nan, np.float32)
    for v, view in enumerate(views):
        if view in sources:
            frames = sources[view]
            within = [moment for moment in moments if moment < len(frames)]
            for found, batch in _batches(frames, within):
                rows = np.searchsorted(moments, found)
                described[rows, v] = _pool(encoder, batch, chosen)
                if progress:
                    progress(v * len(moments) + int(rows[-1]) + 1, len(views) * len(moments), view)
    return described


def _pool(
    encoder: Encoder, batch: npt.NDArray[np.uint8], device: torch.device
) -> npt.NDArray[np.float32]:
    """Return the features (n, 2 channels) of RGB images (n, h, w, 3)."""
    x = torch.from_numpy(batch).to(device).permute(0, 3, 1, 2).to(torch.float32) / 255
    mean, std = (torch.tensor(t, device=device).view(1, 3, 1, 1) for t in (MEAN, STD))
    coarsest = encoder((x - mean) / std)[-1].flatten(2)
    pooled = torch.cat([coarsest.mean(-1), coarsest.std(-1, correction=0)], dim=1)
    return pooled.cpu().numpy()


def _batches(frames: Frames, indices: Sequence[int]) -> Iterator[tuple[list[int], Image]]:
    """Yield the frames at `indices`, made small, in stacks (n, h, w, 3) of at most `BATCH`."""
    scale = min(LONGER_SIDE / max(frames.size), 1.0)
    size = tuple(32 * math.ceil(side * scale / 32) for side in frames.size)
    found: list[int] = []
    images: list[Image] = []
    for index, image in frames.read(indices):
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        found.append(index)
        images.append(np.asarray(small, dtype=np.uint8))
        if len(images) == BATCH:
            yield found, np.stack(images)
            found, images = [], []
    if images:
        yield found, np.stack(images)
