"""The encoders by name, and how many blocks each has: known without loading torch."""

from collections.abc import Mapping
from typing import Literal

from calibration.files import suggest
from labcut3d.errors import DetectorError

__all__ = ["BLOCKS", "PACKAGED", "EncoderName", "require_encoder"]

EncoderName = Literal[
    "efficientnet-lite0",
    "efficientnet-lite1",
    "efficientnet-lite2",
    "resnet18",
    "resnet34",
    "resnet50",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "efficientnet_b0",
    "efficientnet_b1",
    "efficientnet_b2",
    "efficientnet_b3",
    "convnext_tiny",
    "convnext_small",
]
"""EfficientNet-Lite comes with this program; torchvision's weights are downloaded on first use."""

BLOCKS: Mapping[EncoderName, int] = {
    "efficientnet-lite0": 11,
    "efficientnet-lite1": 15,
    "efficientnet-lite2": 15,
    "resnet18": 6,
    "resnet34": 13,
    "resnet50": 13,
    "mobilenet_v3_small": 8,
    "mobilenet_v3_large": 12,
    "efficientnet_b0": 11,
    "efficientnet_b1": 16,
    "efficientnet_b2": 16,
    "efficientnet_b3": 18,
    "convnext_tiny": 17,
    "convnext_small": 35,
}
"""Blocks of each encoder down to stride 16, which `DetectorSettings.frozen_blocks` counts."""

PACKAGED = tuple(name for name in BLOCKS if name.startswith("efficientnet-lite"))


def require_encoder(name: str, frozen_blocks: int) -> None:
    """Refuse an encoder that is not known, and more frozen blocks than it has."""
    blocks = {str(known): count for known, count in BLOCKS.items()}.get(name)
    if blocks is None:
        raise DetectorError(
            f"detector setting encoder = '{name}': not known; {suggest(name, BLOCKS)}"
        )
    if not 0 <= frozen_blocks <= blocks:
        raise DetectorError(
            f"detector setting frozen_blocks = {frozen_blocks}: encoder {name} has {blocks} "
            f"blocks; give 0 to {blocks}"
        )
