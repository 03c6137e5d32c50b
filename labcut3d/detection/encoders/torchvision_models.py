"""Torchvision's networks as encoders; their ImageNet weights are downloaded when first used.

Each is cut behind stride 16 and rid of what acts differently in training: batch norms are folded
into the convolutions before them, and no block is left out at random.
"""

import itertools
from http.client import HTTPException
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import ResNet, get_model, get_model_weights
from torchvision.ops import StochasticDepth

from labcut3d.detection.encoders.encoder import Encoder
from labcut3d.detection.encoders.names import PACKAGED
from labcut3d.detection.encoders.verified import published_hash, read_weights
from labcut3d.errors import DetectorError

__all__ = ["FINEST_TO_COARSEST", "downloaded_weights", "torchvision_encoder"]

# The last part of the network at each of strides 4, 8 and 16. The parts of a ResNet are its stem
# and layers, those of all others are torchvision's `features`; part 0 is the stem.
FINEST_TO_COARSEST = {
    "resnet18": (1, 2, 3),
    "resnet34": (1, 2, 3),
    "resnet50": (1, 2, 3),
    "mobilenet_v3_small": (1, 3, 8),
    "mobilenet_v3_large": (3, 6, 12),
    "efficientnet_b0": (2, 3, 5),
    "efficientnet_b1": (2, 3, 5),
    "efficientnet_b2": (2, 3, 5),
    "efficientnet_b3": (2, 3, 5),
    "convnext_tiny": (1, 3, 5),
    "convnext_small": (1, 3, 5),
}


def torchvision_encoder(name: str, *, pretrained: bool) -> Encoder:
    """Return an encoder of `FINEST_TO_COARSEST`, with random or with ImageNet weights."""
    model = get_model(name, weights=None)
    if pretrained:
        model.load_state_dict(downloaded_weights(name))
    _make_constant(model.eval())
    stem, *parts = _parts(model)
    starts = (0, *FINEST_TO_COARSEST[name])
    levels = [
        [block for part in parts[start:end] for block in _blocks(part)]
        for start, end in itertools.pairwise(starts)
    ]
    return Encoder(stem, levels)


def _parts(model: nn.Module) -> list[nn.Module]:
    """Return the stem and what follows it."""
    if isinstance(model, ResNet):
        stem = nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool)
        return [stem, model.layer1, model.layer2, model.layer3]
    return list(model.get_submodule("features").children())


def _blocks(part: nn.Module) -> list[nn.Module]:
    """Return the blocks of a stage, where the part is one, or else the part as its only block."""
    inside = list(part.children())
    is_stage = isinstance(part, nn.Sequential) and not isinstance(inside[-1], nn.Conv2d)
    return inside if is_stage else [part]


def _make_constant(module: nn.Module) -> None:
    """Fold each batch norm into the convolution before it, and take out what is random."""
    convolution = ""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d):
            convolution = name
        elif isinstance(child, nn.BatchNorm2d):
            folded = fuse_conv_bn_eval(getattr(module, convolution), child)
            setattr(module, convolution, folded)
            setattr(module, name, nn.Identity())
        elif isinstance(child, StochasticDepth):
            setattr(module, name, nn.Identity())
        else:
            _make_constant(child)


def downloaded_weights(name: str) -> dict[str, Tensor]:
    """Return torchvision's best ImageNet weights, from torch's cache or from the network.

    Raises `DetectorError` with the remedies where they are in neither.
    """
    url = _address(name)
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            digest = published_hash(path.name)
            torch.hub.download_url_to_file(url, str(path), digest, progress=False)
        except (OSError, HTTPException, RuntimeError) as error:  # RuntimeError: another hash
            raise DetectorError(
                f"the ImageNet weights of encoder {name} cannot be had from {url} ({error}); "
                f"connect to the network, or download that file elsewhere and copy it to {path}, "
                f"or set encoder to one that needs no download: {', '.join(PACKAGED)}"
            ) from error
    return read_weights(path, "delete it and train again, which downloads it anew")


def _address(name: str) -> str:
    """Return where the weights of a network are published."""
    return get_model_weights(name).DEFAULT.url  # pyright: ignore[reportAttributeAccessIssue]
