"""What every encoder is: a stem, a row of blocks, and features taken out on the way."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Encoder"]


class Encoder(nn.Module):
    """A network that maps normalised images to features at strides 4, 8 and 16.

    `levels` are the blocks that lead to each of these strides, in order; the features behind the
    last block of a level have `channels` channels. No part may act differently in training: batch
    norms come folded into convolutions, which makes small batches safe and is 1.6 times cheaper.
    """

    def __init__(self, stem: nn.Module, levels: Sequence[Sequence[nn.Module]]) -> None:
        super().__init__()
        self.stem = stem
        self.blocks = nn.ModuleList(block for level in levels for block in level)
        self.taps = tuple(end - 1 for end in itertools.accumulate(len(level) for level in levels))
        with torch.no_grad():
            self.channels = tuple(x.shape[1] for x in self(torch.zeros(1, 3, 32, 32)))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map normalised images (n, 3, h, w) to features, finest first."""
        x = self.stem(x)
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
