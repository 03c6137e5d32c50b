"""EfficientNet-Lite0: a small convolutional network pretrained on ImageNet.

Architecture of Tan and Le, "EfficientNet" (ICML 2019), in its Lite variant: no squeeze-and-excite,
ReLU6 throughout, fixed stem. Batch norms are folded into the convolutions when the weights are
loaded (`weights.fold`), which leaves the function unchanged and makes it about 1.6 times cheaper.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Block", "EfficientNetLite0"]

# Expansion, kernel size, stride of the first block, output channels, number of blocks.
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
)
STEM_CHANNELS = 32


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


class EfficientNetLite0(nn.Module):
    """The first five stages, down to stride 16; ImageNet's last two add cost and no accuracy here.

    The forward pass returns the features at strides 4, 8 and 16, with `channels` channels.
    """

    channels = (24, 40, 112)
    taps = (2, 4, 10)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, STEM_CHANNELS, 3, 2, 1)
        blocks: list[Block] = []
        inputs = STEM_CHANNELS
        for expansion, kernel, stride, outputs, repeats in STAGES:
            for r in range(repeats):
                blocks.append(Block(inputs, outputs, expansion, kernel, stride if r == 0 else 1))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map normalised images (n, 3, h, w) to features, finest first."""
        x = F.relu6(self.stem(x), inplace=True)
        features = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.taps:
                features.append(x)
        return features

    def freeze(self, n_blocks: int | None) -> None:
        """Keep the stem and the first `n_blocks` blocks, None for all, as they are in training."""
        self.requires_grad_(True)
        for module in (self.stem, *list(self.blocks)[:n_blocks]):
            module.requires_grad_(False)


def fold(weight: Tensor, norm: dict[str, Tensor], eps: float) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the convolution equal to a convolution and its batch norm.

    `weight` (outputs, inputs, k, k); `norm` holds weight, bias, running_mean and running_var.
    """
    gain = norm["weight"] / torch.sqrt(norm["running_var"] + eps)
    return weight * gain[:, None, None, None], norm["bias"] - norm["running_mean"] * gain
