"""The network on one page: an ImageNet encoder, and a light decoder to one map a keypoint."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labcut3d.detection.encoders.encoder import Encoder

__all__ = ["STRIDE", "KeypointNetwork"]

STRIDE = 4  # pixels of the input a cell of the output
MEAN = (0.485, 0.456, 0.406)  # of ImageNet's RGB values in [0, 1]
STD = (0.229, 0.224, 0.225)


class KeypointNetwork(nn.Module):
    """Images to maps of log odds: where each keypoint is, against it being nowhere.

    The decoder goes up from the coarsest features to the finest (a feature pyramid: Lin et al.,
    CVPR 2017), adding at each level what the encoder saw there.
    """

    scale: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, encoder: Encoder, n_keypoints: int, width: int = 64) -> None:
        super().__init__()
        self.encoder = encoder
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in encoder.channels)
        # The finest level costs as much as all others, and half as many channels do as well.
        outputs = (width // 2, *[width] * (len(encoder.channels) - 1))
        self.mix = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, c, 3, 1, 1), nn.GroupNorm(8, c), nn.ReLU())
            for c in outputs
        )
        self.head = nn.Conv2d(outputs[0], n_keypoints, 1)
        self.register_buffer("scale", torch.ones(len(encoder.channels)))
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1) * 255, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map RGB images (n, h, w, 3), 0 to 255, to log odds (n, keypoint, h / 4, w / 4)."""
        x = images.permute(0, 3, 1, 2).to(torch.float32)
        features = self.encoder((x - self.mean) / self.std)
        y = None
        for i in reversed(range(len(features))):
            z = self.lateral[i](features[i] * self.scale[i])
            if y is not None:
                z = z + F.interpolate(y, scale_factor=2.0, mode="bilinear", align_corners=False)
            y = self.mix[i](z)
        return self.head(y)

    @torch.no_grad()
    def prepare(self, images: Tensor) -> None:
        """Set the untrained decoder to the scale of the features and to "nowhere" throughout.

        `images` (n, h, w, 3) are a few typical inputs. Features of unit variance make one step
        size right for all levels, and the head starts from the honest prior of a single cell.
        """
        x = images.permute(0, 3, 1, 2).to(torch.float32)
        features = self.encoder((x - self.mean) / self.std)
        self.scale.copy_(torch.stack([1 / f.std() for f in features]))
        nn.init.zeros_(self.head.weight)
        cells = images.shape[1] * images.shape[2] / STRIDE**2
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, -math.log(cells))

    def parts(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Return the trainable parameters of the decoder and of the encoder."""
        inside = {id(p) for p in self.encoder.parameters()}
        trainable = [p for p in self.parameters() if p.requires_grad]
        decoder = [p for p in trainable if id(p) not in inside]
        return decoder, [p for p in trainable if id(p) in inside]
